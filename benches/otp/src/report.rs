//! The table and the JSON beside it.

use crate::Options;
use crate::measure::PLANS;
use crate::peer::{ERLANG, PEERS};
use crate::run::Results;
use anyhow::Context;
use serde_json::json;
use std::fmt::Write;

pub fn list() {
    println!("measures:");
    for plan in &PLANS {
        println!("  {:<14} {} (aim: {})", plan.name, plan.title, plan.aim);
    }
    println!("peers:\n  {}, {ERLANG}", PEERS.map(|(name, _)| name).join(", "));
}

fn peers() -> impl Iterator<Item = &'static str> {
    PEERS.iter().map(|(name, _)| *name).chain([ERLANG])
}

/// Prints the table, and writes it and the figures into files.
pub fn write(options: &Options, results: &Results) -> anyhow::Result<()> {
    let table = table(results);
    print!("{table}");
    let file = &options.json;
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    std::fs::write(file, serde_json::to_string_pretty(&figures(options, results))?)
        .with_context(|| format!("writing {}", file.display()))?;
    let text = file.with_extension("txt");
    std::fs::write(&text, table).with_context(|| format!("writing {}", text.display()))?;
    println!("\nwritten to {} and {}", file.display(), text.display());
    Ok(())
}

/// Plans and threads that have a figure.
fn rows(results: &Results) -> Vec<(usize, usize)> {
    let mut rows: Vec<(usize, usize)> = results.keys().map(|(plan, threads, _)| (*plan, *threads)).collect();
    rows.dedup();
    rows
}

fn table(results: &Results) -> String {
    let mut text =
        String::from("CPU us an operation (bytes for an idle process), and in brackets the ratio to rusm\n\n");
    let _ = write!(text, "{:<34} {:>7}", "", "threads");
    for peer in peers() {
        let _ = write!(text, "{peer:>16}");
    }
    text.push_str("  aim\n");
    for (index, threads) in rows(results) {
        let plan = &PLANS[index];
        let figure = |peer| {
            let used = results.get(&(index, threads, peer))?;
            Some(if plan.measure.is_memory() { used.bytes } else { used.cpu_us })
        };
        let ours = figure(PEERS[0].0);
        let _ = write!(text, "{:<34} {threads:>7}", plan.title);
        for peer in peers() {
            let cell = match (figure(peer), ours) {
                (None, _) => "-".to_owned(),
                (Some(figure), Some(ours)) => format!("{} ({:.2})", number(figure), figure / ours),
                (Some(figure), None) => number(figure),
            };
            let _ = write!(text, "{cell:>16}");
        }
        let _ = writeln!(text, "  {}", plan.aim);
    }
    text.push_str("\nOperations a second on two worker threads, as a ratio to one\n\n");
    for (index, threads) in rows(results).into_iter().filter(|(_, threads)| *threads == 2) {
        let ratio = |peer| {
            let wall = |threads| results.get(&(index, threads, peer)).map(|used| used.wall_us);
            Some(wall(1)? / wall(threads)?)
        };
        let _ = write!(text, "{:<42}", PLANS[index].title);
        for peer in peers() {
            let cell = ratio(peer).map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
            let _ = write!(text, "{cell:>16}");
        }
        text.push('\n');
    }
    text
}

fn number(figure: f64) -> String {
    if figure >= 100.0 { format!("{figure:.0}") } else { format!("{figure:.3}") }
}

fn figures(options: &Options, results: &Results) -> serde_json::Value {
    let rows = results.iter().map(|((index, threads, peer), used)| {
        let ours = results.get(&(*index, *threads, PEERS[0].0));
        json!({
            "measure": PLANS[*index].name,
            "title": PLANS[*index].title,
            "threads": threads,
            "peer": peer,
            "cpu_us": used.cpu_us,
            "wall_us": used.wall_us,
            "bytes": PLANS[*index].measure.is_memory().then_some(used.bytes),
            "cpu_ratio_to_rusm": ours.map(|ours| used.cpu_us / ours.cpu_us),
        })
    });
    json!({ "rounds": if options.quick { 1 } else { options.rounds }, "figures": rows.collect::<Vec<_>>() })
}
