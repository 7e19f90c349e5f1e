use super::NAME;
use super::wire::{Answer, Question};
use crate::host::Host;
use rusm_core::{ChildSpec, Context, Message, Node, Payload, SpawnOptions, Started, process_body};

/// The process that hands out the code of this host's components to other nodes, as a supervisor's child.
pub(crate) fn hands_out(host: &Host) -> ChildSpec {
    let host = host.clone();
    ChildSpec::worker("code", move |context, _| hand_out(context, host.clone())).name(NAME)
}

impl Host {
    /// Starts the process that hands out the code of this host's components to other nodes. A node of an app that is a member of a
    /// cluster has one.
    pub async fn hand_out_code(&self, node: &Node) -> Started {
        let options = SpawnOptions { name: Some(NAME.to_owned()), label: "code".to_owned(), ..SpawnOptions::default() };
        let host = self.clone();
        let body = process_body(move |context: Context| {
            context.init_ack();
            hand_out(context, host)
        });
        node.start_process(options, body).await
    }
}

async fn hand_out(context: Context, host: Host) {
    loop {
        let Message::Call { from, payload: Payload::Term(asked) } = context.receive().await else { continue };
        let answer = Question::decode(&asked)
            .map_or(Answer(None), |Question { digest, offset }| Answer::of(host.code_of(&digest).as_ref(), offset));
        context.reply(from, answer.encode());
    }
}
