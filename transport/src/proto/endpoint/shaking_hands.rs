//! How a connection comes to have an association.

use super::super::connection::{Connection, Phase};
use super::super::event::{Action, ConnectionId, EndReason, Event};
use super::super::features::Features;
use super::super::frame::Frame;
use super::super::handshake::{Hello, Refusal};
use super::super::lane::StreamId;
use super::Endpoint;
use rusm_core::{NodeId, Timestamp};

impl Endpoint {
    pub(super) fn handle_hello(&mut self, now: Timestamp, connection: ConnectionId, hello: &Hello) {
        let Some(Connection { phase: Phase::Accepted(certificate), .. }) = self.connections.get(&connection) else {
            return;
        };
        let certificate = certificate.clone();
        let checked = hello.check(&self.hello, &certificate);
        let usable =
            checked.and_then(|(_, features)| self.know(&hello.node).then_some(features).ok_or(Refusal::Unusable));
        let node = NodeId::of_name(&hello.node);
        let accepted = usable.and_then(|features| match self.peers.get_mut(&node) {
            Some(peer) => Ok((peer.pairing.handle_hello(connection, hello)?, features)),
            None => Err(Refusal::Unusable),
        });
        let (accepted, features) = match accepted {
            Ok(accepted) => accepted,
            Err(refusal) => {
                self.events.push_back(Event::Refused { certificate: certificate.name, refusal });
                return self.refuse(now, connection, refusal);
            }
        };
        if let Some(gives_up) = accepted.gives_up {
            self.connections.swap_remove(&gives_up);
            self.actions.push_back(Action::Close { connection: gives_up });
        }
        if let Some(ends) = accepted.ends {
            self.connections.swap_remove(&ends);
            self.actions.push_back(Action::Close { connection: ends });
            self.end(now, node, EndReason::Replaced);
        }
        let waiting = self.peers.get(&node).and_then(|peer| peer.association.as_ref()).is_some();
        if !waiting && let Some(association) = self.begin(now, node) {
            self.events.push_back(Event::Begun { peer: node, association });
        }
        if let Some(state) = self.connections.get_mut(&connection) {
            state.peer = Some(node);
            state.begin(Phase::Welcomed, features, &self.config, now);
            state.write(&Frame::Welcome(Hello { association: accepted.number, ..self.hello.clone() }));
        }
        self.arm_connection(connection);
        self.up(now, connection, hello, features);
    }

    fn refuse(&mut self, now: Timestamp, connection: ConnectionId, refusal: Refusal) {
        if let Some(state) = self.connections.get_mut(&connection) {
            state.write(&Frame::Refuse(refusal));
        }
        self.flush(now, connection, StreamId::CONTROL);
        self.connections.swap_remove(&connection);
        self.actions.push_back(Action::Close { connection });
    }

    pub(super) fn handle_welcome(&mut self, now: Timestamp, connection: ConnectionId, hello: &Hello) {
        let Some(state) = self.connections.get_mut(&connection) else { return };
        let (Phase::Asked { certificate }, Some(node)) = (&state.phase, state.peer) else { return };
        let Some(peer) = self.peers.get_mut(&node) else { return };
        let mut checked = hello.check(&self.hello, certificate);
        if hello.node != peer.name {
            checked = Err(Refusal::Name);
        } else if checked.is_ok() && !peer.pairing.handle_welcome(connection, hello) {
            checked = Err(Refusal::Stale);
        }
        let features = match checked {
            Ok((_, features)) => features,
            Err(refusal) => {
                self.drop_connection(now, connection, EndReason::Refused(refusal));
                self.actions.push_back(Action::Close { connection });
                return;
            }
        };
        state.begin(Phase::Up, features, &self.config, now);
        state.write(&Frame::Ready);
        self.arm_connection(connection);
        self.flush(now, connection, StreamId::CONTROL);
        self.up(now, connection, hello, features);
        for stream in StreamId::of_lanes() {
            self.flush(now, connection, stream);
        }
    }

    fn up(&mut self, now: Timestamp, connection: ConnectionId, hello: &Hello, features: Features) {
        let Some(association) = self.association_of(connection) else { return };
        association.dial_at = None;
        association.features = Some(features);
        let unsupported = association.lanes.take_unsupported(features);
        let association = association.number;
        let (node, incarnation) = (hello.node.clone(), hello.incarnation);
        self.events.push_back(Event::Up { association, node, incarnation });
        let unsupported = unsupported.into_iter().map(|signal| Event::Unsupported { association, signal });
        self.events.extend(unsupported);
        self.nodes.up(&hello.node, incarnation);
        let gossips = self.connections.get(&connection).is_some_and(Connection::gossips);
        if gossips && let Some(membership) = &mut self.membership {
            membership.handle_connected(now, &hello.node, incarnation);
        }
        self.spread(now);
    }

    /// Who accepted may send now.
    pub(super) fn ready(&mut self, now: Timestamp, connection: ConnectionId) {
        let Some(state) = self.connections.get_mut(&connection) else { return };
        if state.ready() {
            for stream in StreamId::of_lanes() {
                self.flush(now, connection, stream);
            }
        }
    }

    pub(super) fn handle_refuse(&mut self, now: Timestamp, connection: ConnectionId, refusal: Refusal) {
        self.actions.push_back(Action::Close { connection });
        let node = self.connections.get(&connection).and_then(|state| state.peer);
        let crossed = matches!(refusal, Refusal::Crossed | Refusal::Stale);
        let waiting = node.filter(|_| crossed).and_then(|node| self.peers.get_mut(&node));
        let Some(peer) = waiting else {
            return self.drop_connection(now, connection, EndReason::Refused(refusal));
        };
        // The other node's own connection is on its way, or was lost and it does not know yet.
        self.connections.swap_remove(&connection);
        peer.pairing.handle_end(connection);
        if let Some(association) = peer.association.as_mut().filter(|_| peer.pairing.connection().is_none()) {
            association.dial_at = Some(now + self.config.dial_pause);
        }
        if let Some(node) = node {
            self.arm_node(node);
        }
    }
}
