//! A run as a page: one file that opens without a network.

mod read;

use crate::{Outcome, Report};
use serde::Serialize;

/// Events that a page shows at most. Of more, the latest are shown.
pub const EVENTS_MAX: usize = 200_000;

const PAGE: &str = include_str!("page.html");

/// The parts of the page that the run fills in.
const TITLE: &str = "@TITLE@";
const DATA: &str = "@DATA@";

#[derive(Serialize)]
struct Page<'a> {
    name: &'a str,
    version: &'static str,
    seed: u64,
    outcome: String,
    passed: bool,
    profile: String,
    plan: String,
    replay: &'a str,
    hash: &'a str,
    counts: Vec<(&'a str, u64)>,
    #[serde(flatten)]
    trace: read::Trace,
}

/// The page that shows a run, from its event log: who did what and when, signals, faults, what supervisors did, and for
/// each event what led to it.
pub fn page(name: &str, replay: &str, report: &Report, log: &[u8]) -> String {
    let data = Page {
        name,
        version: env!("CARGO_PKG_VERSION"),
        seed: report.seed,
        outcome: report.outcome.to_string(),
        passed: report.outcome == Outcome::Passed,
        profile: report.profile.to_string(),
        plan: report.plan.to_string(),
        replay,
        hash: report.trace(),
        counts: report.counts.iter().map(|(what, count)| (what.as_str(), *count)).collect(),
        trace: read::read(log, EVENTS_MAX),
    };
    let json = serde_json::to_string(&data).unwrap_or_else(|error| unreachable!("strings and numbers: {error}"));
    // Within a script element, only its end tag means anything.
    let json = json.replace("</", "<\\/");
    let title = format!("{name}, seed {}", report.seed);
    let title = title.replace('&', "&amp;").replace('<', "&lt;");
    PAGE.replace(TITLE, &title).replace(DATA, &json)
}
