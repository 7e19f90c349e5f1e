//! What a node may say to another: for its own processes, to those of the other, and nothing that is longer than a message.

use crate::world::{NAMES, idle};
use parking_lot::Mutex;
use rusm_core::seam::{Lanes, Pressure};
use rusm_core::{
    AliasMode, Association, Context, Encoding, ExitReason, Foreign, Message, Node, Payload, Pid, ProcessSpec,
    Reference, RemoteKind, RemoteSignal, RemoteTarget, SpawnOptions, SpawnOutcome, SpawnRequest, Started, Term,
};
use rusm_sim::SimHandle;
use rusm_transport::cluster::ClusterOptions;
use rusm_transport::proto::Config;
use std::sync::Arc;
use std::time::Duration;

/// More than anything takes here.
const SOON: Duration = Duration::from_secs(1);

/// An association whose other end is the test.
#[derive(Default)]
struct Heard {
    number: u64,
    signals: Mutex<Vec<RemoteSignal>>,
}

impl Lanes for Heard {
    fn number(&self) -> u64 {
        self.number
    }

    fn send(&self, signal: RemoteSignal) -> Pressure {
        self.signals.lock().push(signal);
        Pressure::None
    }

    fn holds(&self, _: Pid) -> bool {
        false
    }
}

fn associate(node: &Node, peer: &Node, number: u64) -> (Association, Arc<Heard>) {
    let heard = Arc::new(Heard { number, ..Heard::default() });
    (node.associate(peer.id(), heard.clone()), heard)
}

/// One that a process has made.
fn reference_of(pid: Pid) -> Reference {
    Reference { serial: 1, index: pid.index, node: pid.node, incarnation: pid.incarnation, random: 1 }
}

fn spec(kind: usize, target: usize, args: usize, grants: usize) -> ProcessSpec {
    let term = |len| Term::new(Encoding::Raw, vec![0; len]);
    ProcessSpec {
        kind: "k".repeat(kind),
        target: "t".repeat(target),
        digest: None,
        args: term(args),
        grants: Some(term(grants)),
    }
}

/// Everything that carries a reference of whoever sends it.
fn with_a_reference(of: Reference) -> Vec<RemoteKind> {
    let (link, monitor, init) = (false, false, false);
    let asked = SpawnRequest { request: of, spec: spec(1, 1, 1, 1), link, monitor, init, name: None, mailbox: None };
    vec![
        RemoteKind::Call { reference: of, request: Term::empty() },
        RemoteKind::Monitor { monitor: of },
        RemoteKind::Demonitor { monitor: of },
        RemoteKind::Alive { request: of },
        RemoteKind::Spawn(Box::new(asked)),
        RemoteKind::Timeout { timer: of, message: Term::empty() },
    ]
}

#[rusm_sim::test(seeds = 4)]
async fn a_node_speaks_for_its_own_processes_and_to_those_of_the_other(sim: SimHandle) {
    let [node, peer, third] = NAMES.map(|name| Node::start(sim.node_options(name)));
    let [here, there, elsewhere] = [&node, &peer, &third].map(|node| node.spawn(idle));
    let (association, heard) = associate(&node, &peer, 1);
    let say =
        |from: Pid, to: RemoteTarget, kind: RemoteKind| association.receive(&node, RemoteSignal { from, to, kind });
    let message = || RemoteKind::Message(Term::empty());
    for kind in with_a_reference(reference_of(there)) {
        assert_eq!(say(there, RemoteTarget::Pid(here), kind), Ok(()));
    }
    for stranger in [elsewhere, here] {
        assert_eq!(say(stranger, RemoteTarget::Pid(here), message()), Err(Foreign::Sender));
        for kind in with_a_reference(reference_of(stranger)) {
            assert_eq!(say(there, RemoteTarget::Pid(here), kind), Err(Foreign::Sender));
        }
    }
    for stranger in [elsewhere, there] {
        assert_eq!(say(there, RemoteTarget::Pid(stranger), message()), Err(Foreign::Receiver));
        assert_eq!(say(there, RemoteTarget::Alias(reference_of(stranger)), message()), Err(Foreign::Receiver));
    }
    sim.sleep(SOON).await;
    let answers = heard.signals.lock();
    let names: Vec<&str> = answers.iter().map(|signal| signal.kind.name()).collect();
    assert_eq!(names, ["spawn_reply", "alive_reply"], "what was refused is answered by nothing");
}

#[rusm_sim::test(seeds = 4)]
async fn a_later_association_with_a_node_ends_the_one_before_and_an_earlier_one_nothing(sim: SimHandle) {
    let [node, peer, _] = NAMES.map(|name| Node::start(sim.node_options(name)));
    let (here, there) = (node.spawn(idle), peer.spawn(idle));
    let monitor = |association: &Association, serial| {
        let monitor = Reference { serial, ..reference_of(there) };
        let signal = RemoteSignal { from: there, to: RemoteTarget::Pid(here), kind: RemoteKind::Monitor { monitor } };
        assert_eq!(association.receive(&node, signal), Ok(()));
    };
    let (first, _) = associate(&node, &peer, 3);
    monitor(&first, 1);
    monitor(&first, 2);
    assert_eq!(first.relations(), 2);
    let (second, heard) = associate(&node, &peer, 5);
    assert_eq!((second.number(), first.relations()), (5, 0));
    monitor(&second, 3);
    let (earlier, _) = associate(&node, &peer, 4);
    monitor(&earlier, 4);
    assert_eq!((second.relations(), earlier.relations()), (1, 0));
    node.exit_signal(here, ExitReason::KILL);
    sim.sleep(SOON).await;
    let heard: Vec<_> = heard.signals.lock().iter().map(|signal| signal.kind.clone()).collect();
    let (monitor, reason) = (Reference { serial: 3, ..reference_of(there) }, ExitReason::KILLED);
    assert_eq!(heard, [RemoteKind::Down { monitor, reason }], "the monitors of the others are gone");
}

#[rusm_sim::test(seeds = 2)]
async fn a_spec_may_be_as_long_as_a_message(sim: SimHandle) {
    let nodes: Vec<Node> = ["a", "b"].map(|name| Node::start(sim.node_options(name))).into();
    for node in &nodes {
        let config = Config { signal_len_max: 64 << 10, ..Config::default() };
        let nodes = vec!["a".to_owned(), "b".to_owned()];
        sim.join(node, ClusterOptions { nodes, config, ..ClusterOptions::default() });
    }
    sim.until_joined(&nodes).await;
    let (there, to) = (nodes[1].id(), nodes[1].spawn(idle));
    let (tell, told) = tokio::sync::oneshot::channel();
    nodes[0].spawn(move |context: Context| async move {
        let lens: Vec<usize> = (1..64 << 10).collect();
        let max = lens.partition_point(|len| context.send(to, Term::new(Encoding::Raw, vec![0; *len])).is_ok());
        // The rest of a signal is what says who sends what to whom.
        assert_eq!(max, (64 << 10) - 1024);
        let ask = async |kind, target, args, grants| {
            let options = SpawnOptions { name: Some("sixsix".to_owned()), ..SpawnOptions::default() };
            let answer = context.spawn_on(there, spec(kind, target, args, grants), options).await;
            answer.map(|_| ()).map_err(|reason| reason.word().to_owned())
        };
        let rest = max - 3 - 4 - 5 - 6;
        for [kind, target, args, grants] in [[3, 4, rest, 5], [3, 4, 5, rest], [rest - 5 + 3, 4, 5, 5]] {
            assert_eq!(ask(kind, target, args, grants).await, Err("undef".to_owned()), "nobody there makes it");
            assert_eq!(ask(kind, target, args + 1, grants).await, Err("badarg".to_owned()), "too long");
        }
        tell.send(()).expect("it is waited for");
    });
    told.await.expect("it has asked all");
}

#[rusm_sim::test(seeds = 4)]
async fn an_association_counts_what_crosses_it(sim: SimHandle) {
    let [node, peer, _] = NAMES.map(|name| Node::start(sim.node_options(name)));
    let (association, _) = associate(&node, &peer, 1);
    let (there, peer) = (peer.spawn(idle), peer.id());
    let here = node.spawn(move |context: Context| async move {
        for _ in 0..2 {
            context.monitor(there);
        }
        for _ in 0..4 {
            context.spawn(move |context: Context| async move {
                context.is_alive(there).await;
            });
        }
        for _ in 0..5 {
            context.spawn_request(peer, spec(1, 1, 1, 1), SpawnOptions::default());
        }
        idle(context).await;
    });
    let hear = |kind: RemoteKind| {
        let signal = RemoteSignal { from: there, to: RemoteTarget::Pid(here), kind };
        assert_eq!(association.receive(&node, signal), Ok(()));
    };
    hear(RemoteKind::Link);
    for serial in 0..3 {
        hear(RemoteKind::Monitor { monitor: Reference { serial, ..reference_of(there) } });
    }
    sim.sleep(SOON).await;
    assert_eq!(association.relations(), 1 + 2 + 3 + 4 + 5);
    hear(RemoteKind::Unlink { id: 1 });
    assert_eq!(association.relations(), 2 + 3 + 4 + 5, "nothing is kept of what was undone");
}

/// What a process of the node asks the other one to start, and what becomes of it.
struct Asked {
    sim: SimHandle,
    node: Node,
    there: Pid,
    association: Association,
    heard: Arc<Heard>,
    asker: Pid,
    started: Arc<Mutex<Vec<Started>>>,
    request: Reference,
}

impl Asked {
    /// Has a process ask, and wait until the new one is up; it traps no exits.
    async fn new(sim: &SimHandle, tied: bool, patient: bool) -> Self {
        let [node, peer, _] = NAMES.map(|name| Node::start(sim.node_options(name)));
        let (association, heard) = associate(&node, &peer, 1);
        let there = peer.spawn(idle);
        let started = Arc::new(Mutex::new(Vec::new()));
        let tell = started.clone();
        let asker = node.spawn(move |context: Context| async move {
            let options = SpawnOptions { link: tied, monitor: tied, ..SpawnOptions::default() };
            if !patient {
                let request = context.spawn_request(there.node, spec(1, 1, 1, 1), options);
                assert!(context.spawn_request_abandon(request));
                return idle(context).await;
            }
            let (up, _) = context.start_on(there.node, spec(1, 1, 1, 1), options).await;
            tell.lock().push(up);
            idle(context).await;
        });
        sim.sleep(SOON).await;
        let request = match heard.signals.lock().as_slice() {
            [RemoteSignal { kind: RemoteKind::Spawn(asked), .. }] => asked.request,
            other => panic!("it has not asked: {other:?}"),
        };
        heard.signals.lock().clear();
        Self { sim: sim.clone(), node, there, association, heard, asker, started, request }
    }

    /// A process there answers.
    async fn answer(&self, from: Pid, outcome: SpawnOutcome) {
        let kind = RemoteKind::SpawnReply { request: self.request, outcome };
        let signal = RemoteSignal { from, to: RemoteTarget::Pid(self.asker), kind };
        assert_eq!(self.association.receive(&self.node, signal), Ok(()));
        self.sim.sleep(SOON).await;
    }

    fn heard(&self) -> Vec<RemoteKind> {
        self.heard.signals.lock().drain(..).map(|signal| signal.kind).collect()
    }
}

#[rusm_sim::test(seeds = 4)]
async fn only_the_process_that_was_started_says_that_it_is_up(sim: SimHandle) {
    let asked = Asked::new(&sim, false, true).await;
    asked.answer(asked.there, SpawnOutcome::Spawned).await;
    assert_eq!(asked.association.relations(), 1, "neither linked nor monitored, and not up yet");
    let other = Pid { index: asked.there.index + 1, ..asked.there };
    asked.answer(other, SpawnOutcome::Up).await;
    assert_eq!(*asked.started.lock(), []);
    asked.answer(asked.there, SpawnOutcome::Up).await;
    assert_eq!(*asked.started.lock(), [Started::Up(asked.there)]);
    assert_eq!((asked.association.relations(), asked.heard()), (0, vec![]));
}

#[rusm_sim::test(seeds = 4)]
async fn a_start_that_failed_leaves_nothing(sim: SimHandle) {
    let asked = Asked::new(&sim, true, true).await;
    asked.answer(asked.there, SpawnOutcome::Failed(ExitReason::new("no room"))).await;
    assert_eq!(*asked.started.lock(), [Started::Failed(ExitReason::new("no room"))]);
    assert_eq!((asked.association.relations(), asked.heard()), (0, vec![]));
}

#[rusm_sim::test(seeds = 4)]
async fn a_process_that_nobody_waits_for_is_told_so_when_it_was_to_be_tied(sim: SimHandle) {
    for (tied, outcome) in [(true, SpawnOutcome::Spawned), (true, failed()), (false, SpawnOutcome::Spawned)] {
        let asked = Asked::new(&sim, tied, false).await;
        let is_there = outcome == SpawnOutcome::Spawned;
        asked.answer(asked.there, outcome).await;
        let (monitor, reason) = (asked.request, ExitReason::new("abandoned"));
        let told = [RemoteKind::Demonitor { monitor }, RemoteKind::Exit { reason, linked: true }];
        assert_eq!(asked.heard(), if tied && is_there { told.to_vec() } else { vec![] });
        assert_eq!(asked.association.relations(), 0);
    }
}

fn failed() -> SpawnOutcome {
    SpawnOutcome::Failed(ExitReason::new("no room"))
}

#[rusm_sim::test(seeds = 4)]
async fn a_process_whose_parent_has_ended_meanwhile_hears_why(sim: SimHandle) {
    let asked = Asked::new(&sim, true, true).await;
    asked.node.exit_signal(asked.asker, ExitReason::new("boom"));
    sim.sleep(SOON).await;
    asked.answer(asked.there, SpawnOutcome::Spawned).await;
    let told = asked.heard();
    let exit = RemoteKind::Exit { reason: ExitReason::new("boom"), linked: true };
    assert!(told.contains(&exit), "{told:?}");
}

#[rusm_sim::test(seeds = 4)]
async fn an_alias_for_one_reply_takes_one_and_what_is_no_term_is_no_reply(sim: SimHandle) {
    let [node, peer, _] = NAMES.map(|name| Node::start(sim.node_options(name)));
    let (association, heard) = associate(&node, &peer, 1);
    let there = peer.spawn(idle);
    let (tell, told) = tokio::sync::oneshot::channel();
    let counted = Arc::new(Mutex::new(0));
    let counts = counted.clone();
    let here = node.spawn(move |context: Context| async move {
        let watched = context.spawn(idle);
        let aliases = [0, 1].map(|_| context.monitor_alias(watched, AliasMode::Reply));
        tell.send(aliases).expect("it is waited for");
        for _ in 0..4 {
            match context.receive().await {
                Message::Call { from, .. } => context.reply(from, Payload::local("no term")),
                _ => *counts.lock() += 1,
            }
        }
    });
    let [of_message, of_timer] = told.await.expect("it is told");
    let hear = |to: RemoteTarget, kind: RemoteKind| {
        assert_eq!(association.receive(&node, RemoteSignal { from: there, to, kind }), Ok(()));
    };
    let reference = reference_of(there);
    for _ in 0..2 {
        hear(RemoteTarget::Alias(of_message), RemoteKind::Message(Term::empty()));
        hear(RemoteTarget::Alias(of_timer), RemoteKind::Timeout { timer: reference, message: Term::empty() });
    }
    hear(RemoteTarget::Pid(here), RemoteKind::Call { reference, request: Term::empty() });
    sim.sleep(SOON).await;
    assert_eq!(*counted.lock(), 2);
    let answers: Vec<RemoteKind> = heard.signals.lock().iter().map(|signal| signal.kind.clone()).collect();
    assert!(
        matches!(answers.as_slice(), [RemoteKind::Down { monitor, reason }] if *monitor == reference && reason.word() == "badarg"),
        "{answers:?}"
    );
}
