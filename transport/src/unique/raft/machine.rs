use super::log::Log;
use super::types::{LogId, Membership, Snapshot, SnapshotMeta, Types};
use crate::unique::codec::{decode, encode};
use crate::unique::leases::{Leases, Outcome};
use futures_util::{Stream, TryStreamExt};
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder};
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;

/// Who is told of each name whose lease has changed; of no name when all may have.
pub(crate) type Tell = Arc<dyn Fn(Option<&str>) + Send + Sync>;

/// The leases as openraft's state machine: in memory, from the last snapshot on.
pub(crate) struct Machine {
    log: Log,
    state: Arc<Mutex<Applied>>,
    tell: Tell,
}

/// What a voter has applied.
#[derive(Default)]
pub(crate) struct Applied {
    pub(crate) leases: Leases,
    last: Option<LogId>,
    membership: Membership,
}

impl Machine {
    /// What the log's snapshot holds.
    pub(crate) async fn open(log: Log, tell: Tell) -> io::Result<Self> {
        let state = match log.read_snapshot().await? {
            None => Applied::default(),
            Some((meta, leases)) => Applied::of(&meta, &leases)?,
        };
        Ok(Self { log, state: Arc::new(Mutex::new(state)), tell })
    }

    /// What has been applied, for whoever reads it.
    pub(crate) fn applied(&self) -> Arc<Mutex<Applied>> {
        self.state.clone()
    }
}

impl Applied {
    fn of(meta: &SnapshotMeta, leases: &[u8]) -> io::Result<Self> {
        let leases = decode(leases).map_err(io::Error::other)?;
        Ok(Self { leases, last: meta.last_log_id, membership: meta.last_membership.clone() })
    }
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotData = Vec<u8>;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, Membership)> {
        let state = self.state.lock();
        Ok((state.last, state.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            let outcome = {
                let mut state = self.state.lock();
                state.last = Some(entry.log_id);
                match &entry.payload {
                    EntryPayload::Blank => Outcome::Done,
                    EntryPayload::Normal(command) => state.leases.apply(entry.log_id.index, command),
                    EntryPayload::Membership(membership) => {
                        state.membership = Membership::new(Some(entry.log_id), membership.clone());
                        Outcome::Done
                    }
                }
            };
            if let EntryPayload::Normal(command) = &entry.payload {
                (self.tell)(Some(command.name()));
            }
            if let Some(responder) = responder {
                responder.send(outcome);
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        Builder { log: self.log.clone(), state: self.state.clone() }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, leases: Vec<u8>) -> io::Result<()> {
        let state = Applied::of(meta, &leases)?;
        self.log.save_snapshot(meta, &leases).await?;
        *self.state.lock() = state;
        (self.tell)(None);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        let snapshot = self.log.read_snapshot().await?;
        Ok(snapshot.map(|(meta, snapshot)| Snapshot { meta, snapshot }))
    }
}

/// Makes a snapshot of what was applied when it begins.
pub(crate) struct Builder {
    log: Log,
    state: Arc<Mutex<Applied>>,
}

impl RaftSnapshotBuilder<Types> for Builder {
    type SnapshotData = Vec<u8>;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        let (meta, leases) = {
            let state = self.state.lock();
            let meta = SnapshotMeta { last_log_id: state.last, last_membership: state.membership.clone() };
            (meta, encode(&state.leases))
        };
        self.log.save_snapshot(&meta, &leases).await?;
        Ok(Snapshot { meta, snapshot: leases })
    }
}
