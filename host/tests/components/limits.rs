use crate::support::{World, names, within};
use rusm_core::{ExitReason, Started};
use rusm_host::limits::{HOSTCALL_BYTES_MAX, NAME_BYTES_MAX, REASON_WORD_BYTES_MAX};
use rusm_host::manifest::Grants;
use rusm_host::{MEMORY_LIMIT, TRAP};

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

#[tokio::test(flavor = "multi_thread")]
async fn a_message_above_the_limit_of_a_host_call_ends_its_sender() {
    let world = World::puppet();
    let (sender, receiver) = (world.up("puppet", "").await, world.up("puppet", "").await);
    let pid = receiver.pid_text().await;
    // The message's tag and the pid count as well.
    assert_eq!(sender.ask(&format!("send-bytes {} {pid}", HOSTCALL_BYTES_MAX - 1024)).await, "ok");
    let reason = sender.ends(&format!("send-bytes {} {pid}", HOSTCALL_BYTES_MAX + 1)).await;
    assert_eq!(reason.word(), TRAP);
    assert_eq!(receiver.ask("seen").await, "init ; message no text");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_reasons_are_limited() {
    let world = World::new().actor("puppet", Grants { register: names(&["*"]), ..Grants::default() });
    let puppet = world.up("puppet", "").await;
    let name = "x".repeat(NAME_BYTES_MAX + 1);
    assert_eq!(
        puppet.ask(&format!("register {name}")).await,
        format!("badarg: a name has at most {NAME_BYTES_MAX} bytes")
    );
    assert_eq!(puppet.ask(&format!("register {}", &name[1..])).await, "ok");
    let word = "x".repeat(REASON_WORD_BYTES_MAX + 1);
    assert_eq!(puppet.ends(&format!("exit {word}")).await.word(), &word[1..]);
}
