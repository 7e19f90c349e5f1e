use super::leases::FencingToken;
use std::fmt;

/// What a resource remembers that only one holder at a time may change: the greatest token that it has seen. Source: Kleppmann, "How
/// to do distributed locking" (2016).
///
/// ```
/// use rusm_transport::unique::{Fence, FencingToken};
///
/// let (first, second) = (FencingToken::from_u64(7), FencingToken::from_u64(9));
/// let mut fence = Fence::default();
/// assert!(fence.admit(first).is_ok());
/// assert!(fence.admit(second).is_ok());
/// assert!(fence.admit(first).is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fence {
    greatest: Option<FencingToken>,
}

/// A later holder has been here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale {
    /// The later holder's token.
    pub newer: FencingToken,
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a later holder, of token {}, has been here", self.newer)
    }
}

impl std::error::Error for Stale {}

impl Fence {
    /// Lets the holder of that token in, and from then on none of a lesser one.
    ///
    /// # Errors
    /// See [`Stale`].
    pub fn admit(&mut self, token: FencingToken) -> Result<(), Stale> {
        match self.greatest {
            Some(newer) if token < newer => Err(Stale { newer }),
            _ => {
                self.greatest = Some(token);
                Ok(())
            }
        }
    }

    /// The greatest token so far.
    pub fn greatest(&self) -> Option<FencingToken> {
        self.greatest
    }
}
