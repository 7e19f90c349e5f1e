//! Two nodes on loopback: what a message costs both of them together in CPU time, beside Erlang distribution, plain and over
//! TLS, in one interleaved run. Each node is a process of the operating system.
//!
//! `cargo xtask bench cluster --help`

mod converge;
mod erlang_peer;
mod measure;
mod meter;
mod report;
mod run;
mod rusm_peer;

use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;

/// Compares two RUSM nodes over QUIC with two Erlang nodes, plain and over TLS (where `erl` is installed).
#[derive(Parser)]
#[command(name = "cargo xtask bench cluster", bin_name = "cargo xtask bench cluster")]
pub struct Options {
    /// Only these measures and peers, by name; names separated by commas.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,
    /// How often each job runs, all of them in turn; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// One round, a tenth of the operations.
    #[arg(long)]
    quick: bool,
    /// Where the figures go; the table goes beside it, with the ending `txt`.
    #[arg(long, value_name = "FILE", default_value = "target/bench/cluster.json")]
    json: PathBuf,
    /// Names the measures and the peers, and ends.
    #[arg(long)]
    list: bool,
    /// One node in this process. What the command calls itself with.
    #[command(flatten)]
    node: rusm_peer::NodeOptions,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match &options.node.credentials {
        Some(credentials) => rusm_peer::node(credentials, &options.node),
        None if options.list => {
            report::list();
            Ok(())
        }
        None => run::all(&options).and_then(|results| report::write(&options.json, &results)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
