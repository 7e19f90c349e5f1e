//! What a node hears of the others, and what it tells them.

use super::super::event::{Action, ConnectionId, EndReason, Event, NodeNews};
use super::super::features::Features;
use super::super::frame::Frame;
use super::super::lane::StreamId;
use super::super::membership::{GossipError, MemberChange, MemberId, Membership};
use super::Endpoint;
use bytes::Bytes;
use rusm_core::{NodeId, Timestamp};

impl Endpoint {
    /// The node gossips: it learns of those that others know, dials them, and says when one of them is given up. `address` is
    /// where others can dial it, as its wire writes that, at most 255 bytes; empty when it does not say. What it draws follows
    /// from `seed`.
    ///
    /// # Panics
    /// When a value of [`Config::membership`](super::super::Config::membership) is outside its bounds.
    #[must_use]
    pub fn with_membership(mut self, now: Timestamp, address: &str, seed: [u8; 32]) -> Self {
        let (node, incarnation) = (self.hello.node.clone(), self.hello.incarnation);
        let own = MemberId { node: node.as_str().into(), incarnation, revival: 0, address: address.into() };
        self.membership = Some(Membership::new(own, &self.config.membership, seed, now));
        self.hello.features |= Features::GOSSIP.0;
        self
    }

    /// A node of that name is to be a member: it is dialled until it answers. False when the name cannot be used.
    pub fn join(&mut self, now: Timestamp, node: &str) -> bool {
        let known = self.know(node);
        if known {
            self.nodes.seek(node);
            self.tell();
        }
        if let Some(membership) = self.membership.as_mut().filter(|_| known) {
            membership.handle_seed(now, node);
            self.spread(now);
        }
        known
    }

    /// What is known by gossip.
    pub fn members(&self) -> impl Iterator<Item = &MemberChange> {
        self.membership.iter().flat_map(Membership::members)
    }

    pub(super) fn handle_gossip(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        packet: &Bytes,
    ) -> Result<(), GossipError> {
        let Some(name) = self.name_of(connection) else { return Ok(()) };
        let Some(membership) = &mut self.membership else { return Ok(()) };
        match membership.handle_packet(now, &name, packet) {
            Err(GossipError::TooMany) => {
                tracing::warn!(from = %name, "gossip was dropped: it tells of too many members")
            }
            taken => taken?,
        }
        self.spread(now);
        Ok(())
    }

    pub(super) fn handle_leave(&mut self, now: Timestamp, connection: ConnectionId) {
        if let (Some(name), Some(membership)) = (self.name_of(connection), &mut self.membership) {
            membership.handle_left(now, &name);
        }
        self.drop_connection(now, connection, EndReason::Left);
        self.actions.push_back(Action::Close { connection });
    }

    /// Tells all others that this node leaves.
    pub(super) fn leave(&mut self, now: Timestamp) {
        if self.membership.take().is_none() {
            return;
        }
        let gossip = self.connections.iter_mut().filter(|(_, state)| state.gossips());
        let told: Vec<ConnectionId> = gossip.map(|(id, state)| (state.write(&Frame::Leave), *id).1).collect();
        for connection in told {
            self.flush(now, connection, StreamId::CONTROL);
        }
    }

    /// The name of the node that a connection is with.
    pub(super) fn name_of(&self, connection: ConnectionId) -> Option<String> {
        let node = self.connections.get(&connection)?.peer?;
        self.peers.get(&node).map(|peer| peer.name.clone())
    }

    /// Does what the membership wants.
    pub(super) fn spread(&mut self, now: Timestamp) {
        while let Some((node, packet)) = self.membership.as_mut().and_then(Membership::poll_packet) {
            let peer = self.peers.get(&node.id()).filter(|peer| *peer.name == *node);
            let Some(connection) = peer.and_then(|peer| peer.pairing.connection()) else { continue };
            let Some(state) = self.connections.get_mut(&connection) else { continue };
            if state.gossips() {
                state.write_lossy(&Frame::Gossip(packet));
                self.flush(now, connection, StreamId::CONTROL);
            }
        }
        while let Some(MemberChange { member, status }) = self.membership.as_mut().and_then(Membership::poll_change) {
            // That it was given up itself, before it said that it lives.
            if *member.node == *self.hello.node {
                continue;
            }
            match status {
                None => self.nodes.forgotten(&member.node),
                Some(status) => self.nodes.member(&member.node, member.incarnation, status),
            }
            if status.is_some() && !member.address.is_empty() {
                let (node, address) = (member.node.to_string(), member.address.to_string());
                self.actions.push_back(Action::Locate { node, address });
            }
        }
        while let Some(node) = self.membership.as_mut().and_then(Membership::poll_dial) {
            let association = if self.know(&node) { self.associate(now, node.id()) } else { None };
            if let Some(membership) = self.membership.as_mut().filter(|_| association.is_none()) {
                membership.handle_disconnected(now, &node);
            }
        }
        self.tell();
    }

    pub(super) fn tell(&mut self) {
        while let Some(news) = self.nodes.poll_news() {
            if let NodeNews::Forgotten(node) = &news {
                self.forget(*node);
            }
            self.events.push_back(Event::Node(news));
        }
    }

    /// Forgets a node that nobody speaks of any more, unless an attempt to reach it is under way.
    pub(super) fn forget(&mut self, node: NodeId) {
        let Some(peer) = self.peers.get(&node).filter(|_| self.membership.is_some()) else { return };
        if peer.association.is_none() && peer.pairing.is_alone() && !self.nodes.knows(&peer.name) {
            self.actions.push_back(Action::Forget { node: peer.name.clone() });
            self.peers.remove(&node);
        }
    }
}
