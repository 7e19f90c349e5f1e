//! Operators of other nodes: a process with a name on every node of a cluster answers them, as OTP's `rex` does.

use super::answers::Answers;
use crate::control::{ClusterNode, Request, Response};
use rusm_core::{
    CallError, ChildSpec, Context, Destination, Encoding, ExitReason, Message, Node, NodeId, Payload, Started,
    Strategy, Supervisor, SupervisorSpec, Term,
};
use serde_json::Value;
use std::future::Future;
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
    let version = answers.node.version.clone();
    let answer = move |request: Vec<u8>| {
        let (answers, version) = (answers.clone(), version.clone());
        async move {
            match serde_json::from_slice(&request) {
                Ok(request) => answers.answer(request).await,
                Err(error) => Err(format!("this is no request that rusm {version} knows: {error}")),
            }
        }
    };
    let child = ChildSpec::worker("control", move |context, _| control(context, answer.clone())).name(NAME);
    let spec = SupervisorSpec::new(Strategy::OneForOne).name(SUPERVISOR_NAME).child(child);
    match Supervisor::start(node, spec).await {
        Started::Up(_) => Ok(()),
        Started::Ignored => unreachable!("a supervisor does not ignore its start"),
        Started::Failed(reason) => Err(reason),
    }
}

/// Each request has a process of its own: one that waits for somebody holds up no other.
async fn control<F, Fut>(context: Context, answer: F)
where
    F: Fn(Vec<u8>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Value, String>> + Send + 'static,
{
    loop {
        if let Message::Call { from, payload: Payload::Term(request) } = context.receive().await {
            let answer = answer.clone();
            context.spawn(move |context| async move {
                let answer = answer(request.bytes.to_vec()).await;
                context.reply(from, json(&Response::from(answer)));
            });
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

#[cfg(test)]
mod tests {
    use super::*;
    use rusm_core::NodeOptions;
    use rusm_core::seam::Seams;
    use std::sync::Arc;
    use tokio::sync::Notify;

    #[tokio::test]
    async fn a_request_that_waits_holds_up_no_other() {
        let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
        let other_is_done = Arc::new(Notify::new());
        let waits = other_is_done.clone();
        let control = node.spawn(move |context| {
            control(context, move |request| {
                let waits = waits.clone();
                async move {
                    if request == b"\"slow\"" {
                        waits.notified().await;
                    }
                    Ok(serde_json::from_slice(&request).expect("JSON"))
                }
            })
        });
        let ask = async |what: &str| match node.call(control, json(&what), Duration::from_secs(120)).await {
            Ok(Payload::Term(answer)) => String::from_utf8_lossy(&answer.bytes).into_owned(),
            other => panic!("{what}: {other:?}"),
        };
        let quick = async {
            let answer = ask("quick").await;
            other_is_done.notify_one();
            answer
        };
        let (slow, quick) = tokio::join!(ask("slow"), quick);
        assert!(slow.contains("slow") && quick.contains("quick"), "{slow} {quick}");
    }
}
