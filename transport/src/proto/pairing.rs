use super::event::ConnectionId;
use super::handshake::{Hello, Refusal};

/// Which of the connections between two nodes is the one that stays: the machine of one side, for one other node.
///
/// - Both dial at once: the connection stays that the node with the lesser name dialled. Source: OTP distribution
///   protocol, "simultaneous connects".
/// - A handshake over a connection that was made after the present association was known to the other side ends that
///   association: the other side has lost it. One that was made before is refused.
/// - A life of the other node that is over is refused, for as long as the node is known; a new one ends what there is.
///
/// This side: [`dial`](Self::dial), then [`handle_welcome`](Self::handle_welcome) when the other agrees. The other side:
/// [`handle_hello`](Self::handle_hello). [`handle_end`](Self::handle_end) when a connection is gone.
#[derive(Debug)]
pub(super) struct Pairing {
    /// This side's name is the lesser one.
    lesser: bool,
    /// The number of the last association.
    last: u64,
    /// The life of the other node that was last seen.
    incarnation: u32,
    dials: u64,
    dialling: Option<ConnectionId>,
    present: Option<Present>,
}

#[derive(Clone, Copy, Debug)]
struct Present {
    connection: ConnectionId,
    number: u64,
    /// The other side's attempt that it came from; `None` when this side dialled.
    their_dial: Option<u64>,
}

/// A handshake that is accepted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    /// The number of the new association.
    pub(super) number: u64,
    /// The connection whose association ends first.
    pub(super) ends: Option<ConnectionId>,
    /// The connection of this side's own attempt, which is given up.
    pub(super) gives_up: Option<ConnectionId>,
}

impl Pairing {
    pub(super) fn new(own: &str, other: &str) -> Self {
        Self { lesser: own < other, last: 0, incarnation: 0, dials: 0, dialling: None, present: None }
    }

    /// Whether this side may dial: it neither has an association nor an attempt under way.
    pub(super) fn is_alone(&self) -> bool {
        self.present.is_none() && self.dialling.is_none()
    }

    /// The connection of the association.
    pub(super) fn connection(&self) -> Option<ConnectionId> {
        self.present.map(|present| present.connection)
    }

    /// This side dials. What to say: its attempt, and the last association.
    pub(super) fn dial(&mut self, connection: ConnectionId) -> (u64, u64) {
        debug_assert!(self.is_alone(), "one attempt at a time");
        self.dials += 1;
        self.dialling = Some(connection);
        (self.dials, self.last)
    }

    /// The other side agrees to this side's attempt. False when that one was given up, or the answer is of a life that is
    /// over.
    pub(super) fn handle_welcome(&mut self, connection: ConnectionId, welcome: &Hello) -> bool {
        if self.dialling != Some(connection)
            || welcome.incarnation < self.incarnation
            || welcome.association <= self.last
        {
            return false;
        }
        self.dialling = None;
        self.incarnation = welcome.incarnation;
        self.last = welcome.association;
        self.present = Some(Present { connection, number: self.last, their_dial: None });
        true
    }

    /// The other side dials.
    pub(super) fn handle_hello(&mut self, connection: ConnectionId, hello: &Hello) -> Result<Accepted, Refusal> {
        if hello.incarnation < self.incarnation {
            return Err(Refusal::Incarnation);
        }
        let same_life = hello.incarnation == self.incarnation;
        match (self.present, self.dialling) {
            (Some(present), _) if same_life => match present.their_dial {
                // They never have two attempts under way: the later one says that the earlier is lost to them.
                Some(dial) if hello.dial <= dial => return Err(Refusal::Stale),
                None if hello.association < present.number => return Err(Refusal::Crossed),
                Some(_) | None => {}
            },
            (None, Some(_)) if self.lesser => return Err(Refusal::Crossed),
            _ => {}
        }
        let ends = self.present.take().map(|present| present.connection);
        let gives_up = self.dialling.take();
        self.incarnation = hello.incarnation;
        self.last = self.last.max(hello.association) + 1;
        self.present = Some(Present { connection, number: self.last, their_dial: Some(hello.dial) });
        Ok(Accepted { number: self.last, ends, gives_up })
    }

    /// A connection is gone. True when it had the association.
    pub(super) fn handle_end(&mut self, connection: ConnectionId) -> bool {
        if self.dialling == Some(connection) {
            self.dialling = None;
        }
        self.present.take_if(|present| present.connection == connection).is_some()
    }
}
