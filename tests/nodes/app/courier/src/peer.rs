//! What is known of the courier of another node.

use rusm_sdk::{Pid, process};
use serde::{Deserialize, Serialize};

/// One letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Letter {
    /// The sender's node.
    pub(crate) from: String,
    /// The sender's process: another one is another life.
    pub(crate) pid: Pid,
    /// Counts up by one, for each receiver's node.
    pub(crate) number: u64,
    /// So that some are large.
    pub(crate) padding: String,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Peer {
    /// Whether there is a monitor on it.
    #[serde(skip)]
    pub(crate) watched: bool,
    /// Letters to it.
    sent: u64,
    /// Letters from it, in all its lives.
    received: u64,
    /// How often its `DOWN` has come.
    downs: u64,
    /// Letters that were lost when a connection ended.
    lost: u64,
    /// The last letter's sender and number.
    #[serde(skip)]
    last: Option<(Pid, u64)>,
    /// Whether its `DOWN` has come since then.
    #[serde(skip)]
    down_since: bool,
}

impl Peer {
    /// The next letter to it, without padding.
    pub(crate) fn next(&mut self, own: &str) -> (u64, Letter) {
        self.sent += 1;
        let letter =
            Letter { from: own.to_owned(), pid: process::self_pid(), number: self.sent, padding: String::new() };
        (self.sent, letter)
    }

    /// Its `DOWN` has come.
    pub(crate) fn lose(&mut self) {
        self.downs += 1;
        (self.watched, self.down_since) = (false, true);
    }

    /// A letter has come.
    ///
    /// # Errors
    /// It is not the one that had to come.
    pub(crate) fn receive(&mut self, letter: &Letter) -> Result<(), String> {
        let Letter { from, pid, number, .. } = letter;
        let before = self.last.replace((*pid, *number));
        let was_down = std::mem::take(&mut self.down_since);
        self.received += 1;
        let Some((_, last)) = before.filter(|(life, _)| life == pid) else { return Ok(()) };
        if *number <= last {
            return Err(format!("letter {number} of {from} came behind {last}"));
        }
        let missing = number - last - 1;
        self.lost += missing;
        if missing > 0 && !was_down {
            return Err(format!("letter {number} of {from} came behind {last}, and it was not down meanwhile"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(index: u32, number: u64) -> Letter {
        let pid = Pid { node: 1, incarnation: 1, index, serial: 0, random: 0 };
        Letter { from: "b".into(), pid, number, padding: String::new() }
    }

    #[test]
    fn letters_come_in_order_each_once_and_are_missing_only_behind_a_down() {
        let mut peer = Peer::default();
        let mut check = |what: Option<(u32, u64)>, sound: bool| match what {
            Some((index, number)) => assert_eq!(peer.receive(&letter(index, number)).is_ok(), sound, "{number}"),
            None => peer.lose(),
        };
        check(Some((1, 7)), true);
        check(Some((1, 8)), true);
        check(Some((1, 8)), false);
        check(Some((1, 10)), false);
        check(Some((1, 9)), false);
        check(None, true);
        check(Some((1, 12)), true);
        check(Some((1, 14)), false);
        check(Some((2, 1)), true);
        check(Some((2, 2)), true);
        check(None, true);
        check(Some((2, 2)), false);
    }
}
