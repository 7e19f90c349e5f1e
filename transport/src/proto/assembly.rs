use super::lane::Lane;
use super::lanes::FRAGMENT_LEN;
use bytes::Bytes;
use std::collections::BTreeMap;

/// Large signals that come in parts. What a peer can make us keep is `large_max` signals of the greatest length, and no
/// memory is taken before its bytes have come.
#[derive(Debug)]
pub(super) struct Assembly {
    len_max: u32,
    large_max: u16,
    parts: BTreeMap<Lane, Parts>,
}

#[derive(Debug)]
struct Parts {
    total: usize,
    bytes: Vec<u8>,
}

/// How a peer broke the rules of large signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(super) enum AssemblyError {
    /// Longer than a signal may be.
    #[error("a signal of {0} bytes")]
    TooLong(u32),
    /// So short that it comes in one piece.
    #[error("a signal of {0} bytes in parts")]
    TooShort(u32),
    /// More of them at once than was agreed.
    #[error("too many large signals at once")]
    TooMany,
    /// Something else on the lane before the last part.
    #[error("another signal before the last part of a large one")]
    Interrupted,
    /// A part of nothing, an empty one, or one that goes beyond the end.
    #[error("a part that fits nowhere")]
    Unexpected,
}

impl Assembly {
    pub(super) fn new(len_max: u32, large_max: u16) -> Self {
        Self { len_max, large_max, parts: BTreeMap::new() }
    }

    /// Whether a whole signal may come on that lane.
    pub(super) fn check_whole(&self, lane: Lane, len: usize) -> Result<(), AssemblyError> {
        if self.parts.contains_key(&lane) {
            return Err(AssemblyError::Interrupted);
        }
        if len > FRAGMENT_LEN { Err(AssemblyError::TooLong(len as u32)) } else { Ok(()) }
    }

    /// The first part of a large signal.
    pub(super) fn begin(&mut self, lane: Lane, total: u32, part: &[u8]) -> Result<(), AssemblyError> {
        if self.parts.contains_key(&lane) {
            return Err(AssemblyError::Interrupted);
        }
        if total > self.len_max {
            return Err(AssemblyError::TooLong(total));
        }
        let total_len = total as usize;
        if total_len <= FRAGMENT_LEN {
            return Err(AssemblyError::TooShort(total));
        }
        if self.parts.len() >= usize::from(self.large_max) {
            return Err(AssemblyError::TooMany);
        }
        if part.is_empty() || part.len() >= total_len {
            return Err(AssemblyError::Unexpected);
        }
        self.parts.insert(lane, Parts { total: total_len, bytes: part.to_vec() });
        Ok(())
    }

    /// The next part; the whole signal when it was the last.
    pub(super) fn more(&mut self, lane: Lane, part: &[u8]) -> Result<Option<Bytes>, AssemblyError> {
        let parts = self.parts.get_mut(&lane).ok_or(AssemblyError::Unexpected)?;
        if part.is_empty() || part.len() > parts.total - parts.bytes.len() {
            return Err(AssemblyError::Unexpected);
        }
        parts.bytes.extend_from_slice(part);
        if parts.bytes.len() < parts.total {
            return Ok(None);
        }
        Ok(self.parts.remove(&lane).map(|parts| parts.bytes.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEN: u32 = 40_000;

    fn assembly() -> Assembly {
        Assembly::new(LEN, 2)
    }

    #[test]
    fn parts_make_the_signal() {
        let mut assembly = assembly();
        assert_eq!(assembly.begin(Lane(1), LEN, &[1; 16_384]), Ok(()));
        assert_eq!(assembly.more(Lane(1), &[2; 16_384]), Ok(None));
        let whole = assembly.more(Lane(1), &[3; 7_232]).unwrap().expect("the last part");
        assert_eq!((whole.len(), whole[0], whole[16_384], whole[39_999]), (40_000, 1, 2, 3));
        assert_eq!(assembly.check_whole(Lane(1), 1), Ok(()));
    }

    #[test]
    fn lengths_hold_at_their_limits() {
        let mut assembly = assembly();
        assert_eq!(assembly.begin(Lane(1), LEN + 1, &[0]), Err(AssemblyError::TooLong(LEN + 1)));
        assert_eq!(assembly.begin(Lane(1), u32::MAX, &[0]), Err(AssemblyError::TooLong(u32::MAX)));
        let short = FRAGMENT_LEN as u32;
        assert_eq!(assembly.begin(Lane(1), short, &[0]), Err(AssemblyError::TooShort(short)));
        assert_eq!(assembly.begin(Lane(1), short + 1, &[0]), Ok(()));
        assert_eq!(assembly.check_whole(Lane(2), FRAGMENT_LEN), Ok(()));
        assert_eq!(assembly.check_whole(Lane(2), FRAGMENT_LEN + 1), Err(AssemblyError::TooLong(short + 1)));
    }

    #[test]
    fn no_more_than_agreed_are_kept_at_once() {
        let mut assembly = assembly();
        for lane in 1..=2 {
            assert_eq!(assembly.begin(Lane(lane), LEN, &[0]), Ok(()));
        }
        assert_eq!(assembly.begin(Lane(3), LEN, &[0]), Err(AssemblyError::TooMany));
    }

    #[test]
    fn parts_that_fit_nowhere_are_refused() {
        let mut assembly = assembly();
        assert_eq!(assembly.more(Lane(1), &[0]), Err(AssemblyError::Unexpected));
        assert_eq!(assembly.begin(Lane(1), LEN, &[]), Err(AssemblyError::Unexpected));
        assert_eq!(assembly.begin(Lane(1), LEN, &[0; 39_999]), Ok(()));
        assert_eq!(assembly.begin(Lane(1), LEN, &[0]), Err(AssemblyError::Interrupted));
        assert_eq!(assembly.check_whole(Lane(1), 1), Err(AssemblyError::Interrupted));
        assert_eq!(assembly.more(Lane(1), &[]), Err(AssemblyError::Unexpected));
        assert_eq!(assembly.more(Lane(1), &[0; 2]), Err(AssemblyError::Unexpected));
    }
}
