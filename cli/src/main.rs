//! The `rusm` command: builds, serves, runs, watches and simulates apps of supervised WebAssembly processes.

#![expect(clippy::disallowed_methods, reason = "the command line never runs in the simulator")]

mod build;
mod cluster_dir;
mod commands;
mod control;
mod data_dir;
mod exit_code;
mod log;
mod node;
mod signals;

use clap::Parser;
use commands::Command;
use std::process::ExitCode;

/// Erlang/OTP for WebAssembly: components as supervised, sandboxed, long-lived processes.
#[derive(Parser)]
#[command(name = "rusm", version, max_term_width = 100, arg_required_else_help = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// How much is logged to standard error: error, warn, info, debug, trace, or a filter such as `warn,rusm_host=debug`
    #[arg(long, global = true, value_name = "LEVEL", env = "RUSM_LOG")]
    log: Option<log::Filter>,
}

const EXAMPLES: &str = "\
Examples:
  rusm build examples/chat        compile the components that examples/chat/rusm.toml names
  rusm serve examples/chat        serve the app on http://127.0.0.1:8080 until Ctrl-C
  rusm ps                         show the processes of the node that runs on this machine
  rusm info room:lobby            show all that is known of one
  rusm run hello.wasm --name x    run a command component, and exit with its code

`rusm COMMAND --help` says more about each.";

fn main() -> ExitCode {
    let cli = Cli::parse();
    log::start(&cli.log.unwrap_or_else(|| cli.command.default_log()));
    cli.command.run().unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(exit_code::FAILED)
    })
}
