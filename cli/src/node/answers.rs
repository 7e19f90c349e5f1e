use super::elsewhere;
use super::member::Member;
use super::named::{Names, Written, find, whereis};
use super::unique::{NO_VOTERS, Unique};
use crate::control::{
    Asked, ClusterNode, ExitReport, LogReport, NodeReport, ProcessDetails, ProcessReport, Request, Responder, answer,
};
use crate::log;
use rusm_core::{Behaviour, Encoding, ExitReason, Message, Node, Pid, ProcessInfo, Term, sys};
use rusm_host::app::{AppProcess, RunningApp};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// How long a process may take to say what its state is.
const STATE_TIME_MAX: Duration = Duration::from_secs(1);
/// How long to wait for the end of a process that got an exit signal.
const END_TIME_MAX: Duration = Duration::from_secs(1);

/// What a node answers to operators. Cheap to clone.
#[derive(Clone)]
pub(super) struct Answers {
    pub(super) node: NodeReport,
    pub(super) app: Arc<RunningApp>,
    /// Nothing when it is in no cluster.
    pub(super) member: Option<Arc<Member>>,
    /// Nothing when it knows no voters.
    pub(super) unique: Option<Unique>,
}

impl Responder for Answers {
    async fn respond(&self, asked: Asked) -> Result<Value, String> {
        match asked.node {
            Some(node) if node != self.node.name => {
                elsewhere::ask(self.app.node(), &node, &self.nodes(), asked.request).await
            }
            Some(_) | None => self.answer(asked.request).await,
        }
    }
}

impl Answers {
    /// What this node itself says.
    ///
    /// # Errors
    /// Why there is no answer, for people.
    pub(super) async fn answer(&self, request: Request) -> Result<Value, String> {
        let node = self.app.node();
        match request {
            Request::Node => answer(&self.node),
            Request::Processes => {
                let processes = self.app.processes().await;
                answer(&processes.into_iter().map(process_report).collect::<Vec<_>>())
            }
            Request::Process { process } => answer(&self.details(find(node, &process)?).await?),
            Request::Exit { process, reason } => answer(&exit(node, find(node, &process)?, &reason).await?),
            Request::Send { name, message } => {
                let to = whereis(node, &name)?;
                let term = Term::new(Encoding::Json, message.to_string().into_bytes());
                node.send(to, term).map_err(|error| error.to_string())?;
                answer(&to.to_string())
            }
            Request::Log { process, after } => answer(&logged(node, &process, after)?),
            Request::Nodes => answer(&self.nodes()),
            Request::Unique => match (&self.unique, &self.member) {
                (Some(unique), _) => {
                    let names = self.names();
                    answer(&unique.report(node, |pid| (pid.to_string(), names.node(pid.node))).await)
                }
                (None, Some(_)) => Err(NO_VOTERS.to_owned()),
                (None, None) => Err("it is in no cluster: its own processes alone have its unique names".to_owned()),
            },
            Request::Reload => {
                let Some(member) = self.member.clone() else {
                    return Err("it is in no cluster: only a node of `rusm node` has a certificate".to_owned());
                };
                // Files are read.
                let reloaded = tokio::task::spawn_blocking(move || member.reload()).await;
                let reloaded = reloaded.map_err(|error| error.to_string())?;
                answer(&reloaded.map_err(|error| format!("{error:#}"))?)
            }
        }
    }

    async fn details(&self, pid: Pid) -> Result<ProcessDetails, String> {
        let node = self.app.node();
        let processes = self.app.processes().await;
        let process = processes.into_iter().find(|process| process.info.pid == pid);
        let process = process.ok_or_else(|| format!("{pid} has ended meanwhile"))?;
        let ProcessInfo {
            behaviour, function, ancestors, links, monitors, monitored_by, trap_exit, started_at, ..
        } = process.info.clone();
        let status = match behaviour {
            Behaviour::Plain => None,
            _ => sys::status(node, pid, STATE_TIME_MAX).await.ok(),
        };
        let names = self.names();
        Ok(ProcessDetails {
            process: process_report(process),
            behaviour: behaviour.to_string(),
            function: function.to_owned(),
            ancestors: ancestors.into_iter().map(|pid| names.pid(pid)).collect(),
            links: links.into_iter().map(|pid| names.pid(pid)).collect(),
            monitors: monitors.iter().map(|monitored| names.monitored(monitored)).collect(),
            monitored_by,
            trap_exit,
            age_ms: node.seams().clock.now().since(started_at).as_millis() as u64,
            suspended: status.as_ref().map(|status| status.suspended),
            state: status.map(|status| status.state),
        })
    }

    fn names(&self) -> Names {
        Names::new(self.app.node().id(), self.nodes().into_iter().map(|node| node.name))
    }

    /// Itself, and those of its cluster that it knows.
    fn nodes(&self) -> Vec<ClusterNode> {
        let own = ClusterNode {
            name: self.node.name.clone(),
            state: "self".to_owned(),
            reason: None,
            members: None,
            incarnation: Some(self.node.incarnation),
            address: self.node.cluster.clone(),
        };
        let addresses = self.member.as_ref().map(|member| member.quic.addresses()).unwrap_or_default();
        let others = self.app.node().known_nodes().into_iter().map(|known| ClusterNode {
            state: format!("{:?}", known.status).to_lowercase(),
            reason: Some(known.reason.to_string()),
            members: known.member.map(|member| format!("{member:?}").to_lowercase()),
            incarnation: Some(known.incarnation),
            address: addresses.get(&known.name).map(ToString::to_string),
            name: known.name,
        });
        std::iter::once(own).chain(others).collect()
    }
}

/// Sends an exit signal, and looks for a moment whether it ends the process.
async fn exit(node: &Node, pid: Pid, reason: &str) -> Result<ExitReport, String> {
    let reason = ExitReason::new(reason.to_owned());
    tracing::warn!(%pid, %reason, "an operator sends an exit signal");
    let (ended, end) = tokio::sync::oneshot::channel();
    node.spawn(move |context| async move {
        let monitor = context.monitor(pid);
        context.exit_signal(pid, reason);
        let down = |message: &Message| matches!(message, Message::Down { monitor: of, .. } if *of == monitor);
        let reason = match context.receive_timeout(END_TIME_MAX, down).await {
            Some(Message::Down { reason, .. }) => Some(reason),
            _ => None,
        };
        // Whoever asked may have gone.
        let _ = ended.send(reason);
    });
    let ended = end.await.map_err(|_| "the signal could not be sent: the process table is full".to_owned())?;
    Ok(ExitReport { pid: pid.to_string(), ended: ended.map(|reason| reason.to_string()) })
}

/// Of a process that has ended the lines that are still kept.
fn logged(node: &Node, process: &str, after: u64) -> Result<LogReport, String> {
    let living = find(node, process);
    let pid = match (&living, Written::read(process)) {
        (Ok(pid), _) => pid.to_string(),
        (Err(_), Some(written)) => written.to_string(),
        (Err(nobody), None) => return Err(nobody.clone()),
    };
    let (lines, last) = log::kept().of(&pid, after);
    match living {
        Err(nobody) if lines.is_empty() && after == 0 => Err(nobody),
        living => Ok(LogReport { pid, lives: living.is_ok(), lines, last }),
    }
}

fn process_report(process: AppProcess) -> ProcessReport {
    let AppProcess { info, supervised } = process;
    ProcessReport {
        pid: info.pid.to_string(),
        name: info.name,
        component: info.label,
        restarts: supervised.as_ref().and_then(|supervised| supervised.restarts),
        supervisor: supervised.map(|supervised| supervised.supervisor),
        parent: info.parent.map(|parent| parent.to_string()),
        mailbox: info.mailbox_len,
        memory: info.memory_bytes,
        status: info.status.to_owned(),
    }
}
