//! One module for each command: its flags, its help and what it does.

mod build;
mod cluster;
mod info;
mod kill;
mod logs;
mod node;
mod nodes;
mod output;
mod ps;
mod run;
mod send;
mod serve;
mod sim;
mod target;
mod timings;
mod top;
mod tree;
mod unique;
mod voters;

pub(crate) use voters::Voters;

use crate::log::Filter;
use std::process::ExitCode;

/// What `rusm` can do.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    Build(build::Build),
    Serve(serve::Serve),
    Node(node::Node),
    Run(run::Run),
    Ps(ps::Ps),
    Top(top::Top),
    Info(info::Info),
    Kill(kill::Kill),
    Send(send::Send),
    Logs(logs::Logs),
    Nodes(nodes::Nodes),
    Unique(unique::Unique),
    Sim(sim::Sim),
    Cluster(cluster::Cluster),
}

impl Command {
    /// What is logged when nobody says.
    pub(crate) fn default_log(&self) -> Filter {
        match self {
            // Standard error is the component's; how it ended is told once, by the command.
            Self::Run(_) => Filter::fixed("warn,rusm_core::task=off"),
            // Elections and each of their steps are news to openraft; what operators need of them the voter says.
            _ => Filter::fixed("info,openraft=warn"),
        }
    }

    /// # Errors
    /// What went wrong, where, and what to do.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Build(build) => build.run(),
            Self::Serve(serve) => serve.run(),
            Self::Node(node) => node.run(),
            Self::Run(run) => run.run(),
            Self::Ps(ps) => ps.run(),
            Self::Top(top) => top.run(),
            Self::Info(info) => info.run(),
            Self::Kill(kill) => kill.run(),
            Self::Send(send) => send.run(),
            Self::Logs(logs) => logs.run(),
            Self::Nodes(nodes) => nodes.run(),
            Self::Unique(unique) => unique.run(),
            Self::Sim(sim) => sim.run(),
            Self::Cluster(cluster) => cluster.run(),
        }
    }
}
