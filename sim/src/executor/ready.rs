use crate::profile::Policy;
use crate::seed::below;
use crate::sync::Mutex;
use rand_core::Rng;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Wake;

/// Names one task: its slot, and its number among all tasks of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TaskId {
    pub(crate) slot: u32,
    pub(crate) number: u64,
}

/// The tasks that want to run.
pub(crate) struct Ready {
    queue: Mutex<Queue>,
    /// The number of the task that is being polled; 0 between two polls.
    running: AtomicU64,
}

enum Queue {
    Random(Vec<TaskId>),
    Fifo(VecDeque<TaskId>),
    Priorities {
        heap: BinaryHeap<(u64, Reverse<u64>, TaskId)>,
        pushed: u64,
    },
    /// `left` choices until the first is put off.
    Delays {
        tasks: VecDeque<TaskId>,
        every: u32,
        left: u64,
    },
}

impl Ready {
    pub(crate) fn new(policy: Policy) -> Self {
        let queue = Mutex::new(match policy {
            Policy::Random => Queue::Random(Vec::new()),
            Policy::Fifo => Queue::Fifo(VecDeque::new()),
            Policy::Priorities { .. } => Queue::Priorities { heap: BinaryHeap::new(), pushed: 0 },
            Policy::Delays { every } => Queue::Delays { tasks: VecDeque::new(), every, left: 1 },
        });
        Self { queue, running: AtomicU64::new(0) }
    }

    /// Says which task is being polled: what is woken meanwhile is woken by it.
    pub(crate) fn set_running(&self, task: u64) {
        self.running.store(task, Ordering::Relaxed);
    }

    fn push(&self, task: TaskId, priority: u64) {
        match &mut *self.queue.lock() {
            Queue::Random(tasks) => tasks.push(task),
            Queue::Fifo(tasks) | Queue::Delays { tasks, .. } => tasks.push_back(task),
            Queue::Priorities { heap, pushed } => {
                *pushed += 1;
                heap.push((priority, Reverse(*pushed), task));
            }
        }
    }

    /// From now on, first come, first served.
    pub(crate) fn become_fifo(&self) {
        let queue = &mut *self.queue.lock();
        let tasks = match queue {
            Queue::Random(tasks) => std::mem::take(tasks).into(),
            Queue::Fifo(tasks) | Queue::Delays { tasks, .. } => std::mem::take(tasks),
            Queue::Priorities { heap, .. } => std::iter::from_fn(|| heap.pop()).map(|(_, _, task)| task).collect(),
        };
        *queue = Queue::Fifo(tasks);
    }

    /// The one that runs next.
    pub(crate) fn pop(&self, rng: &mut impl Rng) -> Option<TaskId> {
        match &mut *self.queue.lock() {
            Queue::Random(tasks) if tasks.len() > 1 => {
                let chosen = below(rng.next_u64(), tasks.len() as u64) as usize;
                Some(tasks.swap_remove(chosen))
            }
            Queue::Random(tasks) => tasks.pop(),
            Queue::Fifo(tasks) => tasks.pop_front(),
            Queue::Priorities { heap, .. } => heap.pop().map(|(_, _, task)| task),
            Queue::Delays { tasks, every, left } => {
                // Where there is a choice.
                if tasks.len() > 1 {
                    *left -= 1;
                    if *left == 0 {
                        *left = 1 + below(rng.next_u64(), 2 * u64::from(*every));
                        tasks.rotate_left(1);
                    }
                }
                tasks.pop_front()
            }
        }
    }
}

/// Wakes one task.
pub(crate) struct TaskWaker {
    pub(crate) id: TaskId,
    /// Higher runs first, under [`Policy::Priorities`].
    pub(crate) priority: AtomicU64,
    queued: AtomicBool,
    /// The number of the task that woke it; 0 for an event.
    woken_by: AtomicU64,
    /// A fault: it is not run for now.
    pub(crate) starved: AtomicBool,
    ready: Arc<Ready>,
}

impl TaskWaker {
    pub(crate) fn new(id: TaskId, priority: u64, ready: Arc<Ready>) -> Self {
        Self {
            id,
            priority: AtomicU64::new(priority),
            queued: AtomicBool::new(false),
            woken_by: AtomicU64::new(0),
            starved: AtomicBool::new(false),
            ready,
        }
    }

    /// Queues a task that was put off, which is still woken.
    pub(crate) fn queue_again(&self) {
        self.ready.push(self.id, self.priority.load(Ordering::Relaxed));
    }

    /// From now on a wake counts again: its task is about to be polled. Says who woke it.
    pub(crate) fn taken(&self) -> u64 {
        self.queued.store(false, Ordering::Relaxed);
        self.woken_by.load(Ordering::Relaxed)
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.load(Ordering::Relaxed) {
            self.queued.store(true, Ordering::Relaxed);
            self.woken_by.store(self.ready.running.load(Ordering::Relaxed), Ordering::Relaxed);
            self.ready.push(self.id, self.priority.load(Ordering::Relaxed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::generator;

    #[test]
    fn with_delays_a_task_is_put_off_now_and_then_and_each_runs_once() {
        let number = 1000;
        let mut rng = generator(1, "delays");
        let ready = Ready::new(Policy::Delays { every: 10 });
        (0..number).for_each(|task| ready.push(TaskId { slot: 0, number: task }, 0));
        let order: Vec<u64> = std::iter::from_fn(|| ready.pop(&mut rng)).map(|task| task.number).collect();
        let put_off = order.windows(2).filter(|pair| pair[1] != pair[0] + 1).count();
        assert!((50..200).contains(&put_off), "{put_off} of {number}");
        assert_eq!(order.iter().collect::<std::collections::BTreeSet<_>>().len(), order.len());
        assert_eq!(order.len() as u64, number);
    }
}
