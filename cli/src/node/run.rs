use super::start::{Options, StartedNode};
use crate::exit_code::ROOT_GAVE_UP;
use crate::signals::EndSignals;
use anyhow::Context as _;
use std::io::Write as _;
use std::process::ExitCode;

/// Starts a node and lets it run until it is asked to stop, or its app gives up. A line on standard output says that it is ready.
///
/// # Errors
/// Why it did not start. Nothing is left running.
pub(crate) fn run(options: Options) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start threads")?;
    let ended = runtime.block_on(until_stopped(options));
    // A compilation that is not wanted any more cannot be stopped: it ends with the process.
    runtime.shutdown_background();
    ended
}

async fn until_stopped(options: Options) -> anyhow::Result<ExitCode> {
    let mut signals = EndSignals::catch().context("cannot catch signals")?;
    let node = tokio::select! {
        started = StartedNode::start(options) => started?,
        name = signals.next() => {
            tracing::info!("{name}: stopped before it ran");
            return Ok(ExitCode::SUCCESS);
        }
    };
    announce(&node);
    tokio::select! {
        reason = node.app.wait() => {
            node.stop().await;
            eprintln!("error: the root supervisor gave up: {reason}. The log says which child ended, and why");
            Ok(ExitCode::from(ROOT_GAVE_UP))
        }
        name = signals.next() => {
            tracing::info!("{name}: draining; once more to stop at once");
            tokio::select! {
                () = node.stop() => tracing::info!("stopped"),
                name = signals.next() => tracing::warn!("{name}: stopped at once"),
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Says on standard output that the node is ready.
fn announce(node: &StartedNode) {
    let line = match node.app.local_addr() {
        Some(address) => format!("listening on http://{address}"),
        None if node.has_app => "running; the manifest has no routes to listen for".to_owned(),
        None => "running without an app".to_owned(),
    };
    let mut out = std::io::stdout().lock();
    // Nobody has to listen to this: a node whose output is closed goes on.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
