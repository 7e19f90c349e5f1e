//! Runs the jobs.

use crate::Options;
use crate::erlang_peer::Erlang;
use crate::measure::{PLANS, Plan};
use crate::meter::{Meter, Used};
use crate::peer::{ERLANG, PEERS};
use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A job that takes longer has no figure: some peers need quadratic time.
const JOB_MAX: Duration = Duration::from_secs(40);

/// Per operation, the median of the rounds.
pub type Results = BTreeMap<Key, Used>;

/// Which plan, on how many threads, by which peer.
pub type Key = (usize, usize, &'static str);

/// Every chosen job, in rounds.
pub fn all(options: &Options) -> anyhow::Result<Results> {
    let (plans, peers) = chosen(options)?;
    let erlang = peers.contains(&ERLANG).then(Erlang::compile).transpose()?.flatten();
    if peers.contains(&ERLANG) && erlang.is_none() {
        eprintln!("Erlang is left out: there is no `erl` here (Debian: apt-get install erlang-base)");
    }
    let rounds = if options.quick { 1 } else { options.rounds.max(1) };
    let mut samples: BTreeMap<Key, Vec<Used>> = BTreeMap::new();
    for round in 0..rounds {
        for (index, plan) in &plans {
            eprintln!("round {} of {rounds}: {}", round + 1, plan.title);
            let operations =
                if options.quick && plan.measure.is_scalable() { plan.operations / 10 } else { plan.operations };
            for threads in options.threads.as_ref().map_or(plan.threads, std::slice::from_ref) {
                for peer in &peers {
                    let command = match (*peer, &erlang) {
                        (ERLANG, None) => None,
                        (ERLANG, Some(erlang)) => Some(erlang.command(plan.name, operations, *threads)),
                        _ if samples.get(&(*index, *threads, *peer)).is_none() && round > 0 => None,
                        _ => own_command(peer, plan, operations, *threads)?,
                    };
                    let used = command.map(|command| in_a_process(command, peer, plan.title)).transpose()?.flatten();
                    let per_operation = used.map(|used| Used {
                        cpu_us: used.cpu_us / operations as f64,
                        wall_us: used.wall_us / operations as f64,
                        bytes: used.bytes / operations as f64,
                    });
                    if let Some(used) = per_operation {
                        samples.entry((*index, *threads, *peer)).or_default().push(used);
                    }
                }
            }
        }
    }
    Ok(samples.into_iter().map(|(key, samples)| (key, median(&samples))).collect())
}

/// The plans with their index, and the peers, that `--only` and `--quick` leave.
fn chosen(options: &Options) -> anyhow::Result<(Vec<(usize, &'static Plan)>, Vec<&'static str>)> {
    let all_peers: Vec<&'static str> = PEERS.iter().map(|(name, _)| *name).chain([ERLANG]).collect();
    let unknown = |name: &&String| !all_peers.contains(&name.as_str()) && PLANS.iter().all(|plan| plan.name != **name);
    if let Some(name) = options.only.iter().find(unknown) {
        bail!("there is no measure and no peer {name:?}; `cargo xtask bench otp --list` names them");
    }
    let named = |name: &str| options.only.iter().any(|only| only == name);
    let any_plan = PLANS.iter().any(|plan| named(plan.name));
    let any_peer = all_peers.iter().any(|peer| named(peer));
    let plans = PLANS.iter().enumerate().filter(|(_, plan)| {
        let left_out = options.quick && plan.name == "idle-million";
        if any_plan { named(plan.name) } else { !left_out }
    });
    let peers = all_peers.iter().filter(|peer| !any_peer || named(peer));
    Ok((plans.collect(), peers.copied().collect()))
}

/// This program again, for one job; nothing when the peer has no such operation.
fn own_command(peer: &str, plan: &Plan, operations: u64, threads: usize) -> anyhow::Result<Option<Command>> {
    let (_, known) = PEERS.iter().find(|(name, _)| *name == peer).context("a known peer")?;
    if known.job(plan.measure, operations, Meter::default()).is_none() {
        return Ok(None);
    }
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--job", peer, plan.name, &operations.to_string(), &threads.to_string()]);
    Ok(Some(command))
}

/// Nothing when it takes too long.
fn in_a_process(mut command: Command, peer: &str, title: &str) -> anyhow::Result<Option<Used>> {
    // A peer that panics and waits for ever says so in one line.
    command.env("RUST_BACKTRACE", "0");
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("starting {command:?}"))?;
    let until = Instant::now() + JOB_MAX;
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None if Instant::now() < until => std::thread::sleep(Duration::from_millis(5)),
            None => {
                child.kill()?;
                child.wait()?;
                eprintln!("{peer} needs more than {JOB_MAX:?} for {title:?}: no figure");
                return Ok(None);
            }
        }
    };
    let mut said = String::new();
    child.stdout.take().context("standard output is a pipe")?.read_to_string(&mut said)?;
    let used = said.lines().last().and_then(|line| serde_json::from_str(line).ok());
    match used {
        Some(used) if status.success() => Ok(Some(used)),
        _ => bail!("{peer} failed at {title:?}: {status}\n{said}"),
    }
}

/// One job, here.
pub fn job(arguments: &[String]) -> anyhow::Result<()> {
    let [peer, plan, operations, threads] = arguments else { bail!("a job has four arguments") };
    let (operations, threads): (u64, usize) = (operations.parse()?, threads.parse()?);
    let (_, peer) = PEERS.iter().find(|(name, _)| name == peer).context("a known peer")?;
    let measure = PLANS.iter().find(|known| known.name == plan).context("a known measure")?.measure;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    let run = |operations, meter| {
        let job = peer.job(measure, operations, meter).context("the peer has this operation")?;
        runtime.block_on(async { tokio::spawn(job).await }).context("a job ends well")
    };
    if measure.is_warmed_up() {
        run(operations / 10, Meter::default())?;
    }
    let meter = Meter::default();
    run(operations, meter.clone())?;
    println!("{}", serde_json::to_string(&meter.used())?);
    // What was built up is the operating system's to take away.
    std::process::exit(0)
}

/// Of each figure by itself.
fn median(samples: &[Used]) -> Used {
    let of = |figure: fn(&Used) -> f64| {
        let mut figures: Vec<f64> = samples.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    Used { cpu_us: of(|used| used.cpu_us), wall_us: of(|used| used.wall_us), bytes: of(|used| used.bytes) }
}
