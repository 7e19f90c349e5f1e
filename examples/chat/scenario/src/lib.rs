//! People in a chat, in the simulator: they talk, crash their room, lose their connection and come back.
//!
//! | property | says |
//! |---|---|
//! | `seen-once-in-order` | nobody sees a message twice, or out of the sender's order, or misses one in between |
//! | `acknowledged-is-kept` | an acknowledged message is in the history, unless a hundred came after it |
//! | `acknowledged-in-the-end` | once faults have ended, every message is acknowledged |
//! | `everyone-is-back` | once faults have ended, everyone is in the room, once |
//! | `statistics-arrive` | once faults have ended, the stream of statistics tells who is where |
//!
//! On a cluster (`rusm sim examples/chat --nodes 3`) they are on all its nodes, and nodes are lost with the rooms that live on them.
//! A room that is started elsewhere may have less, and be given the rest in another order. So there it is what all have in the end
//! that counts:
//!
//! | property | says |
//! |---|---|
//! | `acknowledged-is-kept` | an acknowledged message is in the history |
//! | `history-has-each-once` | no message is twice in a history |
//! | `same-history-everywhere` | whichever node is asked, a room's history is the same |

mod client;
mod cluster;
mod judge;
mod link;
mod seen;

use client::Client;
use rusm_sdk::export_scenario;
use rusm_sdk::scenario::{Observation, Workload, broken, nodes};

/// Who is in which room. Two rooms, so that one's crash must not touch the other.
const PEOPLE: [(&str, &str); 5] =
    [("ada", "lobby"), ("bob", "lobby"), ("cleo", "lobby"), ("dan", "den"), ("eve", "den")];

struct Chat;

impl Workload for Chat {
    fn clients() -> u32 {
        PEOPLE.len() as u32
    }

    fn client(index: u32) {
        Client::new(index as usize).run();
    }

    fn check(observations: Vec<Observation>) {
        let notes: Vec<_> = observations.iter().map(|o| (o.client, &*o.text)).collect();
        let findings = if nodes() > 1 { cluster::judge(&notes) } else { judge::judge(&notes) };
        for (property, detail) in findings {
            broken(property, &detail);
        }
    }
}

export_scenario!(Chat);
