//! Who talks and who listens: numbers in order, and one DOWN for each monitor.

use crate::node::{NAMES, World};
use rusm_core::{Context, Destination, Encoding, Message, NodeId, Pid, Reference, Term};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What a listener knows of a talker.
struct Heard {
    last: u64,
    /// The monitor on it, until its DOWN.
    monitor: Option<Reference>,
}

/// Hears every talker's numbers: each comes once, in order, and none is left out unless the end of the association has been told
/// in between.
pub(crate) async fn listen(context: Context, world: World) {
    context.register("listener", context.pid()).expect("the name is free");
    let mut heard: BTreeMap<Pid, Heard> = BTreeMap::new();
    let mut told: BTreeSet<Reference> = BTreeSet::new();
    let own = context.pid();
    loop {
        match context.receive().await {
            Message::Call { from, payload } => {
                let number =
                    payload.as_term().map(|term| u64::from_le_bytes(term.bytes[..8].try_into().expect("eight")));
                let number = number.expect("a number");
                let of = heard.entry(from.pid).or_insert(Heard { last: number.saturating_sub(1), monitor: None });
                if number <= of.last {
                    world.seen(|seen| seen.broken.push(format!("{own}: {number} of {} after {}", from.pid, of.last)));
                }
                if number != of.last + 1 {
                    match of.monitor {
                        Some(_) => world.seen(|seen| {
                            seen.broken.push(format!("{own}: {number} of {} right after {}", from.pid, of.last));
                        }),
                        None => world.seen(|seen| seen.lost_tails += 1),
                    }
                }
                of.last = number;
                if of.monitor.is_none() {
                    let monitor = context.monitor(from.pid);
                    of.monitor = Some(monitor);
                    world.seen(|seen| seen.waiting.insert((own, format!("{monitor:?}")), from.pid));
                }
                world.seen(|seen| seen.last.insert((own, from.pid), number));
                context.reply(from, Term::empty());
            }
            Message::Down { monitor, .. } => {
                let is_new = told.insert(monitor);
                let of = heard.values_mut().find(|of| of.monitor == Some(monitor));
                world.seen(|seen| {
                    seen.downs += 1;
                    seen.waiting.remove(&(own, format!("{monitor:?}")));
                    if !is_new || of.is_none() {
                        seen.broken.push(format!("{own}: a second DOWN of {monitor:?}"));
                    }
                });
                if let Some(of) = of {
                    of.monitor = None;
                }
            }
            other => world.seen(|seen| seen.broken.push(format!("{own}: {other:?}"))),
        }
    }
}

/// Tells the listeners of all other nodes one number after the other, and waits for no answer longer than a moment.
pub(crate) async fn talk(context: Context) {
    let own = context.node().name().to_owned();
    for number in 1.. {
        for name in NAMES.into_iter().filter(|name| *name != own) {
            let to = Destination::NameAt { name: "listener".to_owned(), node: NodeId::of_name(name) };
            let mut bytes = vec![0; if number % 40 == 0 { 50_000 } else { 16 }];
            bytes[..8].copy_from_slice(&u64::to_le_bytes(number));
            // No answer, or that nobody is there: the next number goes out all the same.
            let _ = context.call(to, Term::new(Encoding::Raw, bytes), Duration::from_millis(30)).await;
        }
        context.sleep(Duration::from_millis(20)).await;
    }
}
