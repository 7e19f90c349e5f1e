//! Messages whose destructors panic, and that nobody takes: whoever throws them away lives on.

use crate::support::{below, idle, micros};
use rusm_core::{
    AliasMode, Context, Destination, ExitReason, MailboxBound, Message, Node, Overflow, Payload, Pid, SpawnOptions,
    process_body,
};
use rusm_sim::SimHandle;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How many have gone off.
type Count = Arc<AtomicUsize>;

struct Bomb(Count);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        if !std::thread::panicking() {
            panic!("a bomb");
        }
    }
}

#[rusm_sim::test(seeds = 100)]
async fn what_a_message_does_when_it_is_thrown_away_hurts_nobody(sim: SimHandle) {
    let mut rng = sim.random("bombs");
    let node = Node::start(sim.node_options("a"));
    let dead = node.spawn(|_| async {});
    let full = |overflow| {
        let mailbox = Some(MailboxBound { messages: 1, overflow });
        let body = process_body(|context: Context| async move { drop(context.receive_match(|_| false).await) });
        node.spawn_with(SpawnOptions { mailbox, ..SpawnOptions::default() }, body).pid
    };
    let gone_off = Count::default();
    let mut thrown = 0;
    for _ in 0..30 {
        let (returns, ends) = (full(Overflow::Return), full(Overflow::End));
        let way = below(&mut rng, 7);
        let (count, wait) = (gone_off.clone(), micros(&mut rng, 1_000));
        let thrower =
            node.spawn(move |context| async move { throw(&context, way, wait, [dead, returns, ends], &count).await });
        let bystander = node.spawn(idle);
        sim.sleep(Duration::from_secs(1)).await;
        assert!(node.process_info(thrower).is_none(), "way {way}: it waits for ever");
        node.exit_signal(returns, ExitReason::KILL);
        node.exit_signal(ends, ExitReason::KILL);
        sim.sleep(Duration::from_secs(1)).await;
        thrown += 1;
        assert_eq!(gone_off.load(Ordering::Relaxed), thrown, "way {way}: each is thrown away once");
        assert_eq!(node.processes(), [bystander], "way {way}: only who was told to has ended");
        node.exit_signal(bystander, ExitReason::KILL);
        sim.sleep(Duration::from_secs(1)).await;
    }
    assert_eq!((sim.panics(), sim.process_panics()), (0, Vec::new()));
}

/// One bomb, to somebody who does not take it.
async fn throw(context: &Context, way: u64, wait: Duration, [dead, returns, ends]: [Pid; 3], count: &Count) {
    let bomb = || Payload::local(Bomb(count.clone()));
    match way {
        0 => context.send(dead, bomb()).expect("a pid takes everything"),
        1 => drop(context.call(dead, bomb(), wait).await),
        2 => {
            let alias = context.alias();
            context.unalias(alias);
            context.send(Destination::Alias(alias), bomb()).expect("an alias takes everything");
        }
        3 => {
            context.send_after(wait, dead, bomb());
        }
        4 => {
            let timer = context.send_after(wait, context.pid(), bomb());
            assert!(context.cancel_timer(timer).is_some());
        }
        5 => {
            // What fits stays in its mailbox until it ends.
            context.send(returns, bomb()).expect("a pid takes everything");
        }
        _ => {
            context.send(ends, Payload::local(0_u64)).expect("a pid takes everything");
            context.send(ends, bomb()).expect("a pid takes everything");
        }
    }
    let monitor = context.monitor_alias(dead, AliasMode::Demonitor);
    context.receive_match(|message| matches!(message, Message::Down { monitor: of, .. } if *of == monitor)).await;
}
