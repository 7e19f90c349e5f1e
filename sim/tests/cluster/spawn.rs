//! Processes that are started on other nodes: each request has one answer, whatever happens to the links, and none that was to
//! be linked lives on without its parent.

use crate::world::{NAMES, World, below, faults, idle, millis};
use rusm_core::{
    ChildSpec, Context, Encoding, ExitReason, MailboxBound, Message, Monitored, Node, NodeId, Overflow, Payload, Pid,
    ProcessSpec, SpawnOptions, SpawnReply, Started, Strategy, Supervisor, SupervisorRef, SupervisorSpec, Term,
    process_body,
};
use rusm_sim::{SimHandle, Test};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

const EACH: u64 = 3;

#[rusm_sim::test(
    seeds = 60,
    sometimes = [
        "spawn ok", "spawn noconnection", "a child died with its parent's connection", "a request was given up",
        "a child is left", "network: hosts cut", "network: connection cut"
    ]
)]
fn every_spawn_on_another_node_has_one_answer_and_leaves_no_orphan(test: &mut Test) {
    faults(test);
    test.cluster(&NAMES, |_| async {});
    test.script("outside", scenario);
}

async fn scenario(sim: SimHandle) {
    let world = World::of(&sim);
    for node in &world.nodes {
        node.register_factory("child", Arc::new(|_: &Node, _: &ProcessSpec| Ok(process_body(idle))));
    }
    let nodes: Vec<NodeId> = world.nodes.iter().map(Node::id).collect();
    let parents: Vec<Pid> = (0..3 * EACH as usize)
        .map(|number| {
            let (sim, nodes) = (sim.clone(), nodes.clone());
            world.nodes[number % 3].spawn(move |context| parent(context, sim, nodes))
        })
        .collect();
    sim.sleep(Duration::from_secs(120)).await;
    world.rest().await;
    let children = |node: &Node| {
        let infos = node.processes().into_iter().filter_map(|pid| node.process_info(pid));
        infos.filter(|info| info.label == "child").collect::<Vec<_>>()
    };
    for child in world.nodes.iter().flat_map(children) {
        let parent = child.parent.expect("somebody asked for it");
        let info = world.node_of(parent).process_info(parent).expect("parents live");
        assert_eq!(child.links, [parent], "every child was to be linked");
        assert!(info.links.contains(&child.pid), "an orphan: {child:?}");
        sim.sometimes("a child is left");
    }
    for parent in &parents {
        let waits = world.node_of(*parent).call(*parent, Payload::local(()), Duration::from_secs(10)).await;
        assert_eq!(waits.expect("it lives").downcast::<usize>().ok(), Some(0), "a request without an answer");
        world.node_of(*parent).exit_signal(*parent, ExitReason::KILL);
    }
    sim.sleep(crate::world::SETTLE).await;
    for node in &world.nodes {
        assert_eq!(children(node).len(), 0, "who is linked dies with its parent");
    }
}

fn spec() -> ProcessSpec {
    ProcessSpec {
        kind: "child".to_owned(),
        target: "child".to_owned(),
        digest: None,
        args: Term::new(Encoding::Raw, vec![0; 100]),
        grants: None,
    }
}

async fn parent(context: Context, sim: SimHandle, nodes: Vec<NodeId>) {
    context.trap_exit(true);
    let mut rng = sim.random(&format!("parent {}", context.random()));
    let (mut waiting, mut alive) = (BTreeSet::new(), BTreeMap::new());
    for _ in 0..60 {
        let node = nodes[below(&mut rng, 3) as usize];
        let options = SpawnOptions { link: true, monitor: below(&mut rng, 2) == 0, ..SpawnOptions::default() };
        let request = context.spawn_request(node, spec(), options);
        waiting.insert(request);
        context.sleep(millis(&mut rng, 300)).await;
        if below(&mut rng, 6) == 0 && context.spawn_request_abandon(request) {
            waiting.remove(&request);
            sim.sometimes("a request was given up");
        }
        if below(&mut rng, 4) == 0
            && let Some(child) = alive.keys().next()
        {
            context.exit_signal(*child, ExitReason::KILL);
        }
        context.sleep(millis(&mut rng, 1_000)).await;
        while let Some(message) = context.try_receive(|_| true) {
            heard(&sim, &mut waiting, &mut alive, message);
        }
    }
    loop {
        match context.receive().await {
            Message::Call { from, .. } => context.reply(from, Payload::local(waiting.len())),
            message => heard(&sim, &mut waiting, &mut alive, message),
        }
    }
}

fn heard(
    sim: &SimHandle,
    waiting: &mut BTreeSet<rusm_core::Reference>,
    alive: &mut BTreeMap<Pid, rusm_core::Reference>,
    message: Message,
) {
    match message {
        Message::Plain(payload) => {
            let SpawnReply { request, outcome } = payload.downcast().expect("a spawn reply");
            assert!(waiting.remove(&request), "the second answer to one request: {outcome:?}");
            match outcome {
                Ok(child) => {
                    sim.sometimes("spawn ok");
                    assert!(alive.insert(child, request).is_none(), "two answers name one process");
                }
                Err(reason) => {
                    sim.sometimes(&format!("spawn {}", reason.word()));
                    assert_eq!(reason, ExitReason::NOCONNECTION, "nothing else goes wrong here");
                }
            }
        }
        Message::Exit { from, reason } => {
            assert!(alive.remove(&from).is_some(), "an exit before the answer, or twice: {reason}");
            if reason == ExitReason::NOCONNECTION {
                sim.sometimes("a child died with its parent's connection");
            }
        }
        // Monitored ones say it twice, in either order.
        Message::Down { .. } => {}
        other => panic!("{other:?}"),
    }
}

/// On any node, with or without a link and a monitor, and whether or not anybody waits for it until the end.
#[rusm_sim::test(seeds = 60, sometimes = ["a wait for a process ended before there was one", "a process was waited for"])]
fn a_process_is_tied_to_whoever_asked_for_it_as_was_asked(test: &mut Test) {
    test.cluster(&NAMES, |node| async move {
        node.register_factory("child", Arc::new(|_: &Node, _: &ProcessSpec| Ok(process_body(idle))));
    });
    test.script("outside", |sim| async move {
        let world = World::of(&sim).met().await;
        let nodes: Vec<Node> = world.nodes.to_vec();
        let asks = sim.clone();
        let asker = world.nodes[0].spawn(move |context| async move { ask(context, asks, nodes).await });
        assert_eq!(world.nodes[0].await_exit(asker).await, ExitReason::NORMAL);
    });
}

async fn ask(context: Context, sim: SimHandle, nodes: Vec<Node>) {
    context.trap_exit(true);
    let mut rng = sim.random("asker");
    for round in 0..12 {
        let node = &nodes[below(&mut rng, 3) as usize];
        let before = node.processes();
        let options = SpawnOptions { link: round % 2 == 0, monitor: round % 4 < 2, ..SpawnOptions::default() };
        let (link, monitor) = (options.link, options.monitor);
        let spawned = context.spawn_on(node.id(), spec(), options).await.expect("nothing goes wrong here");
        let known = || {
            let info = context.node().process_info(context.pid()).expect("it lives");
            (info.links, info.monitors)
        };
        let (links, monitors) = known();
        assert_eq!(links, link.then_some(spawned.pid).into_iter().collect::<Vec<_>>());
        assert_eq!(monitors, monitor.then_some(Monitored::Pid(spawned.pid)).into_iter().collect::<Vec<_>>());
        context.sleep(Duration::from_secs(1)).await;
        let info = node.process_info(spawned.pid).expect("it lives");
        let parent = link.then_some(context.pid());
        assert_eq!((info.links, info.monitored_by), (parent.into_iter().collect(), monitors.len()));
        context.exit_signal(spawned.pid, ExitReason::KILL);
        context.sleep(Duration::from_secs(1)).await;
        let heard = std::iter::from_fn(|| context.try_receive(|_| true)).count();
        assert_eq!(heard, usize::from(link) + usize::from(monitor), "an EXIT for a link, a DOWN for a monitor");

        let linked = SpawnOptions { link: true, ..SpawnOptions::default() };
        let patience = millis(&mut rng, 2);
        let waited = tokio::select! {
            biased;
            spawned = context.spawn_on(node.id(), spec(), linked) => Some(spawned.expect("nothing goes wrong here").pid),
            () = context.sleep(patience) => None,
        };
        context.sleep(Duration::from_secs(1)).await;
        sim.sometimes(if waited.is_some() {
            "a process was waited for"
        } else {
            "a wait for a process ended before there was one"
        });
        let more: Vec<Pid> = node.processes().into_iter().filter(|pid| !before.contains(pid)).collect();
        assert_eq!(more, waited.into_iter().collect::<Vec<_>>(), "nobody is left whom nobody waits for");
        assert_eq!(known().0, more);
        more.into_iter().for_each(|pid| context.exit_signal(pid, ExitReason::KILL));
        context.sleep(Duration::from_secs(1)).await;
        while context.try_receive(|_| true).is_some() {}
    }
}

/// A child on another node is a child: named and bound there as its spec says, started again when it has ended, and ended with its
/// supervisor.
#[rusm_sim::test(seeds = 60)]
fn a_supervisor_keeps_a_child_on_another_node(test: &mut Test) {
    test.cluster(&NAMES, |node| async move {
        node.register_factory("child", Arc::new(|_: &Node, _: &ProcessSpec| Ok(process_body(deaf))));
    });
    test.script("outside", supervise);
}

/// Reads nothing.
async fn deaf(context: Context) {
    context.init_ack();
    context.receive_match(|_| false).await;
}

async fn supervise(sim: SimHandle) {
    let world = World::of(&sim).met().await;
    let mut rng = sim.random("supervise");
    let [here, there, _] = world.nodes.clone();
    let bound = MailboxBound { messages: 4, overflow: Overflow::End };
    let child = ChildSpec::process_on("child", there.id(), spec()).name("the child").mailbox(bound);
    let spec = SupervisorSpec::new(Strategy::OneForOne).intensity(1_000, Duration::from_secs(1));
    let Started::Up(root) = Supervisor::start(&here, spec.child(child)).await else { panic!("it does not start") };
    for _ in 0..6 {
        let child = there.whereis("the child").expect("it runs");
        let info = there.process_info(child).expect("it lives");
        assert_eq!((info.links, info.parent), (vec![root], Some(root)));
        if below(&mut rng, 2) == 0 {
            there.exit_signal(child, ExitReason::KILL);
        } else {
            (0..5).for_each(|_| there.send(child, Payload::local(())).expect("a pid takes everything"));
        }
        sim.sleep(Duration::from_secs(5)).await;
        assert_ne!(there.whereis("the child"), Some(child), "it has ended");
    }
    SupervisorRef::from(root).stop(&here, ExitReason::SHUTDOWN).await.expect("it lives");
    sim.sleep(Duration::from_secs(5)).await;
    assert_eq!(there.whereis("the child"), None, "nobody outlives its supervisor");
}
