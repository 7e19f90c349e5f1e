use super::types::{Snapshot, Types, Vote};
use crate::unique::protocol::{Request, Response, VOTER, from_payload, to_term};
use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable};
use openraft::network::{RPCOption, RaftNetworkV2};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse};
use openraft::{EmptyNode, OptionalSend, RPCTypes, RaftNetworkFactory};
use rusm_core::{CallError, Destination, Node, NodeId};
use std::future::Future;

/// openraft's messages are calls of one voter to another, over the ordinary cluster.
pub(crate) struct Network(pub(crate) Node);

impl RaftNetworkFactory<Types> for Network {
    type Network = Peer;

    async fn new_client(&mut self, target: u64, _: &EmptyNode) -> Peer {
        Peer { node: self.0.clone(), target }
    }
}

/// Another voter.
pub(crate) struct Peer {
    node: Node,
    target: u64,
}

impl Peer {
    async fn call(&self, action: RPCTypes, request: &Request, option: RPCOption) -> Result<Response, RPCError<Types>> {
        let timeout = option.hard_ttl();
        // A number of a node that came from this voter's own configuration.
        let to = Destination::NameAt { name: VOTER.to_owned(), node: NodeId::from_u32(self.target as u32) };
        match self.node.call(to, to_term(request), timeout).await {
            Ok(payload) => from_payload(&payload).map_err(|error| Unreachable::new(&error).into()),
            Err(CallError::Timeout) => {
                let (id, target) = (self.node.id().as_u32().into(), self.target);
                Err(Timeout { action, id, target, timeout }.into())
            }
            // It waits for a moment before it tries again.
            Err(error) => Err(Unreachable::new(&error).into()),
        }
    }
}

fn unexpected(response: &Response) -> RPCError<Types> {
    Unreachable::from_string(format!("an answer to something else: {response:?}")).into()
}

impl RaftNetworkV2<Types> for Peer {
    type SnapshotData = Vec<u8>;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        match self.call(RPCTypes::AppendEntries, &Request::Append(request), option).await? {
            Response::Append(response) => Ok(response),
            other => Err(unexpected(&other)),
        }
    }

    async fn vote(
        &mut self,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        match self.call(RPCTypes::Vote, &Request::Vote(request), option).await? {
            Response::Vote(response) => Ok(response),
            other => Err(unexpected(&other)),
        }
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        match self.call(RPCTypes::Vote, &Request::PreVote(request), option).await? {
            Response::Vote(response) => Ok(response),
            other => Err(unexpected(&other)),
        }
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let request = Request::Snapshot(vote, snapshot.meta, snapshot.snapshot);
        let response = tokio::select! {
            biased;
            closed = cancel => return Err(closed.into()),
            response = self.call(RPCTypes::InstallSnapshot, &request, option) => response?,
        };
        match response {
            Response::Snapshot(response) => Ok(response),
            other => Err(unexpected(&other).into()),
        }
    }
}
