//! How a node makes processes that others ask it for.

use super::Node;
use crate::factory::ProcessBody;
use crate::process::{Link, Over, Process, Starter, State, Watcher};
use crate::remote::SpawnReplied;
use crate::signal::{Kind, Signal};
use crate::task::panic_message;
use crate::{ExitReason, Pid, SpawnOutcome, SpawnRequest};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A process that somebody asked for, before it runs.
pub(crate) struct Prepared {
    pub(crate) process: Arc<Process>,
    body: ProcessBody,
}

impl Node {
    /// Starts what a process of this node asks for.
    pub(crate) fn spawn_for(&self, parent: Pid, asked: &SpawnRequest) {
        let body = self.body_for(asked);
        let prepared = body.and_then(|body| self.prepare(parent, Over::NONE, asked, body));
        let (from, outcome) = match &prepared {
            Ok(prepared) => (prepared.process.pid, SpawnOutcome::Spawned),
            Err(reason) => (self.outside(), SpawnOutcome::Failed(reason.clone())),
        };
        let SpawnRequest { request, link, monitor, .. } = *asked;
        let replied = SpawnReplied { request, outcome, link, monitor, over: Over::NONE };
        self.signal(from, parent, Signal(Kind::SpawnReply(Box::new(replied))));
        if let Ok(prepared) = prepared {
            self.run(prepared);
        }
    }

    /// What a process shall do that somebody asks for. It may be made with nothing locked only: a factory is anybody's code.
    pub(crate) fn body_for(&self, asked: &SpawnRequest) -> Result<ProcessBody, ExitReason> {
        let body = catch_unwind(AssertUnwindSafe(|| self.body_of(&asked.spec)));
        body.unwrap_or_else(|panic| Err(ExitReason::PANIC.with_detail(panic_message(panic.as_ref()))))
    }

    /// Puts it into the table, related to its parent, whose half is made when the answer reaches it.
    pub(crate) fn prepare(
        &self,
        parent: Pid,
        over: Over,
        asked: &SpawnRequest,
        body: ProcessBody,
    ) -> Result<Prepared, ExitReason> {
        let SpawnRequest { request, ref spec, link, monitor, init, ref name, mailbox } = *asked;
        let (function, behaviour) = (body.function, body.behaviour);
        let label = spec.target.clone();
        let mut state = State { label, function, behaviour, mailbox_bound: mailbox, ..State::default() };
        if link {
            state.links.insert(parent, Link::Active(over));
        }
        if monitor {
            state.monitored_by.insert(request, Watcher { pid: parent, calls: false });
        }
        state.starter = init.then(|| Box::new(Starter { pid: parent, request, outcome: None }));
        match self.enter(Some(parent), name.as_deref(), state) {
            Some(process) => Ok(Prepared { process, body }),
            None => Err(ExitReason::new("system_limit")),
        }
    }

    /// Lets it run.
    pub(crate) fn run(&self, Prepared { process, body }: Prepared) {
        self.run_process(process, body.run);
    }
}
