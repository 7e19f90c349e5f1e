use parking_lot::Mutex;
use rusm_core::seam::{Storage, StorageFile, check_name};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// What a crash may tear a write at.
const SECTOR: usize = 512;

/// A disk in memory that can fail in the middle of a commit, and forgets, keeps or tears what was not synced when its machine crashes.
#[derive(Clone, Default)]
pub(super) struct TornDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: BTreeMap<String, Inode>,
    /// Counts up with each crash: files that were open before can do nothing any more.
    life: u64,
    /// So many more changes are carried out; all behind them fail.
    changes_left: Option<u64>,
}

#[derive(Default)]
struct Inode {
    durable: Vec<u8>,
    content: Vec<u8>,
    not_synced: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Len(usize),
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write(at, bytes) => {
                content.resize(content.len().max(at + bytes.len()), 0);
                content[*at..at + bytes.len()].copy_from_slice(bytes);
            }
            Self::Len(len) => content.resize(*len, 0),
        }
    }
}

impl TornDisk {
    /// Carries out so many more changes and syncs, and fails all behind them.
    pub(super) fn fail_after(&self, changes: u64) {
        self.0.lock().changes_left = Some(changes);
    }

    /// The machine stops and starts again. `random` decides of each change that was not synced whether it is kept whole, lost, or kept in
    /// part.
    pub(super) fn crash(&self, mut random: impl FnMut() -> u64) {
        let mut state = self.0.lock();
        state.life += 1;
        state.changes_left = None;
        for inode in state.files.values_mut() {
            for change in std::mem::take(&mut inode.not_synced) {
                match (random() % 3, &change) {
                    (0, _) => change.apply(&mut inode.durable),
                    (1, Change::Write(at, bytes)) => {
                        let sectors = random() as usize % (bytes.len() / SECTOR + 1);
                        Change::Write(*at, bytes[..sectors * SECTOR].to_vec()).apply(&mut inode.durable);
                    }
                    _ => {}
                }
            }
            inode.content = inode.durable.clone();
        }
    }
}

impl State {
    fn change(&mut self) -> io::Result<()> {
        match &mut self.changes_left {
            Some(0) => Err(io::Error::other("the disk has failed")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Storage for TornDisk {
    fn open(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        check_name(name)?;
        let mut state = self.0.lock();
        state.files.entry(name.to_owned()).or_default();
        Ok(Box::new(TornFile { disk: self.clone(), name: name.to_owned(), life: state.life }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.lock().files.remove(name);
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().files.keys().cloned().collect())
    }
}

struct TornFile {
    disk: TornDisk,
    name: String,
    life: u64,
}

impl TornFile {
    fn with<T>(&self, work: impl FnOnce(&mut State, &str) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.disk.0.lock();
        if state.life != self.life {
            return Err(io::Error::other("it was opened before the crash"));
        }
        work(&mut state, &self.name)
    }

    fn inode<T>(&self, work: impl FnOnce(&mut Inode) -> io::Result<T>) -> io::Result<T> {
        self.with(|state, name| work(state.files.get_mut(name).ok_or(io::ErrorKind::NotFound)?))
    }

    fn change(&self, change: Change) -> io::Result<()> {
        self.with(|state, _| state.change())?;
        self.inode(|inode| {
            change.apply(&mut inode.content);
            inode.not_synced.push(change);
            Ok(())
        })
    }
}

impl StorageFile for TornFile {
    fn len(&self) -> io::Result<u64> {
        self.inode(|inode| Ok(inode.content.len() as u64))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Change::Len(len as usize))
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.inode(|inode| {
            let from = offset as usize;
            let found = inode.content.get(from..from + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
            buffer.copy_from_slice(found);
            Ok(())
        })
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.change(Change::Write(offset as usize, bytes.to_vec()))
    }

    fn sync(&self) -> io::Result<()> {
        self.with(|state, _| state.change())?;
        self.inode(|inode| {
            inode.not_synced.clear();
            inode.durable = inode.content.clone();
            Ok(())
        })
    }
}
