//! `cargo xtask demo`: builds the command and the chat example, and serves it.

use crate::guest_toolchain;
use crate::steps::{command, rusm};
use anyhow::{Context, bail};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal, SignalKind, signal};

const APP: &str = "examples/chat";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Where to serve; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: String,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    println!("[1 of 4] what Rust components need");
    guest_toolchain::ensure()?;
    println!("[2 of 4] the rusm command (the first time some minutes: WebAssembly's compiler is most of it)");
    command("cargo", &["build", "--package", "rusm-cli"])?;
    println!("[3 of 4] the components of {APP}");
    command(&rusm(), &["build", APP])?;
    println!("[4 of 4] the node");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let code = runtime.block_on(serve(&options.listen))?;
    std::process::exit(code);
}

/// Serves until the node ends, and hands Ctrl-C and SIGTERM on to it. Returns its exit code.
async fn serve(listen: &str) -> anyhow::Result<i32> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut node = Command::new(rusm())
        .args(["serve", APP, "--listen", listen])
        // A group of its own: a terminal's Ctrl-C reaches it once, through us.
        .process_group(0)
        .stdout(Stdio::piped())
        .spawn()
        .context("starting rusm")?;
    let stdout = node.stdout.take().context("the node has no standard output")?;
    let mut lines = BufReader::new(stdout).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => match line? {
                Some(line) => show(&line),
                None => break,
            },
            () = asked_to_stop(&mut interrupted, &mut terminated) => stop(&node)?,
        }
    }
    let status = node.wait().await?;
    match status.code() {
        Some(code) => Ok(code),
        None => bail!("the node was killed: {status}"),
    }
}

async fn asked_to_stop(interrupted: &mut Signal, terminated: &mut Signal) {
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
}

/// Asks the node to drain.
fn stop(node: &Child) -> anyhow::Result<()> {
    let Some(pid) = node.id() else { return Ok(()) };
    command("kill", &["-TERM", &pid.to_string()])
}

/// Shows a line of the node, and behind the one that says that it listens, what to try.
fn show(line: &str) {
    println!("{line}");
    let Some(address) = line.strip_prefix("listening on ") else { return };
    println!();
    println!("Three things to try:");
    println!("  1. Open {address} in two windows, write in both, and press \"crash this room\".");
    println!("  2. cargo run -q -p rusm-cli -- ps                                the live processes, as a tree");
    println!("  3. cargo run -q -p rusm-cli -- sim {APP} --seeds 20     the same app with crashes and cuts");
    println!("Ctrl-C drains the node and ends it.");
}
