use crate::Message;
use std::collections::VecDeque;

/// For how many messages an empty mailbox keeps room, at most.
const KEPT_MAX: usize = 128;

/// Messages in arrival order, each with a number that only grows, so that a scan can begin behind what it has seen.
#[derive(Default)]
pub(crate) struct Mailbox {
    messages: VecDeque<(u64, Message)>,
    next: u64,
}

impl Mailbox {
    pub(crate) fn push(&mut self, message: Message) {
        if self.messages.capacity() == 0 {
            // Most mailboxes never have more than one message waiting.
            self.messages.reserve_exact(1);
        }
        self.messages.push_back((self.next, message));
        self.next += 1;
    }

    /// Everything in it, in order.
    pub(crate) fn into_messages(self) -> impl Iterator<Item = Message> {
        self.messages.into_iter().map(|(_, message)| message)
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Where a receive begins that can only match messages which arrive from now on: OTP's receive marker.
    pub(crate) fn marker(&self) -> u64 {
        self.next
    }

    /// Takes the first message at or behind `marker` that matches. Otherwise `marker` moves to the end: what was seen
    /// once is not looked at again.
    pub(crate) fn take(&mut self, marker: &mut u64, mut matches: impl FnMut(&Message) -> bool) -> Option<Message> {
        let start = match self.messages.front() {
            Some((first, _)) if *first >= *marker => 0,
            Some(_) => self.messages.partition_point(|(number, _)| *number < *marker),
            None => 0,
        };
        let Some(found) = self.messages.range(start..).position(|(_, message)| matches(message)) else {
            *marker = self.next;
            return None;
        };
        let (number, taken) = self.messages.remove(start + found)?;
        *marker = number + 1;
        self.give_memory_back();
        Some(taken)
    }

    /// Keeps no more memory than its messages need.
    pub(crate) fn shrink(&mut self) {
        self.messages.shrink_to_fit();
    }

    /// Bytes that it holds, without what its messages point to.
    pub(crate) fn bytes(&self) -> usize {
        self.messages.capacity() * size_of::<(u64, Message)>()
    }

    /// An emptied mailbox does not keep what a flood made it grow to.
    fn give_memory_back(&mut self) {
        if self.messages.is_empty() && self.messages.capacity() > KEPT_MAX {
            self.messages = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Payload;

    fn number(message: &Message) -> u32 {
        match message {
            Message::Plain(payload) => *payload.downcast_ref().expect("a number"),
            other => panic!("not a plain message: {other:?}"),
        }
    }

    fn filled(numbers: std::ops::Range<u32>) -> Mailbox {
        let mut mailbox = Mailbox::default();
        for n in numbers {
            mailbox.push(Message::Plain(Payload::local(n)));
        }
        mailbox
    }

    #[test]
    fn the_first_match_in_arrival_order_is_taken_and_the_rest_keep_their_order() {
        let mut mailbox = filled(0..5);
        let taken = mailbox.take(&mut 0, |m| number(m) % 2 == 1);
        assert_eq!(taken.as_ref().map(number), Some(1));
        let rest: Vec<u32> = std::iter::from_fn(|| mailbox.take(&mut 0, |_| true)).map(|m| number(&m)).collect();
        assert_eq!(rest, [0, 2, 3, 4]);
    }

    #[test]
    fn a_marker_skips_what_was_there_when_it_was_made() {
        let mut mailbox = filled(0..1000);
        let mut marker = mailbox.marker();
        mailbox.push(Message::Plain(Payload::local(7u32)));
        let mut looked_at = 0;
        let taken = mailbox.take(&mut marker, |_| {
            looked_at += 1;
            true
        });
        assert_eq!(taken.as_ref().map(number), Some(7));
        assert_eq!(looked_at, 1);
        assert_eq!(mailbox.len(), 1000);
    }

    #[test]
    fn a_scan_that_found_nothing_goes_on_behind_what_it_saw() {
        let mut mailbox = filled(0..10);
        let mut marker = 0;
        assert!(mailbox.take(&mut marker, |_| false).is_none());
        let mut looked_at = 0;
        assert!(
            mailbox
                .take(&mut marker, |_| {
                    looked_at += 1;
                    false
                })
                .is_none()
        );
        assert_eq!(looked_at, 0);
    }
}
