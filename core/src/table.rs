use crate::process::Process;
use crate::{NodeId, Pid};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

const CHUNK: usize = 4096;
const CHUNKS: usize = 1024;

/// How many processes a node holds at once; a spawn beyond it fails with `system_limit`.
pub const PROCESSES_MAX: usize = CHUNK * CHUNKS;

#[derive(Default)]
struct Slot {
    serial: u32,
    process: Option<Arc<Process>>,
}

/// A row of slots, made when its first slot is used.
type Chunk = OnceLock<Box<[Mutex<Slot>]>>;

/// All live processes of a node, by the index in their pid. A lookup locks one slot and nothing else.
pub(crate) struct ProcessTable {
    node: NodeId,
    incarnation: u32,
    chunks: Box<[Chunk]>,
    free: Mutex<FreeSlots>,
    count: AtomicUsize,
}

#[derive(Default)]
struct FreeSlots {
    released: Vec<u32>,
    never_used: u32,
}

impl ProcessTable {
    pub(crate) fn new(node: NodeId, incarnation: u32) -> Self {
        Self {
            node,
            incarnation,
            chunks: (0..CHUNKS).map(|_| OnceLock::new()).collect(),
            free: Mutex::default(),
            count: AtomicUsize::new(0),
        }
    }

    /// Puts in the process that `make` builds for its pid; `None` when the table is full.
    pub(crate) fn insert(&self, random: u64, make: impl FnOnce(Pid) -> Process) -> Option<Arc<Process>> {
        let index = {
            let mut free = self.free.lock();
            match free.released.pop() {
                Some(index) => index,
                None if (free.never_used as usize) < PROCESSES_MAX => {
                    free.never_used += 1;
                    free.never_used - 1
                }
                None => return None,
            }
        };
        let mut slot = self.slot_or_new(index).lock();
        let pid = Pid { node: self.node, incarnation: self.incarnation, index, serial: slot.serial, random };
        let process = Arc::new(make(pid));
        slot.process = Some(process.clone());
        self.count.fetch_add(1, Ordering::Relaxed);
        Some(process)
    }

    /// The process has ended: it counts no more, and nobody finds it. Signals still reach it until it is removed.
    pub(crate) fn retire(&self, process: &Process) {
        process.end();
        self.count.fetch_sub(1, Ordering::Relaxed);
    }

    /// Takes a retired process out; its pid reaches nobody from now on.
    pub(crate) fn remove(&self, pid: Pid) {
        let Some(slot) = self.slot(pid.index) else { return };
        let removed = {
            let mut slot = slot.lock();
            if slot.process.as_ref().is_none_or(|process| process.pid != pid) {
                return;
            }
            slot.serial = slot.serial.wrapping_add(1);
            slot.process.take()
        };
        drop(removed);
        self.free.lock().released.push(pid.index);
    }

    /// The live process of exactly that pid.
    pub(crate) fn living(&self, pid: Pid) -> Option<Arc<Process>> {
        self.get(pid).filter(|process| !process.is_ended())
    }

    /// The process of exactly that pid, if signals still reach it.
    pub(crate) fn get(&self, pid: Pid) -> Option<Arc<Process>> {
        self.at(pid.index).filter(|process| process.pid == pid)
    }

    /// Whoever lives in that slot.
    pub(crate) fn at(&self, index: u32) -> Option<Arc<Process>> {
        self.slot(index)?.lock().process.clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// The pids of all live processes, by index.
    pub(crate) fn pids(&self) -> Vec<Pid> {
        let used = self.free.lock().never_used;
        let live = (0..used).filter_map(|index| self.at(index)).filter(|process| !process.is_ended());
        live.map(|process| process.pid).collect()
    }

    fn slot(&self, index: u32) -> Option<&Mutex<Slot>> {
        let index = index as usize;
        self.chunks.get(index / CHUNK)?.get()?.get(index % CHUNK)
    }

    fn slot_or_new(&self, index: u32) -> &Mutex<Slot> {
        let index = index as usize;
        let chunk = self.chunks[index / CHUNK].get_or_init(|| (0..CHUNK).map(|_| Mutex::default()).collect());
        &chunk[index % CHUNK]
    }
}
