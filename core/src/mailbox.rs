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

    /// Takes the first message at or behind `marker` that matches. `marker` moves to where that was, or to the end: what was
    /// seen once is not looked at again.
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
        *marker = number;
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
    use proptest::prelude::*;

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
    fn memory_is_given_back_by_an_emptied_mailbox_and_by_one_that_shrinks() {
        let mut mailbox = filled(0..1000);
        while mailbox.take(&mut 0, |_| true).is_some() {}
        assert_eq!(mailbox.bytes(), 0);
        let mut mailbox = filled(0..50);
        while mailbox.take(&mut 0, |_| true).is_some() {}
        assert_ne!(mailbox.bytes(), 0, "what is usual stays");
        mailbox.shrink();
        assert_eq!(mailbox.bytes(), 0);
    }

    #[test]
    fn a_mailbox_has_room_for_one_message_first_and_keeps_room_for_so_many() {
        assert_eq!(filled(0..1).bytes(), size_of::<(u64, Message)>());
        let kept = u32::try_from(KEPT_MAX).expect("few messages");
        for (messages, keeps) in [(kept, KEPT_MAX), (kept + 1, 0)] {
            let mut mailbox = filled(0..messages);
            while mailbox.take(&mut 0, |_| true).is_some() {}
            assert_eq!(mailbox.bytes(), keeps * size_of::<(u64, Message)>(), "after {messages} messages");
        }
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

    /// How many receives there are in the model test, each of which takes every third number.
    const RECEIVES: usize = 3;

    /// A mailbox as a list of all that has come, and receives that remember what they have looked at.
    #[derive(Default)]
    struct Model {
        list: Vec<(usize, u32)>,
        seen: [Vec<usize>; RECEIVES],
        arrived: usize,
    }

    impl Model {
        fn push(&mut self, number: u32) {
            self.list.push((self.arrived, number));
            self.arrived += 1;
        }

        /// What it takes, and what it looks at.
        fn take(&mut self, receive: usize) -> (Option<u32>, Vec<u32>) {
            let seen = &mut self.seen[receive];
            let unseen = self.list.iter().copied().filter(|(id, _)| !seen.contains(id)).collect::<Vec<_>>();
            let found = unseen.iter().position(|(_, number)| *number as usize % RECEIVES == receive);
            let looked_at = &unseen[..found.map_or(unseen.len(), |found| found + 1)];
            seen.extend(looked_at.iter().map(|(id, _)| *id));
            let taken = found.map(|found| unseen[found]);
            self.list.retain(|message| Some(*message) != taken);
            (taken.map(|(_, number)| number), looked_at.iter().map(|(_, number)| *number).collect())
        }
    }

    #[derive(Clone, Debug)]
    enum Operation {
        Push(u32),
        Take(usize),
        /// A new receive that can only match what comes from now on.
        Mark(usize),
        /// A new receive.
        Begin(usize),
        Shrink,
    }

    fn operation() -> impl Strategy<Value = Operation> {
        prop_oneof![
            6 => (0u32..9).prop_map(Operation::Push),
            5 => (0..RECEIVES).prop_map(Operation::Take),
            1 => (0..RECEIVES).prop_map(Operation::Mark),
            1 => (0..RECEIVES).prop_map(Operation::Begin),
            1 => Just(Operation::Shrink),
        ]
    }

    proptest! {
        #[test]
        fn a_mailbox_is_a_list_at_which_each_receive_looks_once(operations in prop::collection::vec(operation(), 0..200)) {
            let (mut mailbox, mut model, mut markers) = (Mailbox::default(), Model::default(), [0; RECEIVES]);
            for operation in operations {
                match operation {
                    Operation::Push(n) => {
                        mailbox.push(Message::Plain(Payload::local(n)));
                        model.push(n);
                    }
                    Operation::Take(receive) => {
                        let mut looked_at = Vec::new();
                        let taken = mailbox.take(&mut markers[receive], |message| {
                            looked_at.push(number(message));
                            number(message) as usize % RECEIVES == receive
                        });
                        prop_assert_eq!((taken.as_ref().map(number), looked_at), model.take(receive));
                    }
                    Operation::Mark(receive) => {
                        markers[receive] = mailbox.marker();
                        model.seen[receive] = (0..model.arrived).collect();
                    }
                    Operation::Begin(receive) => {
                        markers[receive] = 0;
                        model.seen[receive].clear();
                    }
                    Operation::Shrink => mailbox.shrink(),
                }
                prop_assert_eq!(mailbox.len(), model.list.len());
            }
            let rest = mailbox.into_messages().map(|message| number(&message)).collect::<Vec<_>>();
            prop_assert_eq!(rest, model.list.into_iter().map(|(_, number)| number).collect::<Vec<_>>());
        }
    }
}
