use crate::support::{World, within};
use rusm_core::{ExitReason, Started};
use rusm_host::MEMORY_LIMIT;
use rusm_host::manifest::Grants;

/// One thread for all: the spinner has it, and must give it away.
#[tokio::test]
async fn a_guest_that_computes_for_ever_does_not_stop_the_others() {
    let world = World::puppet();
    let (spinner, other) = (world.up("puppet", "").await, world.up("puppet", "").await);
    spinner.tell("spin");
    let spinning = spinner.try_ask("spin");
    let others = async {
        for _ in 0..20 {
            assert_eq!(other.ask("echo alive").await, "alive");
        }
        world.node.exit_signal(spinner.pid, ExitReason::KILL);
        spinner.exit().await
    };
    let (spun, reason) = within(futures_util::future::join(spinning, others)).await;
    assert_eq!(reason, ExitReason::KILLED);
    assert!(spun.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_init_that_computes_for_ever_can_be_killed() {
    let world = World::puppet();
    let body = world.host.body("puppet", crate::support::text("spin")).expect("it can be started");
    let spinner = world.node.spawn_with(Default::default(), body).pid;
    tokio::task::yield_now().await;
    world.node.exit_signal(spinner, ExitReason::KILL);
    assert_eq!(world.at(spinner).exit().await, ExitReason::KILLED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_past_its_memory_limit_ends_and_the_reason_says_so() {
    let world = World::new().actor("hungry", Grants { memory_bytes: 8 << 20, ..Grants::default() });
    let hungry = world.up("hungry", "").await;
    let before = world.node.process_info(hungry.pid).expect("it lives").memory_bytes;
    assert!((1..8 << 20).contains(&before), "{before}");
    let reason = hungry.ends("grow").await;
    assert_eq!(reason.word(), MEMORY_LIMIT);
    let detail = reason.detail().expect("there is one");
    assert!(detail.contains("grants.memory of component hungry allows 8388608"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_whose_first_memory_is_past_its_limit_does_not_start() {
    let world = World::new().actor("hungry", Grants { memory_bytes: 64 << 10, ..Grants::default() });
    let Started::Failed(reason) = world.start("hungry", "").await else { panic!("it started") };
    assert_eq!(reason.word(), MEMORY_LIMIT);
}
