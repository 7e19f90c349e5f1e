//! What `rusm sim` prints.

use rusm_sim::{Outcome, Report};
use std::path::Path;

/// Version and options first, so that a log says how to get it again.
pub(super) fn head(directory: &Path, options: &str) {
    println!("rusm {} sim {} {options}", rusm_sim::version(), directory.display());
}

/// One run, line by line.
pub(super) fn report(report: &Report) {
    println!("seed {}", report.seed);
    println!("profile {}", report.profile);
    print!("{}", report.plan);
    let seconds = report.virtual_time.as_secs_f64();
    println!("{seconds:.1} s of virtual time, {} events", report.events);
    println!("happened: {}", list(report.counts.iter().map(|(what, count)| format!("{what} ({count})"))));
    println!("reached: {}", list(report.reached.keys().cloned()));
    if report.outcome == Outcome::Passed {
        println!("every property held");
    }
}

/// What failed, with which seed, and how to see it again.
pub(super) fn failure(report: &Report, replay: &str) {
    match &report.outcome {
        Outcome::Passed => {}
        Outcome::Broken { property, detail } => println!("property broken: {property}\n  {detail}"),
        Outcome::Stalled(why) => println!("stalled\n  {why}"),
        Outcome::Crashed(why) => println!("crashed\n  {why}"),
    }
    println!("seed {}", report.seed);
    println!("replay: {replay}");
}

pub(super) fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { "nothing".to_owned() } else { items.join(", ") }
}
