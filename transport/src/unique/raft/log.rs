use super::types::{Entry, LogId, SnapshotMeta, Types, Vote};
use super::{Home, SeamRuntime};
use crate::unique::codec::{seal, unseal};
use openraft::entry::RaftEntry;
use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::{LogState, OptionalSend, RaftLogReader};
use openraft_rt::AsyncRuntime;
use parking_lot::Mutex;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use rusm_core::RedbFile;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::io;
use std::ops::RangeBounds;
use std::sync::Arc;

/// The file that a voter keeps on its node's storage.
pub const VOTER_FILE: &str = "unique-names.redb";

/// Entries by their index.
const ENTRIES: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("entries");
/// What there is one of.
const SINGLE: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("single");
const VOTE: &str = "vote";
/// The last entry that was purged.
const PURGED: &str = "purged";
const SNAPSHOT: &str = "snapshot";

const CACHE_BYTES: usize = 4 << 20;

/// What a voter has written: its vote, the log, a snapshot. Durable before openraft goes on.
///
/// A voter that was killed may have a write on its way. The file is one for a node's life, and knows its present user: what a former
/// one still asks for is refused, and the present one begins after what was already under way.
#[derive(Clone)]
pub(crate) struct Log {
    file: Arc<LogFile>,
    user: u64,
}

struct LogFile {
    database: RedbFile,
    /// The present user, held while the file is used.
    user: Mutex<u64>,
}

impl Log {
    /// The log of the node that this runs on. Its former user can do nothing any more.
    pub(crate) async fn open() -> io::Result<Self> {
        let file = Home::here().node().extension(|node| {
            let database = RedbFile::new(node.seams().storage.clone(), VOTER_FILE, CACHE_BYTES, |making| {
                making.open_table(ENTRIES)?;
                making.open_table(SINGLE)?;
                Ok(())
            });
            Arc::new(LogFile { database, user: Mutex::new(0) })
        });
        SeamRuntime::spawn_blocking(move || {
            let user = {
                let mut user = file.user.lock();
                *user += 1;
                *user
            };
            Self { file, user }
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Database) -> Result<T, redb::Error> + Send + 'static,
    ) -> io::Result<T> {
        let Self { file, user } = self.clone();
        let job = move || {
            let present = file.user.lock();
            if *present != user {
                return Err(io::Error::other("another voter of this node has taken over"));
            }
            file.database.run(job).map_err(io::Error::other)
        };
        SeamRuntime::spawn_blocking(job).await?
    }

    async fn read_single<T: DeserializeOwned>(&self, key: &'static str) -> io::Result<Option<T>> {
        let sealed = self.run(move |database| {
            let single = database.begin_read()?.open_table(SINGLE)?;
            Ok(single.get(key)?.map(|bytes| bytes.value().to_vec()))
        });
        sealed.await?.map(|bytes| unseal(&bytes).map_err(io::Error::other)).transpose()
    }

    async fn write_single(&self, key: &'static str, sealed: Vec<u8>) -> io::Result<()> {
        self.run(move |database| {
            let writing = database.begin_write()?;
            writing.open_table(SINGLE)?.insert(key, &*sealed)?;
            writing.commit()?;
            Ok(())
        })
        .await
    }

    pub(super) async fn read_snapshot(&self) -> io::Result<Option<(SnapshotMeta, Vec<u8>)>> {
        self.read_single(SNAPSHOT).await
    }

    /// Keeps the newer of two: one may still be made here while another voter's is installed.
    pub(super) async fn save_snapshot(&self, meta: &SnapshotMeta, leases: &[u8]) -> io::Result<()> {
        let kept = self.read_snapshot().await?;
        if kept.is_some_and(|(kept, _)| kept.last_log_id > meta.last_log_id) {
            return Ok(());
        }
        self.write_single(SNAPSHOT, seal(&(meta, leases))).await
    }
}

impl RaftLogReader<Types> for Log {
    async fn try_get_log_entries<R: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: R,
    ) -> io::Result<Vec<Entry>> {
        let range = (range.start_bound().cloned(), range.end_bound().cloned());
        let sealed = self.run(move |database| {
            let entries = database.begin_read()?.open_table(ENTRIES)?;
            entries.range(range)?.map(|entry| Ok(entry?.1.value().to_vec())).collect::<Result<Vec<_>, redb::Error>>()
        });
        sealed.await?.iter().map(|bytes| unseal(bytes).map_err(io::Error::other)).collect()
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        self.read_single(VOTE).await
    }
}

impl RaftLogStorage<Types> for Log {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        let last = self.run(|database| {
            let entries = database.begin_read()?.open_table(ENTRIES)?;
            Ok(entries.last()?.map(|(_, bytes)| bytes.value().to_vec()))
        });
        let last: Option<Entry> = last.await?.map(|bytes| unseal(&bytes)).transpose().map_err(io::Error::other)?;
        let last_purged_log_id: Option<LogId> = self.read_single(PURGED).await?;
        let last_log_id = last.map(|entry| entry.log_id()).or(last_purged_log_id);
        Ok(LogState { last_purged_log_id, last_log_id })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        self.write_single(VOTE, seal(vote)).await
    }

    async fn append<I>(&mut self, entries: I, written: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let sealed: Vec<(u64, Vec<u8>)> =
            entries.into_iter().map(|entry| (entry.log_id().index, seal(&entry))).collect();
        let done = self.run(move |database| {
            let writing = database.begin_write()?;
            {
                let mut entries = writing.open_table(ENTRIES)?;
                for (index, bytes) in &sealed {
                    entries.insert(index, &**bytes)?;
                }
            }
            writing.commit()?;
            Ok(())
        });
        done.await?;
        written.io_completed(Ok(()));
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        let from = last.map_or(0, |last| last.index + 1);
        self.run(move |database| {
            let writing = database.begin_write()?;
            writing.open_table(ENTRIES)?.retain_in(from.., |_, _| false)?;
            writing.commit()?;
            Ok(())
        })
        .await
    }

    async fn purge(&mut self, upto: LogId) -> io::Result<()> {
        let sealed = seal(&upto);
        self.run(move |database| {
            let writing = database.begin_write()?;
            writing.open_table(SINGLE)?.insert(PURGED, &*sealed)?;
            writing.open_table(ENTRIES)?.retain_in(..=upto.index, |_, _| false)?;
            writing.commit()?;
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod torn_disk;
