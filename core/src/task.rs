use crate::discard::discard;
use crate::handle::{bounce, handle_signals};
use crate::mark::sometimes;
use crate::process::{Answer, Over, Process, Starter};
use crate::remote::asker_ended;
use crate::signal::{Kind, Signal};
use crate::{ExitReason, Node, Started, TraceEvent};
use pin_project_lite::pin_project;
use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};

pin_project! {
    /// The task of one process: handles its signals, then lets its body run, and ends it.
    pub(crate) struct ProcessTask<B> {
        node: Node,
        process: Arc<Process>,
        // Nothing, when it has ended.
        #[pin]
        body: Option<B>,
        // Whom its signals wake.
        waker: Option<Waker>,
    }
}

impl<B> ProcessTask<B> {
    pub(crate) fn new(node: Node, process: Arc<Process>, body: B) -> Self {
        Self { node, process, body: Some(body), waker: None }
    }
}

impl<B: Future<Output = ExitReason>> Future for ProcessTask<B> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        let mut this = self.project();
        let (node, process) = (&*this.node, &**this.process);
        let Some(body) = this.body.as_mut().as_pin_mut() else { return Poll::Ready(()) };
        process.change_turn();
        handle_signals(node, process);
        let ended = process.exit_wanted().or_else(|| {
            if process.is_held() {
                return None;
            }
            match catch_unwind(AssertUnwindSafe(|| body.poll(cx))) {
                Ok(Poll::Pending) => process.exit_wanted(),
                // A signal that ended the process while its body ran counts: it came first.
                Ok(Poll::Ready(reason)) => Some(match process.exit_wanted() {
                    Some(exit) => {
                        sometimes!(node, ExitBeatReturn);
                        exit
                    }
                    None => reason,
                }),
                Err(panic) => Some(ExitReason::PANIC.with_detail(panic_message(panic.as_ref()))),
            }
        });
        let Some(reason) = ended else {
            process.change_turn();
            wait(node, process, this.waker, cx.waker());
            return Poll::Pending;
        };
        // The body goes first: what its destructors do counts as done by the process.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| this.body.set(None))) {
            tracing::error!(pid = %process.pid, "a destructor panicked: {}", panic_message(panic.as_ref()));
        }
        finish(node, process, &reason);
        Poll::Ready(())
    }
}

/// Has the next signal wake this task. Only a process that waits needs that: many end before.
fn wait(node: &Node, process: &Process, known: &mut Option<Waker>, waker: &Waker) {
    if !known.as_ref().is_some_and(|known| known.will_wake(waker)) {
        *known = Some(waker.clone());
        if node.table().set_waker(process.pid, waker) {
            waker.wake_by_ref();
        }
    }
}

/// Ends the process, whose body is dropped already: it is dead to whoever looks, then those hear of it who must. Only then
/// is it taken out: whoever is told that there is no such process has heard of its end before.
fn finish(node: &Node, process: &Process, reason: &ExitReason) {
    let pid = process.pid;
    node.table().retire(process);
    let mut name = None;
    if process.is_noted() {
        name = node.registry().forget(pid);
        if let Some(name) = &name {
            node.trace(|| TraceEvent::Unregistered { name, pid });
        }
        node.timers().forget(node, pid);
        node.nodes_table().forget(pid);
    }
    node.trace(|| TraceEvent::Exited { pid, reason });

    let (label, mailbox, links, monitors, watchers, starter, answers) = {
        let mut state = process.state.lock();
        let state = &mut *state;
        state.alarm = None;
        let (label, mailbox) = (std::mem::take(&mut state.label), std::mem::take(&mut state.mailbox));
        let (links, monitors) = (state.links.take(), state.monitors.take());
        let (watchers, starter, answers) = (state.monitored_by.take(), state.starter.take(), state.answers.take());
        (label, mailbox, links, monitors, watchers, starter, answers)
    };
    report(&label, name.as_deref(), process, reason);
    if let Some(starter) = starter {
        let Starter { pid: starter, request, outcome } = *starter;
        let outcome = outcome.unwrap_or_else(|| Started::Failed(reason.clone()));
        node.signal(pid, starter, Signal(Kind::Started { request, outcome }));
    }
    for (request, answer) in answers {
        if let Answer::Asked { node: of, link: true, .. } = answer {
            asker_ended(node, of, request, reason);
        }
    }
    for (other, link) in links {
        if link.is_active() {
            node.signal(pid, other, Signal(Kind::Exit { reason: reason.clone(), linked: Some(Over::NONE) }));
        }
    }
    // Whom it watched forgets it: one that lives for long would keep all its dead watchers.
    for (monitor, watched) in monitors {
        if let Some(target) = watched.target() {
            node.signal(pid, target, Signal(Kind::Demonitor { monitor }));
        }
    }
    for (monitor, watcher) in watchers {
        node.signal(pid, watcher.pid, Signal(Kind::Down { monitor, reason: reason.clone() }));
    }
    let undelivered = node.table().remove(pid);
    if !undelivered.is_empty() {
        sometimes!(node, SignalsOfTheDead);
    }
    for (from, signal) in undelivered {
        // A new process that was to be linked ends as if it had been.
        let why = if let Kind::SpawnReply(_) = signal.0 { reason } else { &ExitReason::NOPROC };
        bounce(node, pid, from, signal, why);
    }
    // Each by itself: one whose destructor panics takes no other along.
    mailbox.into_messages().for_each(discard);
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
