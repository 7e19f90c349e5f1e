use redb::StorageBackend;
use rusm_core::seam::StorageFile;
use std::fmt;
use std::io;

/// redb's file on the storage seam.
pub(super) struct SeamBackend(pub(super) Box<dyn StorageFile>);

impl fmt::Debug for SeamBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeamBackend")
    }
}

impl StorageBackend for SeamBackend {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
}
