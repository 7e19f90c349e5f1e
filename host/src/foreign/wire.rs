//! What nodes say to each other about code.

use bytes::{BufMut, Bytes, BytesMut};
use rusm_core::{Encoding, Term};

/// Bytes of one piece at most: little beside a message, so that others pass between two of them.
pub(super) const PIECE_BYTES: usize = 256 << 10;

/// The first byte of everything that is said. Of another version it is as nothing.
const VERSION: u8 = 1;

/// Asks for the piece of the code with that digest that begins at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) digest: [u8; 32],
    pub(super) offset: u64,
}

/// The piece, and how long all of it is; or nothing, when nobody there has that code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer(pub(super) Option<(u64, Bytes)>);

impl Question {
    pub(super) fn encode(self) -> Term {
        let mut bytes = BytesMut::with_capacity(41);
        bytes.put_u8(VERSION);
        bytes.put_slice(&self.digest);
        bytes.put_u64_le(self.offset);
        Term::new(Encoding::Raw, bytes.freeze())
    }

    /// `None` when it is none.
    pub(super) fn decode(term: &Term) -> Option<Self> {
        let (version, rest) = term.bytes.split_first()?;
        let (digest, offset) = rest.split_first_chunk()?;
        let offset = u64::from_le_bytes(offset.try_into().ok()?);
        (*version == VERSION).then_some(Self { digest: *digest, offset })
    }
}

impl Answer {
    /// The piece of `code` that begins there.
    pub(super) fn of(code: Option<&Bytes>, offset: u64) -> Self {
        Self(code.map(|code| {
            let from = usize::try_from(offset).map_or(code.len(), |offset| offset.min(code.len()));
            let to = (from + PIECE_BYTES).min(code.len());
            (code.len() as u64, code.slice(from..to))
        }))
    }

    pub(super) fn encode(&self) -> Term {
        let mut bytes = BytesMut::new();
        bytes.put_u8(VERSION);
        if let Some((total, piece)) = &self.0 {
            bytes.put_u64_le(*total);
            bytes.put_slice(piece);
        }
        Term::new(Encoding::Raw, bytes.freeze())
    }

    /// `None` when it is none.
    pub(super) fn decode(term: &Term) -> Option<Self> {
        let (version, rest) = term.bytes.split_first()?;
        if *version != VERSION {
            return None;
        }
        if rest.is_empty() {
            return Some(Self(None));
        }
        let (total, piece) = rest.split_first_chunk()?;
        Some(Self(Some((u64::from_le_bytes(*total), term.bytes.slice_ref(piece)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_said_is_heard(digest: [u8; 32], offset: u64, piece: Option<(u64, Vec<u8>)>) {
            let question = Question { digest, offset };
            prop_assert_eq!(Question::decode(&question.encode()), Some(question));
            let answer = Answer(piece.map(|(total, piece)| (total, piece.into())));
            prop_assert_eq!(Answer::decode(&answer.encode()), Some(answer));
        }

        #[test]
        fn bytes_of_anybody_are_read_or_left_aside(bytes: Vec<u8>) {
            let term = Term::new(Encoding::Raw, bytes);
            if let Some(question) = Question::decode(&term) {
                prop_assert_eq!(question.encode(), term.clone());
            }
            if let Some(answer) = Answer::decode(&term) {
                prop_assert_eq!(answer.encode(), term);
            }
        }
    }

    #[test]
    fn the_pieces_are_the_whole() {
        let code = Bytes::from(vec![7; 2 * PIECE_BYTES + 1]);
        let piece = |offset: usize| Answer::of(Some(&code), offset as u64).0.expect("it is known");
        assert_eq!(piece(0), (code.len() as u64, code.slice(..PIECE_BYTES)));
        assert_eq!(piece(2 * PIECE_BYTES).1.len(), 1);
        assert_eq!(piece(code.len()).1.len(), 0);
        assert_eq!(Answer::of(Some(&code), u64::MAX).0.expect("it is known").1.len(), 0);
        assert_eq!(Answer::of(None, 0), Answer(None));
    }
}
