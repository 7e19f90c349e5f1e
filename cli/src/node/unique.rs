//! Unique names on a node of a cluster: its voter, if it has one, and what components and operators ask of the voters.

use crate::commands::Voters;
use crate::control::{NameReport, UniqueReport, VoterReport};
use anyhow::bail;
use rusm_core::{CallError, ExitReason, Node, NodeId, Pid, Started, Strategy, Supervisor, SupervisorSpec};
use rusm_transport::unique::{self, UniqueNames, Voter, VoterStatus};
use std::sync::Arc;
use std::time::Duration;

const SUPERVISOR_NAME: &str = "rusm:voting";
/// A voter that cannot start says so once a second; its supervisor never gives up.
const RESTARTS_MAX: u32 = 1_000;
const PERIOD: Duration = Duration::from_secs(1);
/// How long the voters get to answer operators.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(3);

/// What a node of a cluster knows of its voters. Cheap to clone.
#[derive(Clone)]
pub(super) struct Unique {
    names: UniqueNames,
    voters: Arc<[String]>,
}

impl Unique {
    pub(super) fn new(voters: &Voters) -> Self {
        let names: Vec<&str> = voters.names.iter().map(String::as_str).collect();
        Self { names: UniqueNames::of_voters(&names).ttl(voters.lease_time), voters: voters.names.clone().into() }
    }

    /// Has the node ask these, and starts its voter, if it is to have one.
    ///
    /// # Errors
    /// Why it cannot vote, and what to do.
    pub(super) async fn start(&self, node: &Node) -> anyhow::Result<()> {
        node.set_unique_names(Arc::new(self.names.clone()));
        if !self.voters.iter().any(|voter| voter == node.name()) {
            tracing::info!(voters = self.voters.join(","), "the node has no vote on unique names: it asks these");
            return Ok(());
        }
        let voters: Vec<&str> = self.voters.iter().map(String::as_str).collect();
        let spec = SupervisorSpec::new(Strategy::OneForOne).name(SUPERVISOR_NAME).intensity(RESTARTS_MAX, PERIOD);
        match Supervisor::start(node, spec.child(Voter::child_spec(&voters))).await {
            Started::Up(_) => {
                tracing::info!(voters = self.voters.join(","), "the node votes on unique names");
                Ok(())
            }
            Started::Ignored => unreachable!("a supervisor does not ignore its start"),
            Started::Failed(reason) => bail!("the node cannot vote on unique names: {reason}"),
        }
    }

    /// What operators are shown. Every voter is asked, and of the names one that leads.
    pub(super) async fn report(&self, node: &Node, pid: impl Fn(Pid) -> (String, String)) -> UniqueReport {
        let mut voters = Vec::new();
        for name in &*self.voters {
            let status = self.names.status_of(node, NodeId::of_name(name), ANSWER_TIME_MAX).await;
            voters.push(voter_report(name, status));
        }
        let answering = voters.iter().filter(|voter| voter.error.is_none()).count();
        match self.names.held(node, ANSWER_TIME_MAX).await {
            Ok(held) => {
                let name = |held: unique::HeldName| {
                    let (pid, node) = pid(held.holder);
                    NameReport { name: held.name, node, pid, token: held.token.as_u64() }
                };
                UniqueReport { voters, names: held.into_iter().map(name).collect(), error: None }
            }
            Err(error) => {
                let all = self.voters.len();
                let why = format!(
                    "{error}: {answering} of {all} voters answer, and {} must. Until they do nobody gets a unique name, and who has \
                     one loses it: start the others, and see that they reach each other",
                    all / 2 + 1
                );
                UniqueReport { voters, names: Vec::new(), error: Some(why) }
            }
        }
    }
}

fn voter_report(name: &str, status: Result<VoterStatus, unique::UniqueNameError>) -> VoterReport {
    let none = VoterReport { node: name.to_owned(), leads: false, term: 0, applied: 0, snapshot: 0, error: None };
    match status {
        Ok(status) => VoterReport {
            leads: status.leader == Some(NodeId::of_name(name)),
            term: status.term,
            applied: status.applied,
            snapshot: status.snapshot,
            ..none
        },
        Err(error) => VoterReport { error: Some(why_silent(error)), ..none },
    }
}

fn why_silent(error: unique::UniqueNameError) -> String {
    match error {
        unique::UniqueNameError::Call(CallError::Down(reason)) if reason == ExitReason::NOCONNECTION => {
            "it cannot be reached".to_owned()
        }
        unique::UniqueNameError::Call(CallError::Down(reason)) if reason == ExitReason::NOPROC => {
            "it has no voter: start it with the same --voters".to_owned()
        }
        unique::UniqueNameError::Call(CallError::Timeout) => "it does not answer".to_owned(),
        error => error.to_string(),
    }
}

/// What to do about a cluster without voters: alone a node must not decide what is unique in all of it.
pub(super) const NO_VOTERS: &str = "this cluster has no voters, who decide on unique names: start each of its nodes with the same \
                                    `--voters a,b,c`, the names of 3, 5 or 7 of them";
