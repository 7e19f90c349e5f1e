use std::io;

/// Read, write, sync: a flat set of named files. Calls block; callers on a task use
/// [`Executor::spawn_blocking`](super::Executor::spawn_blocking).
pub trait Storage: Send + Sync + 'static {
    /// Opens a file for reading and writing, creating an empty one when there is none. The name's creation is durable
    /// when this returns. Names are ASCII letters, digits, `.`, `-` and `_`; anything else is `InvalidInput`.
    fn open(&self, name: &str) -> io::Result<Box<dyn StorageFile>>;

    /// Removes a file. A missing one is no error.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// The names of all files, sorted.
    fn list(&self) -> io::Result<Vec<String>>;
}

/// One open file.
pub trait StorageFile: Send + Sync + 'static {
    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// True when there are no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Cuts the file or fills it up with zeroes.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Fills `buffer` from `offset`. Reading past the end is `UnexpectedEof`.
    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Writes all of `bytes` at `offset`, growing the file when needed. Not durable before [`sync`](Self::sync).
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes everything written durable: when it returns, a crash loses none of it.
    fn sync(&self) -> io::Result<()>;
}
