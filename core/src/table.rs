use crate::process::Process;
use crate::signal::Signal;
use crate::sync::{AtomicBool, AtomicU64, Lock, Ordering};
use crate::{NodeId, Pid};
use std::sync::{Arc, OnceLock};
use std::task::Waker;

const CHUNK: usize = if cfg!(feature = "loom") { 4 } else { 1024 };
const CHUNKS: usize = 4096;

/// How many processes a node holds at once; a spawn beyond it fails with `system_limit`.
pub const PROCESSES_MAX: usize = CHUNK * CHUNKS;

/// Signals under way to one process, each with its sender.
pub(crate) type Batch = Vec<(Pid, Signal)>;

/// Where a process can live: what others need to reach it. Its signal queue is here and not in the process, so that to
/// send takes one lock and nothing else.
#[derive(Default)]
struct Slot {
    /// Whether the queue has signals: looked at without the lock.
    queued: AtomicBool,
    place: Lock<Place>,
}

#[derive(Default)]
struct Place {
    /// Of the process here, or of the last.
    serial: u32,
    /// The same.
    random: u64,
    process: Option<Arc<Process>>,
    signals: Batch,
    /// The task's, once it has waited for the first time.
    waker: Option<Waker>,
}

impl Place {
    fn is_of(&self, pid: Pid) -> bool {
        self.process.is_some() && self.serial == pid.serial && self.random == pid.random
    }
}

/// A row of slots, made when its first slot is used.
type Chunk = OnceLock<Box<[Slot]>>;

/// All live processes of a node, by the index in their pid. Whoever looks one up or sends to it locks one slot and nothing
/// else.
pub(crate) struct ProcessTable {
    node: NodeId,
    incarnation: u32,
    chunks: Box<[Chunk]>,
    free: Lock<FreeSlots>,
    /// How many processes have been put in; only written with `free` locked.
    inserted: AtomicU64,
    /// How many of them have ended.
    retired: AtomicU64,
}

#[derive(Default)]
struct FreeSlots {
    /// Slots that had a process before, with the next one's serial.
    released: Vec<(u32, u32)>,
    never_used: u32,
}

impl ProcessTable {
    pub(crate) fn new(node: NodeId, incarnation: u32) -> Self {
        Self {
            node,
            incarnation,
            chunks: (0..CHUNKS).map(|_| OnceLock::new()).collect(),
            free: Lock::default(),
            inserted: AtomicU64::new(0),
            retired: AtomicU64::new(0),
        }
    }

    /// Puts in the process that `make` builds for its pid; `None` when the table is full. `random` makes the pid's random
    /// part from a number that no other process of this node has.
    pub(crate) fn insert(
        &self,
        random: impl FnOnce(u64) -> u64,
        make: impl FnOnce(Pid) -> Process,
    ) -> Option<Arc<Process>> {
        let (index, serial, number) = {
            let mut free = self.free.lock();
            let (index, serial) = match free.released.pop() {
                Some(released) => released,
                None if (free.never_used as usize) < PROCESSES_MAX => {
                    free.never_used += 1;
                    (free.never_used - 1, 0)
                }
                None => return None,
            };
            let number = self.inserted.load(Ordering::Relaxed) + 1;
            self.inserted.store(number, Ordering::Relaxed);
            (index, serial, number)
        };
        let random = random(number);
        let pid = Pid { node: self.node, incarnation: self.incarnation, index, serial, random };
        let process = Arc::new(make(pid));
        let mut place = self.slot_or_new(index).place.lock();
        place.serial = serial;
        place.random = random;
        place.process = Some(process.clone());
        Some(process)
    }

    /// The process has ended: it counts no more, and nobody finds it. Signals still reach it until it is removed.
    pub(crate) fn retire(&self, process: &Process) {
        process.end();
        self.retired.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes a retired process out; its pid reaches nobody from now on. What was still queued is returned.
    pub(crate) fn remove(&self, pid: Pid) -> Batch {
        let Some(slot) = self.slot(pid.index) else { return Batch::new() };
        let (process, waker, signals) = {
            let mut place = slot.place.lock();
            if !place.is_of(pid) {
                return Batch::new();
            }
            slot.queued.store(false, Ordering::Relaxed);
            (place.process.take(), place.waker.take(), std::mem::take(&mut place.signals))
        };
        drop((process, waker));
        self.free.lock().released.push((pid.index, pid.serial.wrapping_add(1)));
        signals
    }

    /// Appends a signal to the queue of the process of exactly that pid, and wakes it; gives the signal back when there is
    /// none.
    pub(crate) fn push(&self, to: Pid, from: Pid, signal: Signal) -> Option<Signal> {
        let Some(slot) = self.slot_of(to) else { return Some(signal) };
        let waker = {
            let mut place = slot.place.lock();
            if !place.is_of(to) {
                return Some(signal);
            }
            if place.signals.capacity() == 0 {
                // Most processes never have more than one signal waiting.
                place.signals.reserve_exact(1);
            }
            place.signals.push((from, signal));
            // Behind another signal the process is awake already.
            if place.signals.len() > 1 {
                return None;
            }
            slot.queued.store(true, Ordering::Relaxed);
            place.waker.clone()
        };
        // Not under the lock: to wake may take long.
        if let Some(waker) = waker {
            waker.wake();
        }
        None
    }

    /// Wakes a process that waits for something else than a signal.
    pub(crate) fn wake(&self, pid: Pid) {
        let place = self.slot_of(pid).map(|slot| slot.place.lock()).filter(|place| place.is_of(pid));
        if let Some(waker) = place.and_then(|place| place.waker.clone()) {
            waker.wake();
        }
    }

    /// Remembers whom to wake. True when signals came before anybody could be woken.
    pub(crate) fn set_waker(&self, of: Pid, waker: &Waker) -> bool {
        let Some(slot) = self.slot(of.index) else { return false };
        let mut place = slot.place.lock();
        place.waker = Some(waker.clone());
        !place.signals.is_empty()
    }

    /// Whether signals wait to be handled. Only the process itself asks.
    pub(crate) fn has_signals(&self, own: Pid) -> bool {
        self.slot(own.index).is_some_and(|slot| slot.queued.load(Ordering::Relaxed))
    }

    /// Moves all queued signals into `batch`, which is empty, in order. The queue keeps the memory of `batch`.
    pub(crate) fn take_signals(&self, own: Pid, batch: &mut Batch) {
        let Some(slot) = self.slot(own.index) else { return };
        let mut place = slot.place.lock();
        slot.queued.store(false, Ordering::Relaxed);
        std::mem::swap(&mut place.signals, batch);
    }

    /// Puts signals back before all others: they were taken and not handled.
    pub(crate) fn put_back(&self, own: Pid, signals: impl Iterator<Item = (Pid, Signal)>) {
        let Some(slot) = self.slot(own.index) else { return };
        let mut place = slot.place.lock();
        place.signals.splice(0..0, signals);
        slot.queued.store(true, Ordering::Relaxed);
    }

    /// How many signals a live process has not handled, and for how many it keeps memory.
    pub(crate) fn queue_size(&self, of: Pid) -> (usize, usize) {
        let place = self.slot_of(of).map(|slot| slot.place.lock()).filter(|place| place.is_of(of));
        place.map_or((0, 0), |place| (place.signals.len(), place.signals.capacity()))
    }

    /// Lets go of memory that the queue does not need.
    pub(crate) fn shrink_queue(&self, own: Pid) {
        if let Some(slot) = self.slot(own.index) {
            slot.place.lock().signals.shrink_to_fit();
        }
    }

    /// The live process of exactly that pid.
    pub(crate) fn living(&self, pid: Pid) -> Option<Arc<Process>> {
        let process = {
            let place = self.slot_of(pid)?.place.lock();
            place.process.clone().filter(|_| place.is_of(pid))?
        };
        (!process.is_ended()).then_some(process)
    }

    /// The pid of whoever lives in that slot.
    pub(crate) fn pid_at(&self, index: u32) -> Option<Pid> {
        self.slot(index)?.place.lock().process.as_ref().map(|process| process.pid)
    }

    pub(crate) fn len(&self) -> usize {
        let retired = self.retired.load(Ordering::Relaxed);
        self.inserted.load(Ordering::Relaxed).saturating_sub(retired) as usize
    }

    /// The pids of all live processes, by index.
    pub(crate) fn pids(&self) -> Vec<Pid> {
        let used = self.free.lock().never_used;
        let places = (0..used).filter_map(|index| Some(self.slot(index)?.place.lock()));
        let live =
            places.filter_map(|place| place.process.as_ref().filter(|process| !process.is_ended()).map(|p| p.pid));
        live.collect()
    }

    /// The slot of a pid of this life of this node.
    fn slot_of(&self, pid: Pid) -> Option<&Slot> {
        if pid.node == self.node && pid.incarnation == self.incarnation { self.slot(pid.index) } else { None }
    }

    fn slot(&self, index: u32) -> Option<&Slot> {
        let index = index as usize;
        self.chunks.get(index / CHUNK)?.get()?.get(index % CHUNK)
    }

    fn slot_or_new(&self, index: u32) -> &Slot {
        let index = index as usize;
        let chunk = self.chunks[index / CHUNK].get_or_init(|| (0..CHUNK).map(|_| Slot::default()).collect());
        &chunk[index % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::State;
    use crate::signal::Kind;
    use crate::{Message, Payload, Timestamp};
    use proptest::prelude::*;

    /// A process of the model: it is alive, then it has ended, then it is gone.
    struct Model {
        pid: Pid,
        ended: bool,
        gone: bool,
        queue: Vec<u32>,
    }

    #[derive(Clone, Debug)]
    enum Operation {
        Insert,
        /// Of the process that was put in as the so-manieth, as all that follow.
        Retire(usize),
        Remove(usize),
        Push(usize, u32),
        Take(usize),
        /// Takes all and puts back all but the first.
        PutBack(usize),
    }

    fn operation() -> impl Strategy<Value = Operation> {
        let process = || 0usize..20;
        prop_oneof![
            3 => Just(Operation::Insert),
            2 => process().prop_map(Operation::Retire),
            2 => process().prop_map(Operation::Remove),
            6 => (process(), any::<u32>()).prop_map(|(process, n)| Operation::Push(process, n)),
            2 => process().prop_map(Operation::Take),
            1 => process().prop_map(Operation::PutBack),
        ]
    }

    fn make(pid: Pid) -> Process {
        Process::new(pid, None, Timestamp::default(), State::default())
    }

    #[test]
    fn a_full_table_takes_nobody_until_one_has_left() {
        let table = ProcessTable::new(NodeId::from_u32(1), 1);
        let first = table.insert(|number| number, make).expect("there is room");
        table.free.lock().never_used = PROCESSES_MAX as u32 - 1;
        let last = table.insert(|number| number, make).expect("there is room for one more");
        assert_eq!(last.pid.index as usize, PROCESSES_MAX - 1);
        assert!(table.insert(|number| number, make).is_none());
        table.retire(&first);
        table.remove(first.pid);
        assert_eq!(table.insert(|number| number, make).expect("there is room again").pid.index, first.pid.index);
        assert!(table.insert(|number| number, make).is_none());
    }

    /// Counts how often it was woken.
    #[derive(Default)]
    struct Woken(AtomicU64);

    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn only_the_first_of_several_signals_wakes_a_process() {
        let table = ProcessTable::new(NodeId::from_u32(1), 1);
        let (process, woken) =
            (table.insert(|number| number, make).expect("there is room"), Arc::new(Woken::default()));
        table.set_waker(process.pid, &woken.clone().into());
        let message = || Signal(Kind::Message(Message::Plain(Payload::local(1_u32))));
        for _ in 0..3 {
            assert!(table.push(process.pid, process.pid, message()).is_none());
        }
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        let mut taken = Batch::new();
        table.take_signals(process.pid, &mut taken);
        assert_eq!(taken.len(), 3);
        assert!(table.push(process.pid, process.pid, message()).is_none());
        assert_eq!(woken.0.load(Ordering::Relaxed), 2);
    }

    fn numbers(batch: Batch) -> Vec<u32> {
        let number = |signal: Signal| match signal.0 {
            Kind::Message(Message::Plain(payload)) => payload.downcast().expect("a number"),
            other => panic!("not a number: {other:?}"),
        };
        batch.into_iter().map(|(_, signal)| number(signal)).collect()
    }

    proptest! {
        #[test]
        fn a_table_is_a_list_of_processes(operations in prop::collection::vec(operation(), 0..120)) {
            let table = ProcessTable::new(NodeId::from_u32(1), 1);
            let mut model: Vec<Model> = Vec::new();
            for operation in operations {
                match operation {
                    Operation::Insert => {
                        let pid = table.insert(|number| number * 31, make).expect("there is room").pid;
                        prop_assert!(model.iter().all(|other| other.pid != pid));
                        model.push(Model { pid, ended: false, gone: false, queue: Vec::new() });
                    }
                    Operation::Retire(i) => {
                        if let Some(one) = model.get_mut(i).filter(|one| !one.ended) {
                            table.retire(&table.living(one.pid).expect("it lives"));
                            one.ended = true;
                        }
                    }
                    // Only who has ended is taken out.
                    Operation::Remove(i) => {
                        if let Some(one) = model.get_mut(i).filter(|one| one.ended) {
                            prop_assert_eq!(numbers(table.remove(one.pid)), std::mem::take(&mut one.queue));
                            one.gone = true;
                        }
                    }
                    Operation::Push(i, n) => {
                        if let Some(one) = model.get_mut(i) {
                            let signal = Signal(Kind::Message(Message::Plain(Payload::local(n))));
                            let came_back = table.push(one.pid, one.pid, signal).is_some();
                            prop_assert_eq!(came_back, one.gone);
                            if !came_back {
                                one.queue.push(n);
                            }
                        }
                    }
                    Operation::Take(i) => {
                        if let Some(one) = model.get_mut(i).filter(|one| !one.gone) {
                            let mut batch = Batch::new();
                            table.take_signals(one.pid, &mut batch);
                            prop_assert_eq!(numbers(batch), std::mem::take(&mut one.queue));
                        }
                    }
                    Operation::PutBack(i) => {
                        if let Some(one) = model.get_mut(i).filter(|one| !one.queue.is_empty()) {
                            let mut batch = Batch::new();
                            table.take_signals(one.pid, &mut batch);
                            table.put_back(one.pid, batch.drain(..).skip(1));
                            one.queue.remove(0);
                        }
                    }
                }
                let alive: Vec<&Model> = model.iter().filter(|one| !one.ended).collect();
                prop_assert_eq!(table.len(), alive.len());
                let mut pids: Vec<Pid> = alive.iter().map(|one| one.pid).collect();
                pids.sort_by_key(|pid| pid.index);
                prop_assert_eq!(table.pids(), pids);
                for one in &model {
                    prop_assert_eq!(table.living(one.pid).map(|process| process.pid), (!one.ended).then_some(one.pid));
                    prop_assert_eq!(table.queue_size(one.pid).0, one.queue.len());
                    if !one.gone {
                        prop_assert_eq!(table.pid_at(one.pid.index), Some(one.pid));
                        prop_assert!(table.has_signals(one.pid) || one.queue.is_empty());
                    }
                }
            }
        }
    }
}
