use super::machine::{Refused, Request, Sharing};
use super::part::Change;
use super::wire::Said;
use crate::{
    CallError, Context, Destination, Message, Monitored, NodeEvent, NodeId, Payload, Pid, Reference, RequestIds,
};
use std::collections::BTreeMap;

/// The [`Sharing`] of a process: those of the same local name on other nodes share with it. Made in the process itself, behind
/// its registration.
pub(crate) struct Sharer {
    machine: Sharing,
    name: String,
    nodes: Reference,
    asked: RequestIds<Payload, (NodeId, u64)>,
    monitors: BTreeMap<Pid, Reference>,
}

impl Sharer {
    /// Begins to share under that name, and asks all nodes that there is an association with.
    pub(crate) fn start(context: &Context, name: &str) -> Self {
        let (nodes, known) = context.monitor_nodes();
        let node = context.node();
        let mut sharer = Self {
            machine: Sharing::new(node.id(), node.incarnation(), context.now().as_nanos()),
            name: name.to_owned(),
            nodes,
            asked: RequestIds::new(),
            monitors: BTreeMap::new(),
        };
        for other in known.into_iter().filter(|other| other.status.is_connected()) {
            sharer.machine.ask(other.id, context.random());
        }
        sharer.say(context);
        sharer
    }

    /// Changes what this node shares.
    pub(crate) fn share(&mut self, context: &Context, changes: Vec<Change>) {
        self.machine.share(changes);
        self.say(context);
    }

    /// The next change of what other nodes share.
    pub(crate) fn poll_change(&mut self) -> Option<Change> {
        self.machine.poll_change()
    }

    /// Takes a message that is about the sharing; gives others back.
    pub(crate) fn handle(&mut self, context: &Context, message: Message) -> Option<Message> {
        let message = match self.asked.check_response(message) {
            Ok((answer, (node, token))) => {
                self.handle_answer(context, node, token, answer);
                self.say(context);
                return None;
            }
            Err(message) => message,
        };
        match message {
            Message::Plain(payload) => match payload.downcast::<NodeEvent>() {
                Ok(event) if event.monitor == self.nodes => {
                    if event.is_nodeup() {
                        self.machine.ask(event.node.id, context.random());
                    }
                }
                Ok(event) => return Some(Message::Plain(Payload::local(event))),
                Err(payload) => match Said::decode(&payload) {
                    Some(Said::Tell { token, changes_before, changes }) => {
                        self.handle_tell(context, token, changes_before, changes);
                    }
                    _ => return Some(Message::Plain(payload)),
                },
            },
            Message::Call { from, payload } if from.pid.node != context.node().id() => {
                let Some(Said::Ask { token }) = Said::decode(&payload) else {
                    return Some(Message::Call { from, payload });
                };
                self.watch(context, from.pid);
                let (part, unknown) = self.machine.handle_ask(from.pid, token);
                context.reply(from, Said::Answer { pid: context.pid(), part: part.clone() }.encode());
                if unknown {
                    self.machine.ask(from.pid.node, context.random());
                }
            }
            Message::Down { monitor, object: Monitored::Pid(pid), reason } => {
                if self.monitors.get(&pid) != Some(&monitor) {
                    return Some(Message::Down { monitor, object: Monitored::Pid(pid), reason });
                }
                self.monitors.remove(&pid);
                self.machine.handle_down(pid);
            }
            other => return Some(other),
        }
        self.say(context);
        None
    }

    fn handle_answer(&mut self, context: &Context, node: NodeId, token: u64, answer: Result<Payload, CallError>) {
        let said = answer.ok().and_then(|payload| Said::decode(&payload));
        let Some(Said::Answer { pid, part }) = said else {
            if self.machine.handle_no_answer(node, token) {
                self.machine.ask(node, context.random());
            }
            return;
        };
        match self.machine.handle_answer(token, pid, part) {
            Ok(()) => self.watch(context, pid),
            // It was asked again in the meantime.
            Err(Refused::NotAsked) => {}
            Err(refused) => tracing::warn!(?node, shared = self.name, "what a node shares was refused: {refused}"),
        }
    }

    fn handle_tell(&mut self, context: &Context, token: u64, before: u64, changes: Vec<Change>) {
        match self.machine.handle_tell(token, before, changes) {
            Ok(()) | Err((_, Refused::NotAsked)) => {}
            Err((node, Refused::Gap)) => self.machine.ask(node, context.random()),
            Err((node, refused)) => {
                tracing::warn!(?node, shared = self.name, "what a node shares was refused: {refused}");
            }
        }
    }

    fn watch(&mut self, context: &Context, pid: Pid) {
        self.monitors.entry(pid).or_insert_with(|| context.monitor(pid));
    }

    /// Says what is to be said.
    fn say(&mut self, context: &Context) {
        while let Some(request) = self.machine.poll_request() {
            match request {
                Request::Ask { node, token } => {
                    let to = Destination::NameAt { name: self.name.clone(), node };
                    match context.send_request(to, Said::Ask { token }.encode()) {
                        Ok(request) => self.asked.add(request, (node, token)),
                        Err(error) => tracing::error!(?node, "a node cannot be asked for what it shares: {error}"),
                    }
                }
                Request::Tell { pid, token, changes_before, changes } => {
                    let said = Said::Tell { token, changes_before, changes };
                    if let Err(error) = context.send(pid, said.encode()) {
                        tracing::error!(?pid, "a node cannot be told what is shared: {error}");
                    }
                }
            }
        }
    }
}
