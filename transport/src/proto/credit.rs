use super::lane::Lane;
use std::collections::BTreeMap;

/// What has come in on each lane and was not credited yet. The sender may have one window of a lane under way; credit goes
/// back when half of it has come in, so that whoever sends little costs no credit frames at all.
///
/// [`handle_received`](Self::handle_received), then [`poll_credit`](Self::poll_credit) until it gives nothing.
#[derive(Debug)]
pub(super) struct Credit {
    window: u32,
    received: BTreeMap<Lane, u32>,
    /// Lanes whose credit is to go back.
    due: Vec<Lane>,
}

/// Lanes in one credit frame.
const LANES_IN_FRAME: usize = 1024;

impl Credit {
    pub(super) fn new(window: u32) -> Self {
        Self { window, received: BTreeMap::new(), due: Vec::new() }
    }

    /// So many bytes have come in. False when the sender had no credit for them.
    pub(super) fn handle_received(&mut self, lane: Lane, len: u32) -> bool {
        let received = self.received.entry(lane).or_default();
        let before = *received;
        match before.checked_add(len) {
            Some(now) if now <= self.window => *received = now,
            _ => return false,
        }
        if before < self.window / 2 && *received >= self.window / 2 {
            self.due.push(lane);
        }
        true
    }

    /// Credit goes back now: the sender waits to hear that a large signal has arrived.
    pub(super) fn give_back(&mut self, lane: Lane) {
        if !self.due.contains(&lane) {
            self.due.push(lane);
        }
    }

    /// The content of the next credit frame.
    pub(super) fn poll_credit(&mut self) -> Option<Vec<(Lane, u32)>> {
        let many = self.due.len().min(LANES_IN_FRAME);
        let lanes: Vec<Lane> = self.due.drain(..many).collect();
        let credits = lanes.into_iter().filter_map(|lane| Some((lane, self.received.remove(&lane)?)));
        let credits: Vec<(Lane, u32)> = credits.collect();
        (!credits.is_empty()).then_some(credits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_goes_back_at_half_a_window_and_a_window_is_the_limit() {
        let mut credit = Credit::new(100);
        assert!(credit.handle_received(Lane(1), 49));
        assert_eq!(credit.poll_credit(), None);
        assert!(credit.handle_received(Lane(1), 51));
        assert!(!credit.handle_received(Lane(1), 1), "a byte above the window");
        assert_eq!(credit.poll_credit(), Some(vec![(Lane(1), 100)]));
        assert!(credit.handle_received(Lane(1), 100));
        assert!(!credit.handle_received(Lane(2), 101));
        assert!(!credit.handle_received(Lane(1), u32::MAX));
    }

    #[test]
    fn the_end_of_a_large_signal_is_credited_at_once() {
        let mut credit = Credit::new(100);
        assert!(credit.handle_received(Lane(1), 3));
        credit.give_back(Lane(1));
        assert_eq!(credit.poll_credit(), Some(vec![(Lane(1), 3)]));
        assert_eq!(credit.poll_credit(), None);
    }
}
