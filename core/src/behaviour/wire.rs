//! How requests to behaviours lie in the mailbox.

use crate::{ExitReason, Payload, Timestamp};

/// A cast.
pub(crate) struct Cast<M>(pub(crate) M);

/// The request to stop. It is never answered: the caller sees the end.
pub(crate) struct Stop(pub(crate) ExitReason);

/// A call that is worth nothing after its deadline.
pub(crate) struct Timed {
    pub(crate) deadline: Timestamp,
    pub(crate) request: Payload,
}
