//! The messages of one client that its room has not confirmed.

use std::collections::VecDeque;

use crate::Post;

/// Unconfirmed messages in the order in which the client sent them, each once. After a room's restart all of
/// them are handed in again, in that order; the room knows those that it had stored.
#[derive(Debug, Default)]
pub struct Outbox {
    posts: VecDeque<Post>,
}

impl Outbox {
    /// How many a client may have outstanding.
    pub const LEN_MAX: usize = 100;

    /// Adds a message. False when it waits here already.
    ///
    /// # Errors
    /// There are [`Outbox::LEN_MAX`] already.
    pub fn push(&mut self, post: Post) -> Result<bool, String> {
        if self.posts.iter().any(|waiting| waiting.id == post.id) {
            return Ok(false);
        }
        if self.posts.len() == Self::LEN_MAX {
            return Err(format!("{} messages wait to be stored: wait for their acknowledgement", Self::LEN_MAX));
        }
        self.posts.push_back(post);
        Ok(true)
    }

    /// The room has answered for this message. False when it does not wait here.
    pub fn settle(&mut self, id: &str) -> bool {
        let before = self.posts.len();
        self.posts.retain(|post| post.id != id);
        self.posts.len() < before
    }

    /// All that wait, oldest first.
    pub fn waiting(&self) -> impl Iterator<Item = &Post> {
        self.posts.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(id: &str) -> Post {
        Post { sender: "ada".into(), id: id.into(), text: "hi".into() }
    }

    #[test]
    fn what_waits_keeps_its_order_and_is_there_once() {
        let mut outbox = Outbox::default();
        let added: Vec<_> = ["1", "2", "3", "2"].map(|id| outbox.push(post(id))).into();
        assert_eq!(added, [Ok(true), Ok(true), Ok(true), Ok(false)]);
        assert!(outbox.settle("1"));
        assert!(!outbox.settle("1"));
        let ids: Vec<_> = outbox.waiting().map(|post| post.id.as_str()).collect();
        assert_eq!(ids, ["2", "3"]);
    }

    #[test]
    fn a_client_may_not_run_ahead_without_end() {
        let mut outbox = Outbox::default();
        for n in 0..Outbox::LEN_MAX {
            assert_eq!(outbox.push(post(&n.to_string())), Ok(true));
        }
        assert!(outbox.push(post("one-more")).is_err());
        assert_eq!(outbox.push(post("0")), Ok(false));
    }
}
