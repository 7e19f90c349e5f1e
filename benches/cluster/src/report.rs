use crate::measure::{MEASURES, PEERS};
use crate::run::Outcome;
use std::fmt::Write;
use std::path::Path;

/// Names what there is.
pub fn list() {
    println!("peers: {}", PEERS.join(", "));
    for measure in MEASURES {
        println!("{:<12} {}", measure.name, measure.what);
    }
}

/// Prints the table, and writes it and the figures to files.
pub fn write(json: &Path, outcomes: &[Outcome]) -> anyhow::Result<()> {
    let table = table(outcomes);
    print!("{table}");
    std::fs::create_dir_all(json.parent().unwrap_or(Path::new(".")))?;
    std::fs::write(json, serde_json::to_vec_pretty(outcomes)?)?;
    std::fs::write(json.with_extension("txt"), table)?;
    Ok(())
}

fn table(outcomes: &[Outcome]) -> String {
    let mut table = String::new();
    let mut line = |text: String| writeln!(table, "{}", text.trim_end()).expect("memory");
    line(format!(
        "{:<58} {:<11} {:>8} {:>13} {:>10} {:>8} {:>8}",
        "", "", "CPU us", "a CPU-second", "a second", "p50 us", "p99 us"
    ));
    for measure in MEASURES {
        for outcome in outcomes.iter().filter(|outcome| outcome.measure == measure.name) {
            let Outcome { peer, what, cpu_us, a_cpu_second, a_second, p50_us, p99_us, wall_us, .. } = outcome;
            if measure.name == "killed" || measure.converges() {
                line(format!("{what:<58} {peer:<11} {:>8.3} s", wall_us / 1e6));
                continue;
            }
            let trips = if *p50_us > 0.0 { format!("{p50_us:>8.0} {p99_us:>8.0}") } else { String::new() };
            line(format!("{what:<58} {peer:<11} {cpu_us:>8.2} {a_cpu_second:>13.0} {a_second:>10.0} {trips}"));
        }
    }
    table
}
