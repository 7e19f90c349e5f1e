//! What a run's log says of signals, and which branches it calls rare: timelines are drawn of the one, and suites measured
//! by the other.

use crate::support::{clear, idle};
use rusm_core::{
    AliasMode, Context, Destination, ExitReason, Mark, Message, Node, Payload, SpawnOptions, TraceEvent, process_body,
};
use rusm_sim::check::always;
use rusm_sim::suite::Suite;
use rusm_sim::{Case, SeenEvent, SimHandle, Test};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Each kind of signal that processes of one node have.
const KINDS: [&str; 14] = [
    "alias_message",
    "alive",
    "alive_reply",
    "call",
    "demonitor",
    "down",
    "exit",
    "link",
    "message",
    "monitor",
    "reply",
    "started",
    "unlink",
    "unlink_ack",
];

#[rusm_sim::test(seeds = 20)]
fn each_signal_has_its_name_in_the_log(test: &mut Test) {
    let seen: Arc<Mutex<BTreeSet<&str>>> = Arc::default();
    let names = seen.clone();
    test.watch(always("signals have names", move |seen| {
        if let SeenEvent::Node(TraceEvent::Sent { kind, .. } | TraceEvent::Handled { kind, .. }) = seen.event {
            names.lock().expect("nobody panics with it").insert(kind);
        }
        Ok(())
    }));
    test.script("outside", all_kinds);
    test.finally("each kind was seen", move || {
        let seen = seen.lock().expect("nobody panics with it");
        if seen.iter().eq(&KINDS) { Ok(()) } else { Err(format!("the log has {seen:?}")) }
    });
}

async fn all_kinds(sim: SimHandle) {
    let node = Node::start(sim.node_options("a"));
    node.spawn(|context: Context| async move {
        let other = context.spawn(|context| async move {
            while let Message::Call { from, payload } = context.receive().await {
                context.reply(from, payload);
            }
        });
        context.call(other, Payload::local(()), Duration::from_secs(1)).await.expect("it answers");
        context.link(other);
        context.unlink(other);
        context.demonitor(context.monitor(other));
        context.monitor(other);
        assert!(context.is_alive(other).await);
        let own = context.alias();
        context.spawn(move |context: Context| async move {
            context.send(Destination::Alias(own), Payload::local(())).expect("an alias takes everything");
        });
        context.receive().await;
        context.exit_signal(other, ExitReason::NORMAL);
        context.send(other, Payload::local(())).expect("a pid takes everything");
        context.receive().await;
        let starts = process_body(|context: Context| async move { context.init_ack() });
        context.start(SpawnOptions::default(), starts).await;
    });
    sim.sleep(Duration::from_secs(10)).await;
    assert_eq!(node.process_count(), 0);
}

/// An exit with nothing behind it, a monitor and a link that are answered, an alias that takes one message.
async fn nothing_rare(sim: SimHandle) {
    let node = Node::start(sim.node_options("a"));
    let done = Arc::new(Mutex::new(false));
    let is_done = done.clone();
    node.spawn(|context: Context| async move {
        context.trap_exit(true);
        for word in ["boom", "kill"] {
            let other = context.spawn_link(idle);
            let request = context.monitor_alias(other, AliasMode::Demonitor);
            context.sleep(Duration::from_secs(1)).await;
            context.exit_signal(other, ExitReason::new(word));
            for _ in 0..2 {
                let end = context.receive().await;
                assert!(matches!(end, Message::Exit { .. } | Message::Down { .. }), "{end:?}");
            }
            assert!(!context.demonitor_flush(request), "it has fired");
            context.sleep(Duration::from_secs(1)).await;
        }
        *done.lock().expect("nobody panics with it") = true;
    });
    sim.sleep(Duration::from_secs(30)).await;
    assert!(*is_done.lock().expect("nobody panics with it"), "it still waits");
    clear(&sim, &node).await;
}

/// The other way round is what the soup is for.
#[test]
fn a_run_in_which_nothing_rare_happens_reaches_no_mark() {
    let suite = Suite::new("nothing rare", |test: &mut Test| test.script("outside", nothing_rare));
    for seed in 1..=30 {
        let report = suite.run(&Case::of_seed(seed));
        assert!(matches!(report.outcome, rusm_sim::Outcome::Passed), "seed {seed}: {}", report.outcome);
        let reached: Vec<&&str> = Mark::NAMES.iter().filter(|mark| report.reached.contains_key(**mark)).collect();
        assert_eq!(reached, [] as [&&str; 0], "seed {seed}");
    }
}

/// The slot of an alias of an earlier life is somebody else's now: nobody hears of what is sent through it.
#[rusm_sim::test(seeds = 20)]
fn an_alias_of_an_earlier_life_of_its_node_leads_nowhere(test: &mut Test) {
    test.watch(always("an alias of an earlier life leads nowhere", |seen| match seen.event {
        SeenEvent::Node(TraceEvent::Sent { to, kind: "alias_message", .. }) => Err(format!("{to} gets what is sent")),
        _ => Ok(()),
    }));
    test.script("outside", |sim| async move {
        let first = Node::start(sim.node_options("a"));
        let alias = Arc::new(Mutex::new(None));
        let kept = alias.clone();
        first.spawn(move |context: Context| async move {
            *kept.lock().expect("nobody panics with it") = Some(context.alias());
            idle(context).await;
        });
        sim.sleep(Duration::from_secs(1)).await;
        let alias = alias.lock().expect("nobody panics with it").expect("it has run");
        sim.crash("a");
        let second = Node::start(sim.node_options("a"));
        let heir = second.spawn(idle);
        assert_eq!(heir.index, alias.index, "it lives where the owner of the alias did");
        second.send(Destination::Alias(alias), Payload::local(())).expect("an alias takes everything");
        sim.sleep(Duration::from_secs(1)).await;
        assert_eq!(second.process_info(heir).map(|info| info.mailbox_len), Some(0));
        clear(&sim, &second).await;
    });
}
