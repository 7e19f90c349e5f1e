//! The link protocol while signals are under way: what one side does crosses what the other side does.

use rusm_core::{Context, ExitReason, Message, Node, Payload, Pid};
use rusm_sim::{Sim, SimOptions};
use std::time::Duration;

const SEEDS: u64 = 200;

/// Runs `body` as a process in the simulator, for many seeds.
#[track_caller]
fn check<Fut>(body: impl Fn(Context) -> Fut + Clone + Send + 'static)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    for seed in 0..SEEDS {
        let sim = Sim::new(SimOptions::new(seed));
        let node = Node::start(sim.node_options("a"));
        let pid = node.spawn(body.clone());
        let ended = sim.block_on(async move { node.await_exit(pid).await });
        assert_eq!(ended, Ok(ExitReason::NORMAL), "seed {seed}");
    }
}

/// More virtual time than any signal takes.
async fn settle(context: &Context) {
    context.sleep(Duration::from_secs(10)).await;
}

/// A process that links and unlinks as it is told: `true` links, `false` unlinks.
fn partner(context: &Context) -> Pid {
    context.spawn(|context: Context| async move {
        context.trap_exit(true);
        while let Message::Plain(payload) = context.receive_match(|m| matches!(m, Message::Plain(_))).await {
            match payload.downcast::<(Pid, bool)>() {
                Ok((other, true)) => context.link(other),
                Ok((other, false)) => context.unlink(other),
                Err(_) => return ExitReason::new("told to"),
            }
        }
        ExitReason::NORMAL
    })
}

fn exits(context: &Context) -> usize {
    std::iter::from_fn(|| context.try_receive(|message| matches!(message, Message::Exit { .. }))).count()
}

fn links(context: &Context, pid: Pid) -> Vec<Pid> {
    context.node().process_info(pid).map(|info| info.links).unwrap_or_default()
}

#[test]
fn a_link_made_behind_an_unlink_that_is_under_way_is_a_new_one() {
    check(|context| async move {
        context.trap_exit(true);
        let other = partner(&context);
        context.link(other);
        context.unlink(other);
        context.link(other);
        context.send(other, Payload::local(())).expect("a pid");
        settle(&context).await;
        assert_eq!(exits(&context), 1);
        assert!(links(&context, context.pid()).is_empty());
    });
}

#[test]
fn after_an_unlink_that_crosses_a_death_no_exit_arrives() {
    check(|context| async move {
        context.trap_exit(true);
        let other = partner(&context);
        context.link(other);
        context.send(other, Payload::local(())).expect("a pid");
        context.sleep(Duration::from_micros(context.random() % 200)).await;
        let before = exits(&context);
        context.unlink(other);
        settle(&context).await;
        assert_eq!(exits(&context), 0, "{before} had arrived before the unlink");
        assert!(links(&context, context.pid()).is_empty());
    });
}

#[test]
fn however_two_processes_link_and_unlink_each_other_both_see_the_same_in_the_end() {
    check(|context| async move {
        context.trap_exit(true);
        let (own, other) = (context.pid(), partner(&context));
        for _ in 0..20 {
            let random = context.random();
            if random & 1 == 0 {
                let told = Payload::local((own, random & 2 == 0));
                context.send(other, told).expect("a pid");
            } else if random & 2 == 0 {
                context.link(other);
            } else {
                context.unlink(other);
            }
            if random & 12 == 0 {
                context.sleep(Duration::from_micros(random % 300)).await;
            }
        }
        settle(&context).await;
        assert_eq!(links(&context, own).contains(&other), links(&context, other).contains(&own));
        // And an unlink by either side ends it for both, whatever went before.
        context.unlink(other);
        settle(&context).await;
        context.send(other, Payload::local(())).expect("a pid");
        settle(&context).await;
        assert_eq!(exits(&context), 0);
    });
}
