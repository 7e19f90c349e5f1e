//! Faults for a long time, while memory and open files are watched: `cargo xtask soak`.

use crate::cluster::Cluster;
use crate::faults::{given, round};
use crate::relay::Random;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What a node may grow by in ten minutes, after the warm-up.
const GROWTH_MAX: f64 = 0.01;
const TEN_MINUTES: Duration = Duration::from_secs(600);

/// One look at one node in one of its lives.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Duration,
    resident_kib: u64,
    files: u64,
}

fn sample(os_pid: u32, at: Duration) -> Sample {
    let status = std::fs::read_to_string(format!("/proc/{os_pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
    let resident_kib = line.trim().trim_end_matches(" kB").parse().expect("a number");
    let files = std::fs::read_dir(format!("/proc/{os_pid}/fd")).expect("it runs").count() as u64;
    Sample { at, resident_kib, files }
}

/// How much one value grows in ten minutes, by a line through all samples (least squares).
fn growth(samples: &[Sample], value: impl Fn(&Sample) -> u64) -> f64 {
    let n = samples.len() as f64;
    let point = |sample: &Sample| (sample.at.as_secs_f64(), value(sample) as f64);
    let (sum_x, sum_y) = samples.iter().map(point).fold((0.0, 0.0), |(xs, ys), (x, y)| (xs + x, ys + y));
    let (mean_x, mean_y) = (sum_x / n, sum_y / n);
    let deviations = samples.iter().map(point).map(|(x, y)| ((x - mean_x) * (y - mean_y), (x - mean_x).powi(2)));
    let (above, below) = deviations.fold((0.0, 0.0), |(above, below), (a, b)| (above + a, below + b));
    if below == 0.0 { 0.0 } else { above / below * TEN_MINUTES.as_secs_f64() }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: cargo xtask soak"]
async fn soak() {
    let (seed, minutes, warm_up) = (given("RUSM_SEED", 1), given("RUSM_MINUTES", 30), given("RUSM_WARM_UP", 3));
    let (whole, warm_up) = (Duration::from_secs(60 * minutes), Duration::from_secs(60 * warm_up));
    println!("RUSM_SEED={seed}: {minutes} minutes, of which {} s are for warming up", warm_up.as_secs());
    let mut cluster = Cluster::started(seed, &["a", "b", "c"]).await;
    let mut random = Random::new(seed);
    let mut samples: BTreeMap<(String, u32), Vec<Sample>> = BTreeMap::new();
    let began = Instant::now();
    let mut number = 0;
    while began.elapsed() < whole {
        number += 1;
        // Two live through all of it, so that what they gather shows.
        let fault = round(&mut cluster, &mut random, &["c"]).await;
        println!("{:>5} s  {number:>4}: {fault}", began.elapsed().as_secs());
        for name in cluster.names() {
            let sample = sample(cluster.os_pid(&name), began.elapsed());
            samples.entry((name.clone(), cluster.os_pid(&name))).or_default().push(sample);
        }
    }
    println!("{number} faults; packets: {}", cluster.network.summary());
    let mut grown = Vec::new();
    for ((name, os_pid), mut samples) in samples {
        // Each life warms up for itself.
        let born = samples[0].at;
        samples.retain(|sample| sample.at >= born + warm_up);
        let (Some(first), Some(last)) = (samples.first(), samples.last()) else { continue };
        if last.at - first.at < TEN_MINUTES / 3 {
            continue;
        }
        let memory = growth(&samples, |sample| sample.resident_kib);
        let files = growth(&samples, |sample| sample.files);
        println!(
            "{name} ({os_pid}): {} KiB, {} files, from {} s to {} s: {memory:+.0} KiB, {files:+.2} files in ten minutes",
            last.resident_kib,
            last.files,
            first.at.as_secs(),
            last.at.as_secs()
        );
        if memory > first.resident_kib as f64 * GROWTH_MAX || files >= 1.0 {
            grown.push(format!("{name} ({os_pid}): {samples:?}"));
        }
    }
    assert!(grown.is_empty(), "these grow: {grown:#?}");
}
