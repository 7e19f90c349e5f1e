use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Bytes of a request's line.
pub(super) const REQUEST_LEN_MAX: u64 = 64 << 10;

/// What a node can be asked. On the wire: `{"request":"processes"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub(crate) enum Request {
    /// Which node is this? Answered with a [`NodeReport`].
    Node,
    /// Which processes live? Answered with a list of [`ProcessReport`] in the order of their pids.
    Processes,
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
    pub(crate) app: PathBuf,
    /// Where it keeps its data.
    pub(crate) data: PathBuf,
    /// Where it listens; nothing when its app has no routes.
    pub(crate) listen: Option<String>,
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
    /// `running` or `waiting`.
    pub(crate) status: String,
}

/// What comes back for a [`Request`]: `{"ok":…}` or `{"error":"…"}`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Response {
    Ok(serde_json::Value),
    Error(String),
}

impl Response {
    pub(super) fn read<T: DeserializeOwned>(self) -> anyhow::Result<T> {
        match self {
            Self::Ok(value) => Ok(serde_json::from_value(value)?),
            Self::Error(error) => anyhow::bail!("the node refused: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_small_objects() {
        let check = |request: Request, line: &str| {
            assert_eq!(serde_json::to_string(&request).expect("a request is JSON"), line);
            assert_eq!(serde_json::from_str::<Request>(line).expect("JSON is a request"), request);
        };
        check(Request::Node, r#"{"request":"node"}"#);
        check(Request::Processes, r#"{"request":"processes"}"#);
        assert!(serde_json::from_str::<Request>(r#"{"request":"sing"}"#).is_err());
    }
}
