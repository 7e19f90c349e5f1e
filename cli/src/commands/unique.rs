use super::output::{or_dash, print, print_json, table};
use super::target::Target;
use crate::control::{NameReport, Request, UniqueReport, VoterReport};
use crate::exit_code::NO_MAJORITY;
use std::process::ExitCode;

/// Show who votes on unique names, who leads, and who has which name
///
/// A unique name is one process's in the whole cluster, and so is a singleton. A majority of the voters decides; without one nobody gets a
/// name.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Unique {
    #[command(flatten)]
    target: Target,

    /// Print JSON: an object with the lists `voters` and `names`
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  rusm unique
  rusm unique --node b --json | jq '.names[] | select(.name == \"billing\").node'

Exit codes:
  0  a majority of the voters has answered
  1  there is no such node, or it knows no voters
  7  no majority of the voters answers: the voters are shown, and what to do";

impl Unique {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let report: UniqueReport = self.target.find()?.ask(Request::Unique)?;
        if self.json {
            print_json(&report)?;
        } else {
            let voters = report.voters.iter().map(voter).collect();
            print(&table(["VOTER", "STATE", "TERM", "APPLIED", "SNAPSHOT"], &[2, 3, 4], voters))?;
            if report.error.is_none() {
                let names = report.names.iter().map(name).collect();
                print(&format!("\n{}", table(["NAME", "NODE", "PID", "TOKEN"], &[3], names)))?;
            }
        }
        Ok(match report.error {
            None => ExitCode::SUCCESS,
            Some(error) => {
                eprintln!("error: {error}");
                ExitCode::from(NO_MAJORITY)
            }
        })
    }
}

fn voter(voter: &VoterReport) -> [String; 5] {
    let VoterReport { node, leads, term, applied, snapshot, error } = voter;
    if let Some(error) = error {
        return [node.clone(), error.clone(), or_dash(None), or_dash(None), or_dash(None)];
    }
    let state = if *leads { "leads" } else { "follows" };
    let snapshot = (*snapshot > 0).then(|| snapshot.to_string());
    [node.clone(), state.to_owned(), term.to_string(), applied.to_string(), or_dash(snapshot)]
}

fn name(name: &NameReport) -> [String; 4] {
    let NameReport { name, node, pid, token } = name;
    [name.clone(), node.clone(), pid.clone(), token.to_string()]
}
