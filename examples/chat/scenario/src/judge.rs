//! The judgement over what all clients saw.

use std::collections::{BTreeMap, BTreeSet};

use chat_protocol::{Posted, WINDOW};

use crate::seen::Seen;

/// A property that does not hold, and where it shows.
pub(crate) type Finding = (&'static str, String);

/// Judges the notes of all clients, in the order in which each wrote them.
pub(crate) fn judge(notes: &[(u32, &str)]) -> Vec<Finding> {
    let (by_client, mut findings) = by_client(notes);
    for (client, seen) in &by_client {
        let who = format!("client {client}");
        let messages: Vec<_> = seen.iter().filter_map(|seen| message(seen)).collect();
        in_order(&who, &messages, &mut findings);
        acknowledged_is_kept(&who, seen, &mut findings);
    }
    findings
}

/// What each client has noted, and what cannot be read.
pub(crate) fn by_client(notes: &[(u32, &str)]) -> (BTreeMap<u32, Vec<Seen>>, Vec<Finding>) {
    let mut by_client: BTreeMap<u32, Vec<Seen>> = BTreeMap::new();
    let mut findings = Vec::new();
    for (client, text) in notes {
        match serde_json::from_str(text) {
            Ok(seen) => by_client.entry(*client).or_default().push(seen),
            Err(error) => findings.push(("notes-are-readable", format!("client {client}: {error}: {text}"))),
        }
    }
    (by_client, findings)
}

fn message(seen: &Seen) -> Option<&Posted> {
    match seen {
        Seen::Message(posted) => Some(posted),
        _ => None,
    }
}

/// The number that a sender gave a message: the end of its id.
fn number(posted: &Posted) -> u64 {
    posted.id.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn in_order(who: &str, messages: &[&Posted], findings: &mut Vec<Finding>) {
    let mut fail = |detail: String| findings.push(("seen-once-in-order", format!("{who} {detail}")));
    let newest = messages.iter().map(|posted| posted.seq).max().unwrap_or_default();
    let (mut previous, mut by_sender, mut ids) = (0, BTreeMap::new(), BTreeSet::new());
    for posted in messages {
        let Posted { seq, sender, id, .. } = posted;
        if !ids.insert((sender, id)) {
            fail(format!("saw {id} twice"));
        } else if *seq <= previous {
            fail(format!("saw {id} at {seq} after {previous}"));
        } else if *seq > previous + 1 && newest < seq + WINDOW - 1 {
            fail(format!("missed what is between {previous} and {seq}"));
        }
        if by_sender.insert(sender, number(posted)).is_some_and(|before| before > number(posted)) {
            fail(format!("saw {id} after a later message of {sender}"));
        }
        previous = previous.max(*seq);
    }
}

fn acknowledged_is_kept(who: &str, seen: &[Seen], findings: &mut Vec<Finding>) {
    let Some(history) = seen.iter().rev().find_map(|seen| match seen {
        Seen::History { messages } => Some(messages),
        _ => None,
    }) else {
        return;
    };
    let all: Vec<_> = history.iter().collect();
    in_order(&format!("{who}'s history"), &all, findings);
    let newest = history.last().map_or(0, |posted| posted.seq);
    for note in seen {
        let Seen::Acknowledged { id, seq } = note else { continue };
        let kept = history.iter().any(|posted| posted.id == *id && posted.seq == *seq);
        let fell_out = *seq + WINDOW <= newest;
        if !kept && !fell_out {
            let detail = format!("{who}: {id} was acknowledged at {seq}; the history ends at {newest} without it");
            findings.push(("acknowledged-is-kept", detail));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posted(seq: u64, id: &str) -> Posted {
        let sender = id.split('-').next().unwrap_or_default().to_owned();
        Posted { seq, sender, id: id.into(), text: String::new(), at_ms: 0 }
    }

    fn check(seen: &[Seen], expected: &[&str]) {
        let texts: Vec<_> = seen.iter().map(|seen| serde_json::to_string(seen).unwrap()).collect();
        let notes: Vec<_> = texts.iter().map(|text| (0, text.as_str())).collect();
        let properties: Vec<_> = judge(&notes).into_iter().map(|(property, _)| property).collect();
        assert_eq!(properties, expected, "{seen:?}");
    }

    #[test]
    fn a_good_run_passes() {
        let all = [posted(1, "ada-1"), posted(2, "bob-1"), posted(3, "ada-2")];
        let mut seen: Vec<_> = all.iter().cloned().map(Seen::Message).collect();
        seen.push(Seen::Acknowledged { id: "ada-2".into(), seq: 3 });
        seen.push(Seen::History { messages: all.into() });
        check(&seen, &[]);
    }

    #[test]
    fn twice_out_of_order_and_missed_are_found() {
        let saw = |seq, id| Seen::Message(posted(seq, id));
        check(&[saw(1, "ada-1"), saw(2, "ada-1")], &["seen-once-in-order"]);
        check(&[saw(1, "ada-2"), saw(2, "ada-1")], &["seen-once-in-order"]);
        check(&[saw(1, "ada-1"), saw(3, "bob-1")], &["seen-once-in-order"]);
        check(&[saw(2, "ada-1")], &["seen-once-in-order"]);
    }

    #[test]
    fn what_fell_out_of_the_window_may_be_missed_and_gone() {
        let window: Vec<_> = (51..=150).map(|seq| posted(seq, &format!("bob-{seq}"))).collect();
        let mut seen = vec![Seen::Message(posted(1, "ada-1")), Seen::Acknowledged { id: "ada-1".into(), seq: 1 }];
        seen.extend(window.iter().cloned().map(Seen::Message));
        seen.push(Seen::History { messages: window });
        check(&seen, &[]);
    }

    #[test]
    fn an_acknowledged_message_that_is_gone_is_found() {
        let history = Seen::History { messages: vec![posted(1, "ada-1")] };
        check(&[Seen::Acknowledged { id: "ada-2".into(), seq: 2 }, history], &["acknowledged-is-kept"]);
    }
}
