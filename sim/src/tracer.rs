use crate::executor::{Kernel, Life};
use crate::seen::SeenEvent;
use rusm_core::{ExitReason, Node, NodeId, Pid, TraceEvent, Tracer};
use std::sync::Arc;

/// Writes what a node does to the log.
pub(crate) struct SimTracer {
    pub(crate) kernel: Arc<Kernel>,
    pub(crate) life: Arc<Life>,
    pub(crate) name: Arc<str>,
}

impl SimTracer {
    /// The host of a process; of one whose node is none of this run, this.
    fn host(&self, pid: Pid) -> u32 {
        let own = self.life.host;
        if pid.node == NodeId::of_name(&self.name) { own } else { self.kernel.host_of(pid.node).unwrap_or(own) }
    }
}

impl Tracer for SimTracer {
    fn event(&self, _: &Node, event: &TraceEvent<'_>) {
        if !self.life.is_alive() {
            return;
        }
        let host = self.life.host;
        match event {
            TraceEvent::Spawned { pid, parent, label } => self.kernel.record("spawned", |line| {
                let line = line.pid(host, *pid);
                let line = match parent {
                    Some(parent) => line.pid(host, *parent),
                    None => line.text("-"),
                };
                line.text(label)
            }),
            TraceEvent::Exited { pid, reason } => {
                if reason.word() == ExitReason::PANIC.word() {
                    self.kernel.process_panicked(format!("{pid}: {reason}"));
                }
                self.kernel.record("exited", |line| {
                    line.pid(host, *pid).text(reason.word()).text(reason.detail().unwrap_or_default())
                });
            }
            TraceEvent::Sent { from, to, kind } => {
                let there = self.host(*to);
                self.kernel.record("sent", |line| line.pid(host, *from).pid(there, *to).text(kind));
            }
            TraceEvent::Handled { to, from, kind } => {
                let there = self.host(*from);
                self.kernel.record("handled", |line| line.pid(there, *from).pid(host, *to).text(kind));
            }
            TraceEvent::Registered { name, pid } => {
                self.kernel.record("registered", |line| line.pid(host, *pid).text(name));
            }
            TraceEvent::Unregistered { name, pid } => {
                self.kernel.record("unregistered", |line| line.pid(host, *pid).text(name));
            }
            TraceEvent::Supervisor { supervisor, report } => self.kernel.record("supervisor", |line| {
                line.pid(host, *supervisor)
                    .text(&report.child)
                    .text(report.reason.word())
                    .text(&report.decision.to_string())
            }),
            TraceEvent::Note { pid, text } => {
                self.kernel.record("note", |line| line.pid(host, *pid).text(text));
            }
            TraceEvent::Sometimes { mark } => {
                self.kernel.recorder.reach(mark);
                self.kernel.record("sometimes", |line| line.number(host.into()).text(mark));
            }
            _ => {}
        }
        self.kernel.see(&self.name, self.life.number, SeenEvent::Node(event));
    }
}
