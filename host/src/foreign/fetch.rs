use super::wire::{Answer, Question};
use super::{NAME, hex};
use bytes::Bytes;
use rusm_core::{CallError, Context, Destination, NodeId, Payload};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// How long one piece may take.
const PIECE_TIME_MAX: Duration = Duration::from_secs(30);

/// How long all of it may take.
const FETCH_TIME_MAX: Duration = Duration::from_secs(300);

/// Why code did not come. Nothing of it is kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchError {
    /// The node is lost, has no such process, or took too long.
    #[error("the node that asks does not hand it out: {0}")]
    Call(CallError),
    /// The node does not have that code itself.
    #[error("the node that asks does not have it")]
    Unknown,
    /// It is larger than is accepted.
    #[error("it has {len} bytes; foreign-code.bytes of this node allows {max}")]
    TooLarge { len: u64, max: u64 },
    /// The pieces do not make a whole.
    #[error("the node that asks sends pieces that do not fit together")]
    Nonsense,
    /// It came whole, and is something else.
    #[error("the node that asks has sent other code: its digest is {}", hex(.0))]
    OtherCode([u8; 32]),
    /// It took longer than [`FETCH_TIME_MAX`].
    #[error("it had not come after {} s", FETCH_TIME_MAX.as_secs())]
    TooSlow,
}

/// Takes the code with that digest from a node, `bytes_max` of it at most.
///
/// # Errors
/// See [`FetchError`].
pub(crate) async fn fetch(
    context: &Context,
    node: NodeId,
    digest: &[u8; 32],
    bytes_max: u64,
) -> Result<Bytes, FetchError> {
    let deadline = context.now() + FETCH_TIME_MAX;
    let mut code: Vec<u8> = Vec::new();
    let mut total = None;
    while total != Some(code.len() as u64) {
        if context.now() > deadline {
            return Err(FetchError::TooSlow);
        }
        let question = Question { digest: *digest, offset: code.len() as u64 };
        let to = Destination::NameAt { name: NAME.to_owned(), node };
        let answer = context.call(to, question.encode(), PIECE_TIME_MAX).await.map_err(FetchError::Call)?;
        let Payload::Term(answer) = answer else { return Err(FetchError::Nonsense) };
        let (len, piece) = Answer::decode(&answer).ok_or(FetchError::Nonsense)?.0.ok_or(FetchError::Unknown)?;
        if len > bytes_max {
            return Err(FetchError::TooLarge { len, max: bytes_max });
        }
        let fits = code.len() as u64 + piece.len() as u64 <= len && total.is_none_or(|total| total == len);
        if !fits || piece.is_empty() && len > 0 {
            return Err(FetchError::Nonsense);
        }
        total = Some(len);
        code.extend_from_slice(&piece);
    }
    let found: [u8; 32] = Sha256::digest(&code).into();
    if found != *digest {
        return Err(FetchError::OtherCode(found));
    }
    Ok(code.into())
}
