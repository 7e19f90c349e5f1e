use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

/// Bytes of a request's line.
pub(super) const REQUEST_LEN_MAX: u64 = 1 << 20;

/// A question and whom it is for. On the wire: `{"request":"processes","node":"b"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    #[serde(flatten)]
    pub(crate) request: Request,
    /// Another node of the cluster, which is asked through the one that the socket is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<String>,
}

/// What a node can be asked and told. A process is named by its pid, as OTP writes it, or by its registered name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub(crate) enum Request {
    /// Which node is this? Answered with a [`NodeReport`].
    Node,
    /// Which processes live? Answered with a list of [`ProcessReport`] in the order of their pids.
    Processes,
    /// What is known of a process? Answered with a [`ProcessDetails`].
    Process { process: String },
    /// Send a process an exit signal. Answered with an [`ExitReport`].
    Exit { process: String, reason: String },
    /// Send a message to whoever has that name. Answered with its pid.
    Send { name: String, message: Value },
    /// What a process has logged, behind the line of that number. Answered with a [`LogReport`].
    Log { process: String, after: u64 },
    /// Which nodes of its cluster does it know? Answered with a list of [`ClusterNode`], the node itself first.
    Nodes,
    /// Who votes on unique names, and who has which? Answered with a [`UniqueReport`].
    Unique,
    /// Take in what is new in the folder of its certificate. Answered with a [`ReloadReport`].
    Reload,
}

/// A node as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NodeReport {
    /// Its name.
    pub(crate) name: String,
    /// Which life of it.
    pub(crate) incarnation: u32,
    /// The process of the operating system.
    pub(crate) os_pid: u32,
    /// The app that it serves.
    pub(crate) app: Option<PathBuf>,
    /// Where it keeps its data.
    pub(crate) data: PathBuf,
    /// Where it listens; nothing when its app has no routes.
    pub(crate) listen: Option<String>,
    /// Where it listens for other nodes; nothing when it is in no cluster.
    pub(crate) cluster: Option<String>,
    /// The version of `rusm`.
    pub(crate) version: String,
}

/// One live process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessReport {
    /// As OTP writes it.
    pub(crate) pid: String,
    /// Its registered name.
    pub(crate) name: Option<String>,
    /// What it runs: a component's name, or what a native process calls itself.
    pub(crate) component: String,
    /// The manifest's name of its supervisor.
    pub(crate) supervisor: Option<String>,
    /// How often its supervisor has started it again; nothing without a supervisor.
    pub(crate) restarts: Option<u32>,
    /// Who spawned it, while that one lives.
    pub(crate) parent: Option<String>,
    /// Messages and signals that wait.
    pub(crate) mailbox: usize,
    /// Bytes.
    pub(crate) memory: u64,
    /// `running`, `waiting` or `hibernating`.
    pub(crate) status: String,
}

/// All that is known of a live process. Pids of other nodes are followed by `@` and the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessDetails {
    #[serde(flatten)]
    pub(crate) process: ProcessReport,
    /// What it is an instance of.
    pub(crate) behaviour: String,
    /// The function that it runs, or the type of its callbacks.
    pub(crate) function: String,
    /// Its parent, the parent's parent and so on.
    pub(crate) ancestors: Vec<String>,
    /// The other ends of its links.
    pub(crate) links: Vec<String>,
    /// What it monitors.
    pub(crate) monitors: Vec<String>,
    /// How many monitors watch it.
    pub(crate) monitored_by: usize,
    /// Whether exit signals become messages.
    pub(crate) trap_exit: bool,
    /// How long it has lived, in milliseconds.
    pub(crate) age_ms: u64,
    /// What its behaviour says of its state; nothing of a plain process, or of one that did not answer.
    pub(crate) state: Option<String>,
    /// Whether it is suspended; nothing where `state` is.
    pub(crate) suspended: Option<bool>,
}

/// What came of an exit signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExitReport {
    /// Who got it.
    pub(crate) pid: String,
    /// Why the process ended; nothing when it lives on.
    pub(crate) ended: Option<String>,
}

/// What a process has logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogReport {
    /// Who logged it.
    pub(crate) pid: String,
    /// Whether that process lives.
    pub(crate) lives: bool,
    /// The oldest first.
    pub(crate) lines: Vec<String>,
    /// The number of the last one: what comes later is behind it.
    pub(crate) last: u64,
}

/// A node as another one knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClusterNode {
    /// Its name.
    pub(crate) name: String,
    /// `self`, or how it is seen from there: `up`, `suspect`, `unreachable` or `down`.
    pub(crate) state: String,
    /// Why it is seen so, in one word.
    pub(crate) reason: Option<String>,
    /// What the members tell each other of it: `up`, `suspect` or `down`; nothing when they have said nothing.
    pub(crate) members: Option<String>,
    /// Which life of it.
    pub(crate) incarnation: Option<u32>,
    /// Where it listens for other nodes, as far as is known.
    pub(crate) address: Option<String>,
}

/// Who votes on unique names, and who has which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UniqueReport {
    /// As the node was told them.
    pub(crate) voters: Vec<VoterReport>,
    /// In their order; none when `error` is there.
    pub(crate) names: Vec<NameReport>,
    /// Why the names are not known, and what to do.
    pub(crate) error: Option<String>,
}

/// A voter as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VoterReport {
    /// Its node.
    pub(crate) node: String,
    /// Whether it leads, as far as it knows.
    pub(crate) leads: bool,
    /// Grows with each election.
    pub(crate) term: u64,
    /// The last entry of the log that it has carried out.
    pub(crate) applied: u64,
    /// The last entry that its snapshot covers; zero when it has none.
    pub(crate) snapshot: u64,
    /// Why it says nothing; then the numbers are zero.
    pub(crate) error: Option<String>,
}

/// Who has a unique name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NameReport {
    pub(crate) name: String,
    /// The node of whoever has it.
    pub(crate) node: String,
    /// Its pid there.
    pub(crate) pid: String,
    /// By which lease: see the fencing token in docs/cluster.md.
    pub(crate) token: u64,
}

/// What a node has found in the folder of its certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReloadReport {
    /// Until when the certificate counts that it shows from now on: seconds since 1970.
    pub(crate) certificate_until: u64,
    /// The number of the list of revoked certificates that counts, if there is one.
    pub(crate) revocations: Option<u64>,
    /// Whether it was new to the node.
    pub(crate) revocations_new: bool,
}

/// What comes back for a [`Request`]: `{"ok":…}` or `{"error":"…"}`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Response {
    Ok(Value),
    Error(String),
}

impl From<Result<Value, String>> for Response {
    fn from(answer: Result<Value, String>) -> Self {
        answer.map_or_else(Self::Error, Self::Ok)
    }
}

impl Response {
    /// The answer.
    ///
    /// # Errors
    /// What the node said instead, or that the answer is none to that question.
    pub(super) fn read<T: DeserializeOwned>(self) -> anyhow::Result<T> {
        match self {
            Self::Ok(value) => Ok(serde_json::from_value(value)?),
            Self::Error(error) => Err(anyhow::Error::msg(error)),
        }
    }
}

/// An answer as it goes over the wire.
///
/// # Errors
/// It has no form in JSON.
pub(crate) fn answer(value: &impl Serialize) -> Result<Value, String> {
    serde_json::to_value(value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_small_objects() {
        let check = |request: Request, node: Option<&str>, line: &str| {
            let asked = Asked { request, node: node.map(str::to_owned) };
            assert_eq!(serde_json::to_string(&asked).expect("a request is JSON"), line);
            assert_eq!(serde_json::from_str::<Asked>(line).expect("JSON is a request"), asked);
        };
        check(Request::Node, None, r#"{"request":"node"}"#);
        check(Request::Processes, Some("b"), r#"{"request":"processes","node":"b"}"#);
        let exit = Request::Exit { process: "<5.0>".to_owned(), reason: "kill".to_owned() };
        check(exit, None, r#"{"request":"exit","process":"<5.0>","reason":"kill"}"#);
        assert!(serde_json::from_str::<Asked>(r#"{"request":"sing"}"#).is_err());
    }
}
