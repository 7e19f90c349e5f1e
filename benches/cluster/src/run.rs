use crate::measure::{MEASURES, Measure, PEERS, Used};
use crate::{Options, converge, erlang_peer, rusm_peer};
use serde::Serialize;

/// The median of one measure of one peer.
#[derive(Serialize)]
pub struct Outcome {
    pub peer: &'static str,
    pub measure: &'static str,
    pub what: &'static str,
    pub operations: u64,
    /// CPU time of both nodes for one operation.
    pub cpu_us: f64,
    pub a_cpu_second: f64,
    pub a_second: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub wall_us: f64,
}

/// Runs every job, interleaved.
pub fn all(options: &Options) -> anyhow::Result<Vec<Outcome>> {
    let named = |name: &str, of: &[&str]| {
        let asked: Vec<&String> = options.only.iter().filter(|only| of.contains(&only.as_str())).collect();
        asked.is_empty() || asked.iter().any(|only| *only == name)
    };
    let names: Vec<&str> = MEASURES.iter().map(|measure| measure.name).collect();
    for only in &options.only {
        let known = names.contains(&only.as_str()) || PEERS.contains(&only.as_str());
        anyhow::ensure!(known, "there is no measure or peer {only:?}: see --list");
    }
    let measures = MEASURES.iter().copied().filter(|measure| named(measure.name, &names));
    let mut jobs: Vec<(Measure, &'static str, Vec<Used>)> = Vec::new();
    for measure in measures {
        let of = |peer: &&str| named(peer, PEERS) && (*peer == "rusm" || !measure.converges());
        for peer in PEERS.iter().copied().filter(of) {
            jobs.push((measure, peer, Vec::new()));
        }
    }
    if !erlang_peer::is_there() {
        eprintln!("erl is not installed: RUSM alone");
        jobs.retain(|(_, peer, _)| *peer == "rusm");
    }
    for _ in 0..if options.quick { 1 } else { options.rounds } {
        for (measure, peer, used) in &mut jobs {
            let operations = count(measure, options.quick);
            eprintln!("{peer}: {}", measure.what);
            used.push(match *peer {
                "rusm" if measure.converges() => converge::job(operations)?,
                "rusm" => rusm_peer::job(*measure, operations)?,
                tls => erlang_peer::job(*measure, operations, tls == "erlang-tls")?,
            });
        }
    }
    Ok(jobs.into_iter().map(|(measure, peer, used)| outcome(measure, peer, used, options.quick)).collect())
}

fn count(measure: &Measure, quick: bool) -> u64 {
    if quick && !measure.converges() { (measure.operations / 10).max(1) } else { measure.operations }
}

fn outcome(measure: Measure, peer: &'static str, mut used: Vec<Used>, quick: bool) -> Outcome {
    used.sort_by(|one, other| (one.cpu_us, one.wall_us).partial_cmp(&(other.cpu_us, other.wall_us)).expect("numbers"));
    let Used { cpu_us, wall_us, p50_us, p99_us } = used[used.len() / 2].clone();
    let operations = count(&measure, quick);
    let each = cpu_us / operations as f64;
    Outcome {
        peer,
        measure: measure.name,
        what: measure.what,
        operations,
        cpu_us: each,
        a_cpu_second: if each > 0.0 { 1e6 / each } else { 0.0 },
        a_second: operations as f64 / wall_us * 1e6,
        p50_us,
        p99_us,
        wall_us,
    }
}
