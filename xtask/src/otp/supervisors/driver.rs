use super::build::{Env, child_spec};
use super::holder::{self, Ask, Status};
use super::log::{SharedLog, reporter};
use super::outcome::{entries, why};
use super::tree::{Event, Kind, ROOT, Tree, What};
use super::worker::StopWith;
use crate::otp::world::World;
use rusm_core::{
    ChildArgs, ChildRef, ChildSpec, Context, ExitReason, Payload, Pid, Started, SupervisorError, SupervisorRef,
};
use std::fmt::Write;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// Builds the tree of one program, applies its events one after the other, each when the tree has come to rest, and
/// returns the outcome.
pub(super) async fn run(context: Context, tree: Tree, world: World) -> String {
    let log = SharedLog::default();
    let reporter = context.spawn({
        let log = log.clone();
        move |context| reporter(context, log)
    });
    let env = Env { tree: Arc::new(tree), log, reporter };
    let holder = context.spawn({
        let env = env.clone();
        move |context| holder::run(context, env)
    });
    let driver = Driver { context, env, holder, world };
    let mut out = String::new();
    driver.events(&mut out).await;
    driver.context.exit_signal(holder, ExitReason::KILL);
    driver.context.exit_signal(reporter, ExitReason::KILL);
    out
}

struct Driver {
    context: Context,
    env: Env,
    holder: Pid,
    world: World,
}

/// The tree as text when nothing is under way.
type Snapshot = Option<String>;

impl Driver {
    async fn events(&self, out: &mut String) {
        // Writing to a string cannot fail.
        let init = match self.ask::<Started>(Ask::Start).await {
            Started::Up(_) => "ok".to_owned(),
            Started::Ignored => "ignore".to_owned(),
            Started::Failed(reason) => format!("error {}", why(&reason.to_string())),
        };
        let _ = writeln!(out, "init {init}{}", self.happened(false).await);
        for (index, event) in self.env.tree.events.iter().enumerate() {
            let number = index + 1;
            let _ = match self.event(event).await {
                None => writeln!(out, "{number} {} skip", event.text),
                Some(value) => {
                    let by_signal = matches!(event.what, What::Exit { .. } | What::Stop { .. });
                    writeln!(out, "{number} {}{value}{}", event.text, self.happened(by_signal).await)
                }
            };
        }
        let _ = match self.ask::<Status>(Ask::Status).await {
            Status::NeverStarted => Ok(()),
            Status::Dead(reason) => writeln!(out, "root dead {}", why(&reason.to_string())),
            Status::Alive(_) => {
                self.ask::<()>(Ask::Shutdown).await;
                self.rest().await;
                writeln!(out, "shutdown{}", entries(&mut self.env.log.lock(), &self.env.tree, false))
            }
        };
    }

    async fn ask<T: std::fmt::Debug + 'static>(&self, ask: Ask) -> T {
        let answer = self.context.call(self.holder, Payload::local(ask), Duration::MAX).await;
        match answer.map(Payload::downcast) {
            Ok(Ok(answer)) => answer,
            other => unreachable!("the root's parent answers what it is asked, not {other:?}"),
        }
    }

    async fn happened(&self, by_signal: bool) -> String {
        let tree = self.rest().await;
        let entries = entries(&mut self.env.log.lock(), &self.env.tree, by_signal);
        if tree.is_empty() { entries } else { format!("{entries} | root{tree}") }
    }

    /// Waits until the tree is at rest: twice in a row it looks the same, every supervisor lists only live children,
    /// none is being restarted, nobody's parent is dead, and the reason of each end is known. What is left of an earlier
    /// start and only waits for a shutdown time to pass is not waited for: its end is told with a later event.
    async fn rest(&self) -> String {
        let mut before = None;
        loop {
            let now = self.snapshot().await;
            match (before, now) {
                (Some(before), Some(now)) if before == now => return now,
                (_, now) => before = now,
            }
            self.context
                .sleep(match self.world {
                    World::Threads(_) => self.world.pause(),
                    World::Simulated { .. } | World::Nodes { .. } => Duration::from_millis(1),
                })
                .await;
        }
    }

    async fn snapshot(&self) -> Snapshot {
        let before = self.ask::<Status>(Ask::Status).await;
        let processes: Vec<(Pid, Option<Pid>)> = {
            let log = self.env.log.lock();
            if !log.is_complete() {
                return None;
            }
            log.awaited()
        };
        for (pid, parent) in processes {
            if !self.context.is_alive(pid).await {
                return None;
            }
            if let Some(parent) = parent
                && !self.context.is_alive(parent).await
            {
                return None;
            }
        }
        let after = self.ask::<Status>(Ask::Status).await;
        if before != after {
            return None;
        }
        match after {
            Status::NeverStarted => Some(String::new()),
            Status::Dead(reason) => Some(format!(" dead {}", why(&reason.to_string()))),
            Status::Alive(root) => self.tree(ROOT.to_owned(), root).await,
        }
    }

    fn tree(&self, name: String, pid: Pid) -> Pin<Box<dyn Future<Output = Snapshot> + Send + '_>> {
        Box::pin(async move {
            let mut children = SupervisorRef::from(pid).which_children(&self.context).await.ok()?;
            children.reverse();
            let mut items = Vec::new();
            for child in children {
                if child.restarting {
                    return None;
                }
                let Some(pid) = child.pid else {
                    items.push(format!("{}=undefined", child.id));
                    continue;
                };
                if !self.context.is_alive(pid).await {
                    return None;
                }
                let process = self.env.log.lock().processes.get(&pid).cloned()?;
                if self.env.tree.is_supervisor(&process.name) {
                    items.push(format!("{}{}", process.label, self.tree(process.name, pid).await?));
                } else {
                    items.push(process.label);
                }
            }
            if self.env.tree.is_dynamic(&name) {
                items.sort();
            }
            Some(format!("[{}]", items.join(" ")))
        })
    }

    fn live(&self, name: &str) -> Option<Pid> {
        self.env.log.lock().live.get(name).copied()
    }

    /// Applies an event: what the outcome says behind its text, or `None` when it is skipped.
    async fn event(&self, event: &Event) -> Option<String> {
        let Status::Alive(_) = self.ask(Ask::Status).await else { return None };
        match &event.what {
            What::Sleep(duration) => {
                self.context.sleep(*duration).await;
                Some(String::new())
            }
            What::Exit { process, reason } => self.end(process, reason, false).await,
            What::Stop { process, reason } => self.end(process, reason, true).await,
            What::Count { supervisor } => {
                let counts = SupervisorRef::from(self.live(supervisor)?).count_children(&self.context).await.ok()?;
                Some(format!(
                    " = specs:{} active:{} supervisors:{} workers:{}",
                    counts.specs, counts.active, counts.supervisors, counts.workers
                ))
            }
            What::TerminateChild { supervisor, child }
            | What::RestartChild { supervisor, child }
            | What::DeleteChild { supervisor, child } => {
                let pid = self.live(supervisor)?;
                let dynamic = self.env.tree.is_dynamic(supervisor);
                Some(format!(" = {}", self.manage(&event.what, SupervisorRef::from(pid), dynamic, child).await))
            }
            What::StartChild { supervisor, child, node } => {
                let pid = self.live(supervisor)?;
                let spec = node.as_ref().map(|node| child_spec(&self.env, child, node));
                let dynamic = self.env.tree.is_dynamic(supervisor);
                Some(format!(" = {}", self.start(SupervisorRef::from(pid), dynamic, child, spec).await))
            }
        }
    }

    /// Ends a process from outside, or has a worker end itself, and waits until it has dealt with it.
    async fn end(&self, name: &str, reason: &ExitReason, itself: bool) -> Option<String> {
        let pid = self.live(name)?;
        let supervisor = self.env.tree.nodes.get(name).is_some_and(|node| matches!(node.kind, Kind::Supervisor { .. }));
        if itself && !supervisor {
            self.context.send(pid, Payload::local(StopWith(reason.clone()))).ok()?;
        } else {
            self.context.exit_signal(pid, reason.clone());
        }
        // Whether it answers or ends does not matter.
        if supervisor {
            let _ = SupervisorRef::from(pid).count_children(&self.context).await;
        } else {
            let _ = self.context.call(pid, Payload::local(()), Duration::MAX).await;
        }
        Some(String::new())
    }

    async fn manage(&self, what: &What, supervisor: SupervisorRef, dynamic: bool, child: &str) -> String {
        let context = &self.context;
        match what {
            What::TerminateChild { .. } if dynamic => {
                let pid = match self.live(child) {
                    Some(pid) => pid,
                    None => self.somebody_dead().await,
                };
                done(supervisor.terminate_child(context, ChildRef::Pid(pid)).await)
            }
            What::TerminateChild { .. } => done(supervisor.terminate_child(context, child).await),
            What::DeleteChild { .. } => done(supervisor.delete_child(context, child).await),
            _ => match supervisor.restart_child(context, child).await {
                // As OTP's outcomes write it: a plain reason stands alone.
                Err(SupervisorError::StartFailed(reason)) if reason.detail().is_none() => reason.to_string(),
                Err(SupervisorError::StartFailed(reason)) => format!("error {}", why(&reason.to_string())),
                result => self.started(result),
            },
        }
    }

    async fn start(&self, supervisor: SupervisorRef, dynamic: bool, child: &str, spec: Option<ChildSpec>) -> String {
        let context = &self.context;
        let result = match spec {
            Some(spec) => supervisor.start_child(context, spec).await,
            None => supervisor.start_child_with(context, ChildArgs::local(child.to_owned())).await,
        };
        match result {
            // OTP adds the child spec to the reason, except to that of an instance.
            Err(SupervisorError::StartFailed(reason)) if dynamic => reason.to_string(),
            Err(SupervisorError::StartFailed(reason)) => format!("error {reason}"),
            result => self.started(result),
        }
    }

    fn started(&self, result: Result<Option<Pid>, SupervisorError>) -> String {
        match result {
            Ok(None) => "ok undefined".to_owned(),
            Ok(Some(pid)) => {
                let log = self.env.log.lock();
                format!("ok {}", log.processes.get(&pid).map_or("?", |process| &process.label))
            }
            Err(error) => word(&error),
        }
    }

    async fn somebody_dead(&self) -> Pid {
        let pid = self.context.spawn(|_| async {});
        while self.context.is_alive(pid).await {}
        pid
    }
}

fn done(result: Result<(), SupervisorError>) -> String {
    match result {
        Ok(()) => "ok".to_owned(),
        Err(error) => word(&error),
    }
}

fn word(error: &SupervisorError) -> String {
    let text = error.to_string();
    let word = text.split(':').next().unwrap_or_default();
    match error {
        SupervisorError::Spec(_) => format!("error {word}"),
        _ => word.to_owned(),
    }
}
