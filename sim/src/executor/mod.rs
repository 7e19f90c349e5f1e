//! The seeded executor: one thread, virtual time. What is due happens before any ready task runs, and every poll takes a
//! little virtual time, so that time passes between any two steps of a program as it does in the world.

mod events;
mod life;
mod ready;
mod seam;
mod tasks;

pub(crate) use events::{ClockId, Event, Fire, HostTime, TimerKey};
pub(crate) use life::Life;
pub(crate) use ready::TaskWaker;
pub(crate) use seam::SimExecutor;

use crate::clock::Skew;
use crate::hasher::FixedMap;
use crate::outcome::Outcome;
use crate::profile::{Policy, Profile};
use crate::recorder::{Line, Recorder};
use crate::seed::{below, generator};
use crate::seen::{Seen, SeenEvent, Watcher};
use crate::sync::{Mutex, MutexGuard};
use events::{Events, Happens};
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;
use ready::{Ready, TaskId};
use rusm_core::{BoxFuture, NodeId, Timestamp};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use tasks::{Task, Tasks};

/// Of the processes that panicked, how many are remembered.
const PROCESS_PANICS_KEPT: usize = 16;

/// Looks at the clock in one poll at most.
const LOOKS_MAX: u64 = 1_000_000;

/// The executor and its clock.
pub(crate) struct Kernel {
    pub(crate) seed: u64,
    pub(crate) profile: Profile,
    pub(crate) recorder: Recorder,
    now: AtomicU64,
    /// Virtual time that the running poll takes beside its own.
    charged: AtomicU64,
    /// How often the running poll has looked at the clock.
    looks: AtomicU64,
    panics: AtomicU64,
    process_panics: Mutex<Vec<String>>,
    /// The hosts, by the nodes that have their names.
    hosts: Mutex<FixedMap<NodeId, u32>>,
    /// The run has failed: it ends before the next poll.
    halted: AtomicBool,
    failure: Mutex<Option<Outcome>>,
    watcher: Mutex<Option<Watcher>>,
    watched: AtomicBool,
    ready: Arc<Ready>,
    state: Mutex<State>,
}

struct State {
    rng: ChaCha8Rng,
    events: Events,
    tasks: Tasks,
    polls_until_change: u64,
    lowest_priority: u64,
    /// Ready tasks that a fault keeps from running.
    put_off: Vec<TaskId>,
    /// Polls until the policy is first come, first served.
    polls_until_orderly: Option<u64>,
    /// Polls until the run counts as stalled.
    turns_left: u64,
}

/// Why the executor stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was told to, or the run has failed.
    Stopped,
    /// Virtual time is up.
    OutOfTime,
    /// Nothing is ready and nothing is going to happen.
    Stalled,
}

impl Kernel {
    pub(crate) fn new(
        seed: u64,
        profile: Profile,
        schedule: u64,
        orderly_after: Option<u64>,
        turns_max: u64,
        recorder: Recorder,
    ) -> Self {
        let purpose = if schedule == 0 { "schedule".to_owned() } else { format!("schedule {schedule}") };
        Self {
            seed,
            profile,
            recorder,
            now: AtomicU64::new(0),
            charged: AtomicU64::new(0),
            looks: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            process_panics: Mutex::default(),
            hosts: Mutex::default(),
            halted: AtomicBool::new(false),
            failure: Mutex::default(),
            watcher: Mutex::default(),
            watched: AtomicBool::new(false),
            ready: Arc::new(Ready::new(profile.policy)),
            state: Mutex::new(State {
                rng: generator(seed, &purpose),
                events: Events::default(),
                tasks: Tasks::default(),
                polls_until_change: 1,
                lowest_priority: u64::MAX / 2,
                put_off: Vec::new(),
                polls_until_orderly: orderly_after,
                turns_left: turns_max,
            }),
        }
    }

    /// Virtual nanoseconds since the start of the run.
    pub(crate) fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    /// How many tasks have panicked.
    pub(crate) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// A process panicked, which its node made an exit reason of.
    pub(crate) fn process_panicked(&self, what: String) {
        let mut panics = self.process_panics.lock();
        if panics.len() < PROCESS_PANICS_KEPT {
            panics.push(what);
        }
    }

    pub(crate) fn process_panics(&self) -> Vec<String> {
        self.process_panics.lock().clone()
    }

    pub(crate) fn add_host(&self, name: &str, number: u32) {
        self.hosts.lock().insert(NodeId::of_name(name), number);
    }

    /// The number of the host that a node runs on, when it is one of this run.
    pub(crate) fn host_of(&self, node: NodeId) -> Option<u32> {
        self.hosts.lock().get(&node).copied()
    }

    /// The run has failed. The first failure counts.
    pub(crate) fn fail(&self, outcome: Outcome) {
        self.record("failed", |line| line.text(&outcome.to_string()));
        self.failure.lock().get_or_insert(outcome);
        self.halted.store(true, Ordering::Relaxed);
    }

    pub(crate) fn failure(&self) -> Option<Outcome> {
        self.failure.lock().clone()
    }

    /// From now on `watcher` sees everything that nodes and scripts do.
    pub(crate) fn watch(&self, watcher: Watcher) {
        *self.watcher.lock() = Some(watcher);
        self.watched.store(true, Ordering::Relaxed);
    }

    /// Shows it to the watcher, if there is one.
    pub(crate) fn see(&self, host: &str, life: u32, event: SeenEvent<'_>) {
        if !self.watched.load(Ordering::Relaxed) || self.halted.load(Ordering::Relaxed) {
            return;
        }
        let seen = Seen { at: Timestamp::from_nanos(self.now()), host, life, event };
        let verdict = self.watcher.lock().as_mut().map_or(Ok(()), |watcher| watcher(&seen));
        if let Err(outcome) = verdict {
            self.fail(outcome);
        }
    }

    /// Appends an event to the log, now.
    pub(crate) fn record(&self, kind: &str, fields: impl FnOnce(Line<'_>) -> Line<'_>) {
        self.recorder.event(self.now(), kind, fields);
    }

    /// The running poll looks at the clock: one that does so again and again waits for a time that never comes, as time
    /// stands still while it runs.
    ///
    /// # Panics
    /// When it has looked too often.
    pub(crate) fn look(&self) {
        let looks = self.looks.load(Ordering::Relaxed) + 1;
        self.looks.store(looks, Ordering::Relaxed);
        if looks > LOOKS_MAX {
            self.looks.store(0, Ordering::Relaxed);
            let why = format!("a task does not yield: it has looked at the clock {LOOKS_MAX} times in one turn");
            self.fail(Outcome::Stalled(why.clone()));
            panic!("{why}");
        }
    }

    /// The running poll takes so many nanoseconds more.
    pub(crate) fn charge(&self, nanos: u64) {
        self.charged.store(self.charged.load(Ordering::Relaxed) + nanos, Ordering::Relaxed);
    }

    /// A number from the schedule's own stream.
    pub(crate) fn draw(&self) -> u64 {
        self.state.lock().rng.next_u64()
    }

    /// Starts a task of that life; drops it when the life has ended.
    pub(crate) fn spawn(&self, life: &Arc<Life>, future: BoxFuture<()>) {
        if !life.is_alive() {
            return;
        }
        let mut state = self.state.lock();
        let priority = (state.rng.next_u64() >> 1) + u64::MAX / 2;
        let waker = state.tasks.insert(future, life.clone(), priority, &self.ready);
        self.record("spawn", |line| line.number(waker.id.number).number(u64::from(life.host)));
        drop(state);
        Waker::from(waker).wake();
    }

    /// Lets something happen at `at`. What is due at the same time is ordered by the seed.
    pub(crate) fn schedule(&self, at: u64, event: Event) {
        let mut state = self.state.lock();
        let tie = state.rng.next_u64();
        state.events.push(at, tie, event);
    }

    /// Waits for that time, through a timer of the task of `cx`.
    pub(crate) fn poll_timer(&self, timer: &mut Option<TimerKey>, time: HostTime, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        let Some(at) = state.events.later_than(time, self.now()) else {
            let stopped = timer.take().map(|timer| state.events.stop_timer(timer));
            drop(state);
            drop(stopped);
            return Poll::Ready(());
        };
        if !timer.is_some_and(|timer| state.events.change_timer(timer, cx.waker())) {
            let tie = state.rng.next_u64();
            *timer = Some(state.events.start_timer(time, at, tie, cx.waker().clone()));
        }
        Poll::Pending
    }

    /// Ends a timer, which may have fired.
    pub(crate) fn stop_timer(&self, timer: &mut Option<TimerKey>) {
        let Some(timer) = timer.take() else { return };
        let stopped = self.state.lock().events.stop_timer(timer);
        drop(stopped);
    }

    /// One more clock, which no event waits for yet.
    pub(crate) fn add_clock(&self, clock: Skew) -> ClockId {
        self.state.lock().events.add_clock(clock)
    }

    pub(crate) fn clock(&self, id: ClockId) -> Skew {
        *self.state.lock().events.clock(id)
    }

    pub(crate) fn change_clock(&self, id: ClockId, change: impl FnOnce(&mut Skew)) {
        change(self.state.lock().events.clock(id));
    }

    /// Runs until `stop` is set, nothing is left to do, or virtual time has reached `until`.
    pub(crate) fn run(self: &Arc<Self>, stop: &AtomicBool, until: u64) -> Ended {
        let mut state = self.state.lock();
        loop {
            let now = self.now();
            if stop.load(Ordering::Relaxed) || self.halted.load(Ordering::Relaxed) {
                return Ended::Stopped;
            }
            if now >= until {
                return Ended::OutOfTime;
            }
            if let Some(due) = state.events.due(now) {
                drop(state);
                self.happen(due);
                state = self.state.lock();
            } else if let Some(task) = self.choose(&mut state) {
                state = self.turn(state, task);
            } else if let Some(at) = state.events.next_at() {
                self.now.store(at.min(until), Ordering::Relaxed);
            } else {
                return Ended::Stalled;
            }
        }
    }

    fn happen(self: &Arc<Self>, due: Happens) {
        match due {
            Happens::Wake(timer, waker) => {
                self.record("timer", |line| line.number(timer));
                waker.wake();
            }
            Happens::Event(Event::Fire(fire, which)) => fire.fire(self, which),
            Happens::Event(Event::Call(call)) => {
                self.record("call", |line| line);
                call();
            }
        }
    }

    /// Which of the ready tasks runs next.
    fn choose(&self, state: &mut State) -> Option<TaskId> {
        if let Some(left) = &mut state.polls_until_orderly {
            if *left == 0 {
                state.polls_until_orderly = None;
                self.ready.become_fifo();
            } else {
                *left -= 1;
            }
        }
        self.ready.pop(&mut state.rng)
    }

    /// Polls a task, without the lock; that takes time.
    fn turn<'a>(&'a self, mut guard: MutexGuard<'a, State>, id: TaskId) -> MutexGuard<'a, State> {
        let state = &mut *guard;
        if state.turns_left == 0 {
            self.fail(Outcome::Stalled("its tasks have had all the turns that a run may have, and go on".to_owned()));
            return guard;
        }
        state.turns_left -= 1;
        // One that is not there has ended since it was woken.
        let Some(mut task) = state.tasks.take(id) else { return guard };
        if task.life.is_paused() || task.waker.starved.load(Ordering::Relaxed) {
            state.put_off.push(id);
            state.tasks.put_back(task);
            return guard;
        }
        let woken_by = task.waker.taken();
        self.record("poll", |line| line.number(id.number).number(woken_by));
        self.ready.set_running(id.number);
        self.looks.store(0, Ordering::Relaxed);
        drop(guard);
        let ended = self.poll(&mut task);
        self.ready.set_running(0);
        let slowness = task.life.slowness();
        let mut state = self.state.lock();
        if ended || !task.life.is_alive() {
            state.tasks.remove(id);
            self.record("done", |line| line.number(id.number));
            drop(state);
            self.drop_task(*task);
            state = self.state.lock();
        } else {
            self.change_priority(&mut state, &task);
            state.tasks.put_back(task);
        }
        let charged = self.charged.load(Ordering::Relaxed);
        self.charged.store(0, Ordering::Relaxed);
        let nanos = 1 + below(state.rng.next_u64(), self.profile.poll_ns_max);
        let now = self.now() + (nanos + charged).saturating_mul(slowness) / 100;
        self.now.store(now, Ordering::Relaxed);
        state
    }

    fn poll(&self, task: &mut Task) -> bool {
        let mut cx = Context::from_waker(&task.as_waker);
        let polled = catch_unwind(AssertUnwindSafe(|| task.future.as_mut().poll(&mut cx).is_ready()));
        polled.unwrap_or_else(|_| {
            self.panics.fetch_add(1, Ordering::Relaxed);
            self.record("panic", |line| line.number(task.waker.id.number));
            true
        })
    }

    /// A destructor that panics ends nothing but itself.
    fn drop_task(&self, task: Task) {
        let number = task.waker.id.number;
        if catch_unwind(AssertUnwindSafe(move || drop(task))).is_err() {
            self.panics.fetch_add(1, Ordering::Relaxed);
            self.record("panic", |line| line.number(number));
        }
    }

    /// The change points of [`Policy::Priorities`]: the task that ran gets the lowest priority of all.
    fn change_priority(&self, state: &mut State, task: &Task) {
        let Policy::Priorities { change_every } = self.profile.policy else { return };
        state.polls_until_change -= 1;
        if state.polls_until_change == 0 {
            state.polls_until_change = 1 + below(state.rng.next_u64(), 2 * u64::from(change_every));
            state.lowest_priority -= 1;
            task.waker.priority.store(state.lowest_priority, Ordering::Relaxed);
        }
    }

    /// Drops all tasks of a life, which must have ended.
    pub(crate) fn drop_tasks(&self, life: &Life) {
        let tasks = self.state.lock().tasks.remove_life(life);
        for task in tasks {
            self.drop_task(task);
        }
    }

    /// Lets a life run again after a pause, or all of its starved tasks.
    pub(crate) fn run_again(&self, life: &Life) {
        let mut state = self.state.lock();
        for id in std::mem::take(&mut state.put_off) {
            let again = match state.tasks.waker(id) {
                Some((waker, of)) if std::ptr::eq(of, life) => {
                    (!waker.starved.load(Ordering::Relaxed) && !life.is_paused()).then(|| waker.clone())
                }
                Some(_) => None,
                // It has ended.
                None => continue,
            };
            match again {
                Some(waker) => waker.queue_again(),
                None => state.put_off.push(id),
            }
        }
    }

    /// Keeps one task of a life from running until [`feed`](Self::feed).
    pub(crate) fn starve(&self, life: &Life, which: u64) -> Option<Arc<TaskWaker>> {
        let waker = self.state.lock().tasks.one_of(life, which)?;
        waker.starved.store(true, Ordering::Relaxed);
        Some(waker)
    }

    /// Ends [`starve`](Self::starve).
    pub(crate) fn feed(&self, life: &Life, waker: &TaskWaker) {
        waker.starved.store(false, Ordering::Relaxed);
        self.run_again(life);
    }

    /// How many tasks of a life there are.
    pub(crate) fn task_count(&self, life: &Life) -> usize {
        self.state.lock().tasks.count(life)
    }

    /// Drops everything that was still going to happen. Their lives must have ended.
    pub(crate) fn drop_events(&self) {
        let events = self.state.lock().events.clear();
        drop(events);
    }
}
