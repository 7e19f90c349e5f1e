//! What goes wrong between the nodes of a cluster, and what processes notice of it.

use crate::{SEEDS, ms, passes_and_is_counted, run_plan};
use rusm_core::{Context, Destination, Encoding, ExitReason, Message, Monitored, Node, NodeId, Term};
use rusm_sim::{FaultKind, Outcome, Report, SimHandle, Test};
use std::future::Future;
use std::time::Duration;

/// What happens between nodes `a` to `e` under a plan, for a few seeds: the script must return, and the kind must have been
/// counted. Without the fault the script must notice that there is none.
#[track_caller]
fn check<Fut>(kind: FaultKind, plan: &str, script: impl Fn(SimHandle) -> Fut + Clone + Send + Sync + 'static)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    check_counted(kind, plan, script.clone());
    let report = run(1, "heal 20s", script);
    assert!(matches!(report.outcome, Outcome::Broken { .. }), "without the fault: {}", report.outcome);
}

#[track_caller]
fn check_counted<Fut>(kind: FaultKind, plan: &str, script: impl Fn(SimHandle) -> Fut + Clone + Send + Sync + 'static)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    passes_and_is_counted(kind, |seed| run(seed, plan, script.clone()));
}

fn run<Fut>(seed: u64, plan: &str, script: impl Fn(SimHandle) -> Fut + Clone + Send + Sync + 'static) -> Report
where
    Fut: Future<Output = ()> + Send + 'static,
{
    run_plan("link faults", seed, plan, move |test: &mut Test| {
        test.cluster(&["a", "b", "c", "d", "e"], |node| async move {
            node.spawn(|context| async move { counter(context).await });
        });
        test.script("outside", script.clone());
    })
}

/// Counts messages under the name `counter`, and says at every call how many there were.
async fn counter(context: Context) {
    context.register("counter", context.pid()).expect("the name is free");
    let mut count: u64 = 0;
    loop {
        match context.receive().await {
            Message::Call { from, .. } => {
                context.reply(from, Term::new(Encoding::Raw, count.to_le_bytes().to_vec()));
            }
            _ => count += 1,
        }
    }
}

fn node(sim: &SimHandle, name: &str) -> Node {
    sim.node(name).expect("it is up")
}

fn counter_of(name: &str) -> Destination {
    Destination::NameAt { name: "counter".to_owned(), node: NodeId::of_name(name) }
}

/// How many messages the counter of the one has had, as the other hears it, and how long that took.
async fn ask(sim: &SimHandle, from: &str, of: &str) -> (Result<u64, String>, Duration) {
    let start = sim.now();
    let answer = node(sim, from).call(counter_of(of), Term::empty(), ms(60_000)).await;
    let count = answer.map_err(|error| error.to_string()).map(|answer| {
        let rusm_core::Payload::Term(term) = answer else { panic!("not a term") };
        u64::from_le_bytes(term.bytes.as_ref().try_into().expect("eight bytes"))
    });
    (count, sim.now().since(start))
}

/// How long a question and its answer take.
async fn trip(sim: &SimHandle, from: &str, of: &str) -> Duration {
    let (count, took) = ask(sim, from, of).await;
    assert!(count.is_ok(), "{from} asks {of}: {count:?}");
    took
}

/// The same for some that were asked before anything went wrong.
async fn trips(sim: &SimHandle, pairs: &[(&str, &str)]) -> Vec<Duration> {
    // Nodes that start do not reach each other yet.
    sim.sleep(ms(1_000)).await;
    for (from, of) in pairs {
        trip(sim, from, of).await;
    }
    sim.sleep(ms(3_000).saturating_sub(sim.now().since(Default::default()))).await;
    futures_util::future::join_all(pairs.iter().map(|(from, of)| trip(sim, from, of))).await
}

#[test]
fn a_cut_of_one_way_holds_up_the_answer_and_not_the_question() {
    check(FaultKind::Cut, "2s cut a b for 4s;heal 10s", |sim| async move {
        trip(&sim, "b", "a").await;
        sim.sleep(ms(3_000)).await;
        node(&sim, "b").send(counter_of("a"), Term::empty()).expect("a term");
        let asking = trip(&sim, "b", "a");
        sim.sleep(ms(1_000)).await;
        assert_eq!(ask(&sim, "c", "a").await.0, Ok(1), "the way there is cut too");
        assert!(asking.await > ms(1_500), "no way is cut");
    });
}

#[test]
fn who_is_on_neither_side_of_a_partition_is_a_bridge() {
    check(FaultKind::Partition, "2s partition a,d b for 4s;heal 10s", |sim| async move {
        let took = trips(&sim, &[("a", "b"), ("d", "b"), ("a", "d"), ("a", "c"), ("c", "b")]).await;
        assert!(took[0] > ms(2_000) && took[1] > ms(2_000), "nothing is cut: {took:?}");
        assert!(took[2..].iter().all(|took| *took < ms(1_000)), "too much is cut: {took:?}");
    });
}

#[test]
fn in_a_ring_each_reaches_its_neighbours() {
    check(FaultKind::Ring, "2s ring a,b,c,d,e for 4s;heal 10s", |sim| async move {
        let took = trips(&sim, &[("a", "c"), ("a", "d"), ("a", "b"), ("a", "e")]).await;
        assert!(took[0] > ms(2_000) && took[1] > ms(2_000), "nothing is cut: {took:?}");
        assert!(took[2..].iter().all(|took| *took < ms(1_000)), "too much is cut: {took:?}");
    });
}

#[test]
fn who_is_clogged_reaches_nobody() {
    check(FaultKind::Clog, "2s clog a for 4s;heal 10s", |sim| async move {
        let took = trips(&sim, &[("a", "b"), ("c", "a"), ("b", "c")]).await;
        assert!(took[0] > ms(2_000) && took[1] > ms(2_000), "nothing is cut: {took:?}");
        assert!(took[2] < ms(1_000), "too much is cut: {took:?}");
    });
}

#[test]
fn a_swizzle_clogs_one_after_the_other_and_lets_them_go_in_any_order() {
    let plan = "1s swizzle a,b,c for 6s;heal 10s";
    check(FaultKind::Swizzle, plan, |sim| async move {
        for of in ["a", "b", "c"] {
            trip(&sim, "d", of).await;
        }
        let started = sim.now();
        let first = trip(&sim, "d", "c").await;
        assert!(first < ms(500), "all were cut at once");
        // From the third second to the fourth all three are cut off.
        sim.sleep(ms(3_500).saturating_sub(sim.now().since(Default::default()))).await;
        let again = async |of| {
            let took = trip(&sim, "d", of).await;
            assert!(took > ms(50), "{of} is not cut off");
            sim.record("note", &format!("{of} is free again {:?} behind the start", sim.now().since(started)));
        };
        futures_util::join!(again("a"), again("b"), again("c"));
    });
}

/// Between whom the first connection is, that of `#0`.
async fn first_connection(sim: &SimHandle) -> (String, String) {
    sim.sleep(ms(1_000)).await;
    let first = sim.network().connections().swap_remove(0);
    (first.client, first.server)
}

#[test]
fn a_connection_that_is_cut_ends_the_association() {
    check(FaultKind::Reset, "2s reset #0;heal 3s", |sim| async move {
        let (one, other) = first_connection(&sim).await;
        assert_eq!(down(&sim, &one, &other).await, Some(ExitReason::NOCONNECTION));
        trip(&sim, &one, &other).await;
    });
}

/// Watches the counter of the one on the other, for a while.
async fn down(sim: &SimHandle, from: &str, of: &str) -> Option<ExitReason> {
    let of = Monitored::NameAt { name: "counter".to_owned(), node: NodeId::of_name(of) };
    let (tell, told) = tokio::sync::oneshot::channel();
    node(sim, from).spawn(move |context: Context| async move {
        context.monitor(of);
        let message = context.receive_timeout(ms(30_000), |_| true).await;
        let _ = tell.send(message.map(|message| match message {
            Message::Down { reason, .. } => reason,
            other => panic!("{other:?}"),
        }));
    });
    told.await.expect("it tells")
}

#[test]
fn a_slow_connection_slows_down_both_ways() {
    check(FaultKind::SlowConnection, "2s slow-connection #0 700ms for 4s;heal 10s", |sim| async move {
        let (one, other) = first_connection(&sim).await;
        let took = trips(&sim, &[(&one, &other)]).await;
        assert!(took[0] > ms(1_400), "{took:?}");
        sim.sleep(ms(5_000)).await;
        assert!(trip(&sim, &one, &other).await < ms(700), "it is slow still");
    });
}

#[test]
fn what_is_corrupt_below_the_encryption_is_sent_again() {
    check_counted(FaultKind::Corrupt, "2s corrupt #0;heal 3s", |sim| async move {
        let (one, other) = first_connection(&sim).await;
        sim.sleep(ms(1_000)).await;
        for _ in 0..10 {
            node(&sim, &one).send(counter_of(&other), Term::empty()).expect("a term");
        }
        sim.sleep(ms(1_000)).await;
        assert_eq!(ask(&sim, &one, &other).await.0, Ok(10));
    });
}

#[test]
fn who_refuses_connections_can_open_them() {
    check(FaultKind::Refuse, "500ms refuse e for 5s;heal 6s", |sim| async move {
        let of_e = || {
            let all = sim.network().connections();
            all.into_iter().filter(|connection| connection.client == "e" || connection.server == "e")
        };
        sim.sleep(ms(1_000)).await;
        for connection in of_e() {
            sim.network().reset(connection.id);
        }
        sim.sleep(ms(3_000)).await;
        let clients: Vec<String> = of_e().map(|connection| connection.client).collect();
        assert!(!clients.is_empty() && clients.iter().all(|client| client == "e"), "opened by {clients:?}");
    });
}

#[test]
fn what_is_lost_comes_later() {
    check(FaultKind::Loss, "2s loss 100% for 4s;heal 10s", |sim| async move {
        let took = trips(&sim, &[("a", "b"); 8]).await;
        assert!(took.iter().all(|took| *took >= ms(40)), "{took:?}");
    });
}

#[test]
fn a_delay_is_one_of_every_packet() {
    check(FaultKind::Delay, "2s delay 1s for 4s;heal 10s", |sim| async move {
        let took = trips(&sim, &[("a", "b"); 8]).await;
        assert!(took.iter().any(|took| *took > ms(500)), "{took:?}");
    });
}

#[test]
fn what_is_held_back_is_overtaken() {
    check(FaultKind::Reorder, "2s reorder 40% for 20s;heal 25s", |sim| async move {
        trip(&sim, "b", "a").await;
        sim.sleep(ms(2_000)).await;
        // Each from a process of its own, so that they share no lane.
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let sink = node(&sim, "a").spawn(move |context: Context| async move {
            loop {
                let message = context.receive().await;
                let Message::Plain(payload) = message else { panic!("{message:?}") };
                if tell.send(payload.as_term().expect("a term").bytes[0]).is_err() {
                    return;
                }
            }
        });
        let mut received = Vec::new();
        for number in 0..100 {
            node(&sim, "b").spawn(move |context: Context| async move {
                context.sleep(ms(60) * u32::from(number)).await;
                context.send(sink, Term::new(Encoding::Raw, vec![number])).expect("a term");
            });
        }
        sim.sleep(ms(8_000)).await;
        while let Ok(number) = told.try_recv() {
            received.push(number);
        }
        assert!(!received.is_sorted(), "nothing was overtaken");
        received.sort_unstable();
        assert_eq!(received, (0..100).collect::<Vec<u8>>());
    });
}

#[test]
fn what_arrives_twice_counts_once() {
    check_counted(FaultKind::Duplicate, "2s duplicate 100% for 4s;heal 10s", |sim| async move {
        trip(&sim, "b", "a").await;
        sim.sleep(ms(2_000)).await;
        for _ in 0..10 {
            node(&sim, "b").send(counter_of("a"), Term::empty()).expect("a term");
        }
        sim.sleep(ms(1_000)).await;
        assert_eq!(ask(&sim, "b", "a").await.0, Ok(10));
    });
}

/// It asks on and on, of others and by others.
async fn talk(sim: &SimHandle, until: Duration) {
    while sim.now().since(Default::default()) < until {
        for (from, of) in [("a", "b"), ("b", "a")] {
            let _ = node(sim, from).call(counter_of(of), Term::empty(), ms(500)).await;
            sim.sleep(ms(20)).await;
        }
    }
}

#[test]
fn a_liar_is_thrown_out_and_taken_back() {
    check(FaultKind::Lie, "2s lie a 40% for 10s;heal 15s", |sim| async move {
        trip(&sim, "b", "a").await;
        let watching = down(&sim, "b", "a");
        let (lost, ()) = futures_util::join!(watching, talk(&sim, ms(12_000)));
        assert_eq!(lost, Some(ExitReason::NOCONNECTION), "whoever breaks the protocol is heard no more");
        let reached = || sim.recorder().reached().contains_key("transport: a node broke the protocol");
        assert!(reached(), "nobody has noticed");
        trip(&sim, "b", "c").await;
        sim.sleep(ms(10_000)).await;
        ask(&sim, "b", "a").await.0.ok();
        trip(&sim, "b", "a").await;
    });
}

#[test]
fn who_stands_still_for_too_long_is_taken_for_lost() {
    check(FaultKind::Pause, "2s pause a for 12s;heal 15s", |sim| async move {
        trip(&sim, "b", "a").await;
        assert_eq!(down(&sim, "b", "a").await, Some(ExitReason::NOCONNECTION));
        sim.sleep(ms(15_000)).await;
        trip(&sim, "b", "a").await;
    });
}

#[test]
fn after_the_heal_nothing_is_wrong_any_more() {
    let plan = "1s cut a b\n1s clog c\n1s loss 100%\n1s delay 5s\n1s reorder 100%\n1s refuse d\n1s slow-connection #0 5s\n1s lie e 40%\nheal 4s";
    for seed in 1..=SEEDS {
        let report = run(seed, plan, |sim| async move {
            trip(&sim, "a", "b").await;
            while !sim.healed() {
                sim.sleep(ms(100)).await;
            }
            sim.sleep(ms(10_000)).await;
            for from in ["a", "b", "c", "d", "e"] {
                for of in ["a", "b", "c", "d", "e"] {
                    // The first may have to make an association.
                    ask(&sim, from, of).await.0.ok();
                    assert!(trip(&sim, from, of).await < ms(100), "{from} to {of}");
                }
            }
        });
        assert_eq!(report.outcome, Outcome::Passed, "seed {seed}");
        assert!(report.counts.contains_key(FaultKind::Delay.name()), "{:?}", report.counts);
    }
}
