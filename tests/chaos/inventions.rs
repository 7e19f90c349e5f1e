//! Pids and aliases that somebody makes up, from those that he knows: they reach nobody.

use crate::support::{below, clear};
use rand_core::Rng;
use rusm_core::{Context, ExitReason, Message, Node, Payload, Pid, Reference};
use rusm_sim::SimHandle;
use std::collections::BTreeSet;
use std::time::Duration;

/// JavaScript has whole numbers up to here.
const EXACT: u64 = 1 << 53;

/// Says what it was sent, when it is asked.
async fn victim(context: Context) {
    let alias = context.alias();
    let mut met = 0_u64;
    loop {
        match context.receive().await {
            Message::Call { from, .. } => context.reply(from, Payload::local((alias, met))),
            _ => met += 1,
        }
    }
}

#[rusm_sim::test(seeds = 60)]
async fn whoever_invents_a_pid_or_an_alias_reaches_nobody(sim: SimHandle) {
    let mut rng = sim.random("inventor");
    let node = Node::start(sim.node_options("a"));
    // Slots are used again.
    let dead: Vec<Pid> = (0..3).map(|_| node.spawn(|_| async {})).collect();
    sim.sleep(Duration::from_secs(1)).await;
    let victims: Vec<Pid> = (0..6).map(|_| node.spawn(victim)).collect();
    let ask = async |pid: Pid| {
        let answer = node.call(pid, Payload::local(()), Duration::from_secs(10)).await.expect("it lives");
        answer.downcast::<(Reference, u64)>().expect("its alias, and how many it has met")
    };
    let mut aliases = Vec::new();
    for pid in &victims {
        aliases.push(ask(*pid).await.0);
    }
    let randoms = victims.iter().chain(&dead).map(|pid| pid.random).chain(aliases.iter().map(|alias| alias.random));
    let randoms: BTreeSet<u64> = randoms.collect();
    assert_eq!(randoms.len(), victims.len() + dead.len() + aliases.len(), "two have the same random part");
    assert!(randoms.iter().all(|random| *random < EXACT), "a number that JavaScript cannot hold");
    assert!(randoms.iter().any(|random| *random > EXACT / 1_000), "not so random");

    let (known, own) = (victims.clone(), aliases.clone());
    let inventor = move |context: Context| async move {
        for _ in 0..200 {
            let (victim, other) = (known[below(&mut rng, 6) as usize], known[below(&mut rng, 6) as usize]);
            let random = match below(&mut rng, 5) {
                0 => below(&mut rng, 3),
                1 => victim.random.wrapping_add(1),
                2 if other != victim => other.random,
                3 => context.pid().random,
                _ => rng.next_u64() % EXACT,
            };
            let invented = if below(&mut rng, 4) == 0 {
                Pid { incarnation: victim.incarnation.wrapping_add(1), ..victim }
            } else {
                Pid { random, ..victim }
            };
            let alias = own[below(&mut rng, 6) as usize];
            let alias = if below(&mut rng, 2) == 0 {
                Reference { random, ..alias }
            } else {
                Reference { serial: alias.serial.wrapping_add(1), ..alias }
            };
            match below(&mut rng, 4) {
                0 => context.send(invented, Payload::local(())).expect("a pid takes everything"),
                1 => context.exit_signal(invented, ExitReason::KILL),
                2 => context.send(alias, Payload::local(())).expect("an alias takes everything"),
                _ => {
                    let monitor = context.monitor(invented);
                    let down = context.receive_timeout(Duration::from_secs(5), |message| {
                        matches!(message, Message::Down { monitor: of, reason, .. }
                            if *of == monitor && *reason == ExitReason::NOPROC)
                    });
                    assert!(down.await.is_some(), "{invented:?} of {victim:?} is nobody");
                }
            }
        }
    };
    let inventor = node.spawn(inventor);
    assert_eq!(node.await_exit(inventor).await, ExitReason::NORMAL);
    sim.sleep(Duration::from_secs(1)).await;
    for pid in victims {
        assert_eq!(ask(pid).await.1, 0, "{pid} was reached");
    }
    clear(&sim, &node).await;
}
