//! What is compared.

use crate::measure::Measure;
use crate::meter::Meter;
use crate::{bare_tokio, hydra_peer, kameo_peer, ractor_peer, rusm_peer};
use std::future::Future;
use std::pin::Pin;

/// Operations, between the meter's begin and end.
pub type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A library of this language.
pub trait Peer {
    /// The job that does the operation so many times; nothing when the peer has no such operation.
    fn job(&self, measure: Measure, operations: u64, meter: Meter) -> Option<Job>;
}

/// By name, the first is the one that others are compared with. `erlang` is none of this language.
pub const PEERS: [(&str, &dyn Peer); 5] = [
    ("rusm", &rusm_peer::Rusm),
    ("tokio", &bare_tokio::BareTokio),
    ("hydra", &hydra_peer::Hydra),
    ("ractor", &ractor_peer::Ractor),
    ("kameo", &kameo_peer::Kameo),
];

pub const ERLANG: &str = "erlang";
