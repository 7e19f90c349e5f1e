use crate::seam::{Storage, StorageFile};
use parking_lot::{RwLock, RwLockUpgradableReadGuard, RwLockWriteGuard};
use redb::{Database, StorageBackend, WriteTransaction};
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A redb database in one file of the [`Storage`] seam. Everything here blocks.
///
/// After the storage has failed redb refuses to go on: the next use opens the file again, which recovers what was durable.
///
/// ```
/// use redb::{ReadableDatabase, TableDefinition};
/// use rusm_core::RedbFile;
/// use rusm_core::seam::DiskStorage;
/// use std::sync::Arc;
///
/// const STOCK: TableDefinition<&str, u64> = TableDefinition::new("stock");
///
/// # let directory = tempfile::tempdir().unwrap();
/// # let directory = directory.path();
/// let storage = Arc::new(DiskStorage::new(directory));
/// let database = RedbFile::new(storage, "stock", 1 << 20, |making| Ok(making.open_table(STOCK).map(drop)?));
/// database.run(|open| {
///     let writing = open.begin_write()?;
///     writing.open_table(STOCK)?.insert("apples", 3)?;
///     Ok(writing.commit()?)
/// })?;
/// let apples = database.run(|open| Ok(open.begin_read()?.open_table(STOCK)?.get("apples")?.map(|found| found.value())))?;
/// assert_eq!(apples, Some(3));
/// # Ok::<(), rusm_core::RedbFailed>(())
/// ```
pub struct RedbFile {
    storage: Arc<dyn Storage>,
    file: &'static str,
    cache_bytes: usize,
    make_tables: fn(&WriteTransaction) -> Result<(), redb::Error>,
    open: RwLock<Option<Database>>,
}

/// Why a use of a [`RedbFile`] failed, for people. Nothing that was not committed has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RedbFailed(pub String);

impl RedbFile {
    /// The database of that file, which is opened at its first use, and made when it is not there. `cache_bytes` is the memory
    /// for pages that were read or will be written. Reading finds no table before it was made: `make_tables` opens all.
    pub fn new(
        storage: Arc<dyn Storage>,
        file: &'static str,
        cache_bytes: usize,
        make_tables: fn(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Self {
        Self { storage, file, cache_bytes, make_tables, open: RwLock::new(None) }
    }

    /// Runs something on the open database. Neither an error nor a panic of redb leaves it open.
    ///
    /// # Errors
    /// What the job, or opening the file, said.
    pub fn run<T>(&self, job: impl FnOnce(&Database) -> Result<T, redb::Error>) -> Result<T, RedbFailed> {
        let guarded = || {
            let slot = self.open.read();
            if let Some(database) = &*slot {
                return job(database);
            }
            drop(slot);
            let slot = self.open.upgradable_read();
            let slot = match &*slot {
                Some(_) => RwLockUpgradableReadGuard::downgrade(slot),
                None => {
                    let mut slot = RwLockUpgradableReadGuard::upgrade(slot);
                    *slot = Some(self.open_file()?);
                    RwLockWriteGuard::downgrade(slot)
                }
            };
            slot.as_ref().map_or(Err(redb::Error::DatabaseClosed), job)
        };
        let why = match catch_unwind(AssertUnwindSafe(guarded)) {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the database is corrupt".to_owned(),
        };
        tracing::error!(file = self.file, "a database has failed: {why}");
        // Closing may fail in the same way.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(self.open.write().take())));
        Err(RedbFailed(why))
    }

    fn open_file(&self) -> Result<Database, redb::Error> {
        let file = self.storage.open(self.file)?;
        if is_unborn(&*file)? {
            file.set_len(0)?;
            file.sync()?;
        }
        let backend = SeamBackend(file);
        let database = Database::builder().set_cache_size(self.cache_bytes).create_with_backend(backend)?;
        let making = database.begin_write()?;
        (self.make_tables)(&making)?;
        making.commit()?;
        Ok(database)
    }
}

/// Whether the file's very first opening was cut off by a crash. redb writes these bytes last, after all else of a new
/// file is durable, and does not open a file without them; nothing can have been stored before.
fn is_unborn(file: &dyn StorageFile) -> io::Result<bool> {
    const MAGIC: [u8; 9] = *b"redb\x1A\x0A\xA9\x0D\x0A";
    let mut found = [0; MAGIC.len()];
    let len = file.len()?.min(MAGIC.len() as u64) as usize;
    file.read(0, &mut found[..len])?;
    let torn = found.iter().zip(MAGIC).all(|(found, wanted)| *found == 0 || *found == wanted);
    Ok(len > 0 && torn && found != MAGIC)
}

/// redb's file on the storage seam.
struct SeamBackend(Box<dyn StorageFile>);

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seam::DiskStorage;
    use redb::{ReadableDatabase, TableDefinition};

    const TABLE: TableDefinition<u32, u32> = TableDefinition::new("table");

    /// A directory with that in the file, and the database of it.
    fn database_in(content: &[u8]) -> (tempfile::TempDir, RedbFile) {
        let directory = tempfile::tempdir().expect("a directory");
        let storage = DiskStorage::new(directory.path());
        storage.open("data").expect("a file").write(0, content).expect("room");
        let make_tables = |making: &WriteTransaction| Ok(making.open_table(TABLE).map(drop)?);
        (directory, RedbFile::new(Arc::new(storage), "data", 1 << 20, make_tables))
    }

    fn put(database: &RedbFile, value: u32) -> Result<(), RedbFailed> {
        database.run(|open| {
            let writing = open.begin_write()?;
            writing.open_table(TABLE)?.insert(1, value)?;
            Ok(writing.commit()?)
        })
    }

    fn get(database: &RedbFile) -> Result<Option<u32>, RedbFailed> {
        database.run(|open| Ok(open.begin_read()?.open_table(TABLE)?.get(1)?.map(|value| value.value())))
    }

    #[test]
    fn a_file_whose_making_was_cut_off_is_made_again() {
        let cut_off: [&[u8]; 5] = [b"", b"\0", b"red", &[0; 4096], b"redb\0\0\0\0\0 and more"];
        for content in cut_off {
            let (_directory, database) = database_in(content);
            assert_eq!(put(&database, 7), Ok(()), "{content:?}");
            assert_eq!(get(&database), Ok(Some(7)));
        }
    }

    #[test]
    fn a_file_that_is_no_database_stays_as_it_is() {
        for content in [&b"a letter to somebody"[..], b"redo"] {
            let (directory, database) = database_in(content);
            assert!(get(&database).is_err());
            let mut found = vec![0; content.len()];
            let file = DiskStorage::new(directory.path()).open("data").expect("it is there");
            file.read(0, &mut found).expect("it is as long as before");
            assert_eq!((found.as_slice(), file.len().ok()), (content, Some(content.len() as u64)));
        }
    }

    #[test]
    fn what_was_stored_is_there_when_it_is_opened_again() {
        let (directory, database) = database_in(b"");
        put(&database, 7).expect("stored");
        drop(database);
        let make_tables = |_: &WriteTransaction| Ok(());
        let again = RedbFile::new(Arc::new(DiskStorage::new(directory.path())), "data", 1 << 20, make_tables);
        assert_eq!(get(&again), Ok(Some(7)));
    }
}
