//! What goes wrong on hosts and between a client and a server.

use crate::{SEEDS, ms, passes_and_is_counted, run_plan};
use rusm_core::seam::{ByteStream, StorageFile};
use rusm_core::{Context, ExitReason, Message, Node, Term};
use rusm_sim::suite::Suite;
use rusm_sim::{Case, FaultKind, Outcome, Report, SimHandle, Test};
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What happens on two nodes, `a` and `b`, under a plan, for a few seeds: the script must return, and the kind must
/// have been counted.
#[track_caller]
fn check<Fut>(kind: FaultKind, plan: &str, script: impl Fn(SimHandle) -> Fut + Clone + Send + Sync + 'static)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    passes_and_is_counted(kind, |seed| run(seed, plan, script.clone()));
    // Without the fault the script must notice that there is none, or it looks at nothing.
    let report = run(1, "heal 20s", script);
    assert!(
        matches!(report.outcome, Outcome::Broken { .. } | Outcome::Stalled(_)),
        "without the fault: {}",
        report.outcome
    );
}

fn run<Fut>(seed: u64, plan: &str, script: impl Fn(SimHandle) -> Fut + Clone + Send + Sync + 'static) -> Report
where
    Fut: Future<Output = ()> + Send + 'static,
{
    run_plan("faults", seed, plan, move |test: &mut Test| {
        test.node("a", |node| async move {
            node.spawn(|context| async move { beat(context).await });
        });
        test.node("b", |_| async {});
        test.script("client", script.clone());
    })
}

/// A process that counts up every millisecond, under the name `beat`, and answers every call.
async fn beat(context: Context) -> ExitReason {
    context.register("beat", context.pid()).expect("the name is free");
    context.trap_exit(true);
    let mut count: u64 = 0;
    loop {
        match context.receive_timeout(ms(1), |_| true).await {
            None => count += 1,
            Some(Message::Call { from, .. }) => {
                context.reply(from, Term::new(rusm_core::Encoding::Raw, count.to_le_bytes().to_vec()));
            }
            Some(Message::Exit { reason, .. }) => return reason,
            Some(_) => {}
        }
    }
}

/// The count, of a process that can die.
async fn count(node: &Node) -> Option<u64> {
    let answer = node.call(node.whereis("beat")?, Term::empty(), Duration::from_secs(60)).await.ok()?;
    let rusm_core::Payload::Term(term) = answer else { panic!("not a term") };
    Some(u64::from_le_bytes(term.bytes.as_ref().try_into().expect("eight bytes")))
}

fn a(sim: &SimHandle) -> Node {
    sim.node("a").expect("a is up")
}

/// A connection from the client's host to `a`, both ends.
async fn connection(sim: &SimHandle) -> (Box<dyn ByteStream>, Box<dyn ByteStream>) {
    let listener = sim.seams("a").sockets.listen("0.0.0.0:80".parse().expect("an address")).await.expect("a free port");
    let address = (sim.network().address("a").expect("a host"), 80).into();
    let (client, server) = futures_util::join!(sim.seams("client").sockets.connect(address), listener.accept());
    (client.expect("a connection"), server.expect("a connection").0)
}

/// How long one byte takes from one end to the other.
async fn trip(sim: &SimHandle, from: &mut Box<dyn ByteStream>, to: &mut Box<dyn ByteStream>) -> io::Result<Duration> {
    let start = sim.now();
    from.write_all(b"x").await?;
    to.read_u8().await?;
    Ok(sim.now().since(start))
}

fn file(sim: &SimHandle) -> Box<dyn StorageFile> {
    sim.seams("a").storage.open("data").expect("opening is not faulty")
}

#[test]
fn kill() {
    check(FaultKind::Kill, "100ms kill a #0;heal 1s", |sim| async move {
        let beat = a(&sim).whereis("beat").expect("it beats");
        assert_eq!(a(&sim).await_exit(beat).await, ExitReason::KILLED);
    });
}

#[test]
fn exit() {
    check(FaultKind::Exit, "100ms exit a #0;heal 1s", |sim| async move {
        let beat = a(&sim).whereis("beat").expect("it beats");
        assert_eq!(a(&sim).await_exit(beat).await.word(), "injected");
    });
}

/// A process whose parent lives, of which faults choose first, that says how long each message is.
fn reader(sim: &SimHandle) -> tokio::sync::mpsc::UnboundedReceiver<usize> {
    let (says, said) = tokio::sync::mpsc::unbounded_channel();
    a(sim).spawn(|context| async move {
        context.spawn(move |context| async move {
            while let Message::Plain(payload) = context.receive().await {
                let _ = says.send(payload.as_term().map_or(0, |term| term.bytes.len()));
            }
        });
        context.receive().await;
    });
    said
}

#[test]
fn giant_message() {
    check(FaultKind::GiantMessage, "500ms giant a #0 16777216B;heal 5s", |sim| async move {
        let mut said = reader(&sim);
        let said = futures_util::future::select(Box::pin(said.recv()), Box::pin(sim.sleep(ms(2_000)))).await;
        let futures_util::future::Either::Left((len, _)) = said else { panic!("nothing came") };
        assert_eq!(len, Some(16 << 20));
    });
}

#[test]
fn starve() {
    check(FaultKind::Starve, "100ms starve a #0 for 2s;heal 5s", |sim| async move {
        sim.sleep(ms(50)).await;
        let start = sim.now();
        let before = count(&a(&sim)).await.expect("it beats");
        sim.sleep(ms(1_000)).await;
        let after = count(&a(&sim)).await.expect("it beats");
        assert!(sim.now().since(start) > ms(1_900), "the answer was not late");
        // Its timer may have been waited for when it was starved.
        assert!(after - before < 200, "it ran {} times", after - before);
    });
}

#[test]
fn slow_signals() {
    check(FaultKind::SlowSignals, "100ms slow-signals a 500ms for 3s;heal 5s", |sim| async move {
        sim.sleep(ms(200)).await;
        let start = sim.now();
        for _ in 0..8 {
            count(&a(&sim)).await.expect("it beats");
        }
        assert!(sim.now().since(start) > ms(500), "signals are fast");
    });
}

#[test]
fn reset() {
    check(FaultKind::Reset, "500ms reset #0;heal 1s", |sim| async move {
        let (mut client, _server) = connection(&sim).await;
        let read = futures_util::future::select(Box::pin(client.read_u8()), Box::pin(sim.sleep(ms(5_000)))).await;
        let futures_util::future::Either::Left((read, _)) = read else { panic!("nothing happened") };
        assert_eq!(read.expect_err("a reset").kind(), io::ErrorKind::ConnectionReset);
    });
}

#[test]
fn slow_connection() {
    check(FaultKind::SlowConnection, "500ms slow-connection #0 700ms for 2s;heal 5s", |sim| async move {
        let (mut client, mut server) = connection(&sim).await;
        sim.sleep(ms(1_000)).await;
        assert!(trip(&sim, &mut client, &mut server).await.expect("it is open") > ms(700));
        sim.sleep(ms(4_000)).await;
        assert!(trip(&sim, &mut client, &mut server).await.expect("it is open") < ms(700), "it is slow still");
    });
}

#[test]
fn corrupt() {
    check(FaultKind::Corrupt, "500ms corrupt #0;heal 1s", |sim| async move {
        let (mut client, mut server) = connection(&sim).await;
        sim.sleep(ms(600)).await;
        let mut wrong_bits = 0;
        for _ in 0..10 {
            client.write_u8(0).await.expect("it is open");
            wrong_bits += server.read_u8().await.expect("it is open").count_ones();
        }
        assert_eq!(wrong_bits, 1);
    });
}

#[test]
fn refuse() {
    check(FaultKind::Refuse, "100ms refuse a for 1s;heal 5s", |sim| async move {
        let address = "0.0.0.0:80".parse().expect("an address");
        let _listener = sim.seams("a").sockets.listen(address).await.expect("a free port");
        let address = (sim.network().address("a").expect("a host"), 80).into();
        sim.sleep(ms(200)).await;
        let refused = sim.seams("client").sockets.connect(address).await.err().expect("it is refused");
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        sim.sleep(ms(1_000)).await;
        sim.seams("client").sockets.connect(address).await.expect("it accepts again");
    });
}

/// The plan cuts what the client sends to `a` until three seconds have passed, and not what `a` sends.
async fn client_is_cut(sim: SimHandle) {
    let (mut client, mut server) = connection(&sim).await;
    sim.sleep(ms(1_000)).await;
    let there = trip(&sim, &mut client, &mut server).await.expect("it is open");
    assert!(there > ms(1_500), "it arrived after {there:?}");
    let back = trip(&sim, &mut server, &mut client).await.expect("it is open");
    assert!(back < ms(1_500), "it is cut still");
}

#[test]
fn cut_one_way() {
    check(FaultKind::Cut, "500ms cut client a for 2500ms;heal 5s", |sim| async move {
        let (mut client, mut server) = connection(&sim).await;
        sim.sleep(ms(1_000)).await;
        assert!(trip(&sim, &mut server, &mut client).await.expect("it is open") < ms(1_500), "both ways are cut");
        assert!(trip(&sim, &mut client, &mut server).await.expect("it is open") > ms(500), "no way is cut");
    });
}

#[test]
fn partition() {
    check(FaultKind::Partition, "500ms partition client,b a for 2500ms;heal 5s", client_is_cut);
}

#[test]
fn two_cuts_of_one_way_end_with_the_second() {
    let plan = "500ms cut client a for 1s;600ms partition client a for 2400ms;heal 5s";
    check(FaultKind::Partition, plan, client_is_cut);
}

#[test]
fn ring() {
    // Of five hosts, the client is next to `b` and `e` only.
    let plan = "500ms ring client,b,a,d,e for 2500ms;heal 5s";
    let script = |sim: SimHandle| async move {
        sim.seams("d");
        sim.seams("e");
        client_is_cut(sim).await;
    };
    for seed in 1..=SEEDS {
        let suite = Suite::new("ring", move |test: &mut Test| {
            test.script("client", script);
            for host in ["a", "b", "d", "e"] {
                test.node(host, |_| async {});
            }
        });
        let plan = plan.replace(';', "\n").parse().expect("a plan");
        let report = suite.run(&Case { plan: Some(plan), ..Case::of_seed(seed) });
        assert_eq!(report.outcome, Outcome::Passed, "seed {seed}");
        assert!(report.counts.contains_key(FaultKind::Ring.name()));
    }
}

#[test]
fn loss() {
    check(FaultKind::Loss, "500ms loss 100% for 2s;heal 5s", |sim| async move {
        let (mut client, mut server) = connection(&sim).await;
        sim.sleep(ms(1_000)).await;
        let lost = trip(&sim, &mut client, &mut server).await.expect("it is open");
        assert!(lost >= ms(200), "it arrived after {lost:?}");
    });
}

#[test]
fn delay() {
    check(FaultKind::Delay, "500ms delay 1s for 20s;heal 20s", |sim| async move {
        let (mut client, mut server) = connection(&sim).await;
        sim.sleep(ms(1_000)).await;
        let mut longest = Duration::ZERO;
        for _ in 0..10 {
            longest = longest.max(trip(&sim, &mut client, &mut server).await.expect("it is open"));
        }
        assert!(longest > ms(300), "ten trips took at most {longest:?}");
    });
}

#[test]
fn crash() {
    check(FaultKind::Crash, "500ms crash a all for 1s;heal 5s", |sim| async move {
        let node = a(&sim);
        let open = file(&sim);
        open.write(0, b"durable").and_then(|()| open.sync()).expect("a healthy disk");
        open.write(0, b"written").expect("a healthy disk");
        sim.sleep(ms(1_000)).await;
        assert!(sim.node("a").is_none(), "it is up");
        sim.sleep(ms(1_000)).await;
        assert!(a(&sim).incarnation() > node.incarnation());
        assert!(count(&a(&sim)).await.is_some(), "it does not beat");
        let mut content = [0; 7];
        file(&sim).read(0, &mut content).expect("a healthy disk");
        assert_eq!(&content, b"durable");
    });
}

#[test]
fn crash_with_the_disk() {
    check(FaultKind::Crash, "500ms crash a disk for 1s;heal 5s", |sim| async move {
        let open = file(&sim);
        open.write(0, b"durable").and_then(|()| open.sync()).expect("a healthy disk");
        sim.sleep(ms(2_000)).await;
        assert_eq!(file(&sim).len().expect("a healthy disk"), 0);
    });
}

#[test]
fn pause() {
    check(FaultKind::Pause, "500ms pause a for 2s;heal 5s", |sim| async move {
        sim.sleep(ms(1_000)).await;
        let start = sim.now();
        let counted = count(&a(&sim)).await.expect("it beats");
        assert!(sim.now().since(start) > ms(1_400), "it answered");
        assert!(counted < 1_000, "it ran on, to {counted}");
    });
}

#[test]
fn slow() {
    check(FaultKind::Slow, "500ms slow a 1000000% for 15s;heal 20s", |sim| async move {
        sim.sleep(ms(1_000)).await;
        let (start, before) = (sim.now(), count(&a(&sim)).await.expect("it beats"));
        sim.sleep(ms(1_000)).await;
        let after = count(&a(&sim)).await.expect("it beats");
        let millis = sim.now().since(start).as_millis() as u64;
        assert!((after - before) * 2 < millis, "it ran {} times in {millis} ms", after - before);
    });
}

#[test]
fn drift() {
    check(FaultKind::Drift, "500ms drift a -500000ppm for 4s;heal 5s", |sim| async move {
        let clock = sim.seams("a").clock;
        sim.sleep(ms(1_000)).await;
        let (start, local) = (sim.now(), clock.now());
        clock.sleep_until(local + ms(1_000)).await;
        let took = sim.now().since(start);
        assert!((ms(1_990)..ms(2_010)).contains(&took), "a second of a clock at half speed took {took:?}");
        sim.sleep(ms(3_000)).await;
        let (start, local) = (sim.now(), clock.now());
        clock.sleep_until(local + ms(1_000)).await;
        assert!(sim.now().since(start) < ms(1_010), "it is slow still");
    });
}

#[test]
fn a_sleep_that_was_under_way_when_the_clock_slowed_down_is_not_early() {
    check(FaultKind::Drift, "500ms drift a -500000ppm for 10s;heal 11s", |sim| async move {
        let clock = sim.seams("a").clock;
        let (start, deadline) = (sim.now(), clock.now() + ms(2_000));
        clock.sleep_until(deadline).await;
        assert!(clock.now() >= deadline);
        assert!(sim.now().since(start) > ms(3_000));
    });
}

#[test]
fn jump() {
    check(FaultKind::Jump, "500ms jump a -60s;heal 1s", |sim| async move {
        let clock = sim.seams("a").clock;
        let (wall, now) = (clock.wall(), clock.now());
        sim.sleep(ms(1_000)).await;
        assert!(clock.now().since(now) > ms(999), "the monotonic clock jumped");
        let back = wall.checked_sub(clock.wall()).expect("the time of day went back");
        assert!((ms(58_990)..ms(59_010)).contains(&back), "{back:?}");
    });
}

#[test]
fn disk_errors() {
    check(FaultKind::DiskErrors, "500ms disk-errors a 100% for 1s;heal 5s", |sim| async move {
        let file = file(&sim);
        file.write(0, b"x").expect("a healthy disk");
        sim.sleep(ms(1_000)).await;
        assert!(file.write(0, b"x").is_err() && file.sync().is_err() && file.read(0, &mut [0]).is_err());
        sim.sleep(ms(1_000)).await;
        file.write(0, b"x").expect("a healthy disk");
    });
}

#[test]
fn disk_full() {
    check(FaultKind::DiskFull, "500ms disk-full a for 1s;heal 5s", |sim| async move {
        let file = file(&sim);
        file.write(0, b"four").expect("there is room");
        sim.sleep(ms(1_000)).await;
        assert_eq!(file.write(4, b"more").expect_err("it is full").kind(), io::ErrorKind::StorageFull);
        file.write(0, b"over").expect("no more room is needed");
        sim.sleep(ms(1_000)).await;
        file.write(4, b"more").expect("there is room");
    });
}

#[test]
fn disk_slow() {
    check(FaultKind::DiskSlow, "500ms disk-slow a 200ms for 10s;heal 20s", |sim| async move {
        sim.sleep(ms(1_000)).await;
        let (start, seams) = (sim.now(), sim.seams("a"));
        let (done, is_done) = tokio::sync::oneshot::channel();
        sim.spawn("a", async move {
            let file = seams.storage.open("data").expect("opening is not faulty");
            for _ in 0..10 {
                file.write(0, b"x").expect("a healthy disk");
            }
            let _ = done.send(());
        });
        is_done.await.expect("it ends");
        // What the poll cost has passed when the next task runs.
        sim.sleep(ms(1)).await;
        assert!(sim.now().since(start) > ms(200), "ten writes took {:?}", sim.now().since(start));
    });
}

#[test]
fn forgotten_syncs() {
    check(FaultKind::ForgottenSyncs, "500ms disk-forgets a for 3s;2s crash a all for 1s;heal 5s", |sim| async move {
        sim.sleep(ms(1_000)).await;
        let open = file(&sim);
        open.write(0, b"x").and_then(|()| open.sync()).expect("it says that it did");
        sim.sleep(ms(3_000)).await;
        assert_eq!(file(&sim).len().expect("a healthy disk"), 0);
    });
}

#[test]
fn misdirected_write() {
    check(FaultKind::MisdirectedWrite, "500ms disk-misdirects a;heal 5s", |sim| async move {
        let file = file(&sim);
        file.write(0, &[1; 2048]).expect("a healthy disk");
        sim.sleep(ms(1_000)).await;
        file.write(1024, &[2; 512]).expect("it says that it did");
        let mut content = [0; 2048];
        file.read(0, &mut content).expect("a healthy disk");
        assert_eq!((content[512], content[1024]), (2, 1));
    });
}

#[test]
fn bit_rot() {
    check(FaultKind::BitRot, "500ms disk-rots a #3;heal 5s", |sim| async move {
        let file = file(&sim);
        file.write(0, &[0; 1000]).and_then(|()| file.sync()).expect("a healthy disk");
        sim.sleep(ms(1_000)).await;
        let mut content = [0; 1000];
        file.read(0, &mut content).expect("a healthy disk");
        assert_eq!(content.iter().map(|byte| byte.count_ones()).sum::<u32>(), 1);
    });
}

#[test]
fn a_plan_that_names_a_host_that_is_not_there_does_not_run() {
    let report = run(1, "1s crash z all for 1s;heal 2s", |_| async {});
    let Outcome::Crashed(why) = report.outcome else { panic!("{}", report.outcome) };
    assert!(why.contains("names the host \"z\", which is not there; there are a, b, client"), "{why}");
}

#[test]
fn what_does_not_return_after_the_heal_has_stalled() {
    let report = run(1, "heal 1s", |sim| async move {
        loop {
            sim.sleep(ms(100)).await;
        }
    });
    let Outcome::Stalled(why) = report.outcome else { panic!("{}", report.outcome) };
    assert!(why.contains("the script on client has not returned 300 s after the heal"), "{why}");
}

#[test]
fn a_task_that_waits_without_yielding_has_stalled() {
    let report = run(1, "heal 1s", |sim| async move {
        let clock = sim.seams("a").clock;
        let later = clock.now() + ms(1);
        while clock.now() < later {}
    });
    let Outcome::Stalled(why) = report.outcome else { panic!("{}", report.outcome) };
    assert!(why.contains("a task does not yield"), "{why}");
}

async fn panics() {
    panic!("on purpose");
}

#[test]
fn a_process_that_panics_is_a_crash() {
    let report = run(1, "heal 1s", |sim| async move {
        a(&sim).spawn(|_| panics());
        sim.sleep(ms(10)).await;
    });
    assert!(matches!(&report.outcome, Outcome::Crashed(why) if why.contains("on purpose")), "{}", report.outcome);
}
