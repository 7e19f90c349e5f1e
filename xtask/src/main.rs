//! The project's own tasks: `cargo xtask --help`.
#![expect(clippy::disallowed_methods, reason = "the project's own tasks run on the machine, never in the simulator")]

mod bench;
mod breaks;
mod cluster;
mod demo;
mod disk;
mod documents;
mod edges;
mod guest_toolchain;
mod hashes;
mod hunt;
mod mutants;
mod otp;
mod soak;
mod steps;
mod suites;
mod turmoil;

use clap::Parser;
use std::process::ExitCode;

/// RUSM's own tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Builds everything and serves the chat example.
    Demo(demo::Options),
    /// Does all that CI does: format, lints, edges, tests, simulation suites.
    Test(steps::Options),
    /// Runs the chaos suites on fresh seeds, and keeps what fails.
    Hunt(hunt::Options),
    /// Runs each seed of the chaos suites in several processes, and compares the traces.
    Hashes(hashes::Options),
    /// Runs the cluster and the server as production does, on tokio, over turmoil's network with its faults.
    Turmoil(turmoil::Options),
    /// Breaks the core in one place after the other, and asks who notices.
    Mutants(mutants::Options),
    /// Runs program files whose outcomes real Erlang/OTP has given.
    #[command(subcommand)]
    Otp(otp::Otp),
    /// Breaks what tests hold, one change after the other, and shows who notices.
    Breaks(breaks::Options),
    /// Runs three real nodes under faults for long, and watches their memory and open files.
    Soak(soak::Options),
    /// Prints what membership costs, by the number of nodes, in virtual time.
    Cluster(cluster::Options),
    /// Compares with peers, in one interleaved run.
    #[command(subcommand)]
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    match run(Task::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    if !matches!(task, Task::Otp(_) | Task::Cluster(_)) {
        // Their paths are the repository's, wherever in it they are called.
        std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))?;
    }
    match task {
        Task::Demo(options) => demo::run(&options),
        Task::Test(options) => steps::run(&options),
        Task::Hunt(options) => hunt::run(&options),
        Task::Cluster(options) => cluster::run(&options),
        Task::Soak(options) => soak::run(&options),
        Task::Hashes(options) => hashes::run(&options),
        Task::Turmoil(options) => turmoil::run(&options),
        Task::Mutants(options) => mutants::run(&options),
        Task::Otp(command) => otp::run(&command),
        Task::Breaks(options) => breaks::run(&options),
        Task::Bench(command) => bench::run(&command),
    }
}
