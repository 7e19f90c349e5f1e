//! A node that breaks the protocol: what it sends is taken apart into frames, and some of them are changed, by their structure,
//! so that they get further than damaged bytes would.

use crate::seed::below;
use bytes::{Bytes, BytesMut};
use rand_core::Rng;
use rusm_core::{MemberStatus, NodeId};
use rusm_transport::proto::{
    Envelope, FRAME_LEN_MAX, Frame, FrameReader, GossipPacket, Hello, LANE_STREAMS, Lane, MemberId, Role,
};

/// What a liar makes of one stream.
#[derive(Default)]
pub(super) struct Lies {
    reader: FrameReader,
    /// A frame that waits until the next has gone.
    held_back: Option<Frame>,
}

impl Lies {
    /// What goes out instead of these bytes, when of a hundred frames so many are changed; and how many were.
    pub(super) fn tell(&mut self, bytes: &[u8], percent: u64, rng: &mut impl Rng) -> (Bytes, u64) {
        self.reader.push(bytes);
        let (mut out, mut changed) = (BytesMut::new(), 0);
        while let Ok(Some(frame)) = self.reader.next_frame() {
            let late = self.held_back.take();
            if below(rng.next_u64(), 100) < percent {
                changed += 1;
                self.change(frame, rng).iter().for_each(|frame| frame.encode(&mut out));
            } else {
                frame.encode(&mut out);
            }
            if let Some(late) = late {
                late.encode(&mut out);
            }
        }
        (out.freeze(), changed)
    }

    /// What goes out for a frame.
    fn change(&mut self, frame: Frame, rng: &mut impl Rng) -> Vec<Frame> {
        match below(rng.next_u64(), 8) {
            0 => Vec::new(),
            1 => vec![frame.clone(), frame],
            2 => {
                self.held_back = Some(frame);
                Vec::new()
            }
            3 => vec![unasked(rng), frame],
            _ => vec![changed(frame, rng)],
        }
    }
}

/// A frame that nobody waits for.
fn unasked(rng: &mut impl Rng) -> Frame {
    let junk = Bytes::from_static(&[7; 40]);
    match below(rng.next_u64(), 6) {
        0 => Frame::Ready,
        1 => Frame::Credit(vec![(lane(rng), u32::MAX)]),
        2 => Frame::Begin(lane(rng), number(rng) as u32, junk),
        3 => Frame::More(lane(rng), junk),
        4 => Frame::Signal(lane(rng), junk),
        _ => Frame::Leave,
    }
}

/// The same frame with another content.
fn changed(frame: Frame, rng: &mut impl Rng) -> Frame {
    match frame {
        Frame::Hello(hello) => Frame::Hello(other_hello(hello, rng)),
        Frame::Welcome(hello) => Frame::Welcome(other_hello(hello, rng)),
        Frame::Credit(mut credits) => {
            for (of, credit) in &mut credits {
                *credit = number(rng) as u32;
                if below(rng.next_u64(), 2) == 0 {
                    *of = lane(rng);
                }
            }
            Frame::Credit(credits)
        }
        Frame::Gossip(packet) => Frame::Gossip(match below(rng.next_u64(), 2) {
            0 => other_bytes(&packet, rng),
            _ => made_up(&packet, rng),
        }),
        Frame::Signal(of, bytes) => match below(rng.next_u64(), 3) {
            0 => Frame::Signal(lane(rng), bytes),
            1 => Frame::Signal(of, other_bytes(&bytes, rng)),
            _ => Frame::Signal(of, in_anothers_name(&bytes, rng)),
        },
        Frame::Begin(of, total, bytes) => match below(rng.next_u64(), 2) {
            0 => Frame::Begin(of, number(rng) as u32, bytes),
            _ => Frame::Begin(lane(rng), total, bytes),
        },
        Frame::More(of, bytes) => match below(rng.next_u64(), 2) {
            0 => Frame::More(of, Bytes::new()),
            _ => Frame::More(lane(rng), bytes),
        },
        Frame::Refuse(_) | Frame::Ready | Frame::Ping | Frame::Leave => unasked(rng),
    }
}

fn other_hello(mut hello: Hello, rng: &mut impl Rng) -> Hello {
    // Not its incarnation: who has claimed the last one there is can have no later life.
    match below(rng.next_u64(), 9) {
        0 => hello.versions = (number(rng) as u16, number(rng) as u16),
        1 => hello.features = number(rng),
        2 => hello.features_required = number(rng),
        3 => hello.cluster ^= 1,
        4 => hello.node.push('x'),
        5 => hello.role = Role::Operator,
        6 => hello.dial = number(rng),
        7 => hello.association = number(rng),
        _ => hello.signal_len_max = number(rng) as u32,
    }
    hello
}

/// A signal whose sender is somebody else, of this node or of another.
fn in_anothers_name(bytes: &Bytes, rng: &mut impl Rng) -> Bytes {
    let Ok(mut envelope) = Envelope::decode(bytes) else { return bytes.clone() };
    let from = &mut envelope.signal.from;
    match below(rng.next_u64(), 4) {
        0 => from.node = NodeId::of_name("b"),
        1 => from.incarnation = number(rng) as u32,
        2 => from.index ^= 1,
        _ => from.random ^= 1,
    }
    envelope.encode()
}

/// The same gossip, and something of a member that is not so: of itself, of who hears it, or of whoever is told of.
fn made_up(packet: &Bytes, rng: &mut impl Rng) -> Bytes {
    let Ok(mut packet) = GossipPacket::decode(packet) else { return packet.clone() };
    let members: Vec<MemberId> = packet.members().cloned().collect();
    let mut member = members[below(rng.next_u64(), members.len() as u64) as usize].clone();
    match below(rng.next_u64(), 4) {
        0 => member.incarnation = number(rng) as u32,
        1 => member.revival = number(rng) as u32,
        2 => member.address = "nowhere".into(),
        _ => (),
    }
    let status = match below(rng.next_u64(), 3) {
        0 => MemberStatus::Up,
        1 => MemberStatus::Suspect,
        _ => MemberStatus::Down,
    };
    packet.tell(member, status, number(rng) as u16);
    packet.encode()
}

/// Cut short, or with a byte that is another.
fn other_bytes(bytes: &Bytes, rng: &mut impl Rng) -> Bytes {
    let at = below(rng.next_u64(), bytes.len().max(1) as u64) as usize;
    if below(rng.next_u64(), 2) == 0 {
        return bytes.slice(..at.min(bytes.len()));
    }
    let mut bytes = bytes.to_vec();
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << below(rng.next_u64(), 8);
    }
    bytes.truncate(FRAME_LEN_MAX);
    bytes.into()
}

fn lane(rng: &mut impl Rng) -> Lane {
    Lane(below(rng.next_u64(), u64::from(LANE_STREAMS) * 3) as u16)
}

/// Small, large, or anything.
fn number(rng: &mut impl Rng) -> u64 {
    match below(rng.next_u64(), 4) {
        0 => 0,
        1 => u64::MAX,
        2 => below(rng.next_u64(), 100),
        _ => rng.next_u64(),
    }
}
