//! The last messages of a room, in memory as in the bucket.

use std::collections::VecDeque;

use crate::{Post, Posted};

/// How many messages a room keeps.
pub const WINDOW: u64 = 100;

/// The key of the message with that place. A hundred keys are used in turn, so that one write both stores a
/// message and takes away the one that falls out of the window: no crash can come between the two.
pub fn slot_key(room: &str, seq: u64) -> String {
    format!("{room}/{:02}", seq % WINDOW)
}

/// All keys of a room.
pub fn slot_keys(room: &str) -> Vec<String> {
    (0..WINDOW).map(|slot| slot_key(room, slot)).collect()
}

/// What a room does with a message that is handed in.
#[derive(Debug, PartialEq, Eq)]
pub enum Admission {
    /// Store it durably, then [`History::push`] it.
    New(Posted),
    /// It has this place already.
    Duplicate(u64),
}

/// A room's history: the window of its last messages.
#[derive(Debug, Default)]
pub struct History {
    window: VecDeque<Posted>,
}

impl History {
    /// The history that the bucket's values make up, in any order.
    pub fn from_stored(mut stored: Vec<Posted>) -> Self {
        stored.sort_by_key(|posted| posted.seq);
        Self { window: stored.into() }
    }

    /// Gives a message its place, unless the window has it. A message is known by its sender and its id.
    pub fn admit(&self, post: Post, at_ms: u64) -> Admission {
        let Post { sender, id, text } = post;
        match self.window.iter().rev().find(|posted| posted.id == id && posted.sender == sender) {
            Some(posted) => Admission::Duplicate(posted.seq),
            None => Admission::New(Posted { seq: self.last_seq() + 1, sender, id, text, at_ms }),
        }
    }

    /// Adds a message that is durable now.
    pub fn push(&mut self, posted: Posted) {
        debug_assert_eq!(posted.seq, self.last_seq() + 1, "a room's messages have no gaps");
        self.window.push_back(posted);
        while self.window.len() as u64 > WINDOW {
            self.window.pop_front();
        }
    }

    /// The place of the newest message, 0 when there is none: as many as were ever posted.
    pub fn last_seq(&self) -> u64 {
        self.window.back().map_or(0, |posted| posted.seq)
    }

    /// The messages after that place, oldest first.
    pub fn after(&self, seq: u64) -> Vec<Posted> {
        self.window.iter().filter(|posted| posted.seq > seq).cloned().collect()
    }
}

/// What is stored here of a room that lives elsewhere and that its window should have and has not: what was said while that node and
/// this one did not reach each other, or in the last instant of a lost one. Older than a full window is only what fell out of it.
pub fn missing<'a>(stored: &'a [Posted], window: &[Posted]) -> Vec<&'a Posted> {
    let oldest = if window.len() as u64 == WINDOW { window.first().map_or(0, |posted| posted.at_ms) } else { 0 };
    let known = |posted: &Posted| window.iter().any(|known| known.id == posted.id && known.sender == posted.sender);
    stored.iter().filter(|posted| posted.at_ms >= oldest && !known(posted)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn post(sender: &str, id: u64) -> Post {
        Post { sender: sender.into(), id: id.to_string(), text: format!("text {id}") }
    }

    /// Hands in a message and stores it as a room does; the place it has.
    fn take(history: &mut History, bucket: &mut BTreeMap<String, Posted>, post: Post) -> u64 {
        match history.admit(post, 0) {
            Admission::New(posted) => {
                bucket.insert(slot_key("r", posted.seq), posted.clone());
                history.push(posted.clone());
                posted.seq
            }
            Admission::Duplicate(seq) => seq,
        }
    }

    #[test]
    fn the_bucket_holds_what_memory_holds_after_every_message() {
        let (mut history, mut bucket) = (History::default(), BTreeMap::new());
        for id in 1..=250 {
            assert_eq!(take(&mut history, &mut bucket, post("ada", id)), id);
            let reloaded = History::from_stored(bucket.values().cloned().collect());
            assert_eq!(reloaded.window, history.window, "after message {id}");
        }
        assert_eq!(history.after(0).len() as u64, WINDOW);
        assert_eq!(history.after(0)[0].seq, 151);
        assert_eq!(history.after(248).len(), 2);
    }

    #[test]
    fn a_message_that_is_handed_in_again_keeps_its_place() {
        let (mut history, mut bucket) = (History::default(), BTreeMap::new());
        assert_eq!(take(&mut history, &mut bucket, post("ada", 1)), 1);
        assert_eq!(take(&mut history, &mut bucket, post("bob", 1)), 2, "another sender's id is another message");
        assert_eq!(take(&mut history, &mut bucket, post("ada", 1)), 1);
        let reloaded = History::from_stored(bucket.values().cloned().collect());
        assert_eq!(reloaded.admit(post("bob", 1), 9), Admission::Duplicate(2), "a restarted room knows it too");
    }

    #[test]
    fn what_a_window_lacks_is_missing_unless_it_fell_out() {
        let posted =
            |id: u64, at_ms| Posted { seq: id, sender: "ada".into(), id: id.to_string(), text: "".into(), at_ms };
        let check = |stored: &[Posted], window: &[Posted], expected: &[u64]| {
            let missing: Vec<u64> = missing(stored, window).iter().map(|posted| posted.seq).collect();
            assert_eq!(missing, expected);
        };
        let stored = [posted(1, 10), posted(2, 20), posted(3, 30)];
        check(&stored, &[], &[1, 2, 3]);
        check(&stored, &[posted(2, 20)], &[1, 3]);
        check(&stored, &stored, &[]);
        let full: Vec<Posted> = (0..WINDOW).map(|id| posted(1000 + id, 20 + id)).collect();
        check(&stored, &full, &[2, 3]);
        check(&stored, &full[1..], &[1, 2, 3]);
    }

    #[test]
    fn the_window_knows_a_hundred_messages_and_not_one_more() {
        let (mut history, mut bucket) = (History::default(), BTreeMap::new());
        for id in 1..=WINDOW {
            take(&mut history, &mut bucket, post("ada", id));
        }
        assert_eq!(history.admit(post("ada", 1), 0), Admission::Duplicate(1));
        take(&mut history, &mut bucket, post("ada", WINDOW + 1));
        assert!(matches!(history.admit(post("ada", 1), 0), Admission::New(_)));
        assert_eq!(bucket.len() as u64, WINDOW);
        assert_eq!(slot_keys("r").len() as u64, WINDOW);
        assert!(bucket.keys().all(|key| slot_keys("r").contains(key)));
    }
}
