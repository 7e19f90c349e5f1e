use crate::executor::{Event, Fire, Kernel, Life};
use crate::hasher::FixedMap;
use crate::plan::FaultKind;
use crate::seed::{below, generator};
use crate::sync::Mutex;
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;
use rusm_core::seam::{Delivery, Envelope};
use rusm_core::{Node, Pid};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

/// Lines that have run empty are kept for the next pairs, up to this many.
const SPARE_LINES_MAX: usize = 1024;

/// The signals under way on one node: a first-in first-out line for each pair of processes, and the seed says how long
/// each signal takes.
pub(crate) struct SimDelivery {
    kernel: Arc<Kernel>,
    life: Arc<Life>,
    own: Weak<SimDelivery>,
    lines: Mutex<Lines>,
    /// A fault: every signal takes up to so many nanoseconds more.
    extra_ns: AtomicU64,
}

struct Lines {
    rng: ChaCha8Rng,
    by_pair: FixedMap<(Pid, Pid), Arc<Line>>,
    spare: Vec<Arc<Line>>,
}

/// What one process has sent to another and what has not arrived. Each signal has an event of its own, and the events
/// of a line are at ever later times: so the first that fires is for the first signal.
struct Line {
    delivery: Weak<SimDelivery>,
    state: Mutex<LineState>,
}

#[derive(Default)]
struct LineState {
    signals: VecDeque<(Node, Envelope)>,
    /// When the last of them arrives.
    last_at: u64,
}

impl SimDelivery {
    pub(crate) fn new(kernel: Arc<Kernel>, life: Arc<Life>) -> Arc<Self> {
        let rng = generator(kernel.seed, &format!("delivery {} {}", life.host, life.number));
        let lines = Lines { rng, by_pair: FixedMap::default(), spare: Vec::new() };
        Arc::new_cyclic(|own| Self {
            kernel,
            life,
            own: own.clone(),
            lines: Mutex::new(lines),
            extra_ns: AtomicU64::new(0),
        })
    }

    /// Drops what is under way.
    pub(crate) fn clear(&self) {
        let lines = std::mem::take(&mut self.lines.lock().by_pair);
        for line in lines.into_values() {
            let signals = std::mem::take(&mut line.state.lock().signals);
            drop(signals);
        }
    }

    /// How long a signal takes: most take little, some much longer.
    fn latency(&self, rng: &mut ChaCha8Rng) -> u64 {
        let profile = &self.kernel.profile;
        let random = rng.next_u64();
        let most =
            if random & 0xff < profile.slow_signals { profile.signal_ns_max * 100 } else { profile.signal_ns_max };
        let extra = self.extra_ns.load(Ordering::Relaxed);
        if extra == 0 {
            return 1 + below(random, most);
        }
        self.kernel.recorder.count(FaultKind::SlowSignals.name());
        1 + below(random, most) + below(random.rotate_left(32), extra)
    }

    /// Every signal takes up to so many nanoseconds more from now on.
    pub(crate) fn slow_down(&self, extra_ns: u64) {
        self.extra_ns.store(extra_ns, Ordering::Relaxed);
    }
}

impl Delivery for SimDelivery {
    fn send(&self, node: &Node, envelope: Envelope) {
        // Destructors of what a crash has ended cannot send.
        if !self.life.is_alive() {
            return;
        }
        let (line, at) = {
            let mut lines = self.lines.lock();
            let lines = &mut *lines;
            let latency = self.latency(&mut lines.rng);
            let spare = &mut lines.spare;
            let line = lines.by_pair.entry((envelope.from, envelope.to)).or_insert_with(|| {
                spare.pop().unwrap_or_else(|| Arc::new(Line { delivery: self.own.clone(), state: Mutex::default() }))
            });
            let mut state = line.state.lock();
            let at = (self.kernel.now() + latency).max(state.last_at + 1);
            state.last_at = at;
            state.signals.push_back((node.clone(), envelope));
            (line.clone(), at)
        };
        self.kernel.schedule(at, Event::Fire(line, 0));
    }
}

impl Fire for Line {
    fn fire(self: Arc<Self>, kernel: &Arc<Kernel>, _: u64) {
        let Some(delivery) = self.delivery.upgrade().filter(|delivery| delivery.life.is_alive()) else {
            self.state.lock().signals.clear();
            return;
        };
        let Some((node, envelope)) = self.state.lock().signals.pop_front() else { return };
        if self.state.lock().signals.is_empty() {
            let mut lines = delivery.lines.lock();
            lines.by_pair.remove(&(envelope.from, envelope.to));
            if lines.spare.len() < SPARE_LINES_MAX {
                lines.spare.push(self.clone());
            }
        }
        let host = delivery.life.host;
        kernel.record("deliver", |line| {
            line.pid(host, envelope.from).pid(host, envelope.to).text(envelope.signal.kind())
        });
        node.deliver(envelope);
    }
}
