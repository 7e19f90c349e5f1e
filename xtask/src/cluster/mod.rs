//! `cargo xtask cluster`: what membership costs, by the number of nodes. Whole endpoints, as nodes have them, over a network in
//! memory and in virtual time; only processes are missing. Prints a table in Markdown.

mod network;
mod node;

use anyhow::Context;
use network::Network;
use rusm_transport::proto::Config;
use std::time::Duration;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many nodes.
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [3, 10, 50])]
    nodes: Vec<usize>,
    /// Silence until an association ends, in seconds; the other times follow from it.
    #[arg(long, value_name = "SECONDS", default_value_t = 8.0, value_parser = down_after)]
    down_after: f64,
    /// What is drawn follows from it.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// More virtual time than anything here takes.
const BOUND: Duration = Duration::from_secs(1_800);

/// How long the quiet cluster is watched.
const QUIET: Duration = Duration::from_secs(20);

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    println!(
        "| nodes | all know all after the start | sent by a node at rest, a second: frames, bytes, of that gossip | connections, bytes \
         that it holds for each | a killed node is suspected, unreachable, given up by all after | halves are together again after | \
         connections dialled then, by a node | virtual seconds a CPU-second: at rest, the whole run |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    let config = Config::of_down_after(Duration::from_secs_f64(options.down_after));
    for nodes in &options.nodes {
        anyhow::ensure!((2..=4096).contains(nodes), "2 to 4096 nodes");
        println!("{}", measure(*nodes, options.seed, &config)?);
    }
    Ok(())
}

fn down_after(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if (1.0..=480.0).contains(&seconds) { Ok(seconds) } else { Err("1 to 480 seconds".to_owned()) }
}

/// CPU time of this process.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// Bytes of memory of this process.
fn memory_len() -> anyhow::Result<usize> {
    let statm = std::fs::read_to_string("/proc/self/statm").context("reading how much memory there is")?;
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    Ok(pages.context("no resident memory")? * rustix::param::page_size())
}

/// One line of the table.
fn measure(nodes: usize, seed: u64, config: &Config) -> anyhow::Result<String> {
    let (memory, start) = (memory_len()?, cpu());
    let mut network = Network::new(nodes, seed, config);
    let began = network.now();
    let together = |network: &mut Network, what: &str| {
        let start = network.now();
        let done = network.run_until(BOUND, Network::all_see_all);
        anyhow::ensure!(done, "{nodes} nodes are not together {BOUND:?} after {what}");
        Ok(network.now().since(start))
    };
    let joined = together(&mut network, "the start")?;
    // A large cluster takes long: what is known already is said.
    eprintln!("{nodes} nodes know each other {joined:.1?} after the start; CPU so far: {:.0?}", cpu() - start);

    // The news of the start have been passed on by then.
    network.run(Duration::from_secs(30));
    let (before, quiet) = (network.sent(), cpu());
    network.run(QUIET);
    let at_rest = QUIET.as_secs_f64() / (cpu() - quiet).as_secs_f64();
    let sent = network.sent().since(&before);
    let a_second = |number: u64| number as f64 / nodes as f64 / QUIET.as_secs_f64();
    let held = memory_len()?.saturating_sub(memory);
    // What is held for a few does not show among what the allocator keeps.
    let bytes = if nodes < 50 { "-".to_owned() } else { (held / network.ends().max(1)).to_string() };
    let connections = network.ends() / nodes;
    eprintln!(
        "at rest: {:.1} frames a second from each, {bytes} bytes held for each connection, {at_rest:.1} virtual seconds a CPU-second",
        a_second(sent.frames)
    );

    let killed = network.now();
    network.kill(nodes - 1);
    let mut noticed = Vec::new();
    for of_killed in [Network::suspected_by_all, Network::unreachable_for_all, Network::given_up_by_all] {
        anyhow::ensure!(network.run_until(BOUND, of_killed), "{nodes} nodes do not notice that one is killed");
        noticed.push(format!("{:.1} s", network.now().since(killed).as_secs_f64()));
    }

    eprintln!("a killed node was noticed after {}; CPU so far: {:.0?}", noticed.join(", "), cpu() - start);
    network.split();
    network.run(config.down_after * 7);
    let before = network.sent();
    network.heal();
    let healed = together(&mut network, "the heal")?;
    let dialled = network.sent().since(&before).dials as f64 / nodes as f64;
    let whole = network.now().since(began).as_secs_f64() / (cpu() - start).as_secs_f64();
    Ok(format!(
        "| {nodes} | {:.1} s | {:.1}, {:.0}, {:.0} | {connections}, {bytes} | {} | {:.1} s | {dialled:.1} | {at_rest:.1}, {whole:.1} |",
        joined.as_secs_f64(),
        a_second(sent.frames),
        a_second(sent.bytes),
        a_second(sent.gossip),
        noticed.join(", "),
        healed.as_secs_f64(),
    ))
}
