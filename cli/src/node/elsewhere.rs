//! Operators of other nodes: a process with a name on every node of a cluster answers them, as OTP's `rex` does.

use super::answers::Answers;
use crate::control::{ClusterNode, Request, Response};
use rusm_core::{
    CallError, ChildSpec, Context, Destination, Encoding, ExitReason, Message, Node, NodeId, Payload, Started,
    Strategy, Supervisor, SupervisorSpec, Term,
};
use serde_json::Value;
use std::time::Duration;

/// The name of the process that answers: with [`RESERVED_PREFIX`](rusm_host::manifest::RESERVED_PREFIX), so that no component
/// reaches it.
const NAME: &str = "rusm:control";
const SUPERVISOR_NAME: &str = "rusm:supervisor";
/// How long another node may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

/// Starts the process that answers other nodes, and what supervises it.
///
/// # Errors
/// Why it did not start.
pub(super) async fn answer_others(node: &Node, answers: Answers) -> Result<(), ExitReason> {
    let child = ChildSpec::worker("control", move |context, _| control(context, answers.clone())).name(NAME);
    let spec = SupervisorSpec::new(Strategy::OneForOne).name(SUPERVISOR_NAME).child(child);
    match Supervisor::start(node, spec).await {
        Started::Up(_) => Ok(()),
        Started::Ignored => unreachable!("a supervisor does not ignore its start"),
        Started::Failed(reason) => Err(reason),
    }
}

async fn control(context: Context, answers: Answers) {
    loop {
        if let Message::Call { from, payload: Payload::Term(request) } = context.receive().await {
            let answer = match serde_json::from_slice(&request.bytes) {
                Ok(request) => answers.answer(request).await,
                Err(error) => Err(format!("this is no request that rusm {} knows: {error}", answers.node.version)),
            };
            context.reply(from, json(&Response::from(answer)));
        }
    }
}

/// Has another node of the cluster answer; `known` are those that there are.
///
/// # Errors
/// What it says instead, or why it says nothing, for people.
pub(super) async fn ask(node: &Node, other: &str, known: &[ClusterNode], request: Request) -> Result<Value, String> {
    if !known.iter().any(|known| known.name == other) {
        let known: Vec<&str> = known.iter().map(|known| known.name.as_str()).collect();
        return Err(format!("no such node is known in this cluster; these are: {}", known.join(", ")));
    }
    let to = Destination::NameAt { name: NAME.to_owned(), node: NodeId::of_name(other) };
    let answer = node.call(to, json(&request), ANSWER_TIME_MAX).await.map_err(|error| match error {
        CallError::Down(reason) if reason == ExitReason::NOCONNECTION => "it cannot be reached".to_owned(),
        CallError::Down(reason) if reason == ExitReason::NOPROC => "nobody there answers operators".to_owned(),
        CallError::Timeout => format!("it has not answered within {ANSWER_TIME_MAX:?}"),
        error => error.to_string(),
    })?;
    let nonsense = || "it does not answer as a node of this version".to_owned();
    let Payload::Term(answer) = answer else { return Err(nonsense()) };
    match serde_json::from_slice(&answer.bytes) {
        Ok(Response::Ok(value)) => Ok(value),
        Ok(Response::Error(error)) => Err(error),
        Err(_) => Err(nonsense()),
    }
}

fn json(value: &impl serde::Serialize) -> Term {
    let bytes = serde_json::to_vec(value).expect("requests and answers have a form in JSON");
    Term::new(Encoding::Json, bytes)
}
