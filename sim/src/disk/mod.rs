//! A disk that forgets what was not synced, in parts, when its host crashes; that fails, fills up and is slow when told
//! to. It outlives its host's crashes.

mod file;
mod seam;

pub(crate) use seam::SimStorage;

use crate::executor::Kernel;
use crate::plan::FaultKind;
use crate::seed::{below, generator, mix};
use file::Inode;
use parking_lot::Mutex;
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// What a crash does to writes that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashLoss {
    /// None of them is there.
    All,
    /// The first of them are there, up to some point.
    Tail,
    /// Each sector of 512 bytes is there or not: writes are torn and reordered.
    Sectors,
    /// Nothing at all is there: the disk is gone with the machine.
    Disk,
}

/// What a disk does wrong. The default is nothing but losing what was not synced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskFaults {
    /// Of 65536 reads, writes and syncs, how many fail with an I/O error.
    pub errors: u64,
    /// The next write says that it did and goes to the start of another sector: a lie.
    pub misdirected_write: bool,
    /// Bytes above which writes fail with `StorageFull`; 0 for no limit.
    pub capacity: u64,
    /// Every operation takes up to this many nanoseconds more.
    pub slow_ns: u64,
    /// Sync says that it did and does nothing: a lie, to prove that somebody notices.
    pub lost_syncs: bool,
}

/// One host's disk. Cheap to clone.
#[derive(Clone)]
pub struct Disk(Arc<Inner>);

struct Inner {
    kernel: Arc<Kernel>,
    host: u32,
    state: Mutex<State>,
}

struct State {
    files: BTreeMap<String, Arc<Mutex<Inode>>>,
    faults: DiskFaults,
    power: Power,
    rng: ChaCha8Rng,
}

/// Whether its machine has power.
#[derive(Clone, Copy, Default)]
struct Power {
    /// So many more writes, changes of length and syncs are carried out.
    changes_left: Option<u64>,
    is_cut: bool,
}

/// What an operation does, as the log names it.
#[derive(Clone, Copy)]
pub(crate) enum Operation {
    Read,
    Write,
    Sync,
    Resize,
}

/// Whether an operation does what it says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Honesty {
    Honest,
    Lie,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Read => "disk-read",
            Self::Write => "disk-write",
            Self::Sync => "disk-sync",
            Self::Resize => "disk-resize",
        }
    }
}

impl Power {
    fn allows(&mut self, operation: Operation) -> bool {
        if !matches!(operation, Operation::Read)
            && let Some(left) = &mut self.changes_left
        {
            match left.checked_sub(1) {
                Some(less) => *left = less,
                None => self.is_cut = true,
            }
        }
        !self.is_cut
    }
}

impl Disk {
    pub(crate) fn new(kernel: Arc<Kernel>, host: u32) -> Self {
        let rng = generator(kernel.seed, &format!("disk {host}"));
        let state = State { files: BTreeMap::new(), faults: DiskFaults::default(), power: Power::default(), rng };
        Self(Arc::new(Inner { kernel, host, state: Mutex::new(state) }))
    }

    /// What it does wrong from now on.
    pub fn set_faults(&self, faults: DiskFaults) {
        self.0.state.lock().faults = faults;
    }

    /// Changes what it does wrong.
    pub fn change_faults(&self, change: impl FnOnce(&mut DiskFaults)) {
        change(&mut self.0.state.lock().faults);
    }

    /// Carries out so many more changes and syncs; the next fails, and everything after it, until its host has crashed. None ends this.
    pub(crate) fn cut_after(&self, changes: Option<u64>) {
        self.0.state.lock().power = Power { changes_left: changes, is_cut: false };
    }

    /// Whether it has come to that.
    pub(crate) fn is_cut(&self) -> bool {
        self.0.state.lock().power.is_cut
    }

    /// Flips one bit of one file, in what a crash leaves too: which is drawn from `which`. False when there is none.
    pub fn rot(&self, which: u64) -> bool {
        let state = self.0.state.lock();
        let mut files: Vec<_> = state.files.iter().filter(|(_, file)| file.lock().len() > 0).collect();
        let Some(index) = which.checked_rem(files.len() as u64) else { return false };
        let (name, file) = files.swap_remove(index as usize);
        let bit = file.lock().rot(mix(&[which, self.0.kernel.seed]));
        self.0.kernel.recorder.count(FaultKind::BitRot.name());
        self.0.kernel.record("disk-rot", |line| line.number(u64::from(self.0.host)).text(name).number(bit));
        true
    }

    /// Bytes in all files.
    pub fn used(&self) -> u64 {
        self.0.state.lock().files.values().map(|file| file.lock().len()).sum()
    }

    /// The host crashes: what was not synced is lost, as `loss` says.
    pub(crate) fn crash(&self, loss: CrashLoss) {
        let mut state = self.0.state.lock();
        let State { files, rng, power, .. } = &mut *state;
        *power = Power::default();
        if loss == CrashLoss::Disk {
            self.0.kernel.record("disk-gone", |line| line.number(u64::from(self.0.host)));
            files.clear();
            return;
        }
        for (name, file) in files {
            let (kept, lost) = file.lock().crash(loss, rng);
            if kept + lost > 0 {
                self.0.kernel.record("disk-crash", |line| {
                    line.number(u64::from(self.0.host)).text(name).number(kept).number(lost)
                });
            }
            if lost > 0 {
                self.0.kernel.recorder.count("disk: lost unsynced writes");
            }
            if lost > 0 && kept > 0 {
                self.0.kernel.recorder.count("disk: torn writes");
            }
        }
    }

    pub(crate) fn file(&self, name: &str) -> Arc<Mutex<Inode>> {
        let mut state = self.0.state.lock();
        state.files.entry(name.to_owned()).or_default().clone()
    }

    pub(crate) fn remove(&self, name: &str) {
        self.0.state.lock().files.remove(name);
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.0.state.lock().files.keys().cloned().collect()
    }

    /// Writes the operation to the log and says whether it fails, or is to be a lie.
    pub(crate) fn operate(&self, operation: Operation, name: &str, at: u64, len: u64) -> io::Result<Honesty> {
        let Inner { kernel, host, .. } = &*self.0;
        kernel.record(operation.name(), |line| line.number(u64::from(*host)).text(name).number(at).number(len));
        let mut state = self.0.state.lock();
        if !state.power.allows(operation) {
            kernel.record("disk-cut", |line| line.number(u64::from(*host)).text(name));
            return Err(io::Error::other("the simulated machine has no power"));
        }
        let faults = state.faults;
        if faults.slow_ns > 0 {
            let random = state.rng.next_u64();
            kernel.charge(below(random, faults.slow_ns));
            kernel.recorder.count(FaultKind::DiskSlow.name());
        }
        if faults.errors > 0 && state.rng.next_u64() & 0xffff < faults.errors {
            kernel.record("disk-error", |line| line.number(u64::from(*host)).text(name));
            kernel.recorder.count(FaultKind::DiskErrors.name());
            return Err(io::Error::other("the simulated disk failed"));
        }
        let grows = matches!(operation, Operation::Write | Operation::Resize);
        if faults.capacity > 0 && grows {
            let others: u64 = state.files.iter().filter(|(of, _)| *of != name).map(|(_, file)| file.lock().len()).sum();
            let own = state.files.get(name).map_or(0, |file| file.lock().len());
            if others + own.max(at + len) > faults.capacity {
                kernel.record("disk-full", |line| line.number(u64::from(*host)).text(name));
                kernel.recorder.count(FaultKind::DiskFull.name());
                return Err(io::Error::new(io::ErrorKind::StorageFull, "the simulated disk is full"));
            }
        }
        let lie = match operation {
            Operation::Sync if faults.lost_syncs => FaultKind::ForgottenSyncs,
            Operation::Write if faults.misdirected_write => {
                state.faults.misdirected_write = false;
                FaultKind::MisdirectedWrite
            }
            _ => return Ok(Honesty::Honest),
        };
        kernel.record("disk-lie", |line| line.number(u64::from(*host)).text(name));
        kernel.recorder.count(lie.name());
        Ok(Honesty::Lie)
    }
}
