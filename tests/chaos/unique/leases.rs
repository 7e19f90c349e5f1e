//! Processes compete for a few unique names, and everything goes wrong: no two hold one at a time, tokens grow, a late holder is
//! refused, and when it is over the names can be had again on every node.

use super::world::{NODES, names, start_voter};
use crate::support::below;
use parking_lot::Mutex;
use rusm_core::{Context, ExitReason, Message, Node, Payload, Pid};
use rusm_sim::{FaultKind, SimHandle, Test};
use rusm_transport::unique::{Fence, FencingToken, Lease, UniqueNameChanged, UniqueNameError};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const NAMES: [&str; 3] = ["ledger", "mailer", "clock"];
const CONTENDERS: u64 = 2;
const TTL: Duration = Duration::from_secs(4);

#[derive(Clone)]
struct Contest {
    sim: SimHandle,
    held: Arc<Mutex<BTreeMap<&'static str, Held>>>,
    /// On which nodes a name was taken after the last fault, and on which a watcher has heard of it.
    taken: Arc<Mutex<Vec<String>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

/// What has become of a name.
#[derive(Default)]
struct Held {
    leases: Vec<(Pid, Lease)>,
    greatest: Option<FencingToken>,
    fence: Fence,
    /// By whom what lies behind the fence was last changed.
    changed_by: Option<FencingToken>,
}

impl Contest {
    fn lives(&self, pid: Pid) -> bool {
        let nodes = NODES.iter().filter_map(|name| self.sim.node(name));
        nodes.into_iter().any(|node| node.id() == pid.node && node.process_info(pid).is_some())
    }

    fn granted(&self, name: &'static str, pid: Pid, lease: &Lease) {
        let mut held = self.held.lock();
        let held = held.entry(name).or_default();
        assert!(held.greatest < Some(lease.token()), "{name}: token {} after {:?}", lease.token(), held.greatest);
        held.greatest = Some(lease.token());
        held.leases.push((pid, lease.clone()));
    }

    /// At every moment, in true time, at most one living process holds a name by its own clock.
    fn check(&self) {
        for (name, held) in &mut *self.held.lock() {
            held.leases.retain(|(pid, lease)| lease.is_held() && self.lives(*pid));
            assert!(held.leases.len() <= 1, "{name} has several holders: {:?}", held.leases);
        }
    }
}

#[rusm_sim::test(
    seeds = 52,
    sometimes = [
        "a lease has ended without a release", "a late holder was refused", "a holder was told that its name is lost",
        "a name was given back", "process: killed", "time: drift", "node: crash"
    ]
)]
fn unique_names_have_one_holder_at_a_time(test: &mut Test) {
    let sim = test.sim();
    let contest = Contest { sim: sim.clone(), held: Arc::default(), taken: Arc::default(), seen: Arc::default() };
    let (judge, taken, seen) = (contest.clone(), contest.taken.clone(), contest.seen.clone());
    test.cluster(&NODES, move |node| boot(node, contest.clone()));
    test.faults(FaultKind::survivable().chain([FaultKind::PowerCut]));
    test.script("outside", move |sim| async move {
        while !sim.healed() {
            judge.check();
            sim.sleep(Duration::from_millis(20)).await;
        }
        judge.check();
    });
    for (what, nodes) in [("a name is taken on each node", taken), ("each node hears who holds a name", seen)] {
        test.eventually(what, move || {
            let nodes = nodes.lock();
            let missing = NODES.iter().find(|name| !nodes.iter().any(|node| node == *name));
            missing.map_or(Ok(()), |name| Err(format!("not on {name}")))
        });
    }
}

async fn boot(node: Node, contest: Contest) {
    start_voter(&node).await;
    // Whoever a fault ends is started again.
    for number in 0..CONTENDERS {
        let contest = contest.clone();
        node.spawn(move |context| keep_contending(context, contest, number));
    }
    node.spawn(move |context| watcher(context, contest));
}

async fn keep_contending(context: Context, contest: Contest, number: u64) {
    context.trap_exit(true);
    loop {
        let contest = contest.clone();
        context.spawn_link(move |context| contender(context, contest, number));
        context.receive().await;
        context.sleep(Duration::from_millis(100)).await;
    }
}

async fn watcher(context: Context, contest: Contest) {
    context.trap_exit(true);
    loop {
        names().watch(&context, NAMES[0]);
        // Until what watches for it has ended.
        while let Message::Plain(payload) = context.receive().await {
            let changed: UniqueNameChanged = Payload::downcast(payload).expect("nobody else sends anything");
            if contest.sim.healed() && changed.owner.is_some() {
                contest.seen.lock().push(context.node().name().to_owned());
            }
        }
    }
}

async fn contender(context: Context, contest: Contest, number: u64) -> ExitReason {
    let sim = contest.sim.clone();
    let mut rng = sim.random(&format!("contender {number} {}", context.random()));
    context.trap_exit(true);
    let names = names().ttl(TTL);
    loop {
        context.sleep(Duration::from_millis(below(&mut rng, 1_000))).await;
        let name = NAMES[below(&mut rng, NAMES.len() as u64) as usize];
        let lease = match names.register(&context, name, Duration::from_secs(5)).await {
            Ok(lease) => lease,
            Err(UniqueNameError::Taken(..) | UniqueNameError::NoMajority | UniqueNameError::Call(_)) => continue,
            Err(error) => panic!("{error}"),
        };
        contest.granted(name, context.pid(), &lease);
        if sim.healed() {
            contest.taken.lock().push(context.node().name().to_owned());
        }
        // Whoever has lost it goes on for a while, as if it had not heard.
        let until = context.now() + Duration::from_millis(below(&mut rng, 5_000));
        let mut lost = false;
        while context.now() < until || (lost && below(&mut rng, 8) > 0) {
            contest.check();
            let pause = Duration::from_millis(below(&mut rng, 800));
            match context.receive_timeout(pause, |_| true).await {
                Some(Message::Exit { reason, .. }) if reason.word() == "unique_name_lost" => {
                    sim.sometimes("a holder was told that its name is lost");
                    // Else it is an earlier one, which was lost while it was given back.
                    lost |= reason.detail() == Some(name);
                }
                // A keeper that a fault has killed, or the parent.
                Some(Message::Exit { reason, .. }) if reason != ExitReason::NORMAL => return reason,
                _ => {}
            }
            if !lease.is_held() {
                sim.sometimes("a lease has ended without a release");
            }
            // It did not look, or what it sends is late: that is what the fence is for.
            let mut held = contest.held.lock();
            let held = held.entry(name).or_default();
            let admitted = held.fence.admit(lease.token());
            let is_last = held.greatest == Some(lease.token());
            assert!(admitted.is_ok() || !is_last, "the last holder was refused: {admitted:?}");
            if admitted.is_err() {
                sim.sometimes("a late holder was refused");
                assert!(!lease.is_held(), "whoever holds the name is refused: {admitted:?}");
            } else {
                let before = held.changed_by.replace(lease.token());
                assert!(before <= Some(lease.token()), "{name}: what {before:?} did is undone by {}", lease.token());
            }
        }
        // Whoever ends gives back what it holds; nobody holds for ever.
        if below(&mut rng, 3) == 0 {
            return ExitReason::NORMAL;
        }
        if !lost && lease.release(&context, Duration::from_secs(5)).await.is_ok() {
            sim.sometimes("a name was given back");
        }
    }
}
