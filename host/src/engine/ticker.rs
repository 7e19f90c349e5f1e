use std::time::Duration;

/// How long a guest computes before it gives way to others.
pub const TICK: Duration = Duration::from_millis(1);

/// Increments the engine's epoch every [`TICK`] for as long as the engine lives, on a thread of its own: on a task, a
/// guest that occupies every thread of the executor would stop the ticker that is to preempt it.
#[expect(clippy::disallowed_methods, reason = "the production half of preemption; the simulator's is fuel")]
pub(super) fn start(engine: &wasmtime::Engine) {
    let engine = engine.weak();
    let ticking = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    };
    let thread = std::thread::Builder::new().name("rusm-epoch".to_owned()).spawn(ticking);
    // Without the thread no guest could ever be preempted: a node like that must not start.
    thread.expect("the machine has room for one more thread");
}
