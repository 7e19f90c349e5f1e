use crate::discard::discard;
use crate::handle::{bounce, handle_signals};
use crate::mark::sometimes;
use crate::process::{Link, Monitor, Process, Starter};
use crate::signal::{Kind, Signal};
use crate::{BoxFuture, ExitReason, Node, Started, TraceEvent};
use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

/// The task of one process: handles its signals, then lets its body run, and ends it.
pub(crate) struct ProcessTask {
    node: Node,
    process: Arc<Process>,
    body: Option<BoxFuture<ExitReason>>,
}

impl ProcessTask {
    pub(crate) fn new(node: Node, process: Arc<Process>, body: BoxFuture<ExitReason>) -> Self {
        Self { node, process, body: Some(body) }
    }

    /// Ends the process: first its body is dropped, then it is dead to whoever looks, then those hear of it who must.
    /// Only then is it taken out: whoever is told that there is no such process has heard of its end before.
    fn finish(&mut self, reason: ExitReason) {
        discard(self.body.take());
        let Self { node, process, .. } = self;
        let pid = process.pid;
        node.table().retire(process);
        let name = node.registry().forget(pid);
        if let Some(name) = &name {
            node.trace(|| TraceEvent::Unregistered { name, pid });
        }
        node.timers().forget(node, pid);
        node.trace(|| TraceEvent::Exited { pid, reason: &reason });

        let (label, mailbox, links, monitors, watchers, starter) = {
            let mut state = process.state.lock();
            let state = &mut *state;
            let (label, mailbox) = (std::mem::take(&mut state.label), std::mem::take(&mut state.mailbox));
            let (links, monitors) = (state.links.take(), state.monitors.take());
            (label, mailbox, links, monitors, state.monitored_by.take(), state.starter.take())
        };
        report(&label, name.as_deref(), process, &reason);
        if let Some(Starter { pid: starter, request, outcome }) = starter {
            let outcome = outcome.unwrap_or_else(|| Started::Failed(reason.clone()));
            node.signal(pid, starter, Signal(Kind::Started { request, outcome }));
        }
        for (other, link) in links {
            if link == Link::Active {
                node.signal(pid, other, Signal(Kind::Exit { reason: reason.clone(), linked: true }));
            }
        }
        // Whom it watched forgets it: one that lives for long would keep all its dead watchers.
        for (monitor, Monitor { target, .. }) in monitors {
            if let Some(target) = target {
                node.signal(pid, target, Signal(Kind::Demonitor { monitor }));
            }
        }
        for (monitor, (watcher, _)) in watchers {
            node.signal(pid, watcher, Signal(Kind::Down { monitor, reason: reason.clone() }));
        }
        let undelivered = process.close();
        node.table().remove(pid);
        if !undelivered.is_empty() {
            sometimes!(node, SignalsOfTheDead);
        }
        for (from, signal) in undelivered {
            bounce(node, pid, from, signal, &ExitReason::NOPROC);
        }
        // Each by itself: one whose destructor panics takes no other along.
        mailbox.into_messages().for_each(discard);
    }
}

/// The crash report: one line for each process that ended in a way that nobody asked for. `by` is the other process whose
/// signal ended it, over a link or not; of one that ended itself there is none.
fn report(label: &str, name: Option<&str>, process: &Process, reason: &ExitReason) {
    let asked_for = reason.is_orderly() || matches!(reason.word(), "killed" | "kill" | "noproc" | "noconnection");
    if asked_for {
        tracing::debug!(pid = %process.pid, process = label, reason = %reason, "exit");
    } else {
        let (function, by) = {
            let mut state = process.state.lock();
            (state.function, state.ended_by.take())
        };
        tracing::error!(
            pid = %process.pid,
            process = label,
            name,
            function,
            parent = process.parent.map(tracing::field::display),
            by = by.map(tracing::field::display),
            reason = %reason,
            backtrace = reason.backtrace().unwrap_or_default(),
            "crash"
        );
    }
}

pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "a value that is no text".to_owned(),
    }
}

impl Future for ProcessTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.body.is_none() {
            return Poll::Ready(());
        }
        this.process.set_waker(cx.waker());
        this.process.change_turn();
        handle_signals(&this.node, &this.process);
        let ended = this.process.exit_wanted().or_else(|| {
            if this.process.is_held() {
                return None;
            }
            let body = this.body.as_mut()?.as_mut();
            match catch_unwind(AssertUnwindSafe(|| body.poll(cx))) {
                Ok(Poll::Pending) => this.process.exit_wanted(),
                // A signal that ended the process while its body ran counts: it came first.
                Ok(Poll::Ready(reason)) => Some(match this.process.exit_wanted() {
                    Some(exit) => {
                        sometimes!(this.node, ExitBeatReturn);
                        exit
                    }
                    None => reason,
                }),
                Err(panic) => Some(ExitReason::PANIC.with_detail(panic_message(panic.as_ref()))),
            }
        });
        match ended {
            None => {
                this.process.change_turn();
                Poll::Pending
            }
            Some(reason) => {
                this.finish(reason);
                Poll::Ready(())
            }
        }
    }
}
