//! rusm-sim beside turmoil and madsim: how much virtual time one CPU-second buys, on the same workload, each job in a process of
//! its own, all of them in turn.
//!
//! `cargo xtask bench sim --help`

mod gossip;
mod peer_turmoil;
mod rusm;
mod used;

use anyhow::{Context, bail};
use clap::Parser;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use used::Used;

/// How many bytes the resident set may grow from a tenth of the time to its end: what queues and tables need until they have
/// their size.
const GROWTH_MAX: f64 = 2e6;

/// Compares rusm-sim with turmoil and madsim.
#[derive(Parser)]
#[command(name = "cargo xtask bench sim", bin_name = "cargo xtask bench sim")]
struct Options {
    /// How often each job runs, all of them in turn; the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// One round, a tenth of the virtual time.
    #[arg(long)]
    quick: bool,
    /// The workload in madsim, which is built apart.
    #[arg(long, value_name = "FILE")]
    madsim: Option<PathBuf>,
    /// One job in this process: its name, and how many virtual seconds. What the command calls itself with.
    #[arg(long, hide = true, num_args = 2)]
    job: Option<Vec<String>>,
}

/// A job: its name, how many virtual seconds it runs, and how.
struct Job {
    name: &'static str,
    seconds: u64,
    run: fn(u64) -> Used,
}

const JOBS: [Job; 9] = [
    Job { name: "rusm-sim: sockets", seconds: 200, run: rusm::sockets },
    Job { name: "rusm-sim: sockets, with its log", seconds: 200, run: rusm::logged },
    Job { name: "rusm-sim: processes of a cluster", seconds: 100, run: rusm::cluster },
    Job { name: "rusm-sim: QUIC, 3 nodes", seconds: 10, run: rusm::quic::<3> },
    Job { name: "rusm-sim: QUIC, 5 nodes", seconds: 10, run: rusm::quic::<5> },
    Job { name: "rusm-sim: QUIC, 10 nodes", seconds: 10, run: rusm::quic::<10> },
    Job { name: "turmoil: sockets", seconds: 20, run: peer_turmoil::sockets },
    Job { name: "rusm-sim: tasks that go on", seconds: 10, run: rusm::yields },
    Job { name: "rusm-sim: tasks that sleep", seconds: 10, run: rusm::timers },
];

/// The job of the other program.
const MADSIM: &str = "madsim: sockets";
const MADSIM_SECONDS: u64 = 20;

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match &options.job {
        Some(job) => one(&job[0], &job[1]),
        None => all(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn one(name: &str, seconds: &str) -> anyhow::Result<()> {
    let job = JOBS.iter().find(|job| job.name == name).with_context(|| format!("there is no job {name:?}"))?;
    println!("{}", serde_json::to_string(&(job.run)(seconds.parse()?))?);
    Ok(())
}

fn all(options: &Options) -> anyhow::Result<()> {
    let rounds = if options.quick { 1 } else { options.rounds.max(1) };
    let shorter = if options.quick { 10 } else { 1 };
    let mut results: Vec<(&str, Vec<Used>)> = JOBS.iter().map(|job| (job.name, Vec::new())).collect();
    results.extend(options.madsim.as_ref().map(|_| (MADSIM, Vec::new())));
    for _ in 0..rounds {
        for (name, used) in &mut results {
            let mut command = match (&options.madsim, JOBS.iter().find(|job| job.name == *name)) {
                (_, Some(job)) => {
                    let mut command = Command::new(std::env::current_exe()?);
                    command.args(["--job", name, &(job.seconds / shorter).to_string()]);
                    command
                }
                (Some(program), None) => {
                    let mut command = Command::new(program);
                    command.arg((MADSIM_SECONDS / shorter).to_string());
                    command
                }
                (None, None) => bail!("there is no job {name:?}"),
            };
            let output = command.output().with_context(|| format!("starting {name}"))?;
            if !output.status.success() {
                bail!("{name} failed: {}", String::from_utf8_lossy(&output.stderr));
            }
            used.push(serde_json::from_slice(&output.stdout)?);
        }
    }
    report(&results)
}

/// One line a job, then what must hold.
fn report(results: &[(&str, Vec<Used>)]) -> anyhow::Result<()> {
    println!(
        "{} nodes with {} processes each, a message every {:?} from each; one core, median of {} rounds",
        gossip::NODES,
        gossip::PROCESSES,
        gossip::EVERY,
        results[0].1.len()
    );
    println!(
        "{:<36} {:>16} {:>12} {:>16} {:>14}",
        "", "simulated s/CPU s", "messages/s", "M events/CPU s", "memory MB"
    );
    for (name, used) in results {
        let rate = median(used.iter().map(|used| used.simulated_s / used.cpu_s));
        let messages = median(used.iter().map(|used| used.messages as f64 / used.simulated_s));
        let events = median(used.iter().map(|used| used.events as f64 / used.cpu_s / 1e6));
        let [early, late] = [0, 1].map(|at| median(used.iter().map(|used| used.memory[at] / 1e6)));
        println!("{name:<36} {rate:>16.1} {messages:>12.0} {events:>16.2} {early:>6.0} → {late:<4.0}");
    }
    let rate = |name: &str| {
        let (_, used) = results.iter().find(|(of, _)| *of == name)?;
        Some(median(used.iter().map(|used| used.simulated_s / used.cpu_s)))
    };
    let own = rate("rusm-sim: sockets").unwrap_or_default();
    for peer in ["turmoil: sockets", MADSIM] {
        match rate(peer) {
            Some(other) => println!("rusm-sim: sockets, times {peer}: {:.1}", own / other),
            None => println!("{peer} was left out"),
        }
    }
    for (name, used) in results.iter().filter(|(name, _)| name.starts_with("rusm-sim")) {
        let growth = median(used.iter().map(|used| used.memory[1] - used.memory[0]));
        if growth > GROWTH_MAX {
            bail!("{name}: the memory has grown by {growth:.0} bytes from a tenth of the time to its end");
        }
    }
    Ok(())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
