//! The control socket: how operators' commands ask a node that runs on this machine, and through it others of its cluster.
//!
//! Every node listens on a Unix socket in a directory that only its owner may enter, and answers only that user and
//! root. A request is a line of JSON, its answer another one; see [`Request`].

mod client;
mod protocol;
mod runtime_dir;
mod server;
#[cfg(test)]
mod tests;

pub(crate) use client::{RunningNode, running_nodes};
pub(crate) use protocol::{
    Asked, ClusterNode, ExitReport, LogReport, NameReport, NodeReport, ProcessDetails, ProcessReport, ReloadReport,
    Request, Response, UniqueReport, VoterReport, answer,
};
pub(crate) use runtime_dir::RuntimeDir;
pub(crate) use server::{ControlServer, Responder};
