use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::Thread;
use std::time::Duration;

/// How long a guest computes before it gives way to others.
pub const TICK: Duration = Duration::from_millis(1);

/// Ticks without a guest inside before the ticker rests.
const IDLE_TICKS: u32 = 100;

/// Increments the engines' epochs every [`TICK`] while a guest is inside its code, on a thread of its own: on a task, a
/// guest that occupies every thread of the executor would stop the ticker that is to preempt it.
pub(super) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

#[derive(Default)]
struct Shared {
    /// Guests whose code was entered and has not returned.
    inside: AtomicUsize,
    resting: AtomicBool,
    ended: AtomicBool,
}

/// As long as this lives, the ticker ticks.
pub(crate) struct Inside(Arc<Shared>);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Ticker {
    /// # Panics
    /// When the machine has no room for one more thread: without it no guest could ever be preempted.
    #[expect(clippy::disallowed_methods, reason = "the production half of preemption; the simulator's is fuel")]
    pub(super) fn start(engines: Vec<wasmtime::Engine>) -> Self {
        let shared = Arc::<Shared>::default();
        let ticking = shared.clone();
        let run = move || ticking.run(&engines);
        let thread = std::thread::Builder::new().name("rusm-epoch".to_owned()).spawn(run);
        let thread = thread.expect("the machine has room for one more thread");
        Self { shared, thread: thread.thread().clone() }
    }

    /// A guest's code is entered.
    pub(super) fn enter(&self) -> Inside {
        self.shared.inside.fetch_add(1, Ordering::SeqCst);
        if self.shared.resting.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Inside(self.shared.clone())
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

impl Shared {
    fn is_inside(&self) -> bool {
        self.inside.load(Ordering::SeqCst) > 0
    }

    #[expect(clippy::disallowed_methods, reason = "the production half of preemption; the simulator's is fuel")]
    fn run(&self, engines: &[wasmtime::Engine]) {
        let mut idle = 0;
        while !self.ended.load(Ordering::SeqCst) {
            engines.iter().for_each(wasmtime::Engine::increment_epoch);
            std::thread::sleep(TICK);
            idle = if self.is_inside() { 0 } else { idle + 1 };
            if idle >= IDLE_TICKS {
                self.rest();
                idle = 0;
            }
        }
    }

    /// Whoever enters after `resting` is set wakes this thread; whoever entered before is seen here.
    fn rest(&self) {
        self.resting.store(true, Ordering::SeqCst);
        if !self.is_inside() && !self.ended.load(Ordering::SeqCst) {
            std::thread::park();
        }
        self.resting.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn until(condition: impl Fn() -> bool) {
        while !condition() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn the_ticker_rests_when_nobody_is_inside_and_is_woken_by_whoever_enters() {
        let ticker = Ticker::start(vec![wasmtime::Engine::default()]);
        let resting = || ticker.shared.resting.load(Ordering::SeqCst);
        until(resting);
        let (one, other) = (ticker.enter(), ticker.enter());
        until(|| !resting());
        drop(one);
        assert!(ticker.shared.is_inside());
        drop(other);
        until(resting);
    }

    #[test]
    fn the_thread_ends_with_the_ticker() {
        let ticker = Ticker::start(vec![wasmtime::Engine::default()]);
        let shared = Arc::downgrade(&ticker.shared);
        drop(ticker);
        until(|| shared.strong_count() == 0);
    }
}
