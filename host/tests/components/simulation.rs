//! The simulator's profile, on the machine's clock.

use crate::support::{World, engine, within};
use parking_lot::Mutex;
use rusm_core::{Context, ExitReason, Started};
use rusm_host::manifest::{FileGrant, Grants};
use rusm_host::{GuestFault, GuestFaults, HostOptions, MEMORY_LIMIT, Profile, START_FAILED, TRAP};
use std::sync::Arc;

/// Gives each entry of that name the fault, and takes so many percent of its time for what is computed.
struct At {
    entry: &'static str,
    fault: GuestFault,
    slowness: u64,
    asked: Mutex<Vec<String>>,
}

impl GuestFaults for At {
    fn before_entry(&self, _: &Context, component: &str, entry: &'static str) -> GuestFault {
        self.asked.lock().push(format!("{component} {entry}"));
        if entry == self.entry { self.fault.clone() } else { GuestFault::None }
    }

    fn slowness(&self, _: &Context, _: &str) -> u64 {
        self.slowness
    }
}

fn world(entry: &'static str, fault: GuestFault) -> (World, Arc<At>) {
    with_faults(At { entry, fault, slowness: 100, asked: Mutex::default() })
}

fn with_faults(faults: At) -> (World, Arc<At>) {
    let faults = Arc::new(faults);
    let mut options = HostOptions::new(engine(Profile::Simulation));
    options.faults = Some(faults.clone());
    (World::with(options).actor("puppet", Grants::default()), faults)
}

#[tokio::test]
async fn a_guest_on_fuel_answers_and_is_preempted() {
    let (world, faults) = world("", GuestFault::None);
    let (spinner, other) = (world.up("puppet", "").await, world.up("puppet", "").await);
    assert_eq!(spinner.ask("multiply 3").await, other.ask("multiply 3").await);
    spinner.tell("spin");
    let spinning = spinner.try_ask("spin");
    let others = async {
        assert_eq!(other.ask("echo alive").await, "alive");
        assert_eq!(other.ask("sleep 1").await, "true");
        world.node.exit_signal(spinner.pid, ExitReason::KILL);
        spinner.exit().await
    };
    let (_, reason) = within(futures_util::future::join(spinning, others)).await;
    assert_eq!(reason, ExitReason::KILLED);
    assert_eq!(faults.asked.lock()[..3], ["puppet instantiate", "puppet init", "puppet instantiate"]);
}

#[tokio::test]
async fn computing_takes_time_on_the_clock() {
    let (world, _) = world("", GuestFault::None);
    let puppet = world.up("puppet", "").await;
    let clock = &world.node.seams().clock;
    let before = clock.now();
    puppet.ask("multiply 10000000").await;
    let took = clock.now().since(before);
    assert!(took.as_millis() >= 20, "a nanosecond for each instruction of 10 million rounds: {took:?}");
}

#[tokio::test]
async fn a_slow_guest_takes_its_time() {
    let fault = GuestFault::None;
    let (world, _) = with_faults(At { entry: "", fault, slowness: 10_000, asked: Mutex::default() });
    let puppet = world.up("puppet", "").await;
    let clock = &world.node.seams().clock;
    let before = clock.now();
    puppet.ask("multiply 200000").await;
    let took = clock.now().since(before);
    assert!(took.as_millis() >= 40, "a hundred nanoseconds for each instruction of 200 thousand rounds: {took:?}");
}

#[tokio::test]
async fn a_guest_can_be_made_to_have_grown_to_its_limit() {
    let (hungry, _) = world("message", GuestFault::None);
    let puppet = hungry.up("puppet", "").await;
    let wants = format!("send-bytes {} {}", 8 << 20, puppet.pid_text().await);
    assert_eq!(puppet.ask(&wants).await, "ok", "otherwise it has room for that");
    let (world, _) = world("message", GuestFault::MemoryAtLimit);
    let puppet = world.up("puppet", "").await;
    // Who wants no more goes on.
    assert_eq!(puppet.ask("echo alive").await, "alive");
    let limit = Grants::default().memory_bytes;
    assert!(world.node.process_info(puppet.pid).is_some_and(|info| info.memory_bytes >= limit), "it is shown");
    let wants = format!("send-bytes {} {}", 8 << 20, puppet.pid_text().await);
    assert_eq!(puppet.ends(&wants).await.word(), MEMORY_LIMIT);
}

#[tokio::test]
async fn a_guest_can_be_made_to_trap() {
    let (world, _) = world("message", GuestFault::Trap);
    let reason = world.up("puppet", "").await.ends("echo hello").await;
    assert_eq!(reason, ExitReason::new(TRAP).with_detail("a fault of the simulator"));
}

#[tokio::test]
async fn a_guest_can_be_made_to_loop_until_it_is_killed() {
    let (world, _) = world("message", GuestFault::Loop);
    let puppet = world.up("puppet", "").await;
    puppet.tell("hello");
    tokio::task::yield_now().await;
    assert!(world.node.process_info(puppet.pid).is_some(), "it lives");
    world.node.exit_signal(puppet.pid, ExitReason::KILL);
    assert_eq!(puppet.exit().await, ExitReason::KILLED);
}

#[tokio::test]
async fn files_are_refused_by_name() {
    let (world, _) = world("", GuestFault::None);
    let grants = Grants {
        files: vec![FileGrant { host: ".".into(), guest: "/x".to_owned(), write: false }],
        ..Grants::default()
    };
    let world = world.actor("filing", grants);
    let Started::Failed(reason) = world.start("filing", "").await else { panic!("it started") };
    assert_eq!(reason.word(), START_FAILED);
    assert!(reason.detail().is_some_and(|detail| detail.contains("files are not simulated")), "{reason}");
}
