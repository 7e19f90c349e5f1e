use super::config::PACKET_LEN_MAX;
use super::member::MemberId;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use foca::{Codec, Header, Member, Message, PostcardCodec, State};
use rusm_core::MemberStatus;

/// A packet of gossip: who says it to whom, and what it tells of members.
#[derive(Debug)]
pub struct GossipPacket {
    pub(super) header: Header<MemberId>,
    pub(super) told: Vec<Member<MemberId>>,
}

/// Why a packet of gossip was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GossipError {
    /// It is none. The connection is of no use.
    #[error("a malformed packet of gossip")]
    Malformed,
    /// It is in another's name. The connection is of no use.
    #[error("gossip in another node's name")]
    Foreign,
    /// It tells of more members than [`MembershipConfig::members_max`]. Nothing has changed.
    #[error("more members than are allowed")]
    TooMany,
}

impl GossipPacket {
    /// # Errors
    /// [`GossipError::Malformed`].
    pub fn decode(packet: &[u8]) -> Result<Self, GossipError> {
        Self::read(packet).ok_or(GossipError::Malformed)
    }

    fn read(packet: &[u8]) -> Option<Self> {
        if packet.len() > PACKET_LEN_MAX {
            return None;
        }
        let mut rest = packet;
        let header = PostcardCodec.decode_header(&mut rest).ok()?;
        let mut told = Vec::new();
        if !rest.is_empty() {
            let number = rest.try_get_u16().ok()?;
            for _ in 0..number {
                told.push(PostcardCodec.decode_member(&mut rest).ok()?);
            }
        }
        let packet = Self { header, told };
        (rest.is_empty() && packet.members().all(MemberId::is_valid)).then_some(packet)
    }

    /// Its bytes.
    pub fn encode(&self) -> Bytes {
        let mut packet = BytesMut::new();
        let mut encode = || {
            PostcardCodec.encode_header(&self.header, &mut packet)?;
            // Who announces itself tells of nobody.
            if self.header.message == Message::Announce {
                return Ok(());
            }
            packet.put_u16(u16::try_from(self.told.len()).unwrap_or(u16::MAX));
            self.told.iter().try_for_each(|member| PostcardCodec.encode_member(member, &mut packet))
        };
        encode().unwrap_or_else(|error| unreachable!("postcard encodes plain values into memory: {error}"));
        packet.freeze()
    }

    /// One that says who this member is, and these news. Which number of its own its sender says does not matter: it is known there, or
    /// nobody has told of it.
    pub(super) fn news(own: &MemberId, to: &MemberId, told: Vec<Member<MemberId>>) -> Self {
        let (src, dst) = (own.clone(), to.clone());
        Self { header: Header { src, src_incarnation: 0, dst, message: Message::Gossip }, told }
    }

    /// Who it is from, for whom, and of whom it tells.
    pub fn members(&self) -> impl Iterator<Item = &MemberId> {
        [&self.header.src, &self.header.dst].into_iter().chain(self.told.iter().map(Member::id))
    }

    /// Tells that of a member too, unless it is an announcement; the member has contradicted so often before. True or not: this is for who tries what others make of it.
    pub fn tell(&mut self, member: MemberId, status: MemberStatus, contradicted: u16) {
        let state = match status {
            MemberStatus::Up => State::Alive,
            MemberStatus::Suspect => State::Suspect,
            MemberStatus::Down => State::Down,
        };
        self.told.push(Member::new(member, contradicted, state));
    }
}

/// What the members say of it.
pub(super) fn status(member: &Member<MemberId>) -> MemberStatus {
    match member.state() {
        State::Alive => MemberStatus::Up,
        State::Suspect => MemberStatus::Suspect,
        State::Down => MemberStatus::Down,
    }
}
