//! `rusm-core` beside bare tokio, ractor, kameo, hydra and real Erlang: what one operation costs in CPU time and one process
//! in memory. All peers in one interleaved run; the Rust ones with the same allocator and profile, each in its obvious
//! idiomatic code. Each job runs in an operating system process of its own.
//!
//! `cargo xtask bench otp --help`

mod bare_tokio;
mod erlang_peer;
mod hydra_peer;
mod kameo_peer;
mod measure;
mod meter;
mod peer;
mod ractor_peer;
mod report;
mod run;
mod rusm_peer;

use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;

/// Compares rusm-core with bare tokio, ractor, kameo, hydra and real Erlang (where `erl` is installed).
#[derive(Parser)]
#[command(name = "cargo xtask bench otp", bin_name = "cargo xtask bench otp")]
pub struct Options {
    /// Only these measures and peers, by name; names separated by commas.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,
    /// How often each job runs, all of them in turn; the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// One round, a tenth of the operations, no million processes.
    #[arg(long)]
    quick: bool,
    /// Every measure on so many worker threads, instead of on those that it is for.
    #[arg(long)]
    threads: Option<usize>,
    /// Where the figures go; the table goes beside it, with the ending `txt`.
    #[arg(long, value_name = "FILE", default_value = "target/bench/otp.json")]
    json: PathBuf,
    /// Names the measures and the peers, and ends.
    #[arg(long)]
    list: bool,
    /// One job in this process: PEER, MEASURE, operations, threads. What the command calls itself with.
    #[arg(long, hide = true, num_args = 4)]
    job: Option<Vec<String>>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match &options.job {
        Some(job) => run::job(job),
        None if options.list => {
            report::list();
            Ok(())
        }
        None => run::all(&options).and_then(|results| report::write(&options, &results)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
