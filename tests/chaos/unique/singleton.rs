//! One process in the whole cluster, on whichever node can run it.

use super::world::{NODES, VOTERS, names, start_voter};
use crate::support::below;
use parking_lot::Mutex;
use rusm_core::{Context, ExitReason, Node, Pid, Strategy, Supervisor, SupervisorSpec, process_body};
use rusm_sim::{FaultKind, SimHandle, Test};
use rusm_transport::unique::{FencingToken, Lease, Singleton};
use std::sync::Arc;
use std::time::Duration;

const TTL: Duration = Duration::from_secs(6);
const STOP: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct Work {
    sim: SimHandle,
    running: Arc<Mutex<Vec<Pid>>>,
    started: Arc<Mutex<u64>>,
    greatest: Arc<Mutex<Option<FencingToken>>>,
    /// Whether it has worked after the last fault.
    worked: Arc<Mutex<bool>>,
    /// Whether another node's process has found it then.
    found: Arc<Mutex<bool>>,
}

/// Faults that leave a machine its time: what stands still for longer than a quarter of a lease cannot stop its child in time, and is
/// what fencing is for.
fn while_time_goes_on() -> impl Iterator<Item = FaultKind> {
    use FaultKind::{DiskSlow, Pause, Slow, SlowSignals, Starve};
    FaultKind::survivable().filter(|kind| !matches!(kind, Pause | Slow | Starve | SlowSignals | DiskSlow))
}

#[rusm_sim::test(
    seeds = 60,
    sometimes = [
        "it was started anew", "it was told to stop", "it was not willing to stop", "its guard was killed", "node: crash",
        "process: killed"
    ]
)]
fn a_singleton_runs_once(test: &mut Test) {
    let work = Work {
        sim: test.sim(),
        running: Arc::default(),
        started: Arc::default(),
        greatest: Arc::default(),
        worked: Arc::default(),
        found: Arc::default(),
    };
    let (worked, found) = (work.worked.clone(), work.found.clone());
    let hunted = work.clone();
    test.cluster(&NODES, move |node| boot(node, work.clone()));
    test.faults(while_time_goes_on());
    test.script("outside", move |_| kill_guards(hunted));
    test.eventually("the singleton works", move || if *worked.lock() { Ok(()) } else { Err("it does not".to_owned()) });
    test.eventually(
        "it is found by its name",
        move || {
            if *found.lock() { Ok(()) } else { Err("nobody finds it".to_owned()) }
        },
    );
}

async fn boot(node: Node, work: Work) {
    start_voter(&node).await;
    if !VOTERS.contains(&node.name()) {
        let work = work.clone();
        node.spawn(move |context| find(context, work));
    }
    let singleton = Singleton::child_spec(&names().ttl(TTL), "billing", STOP, move |lease| {
        let work = work.clone();
        process_body(move |context| billing(context, lease, work))
    });
    let spec = SupervisorSpec::new(Strategy::OneForOne).intensity(1_000, Duration::from_secs(5));
    Supervisor::start(&node, spec.child(singleton)).await;
}

/// Kills who guards it, now and then: whoever runs then has nobody that stops it when its lease has ended.
async fn kill_guards(work: Work) {
    let sim = &work.sim;
    let mut rng = sim.random("killer of guards");
    while !sim.healed() {
        sim.sleep(Duration::from_millis(1_000 + below(&mut rng, 10_000))).await;
        let running = work.running.lock().first().copied();
        let nodes = NODES.iter().filter_map(|name| sim.node(name));
        let node = running.and_then(|pid| nodes.into_iter().find(|node| node.id() == pid.node));
        if let (Some(pid), Some(node)) = (running, node)
            && let Some(guard) = node.process_info(pid).and_then(|info| info.parent)
            && !sim.healed()
        {
            node.exit_signal(guard, ExitReason::KILL);
            sim.sometimes("its guard was killed");
        }
    }
}

/// Looks for it by its name, until it is found after the last fault.
async fn find(context: Context, work: Work) {
    loop {
        context.sleep(Duration::from_millis(500)).await;
        if let Ok(Some((pid, _))) = names().whereis(&context, "billing", Duration::from_secs(5)).await
            && work.sim.healed()
            && work.running.lock().contains(&pid)
        {
            *work.found.lock() = true;
        }
    }
}

/// Says that it runs, until it does not.
struct Runs<'a>(&'a Work, Pid);

impl Drop for Runs<'_> {
    fn drop(&mut self) {
        self.0.running.lock().retain(|pid| *pid != self.1);
    }
}

async fn billing(context: Context, lease: Lease, work: Work) -> ExitReason {
    let sim = &work.sim;
    // Destructors of a crashed node run too, so that what is here runs.
    {
        let mut running = work.running.lock();
        assert!(running.is_empty(), "{:?} is started beside {running:?}", context.pid());
        running.push(context.pid());
    }
    let _runs = Runs(&work, context.pid());
    let before = work.greatest.lock().replace(lease.token());
    assert!(before < Some(lease.token()), "token {} after {before:?}", lease.token());
    *work.started.lock() += 1;
    if *work.started.lock() > 1 {
        sim.sometimes("it was started anew");
    }
    // One in two does not stop before it is killed.
    let is_willing = context.random().is_multiple_of(2);
    context.trap_exit(true);
    loop {
        let told = context.receive_timeout(Duration::from_millis(50), |_| true).await;
        if told.is_some() && is_willing {
            sim.sometimes("it was told to stop");
            return ExitReason::SHUTDOWN;
        }
        if told.is_some() {
            sim.sometimes("it was not willing to stop");
        }
        if lease.is_held() && sim.healed() {
            *work.worked.lock() = true;
        }
    }
}
