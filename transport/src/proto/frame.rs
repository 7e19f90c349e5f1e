use super::handshake::{Hello, Refusal};
use super::lane::Lane;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

/// Bytes of a frame's body.
pub const FRAME_LEN_MAX: usize = 64 << 10;

/// Bytes of the header: kind and length.
pub(super) const HEADER_LEN: usize = 5;

/// Kinds from this on may be left out by whoever does not know them.
const SKIPPABLE: u8 = 0x80;

/// What streams carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The first on a connection, by the side that dialled.
    Hello(Hello),
    /// The answer to it: the association has begun for the other side.
    Welcome(Hello),
    /// The other answer to it.
    Refuse(Refusal),
    /// The answer to a welcome: signals may come.
    Ready,
    /// So many bytes of each of these lanes have been taken in.
    Credit(Vec<(Lane, u32)>),
    /// A sign of life.
    Ping,
    /// A packet of the membership's, to whom has the feature.
    Gossip(Bytes),
    /// The sender leaves the cluster; behind it nothing comes. To whom has the same feature.
    Leave,
    /// One signal.
    Signal(Lane, Bytes),
    /// The first part of a large signal, and how many bytes it has in all.
    Begin(Lane, u32, Bytes),
    /// The next part of the large signal of that lane.
    More(Lane, Bytes),
}

/// Why bytes are no frame. A stream is of no use from there on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Longer than [`FRAME_LEN_MAX`].
    #[error("a frame of {0} bytes")]
    TooLong(u32),
    /// A kind that no version has.
    #[error("a frame of kind {0}")]
    Kind(u8),
    /// The body is not what its kind says.
    #[error("a malformed frame of kind {0}")]
    Malformed(u8),
}

const HELLO: u8 = 1;
const WELCOME: u8 = 2;
const REFUSE: u8 = 3;
const READY: u8 = 4;
const CREDIT: u8 = 5;
const PING: u8 = 6;
const GOSSIP: u8 = 7;
const LEAVE: u8 = 8;
const SIGNAL: u8 = 16;
const BEGIN: u8 = 17;
const MORE: u8 = 18;

impl Frame {
    /// Appends the frame.
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Hello(hello) => body(out, HELLO, hello),
            Self::Welcome(hello) => body(out, WELCOME, hello),
            Self::Refuse(refusal) => body(out, REFUSE, refusal),
            Self::Ready => header(out, READY, 0),
            Self::Credit(credits) => {
                header(out, CREDIT, credits.len() * 6);
                for (lane, credit) in credits {
                    out.put_u16_le(lane.0);
                    out.put_u32_le(*credit);
                }
            }
            Self::Ping => header(out, PING, 0),
            Self::Gossip(packet) => {
                header(out, GOSSIP, packet.len());
                out.put_slice(packet);
            }
            Self::Leave => header(out, LEAVE, 0),
            Self::Signal(lane, bytes) => encode_signal(*lane, bytes, out),
            Self::Begin(lane, total, bytes) => {
                header(out, BEGIN, 6 + bytes.len());
                out.put_u16_le(lane.0);
                out.put_u32_le(*total);
                out.put_slice(bytes);
            }
            Self::More(lane, bytes) => {
                header(out, MORE, 2 + bytes.len());
                out.put_u16_le(lane.0);
                out.put_slice(bytes);
            }
        }
    }

    /// Reads a body; `None` for a kind that may be left out.
    fn decode(kind: u8, mut body: Bytes) -> Result<Option<Self>, FrameError> {
        let malformed = || FrameError::Malformed(kind);
        let empty = |frame, body: &Bytes| if body.is_empty() { Ok(frame) } else { Err(malformed()) };
        Ok(Some(match kind {
            HELLO => Self::Hello(exactly(&body).ok_or_else(malformed)?),
            WELCOME => Self::Welcome(exactly(&body).ok_or_else(malformed)?),
            REFUSE => Self::Refuse(exactly(&body).ok_or_else(malformed)?),
            READY => empty(Self::Ready, &body)?,
            PING => empty(Self::Ping, &body)?,
            GOSSIP => Self::Gossip(body),
            LEAVE => empty(Self::Leave, &body)?,
            CREDIT => {
                if !body.len().is_multiple_of(6) {
                    return Err(malformed());
                }
                let credit = |entry: &[u8]| match *entry {
                    [l0, l1, c0, c1, c2, c3] => {
                        (Lane(u16::from_le_bytes([l0, l1])), u32::from_le_bytes([c0, c1, c2, c3]))
                    }
                    _ => unreachable!("chunks of six bytes"),
                };
                Self::Credit(body.chunks_exact(6).map(credit).collect())
            }
            SIGNAL => {
                let lane = body.try_get_u16_le().map_err(|_| malformed())?;
                Self::Signal(Lane(lane), body)
            }
            BEGIN => {
                let lane = body.try_get_u16_le().map_err(|_| malformed())?;
                let total = body.try_get_u32_le().map_err(|_| malformed())?;
                Self::Begin(Lane(lane), total, body)
            }
            MORE => {
                let lane = body.try_get_u16_le().map_err(|_| malformed())?;
                Self::More(Lane(lane), body)
            }
            SKIPPABLE.. => return Ok(None),
            _ => return Err(FrameError::Kind(kind)),
        }))
    }
}

/// Appends the frame of one signal.
pub(super) fn encode_signal(lane: Lane, bytes: &[u8], out: &mut BytesMut) {
    header(out, SIGNAL, 2 + bytes.len());
    out.put_u16_le(lane.0);
    out.put_slice(bytes);
}

fn header(out: &mut BytesMut, kind: u8, len: usize) {
    debug_assert!(len <= FRAME_LEN_MAX, "a frame of {len} bytes");
    out.put_u8(kind);
    out.put_u32_le(len as u32);
}

fn body(out: &mut BytesMut, kind: u8, value: &impl Serialize) {
    let bytes = postcard::to_stdvec(value);
    let bytes = bytes.unwrap_or_else(|error| unreachable!("postcard encodes plain values into memory: {error}"));
    header(out, kind, bytes.len());
    out.put_slice(&bytes);
}

/// The value that these bytes are, all of them.
fn exactly<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    postcard::take_from_bytes(bytes).ok().and_then(|(value, rest)| rest.is_empty().then_some(value))
}

/// Cuts a stream into frames. Keeps less than one frame, and no memory between frames: of a thousand connections most are idle.
#[derive(Debug, Default)]
pub struct FrameReader {
    kept: BytesMut,
}

impl FrameReader {
    /// Takes the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.kept.extend_from_slice(bytes);
    }

    /// The next whole frame. After an error the stream has none.
    ///
    /// # Errors
    /// What comes next is no frame: known from its header, before its body has come.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        loop {
            let Some((&[kind, l0, l1, l2, l3], _)) = self.kept.split_first_chunk::<HEADER_LEN>() else {
                if self.kept.is_empty() {
                    *self = Self::default();
                }
                return Ok(None);
            };
            let len = u32::from_le_bytes([l0, l1, l2, l3]);
            if len as usize > FRAME_LEN_MAX {
                return Err(FrameError::TooLong(len));
            }
            if self.kept.len() < HEADER_LEN + len as usize {
                return Ok(None);
            }
            // A copy: a small message that somebody keeps does not keep the memory of all that came with it.
            let body = Bytes::copy_from_slice(&self.kept[HEADER_LEN..HEADER_LEN + len as usize]);
            self.kept.advance(HEADER_LEN + len as usize);
            if let Some(frame) = Frame::decode(kind, body)? {
                return Ok(Some(frame));
            }
        }
    }
}
