//! What a request costs the server: HTTP hello from bare hyper, from a fresh process per request, and from a resident
//! one, all in one run, each server in an operating system process of its own.
//!
//! ```text
//! cargo bench --features apps --bench http                          with the release profile
//! cargo bench --features apps --bench http --profile dev            with what the tests have built already
//! ```
//!
//! It prints requests a second and the server's CPU time per request; the ratio to bare hyper is what counts, as load
//! generator and server share the machine.

#![expect(clippy::disallowed_methods, reason = "measures a node from outside, in real time")]

mod load;
mod server;

use anyhow::{Context as _, bail};
use server::Kind;
use std::path::{Path, PathBuf};
use std::process::Command;

const CONNECTIONS: usize = 64;
const ROUNDS: usize = 3;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.as_slice() {
        [order, kind, components] if order == "serve" => server::run(kind.parse()?, Path::new(components)),
        [] => measure(20_000),
        [requests] => measure(requests.parse().context("how many requests")?),
        _ => bail!("usage: http [REQUESTS]"),
    }
}

/// Runs each server in turn, several times, and prints the median of each.
fn measure(requests: usize) -> anyhow::Result<()> {
    let components = build_components()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let mut samples: Vec<Vec<load::Sample>> = vec![Vec::new(); Kind::ALL.len()];
    for round in 1..=ROUNDS {
        for (kind, samples) in Kind::ALL.into_iter().zip(&mut samples) {
            eprintln!("round {round} of {ROUNDS}: {}", kind.name());
            samples.push(runtime.block_on(load::sample(kind, &components, CONNECTIONS, requests))?);
        }
    }
    println!("{requests} requests, {CONNECTIONS} connections, median of {ROUNDS} rounds");
    println!("{:<34} {:>9} {:>14} {:>7}", "server", "req/s", "CPU us/request", "ratio");
    let median = |samples: &mut Vec<load::Sample>| {
        samples.sort_by(|a, b| a.cpu_us.total_cmp(&b.cpu_us));
        samples[samples.len() / 2]
    };
    let bare = median(&mut samples[0]).cpu_us;
    for (kind, samples) in Kind::ALL.into_iter().zip(&mut samples) {
        let sample = median(samples);
        let ratio = sample.cpu_us / bare;
        println!("{:<34} {:>9.0} {:>14.1} {ratio:>7.1}", kind.name(), sample.per_second, sample.cpu_us);
    }
    Ok(())
}

/// The components of the serving tests, which answer hello too.
fn build_components() -> anyhow::Result<PathBuf> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/guests");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--locked", "--target", "wasm32-wasip2"]).arg("--target-dir").arg(&target);
    cargo.arg("--manifest-path").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/serve/guests/Cargo.toml"));
    if !cargo.status().context("starting cargo")?.success() {
        bail!("the components cannot be built");
    }
    Ok(target.join("wasm32-wasip2/release"))
}
