use super::output::{or_dash, print, print_json, table};
use super::target::Target;
use crate::control::{ClusterNode, Request};
use std::process::ExitCode;

/// Show the nodes of a cluster, as one of them knows them
///
/// A silent node is suspected first. One that is unreachable may live, and others may reach it: what the members tell each other of it
/// stands beside how it is seen from the node that is asked.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Nodes {
    #[command(flatten)]
    target: Target,

    /// Print JSON: a list
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  rusm nodes
  rusm nodes --node b
  rusm nodes --json | jq '.[] | select(.state == \"down\")'";

impl Nodes {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let nodes: Vec<ClusterNode> = self.target.find()?.ask(Request::Nodes)?;
        if self.json {
            print_json(&nodes)?;
        } else {
            let row = |node: ClusterNode| {
                let incarnation = node.incarnation.map(|incarnation| incarnation.to_string());
                let [reason, members, address] = [node.reason, node.members, node.address].map(or_dash);
                [node.name, node.state, reason, members, or_dash(incarnation), address]
            };
            let head = ["NODE", "STATE", "REASON", "MEMBERS SAY", "INCARNATION", "ADDRESS"];
            print(&table(head, &[4], nodes.into_iter().map(row).collect()))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
