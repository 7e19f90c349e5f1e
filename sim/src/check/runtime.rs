//! The runtime's own promises, for any scenario.

use super::Checker;
use super::values::{always, ordered_by_key};
use crate::SeenEvent;
use rusm_core::{Pid, TraceEvent};
use std::collections::{BTreeMap, VecDeque};

/// Signals of one process to another are handled in the order in which they were sent, each at most once. Source: OTP
/// reference manual, "Processes", "Signal delivery".
pub fn signals_keep_their_order() -> impl Checker {
    let mut under_way: BTreeMap<(Pid, Pid), VecDeque<&'static str>> = BTreeMap::new();
    always("signals-keep-their-order", move |seen| {
        match seen.event {
            SeenEvent::Node(TraceEvent::Sent { from, to, kind }) => {
                under_way.entry((*from, *to)).or_default().push_back(kind);
            }
            SeenEvent::Node(TraceEvent::Handled { to, from, kind }) => {
                let first = under_way.get_mut(&(*from, *to)).and_then(VecDeque::pop_front);
                if first != Some(kind) {
                    let first = first.unwrap_or("nothing");
                    return Err(format!("{to} handled {kind} of {from}, which had sent {first} before"));
                }
            }
            SeenEvent::Node(TraceEvent::Exited { pid, .. }) => under_way.retain(|(_, to), _| to != pid),
            _ => {}
        }
        Ok(())
    })
}

/// A name belongs to one process of a node at most. Source: OTP `erlang:register/2`.
pub fn names_have_one_owner() -> impl Checker {
    let mut owners: BTreeMap<(String, u32, String), Pid> = BTreeMap::new();
    always("names-have-one-owner", move |seen| {
        let key = |name: &str| (seen.host.to_owned(), seen.life, name.to_owned());
        match seen.event {
            SeenEvent::Node(TraceEvent::Registered { name, pid }) => match owners.insert(key(name), *pid) {
                Some(owner) => Err(format!("{pid} got the name {name:?}, which {owner} had")),
                None => Ok(()),
            },
            SeenEvent::Node(TraceEvent::Unregistered { name, pid }) => match owners.remove(&key(name)) {
                Some(owner) if owner == *pid => Ok(()),
                owner => Err(format!("{pid} gave up the name {name:?}, which {owner:?} had")),
            },
            SeenEvent::Node(TraceEvent::Exited { pid, .. }) => match owners.iter().find(|(_, owner)| *owner == pid) {
                Some(((_, _, name), _)) => Err(format!("{pid} is dead and has the name {name:?}")),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    })
}

/// Pids of one node are of ever later incarnations, and a process is spawned once.
pub fn incarnations_grow() -> impl Checker {
    ordered_by_key("incarnations-grow", |seen| match seen.event {
        SeenEvent::Node(TraceEvent::Spawned { pid, .. }) => {
            Some(((seen.host.to_owned(), pid.index), (pid.incarnation, pid.serial)))
        }
        _ => None,
    })
}
