use crate::Report;
use std::fmt;
use std::str::FromStr;

/// What carries the cluster's protocol between the nodes of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClusterWire {
    /// Simulated links: fast, and as hard on the protocol as any network.
    #[default]
    Links,
    /// What production runs, QUIC with TLS, over simulated UDP: slow, and proves the driver too.
    #[cfg(feature = "quic")]
    Quic,
}

/// What a run counts for each node that takes part over QUIC.
pub(crate) const JOINED: &str = "quic: a node joined";

impl ClusterWire {
    /// Whether there was anything to carry in that run; over the links whatever there is runs.
    pub(crate) fn carries(self, report: &Report) -> bool {
        self == Self::Links || report.counts.contains_key(JOINED)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Links => "links",
            #[cfg(feature = "quic")]
            Self::Quic => "quic",
        }
    }
}

impl fmt::Display for ClusterWire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ClusterWire {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "links" => Ok(Self::Links),
            #[cfg(feature = "quic")]
            "quic" => Ok(Self::Quic),
            #[cfg(not(feature = "quic"))]
            "quic" => Err("this program was built without rusm-sim's feature `quic`".to_owned()),
            _ => Err(format!("there is no wire {text:?}: `links` or `quic`")),
        }
    }
}
