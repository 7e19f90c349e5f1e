//! The judgement over what all clients saw of a cluster.

use std::collections::{BTreeMap, BTreeSet};

use chat_protocol::Posted;

use crate::PEOPLE;
use crate::judge::{Finding, by_client};
use crate::seen::Seen;

/// Judges the notes of all clients.
pub(crate) fn judge(notes: &[(u32, &str)]) -> Vec<Finding> {
    let (by_client, mut findings) = by_client(notes);
    let mut of_room: BTreeMap<&str, (u32, Vec<&str>)> = BTreeMap::new();
    for (client, seen) in &by_client {
        let last = seen.iter().rev().find_map(|seen| match seen {
            Seen::History { messages } => Some(messages),
            _ => None,
        });
        let (Some(history), Some((_, room))) = (last, PEOPLE.get(*client as usize)) else { continue };
        let ids: Vec<&str> = history.iter().map(|posted: &Posted| posted.id.as_str()).collect();
        let known: BTreeSet<&str> = ids.iter().copied().collect();
        if known.len() < ids.len() {
            findings.push(("history-has-each-once", format!("client {client} of {room}: {ids:?}")));
        }
        for note in seen {
            if let Seen::Acknowledged { id, .. } = note
                && !known.contains(id.as_str())
            {
                findings.push(("acknowledged-is-kept", format!("client {client} of {room}: {id} is not in {ids:?}")));
            }
        }
        let (first, expected) = of_room.entry(room).or_insert_with(|| (*client, ids.clone()));
        if *expected != ids {
            let detail = format!("{room}: client {first} has {expected:?}, client {client} has {ids:?}");
            findings.push(("same-history-everywhere", detail));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posted(seq: u64, id: &str) -> Posted {
        Posted { seq, sender: "ada".into(), id: id.into(), text: String::new(), at_ms: 0 }
    }

    /// What the clients 0 and 1, both in the lobby, have noted.
    fn check(of_0: &[Seen], of_1: &[Seen], expected: &[&str]) {
        let text = |seen: &Seen| serde_json::to_string(seen).unwrap();
        let texts: Vec<(u32, String)> =
            of_0.iter().map(|seen| (0, text(seen))).chain(of_1.iter().map(|seen| (1, text(seen)))).collect();
        let notes: Vec<_> = texts.iter().map(|(client, text)| (*client, text.as_str())).collect();
        let properties: Vec<_> = judge(&notes).into_iter().map(|(property, _)| property).collect();
        assert_eq!(properties, expected, "{of_0:?} {of_1:?}");
    }

    #[test]
    fn the_end_counts_and_not_the_way() {
        let history = || Seen::History { messages: vec![posted(1, "ada-2"), posted(2, "ada-1")] };
        let acknowledged = Seen::Acknowledged { id: "ada-1".into(), seq: 1 };
        check(&[acknowledged, history()], &[Seen::Message(posted(1, "ada-1")), history()], &[]);
    }

    #[test]
    fn what_is_lost_twice_or_different_is_found() {
        let history = |ids: &[&str]| Seen::History { messages: ids.iter().map(|id| posted(1, id)).collect() };
        let acknowledged = Seen::Acknowledged { id: "ada-1".into(), seq: 1 };
        check(&[acknowledged, history(&["ada-2"])], &[], &["acknowledged-is-kept"]);
        check(&[history(&["ada-1", "ada-1"])], &[], &["history-has-each-once"]);
        check(&[history(&["ada-1"])], &[history(&["ada-2"])], &["same-history-everywhere"]);
    }
}
