//! What the fuzz targets do with the bytes they are given. cargo-fuzz runs them under libFuzzer (`fuzz/libfuzzer`); the tests of
//! this crate run the kept corpus through the same functions on the stable toolchain.
//!
//! Any bytes may come in: nothing here may panic but by a rule that is broken.

mod endpoint;
mod signals;

use bytes::{Bytes, BytesMut};
use rusm_transport::proto::{Envelope, Frame, FrameReader};

pub use endpoint::endpoint;
pub use signals::signals;

/// One target: its name, which is its folder in the corpus, and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] =
    &[("envelope", envelope), ("frames", frames), ("endpoint", endpoint), ("signals", signals), ("voter", voter)];

/// Reads an envelope; what can be read is written and read again to the same.
pub fn envelope(bytes: &[u8]) {
    let Ok(envelope) = Envelope::decode(&Bytes::copy_from_slice(bytes)) else { return };
    let written = envelope.encode();
    assert_eq!(Envelope::decode(&written).as_ref(), Ok(&envelope), "what is written is read");
}

/// Cuts a stream into frames, in pieces as long as the first byte says; what can be read is written and read again to the
/// same.
pub fn frames(bytes: &[u8]) {
    let Some((piece, bytes)) = bytes.split_first() else { return };
    let mut reader = FrameReader::default();
    for piece in bytes.chunks(usize::from(*piece).max(1)) {
        reader.push(piece);
        loop {
            match reader.next_frame() {
                Ok(Some(frame)) => again(&frame),
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
}

/// Reads what a voter takes from others or from its disk; what can be read is written and read again to the same.
pub fn voter(bytes: &[u8]) {
    assert_eq!(rusm_transport::unique::read_again(bytes), None, "what is written is read");
}

fn again(frame: &Frame) {
    let mut out = BytesMut::new();
    frame.encode(&mut out);
    let mut reader = FrameReader::default();
    reader.push(&out);
    assert_eq!(reader.next_frame().as_ref(), Ok(&Some(frame.clone())), "what is written is read");
    assert_eq!(reader.next_frame(), Ok(None), "and nothing else");
}
