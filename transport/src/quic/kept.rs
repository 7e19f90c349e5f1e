use super::revocations::{REVOCATIONS_LEN_MAX, Revocations};
use parking_lot::Mutex;
use rusm_core::seam::Storage;
use rustls::pki_types::CertificateDer;
use std::io;
use std::sync::Arc;

/// Two files take turns, so that a list that was torn by a crash leaves the one before it.
const FILES: [&str; 2] = ["revocations-0", "revocations-1"];

/// The newest list of revoked certificates, in a node's storage: a node that starts again still knows it.
pub(super) struct Kept {
    storage: Arc<dyn Storage>,
    /// The number of the one that was stored.
    newest: Mutex<Option<u64>>,
}

impl Kept {
    pub(super) fn new(storage: Arc<dyn Storage>) -> Self {
        Self { storage, newest: Mutex::default() }
    }

    /// The newest of those that are there and signed by that authority. What cannot be read is not: other members have it.
    pub(super) fn load(&self, authority: &CertificateDer<'_>) -> Option<Revocations> {
        let lists = FILES.iter().filter_map(|file| {
            let bytes = self.read(file).inspect_err(|error| {
                tracing::warn!(file, %error, "a list of revoked certificates cannot be read");
            });
            Revocations::of_der(&bytes.ok()?, authority).ok()
        });
        let newest = lists.max_by_key(Revocations::number);
        *self.newest.lock() = newest.as_ref().map(Revocations::number);
        newest
    }

    fn read(&self, file: &str) -> io::Result<Vec<u8>> {
        if !self.storage.list()?.iter().any(|name| name == file) {
            return Ok(Vec::new());
        }
        let file = self.storage.open(file)?;
        let mut bytes = vec![0; file.len()?.min(REVOCATIONS_LEN_MAX as u64) as usize];
        file.read(0, &mut bytes)?;
        Ok(bytes)
    }

    /// Stores a list, unless a newer one is. Blocks.
    pub(super) fn store(&self, list: &Revocations) -> io::Result<()> {
        let mut newest = self.newest.lock();
        if newest.is_some_and(|newest| newest >= list.number()) {
            return Ok(());
        }
        let file = self.storage.open(FILES[(list.number() % 2) as usize])?;
        file.write(0, &list.der)?;
        file.set_len(list.der.len() as u64)?;
        file.sync()?;
        *newest = Some(list.number());
        Ok(())
    }
}
