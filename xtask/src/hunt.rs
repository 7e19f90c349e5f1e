//! `cargo xtask hunt`: the chaos suites on seeds that nobody has run, for as long as one likes. What fails is kept as a
//! case beside the suites, and runs first from then on.

use crate::suites::{self, ALONE, WIRES};
use crate::turmoil;
use anyhow::{Context, bail};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Seeds of each scenario between two looks at the clock.
const SEEDS_AT_ONCE: u64 = 100;

/// Those of the cluster on turmoil, which says itself how to run one again: its runs do not repeat byte for byte.
const TURMOIL_SEEDS_AT_ONCE: u64 = 10;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// How long.
    #[arg(long, value_name = "MINUTES", default_value_t = 10)]
    minutes: u64,
    /// The first seed [default: from the time of day]
    #[arg(long, value_name = "N")]
    from: Option<u64>,
    /// Only scenarios whose name contains this.
    #[arg(value_name = "NAME", default_value = "")]
    name: String,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let end = Instant::now() + Duration::from_secs(options.minutes * 60);
    let of_day = SystemTime::now().duration_since(UNIX_EPOCH).context("reading the time of day")?.as_secs();
    let mut from = options.from.unwrap_or(of_day << 20);
    let first = from;
    let mut failed = 0;
    loop {
        for wire in WIRES {
            println!("seeds {from} to {} over {wire}", from + SEEDS_AT_ONCE - 1);
            let variables = [
                ("RUSM_WIRE", wire.to_owned()),
                ("RUSM_FROM", from.to_string()),
                ("RUSM_SEEDS", SEEDS_AT_ONCE.to_string()),
                ("RUSM_SHRINK", "1".to_owned()),
                ("RUSM_KEEP", "1".to_owned()),
            ];
            let status = suites::run(&ALONE, &options.name, None, &variables)?;
            failed += u32::from(!status.success());
        }
        failed += u32::from(turmoil::seeds(from, TURMOIL_SEEDS_AT_ONCE).is_err());
        from += SEEDS_AT_ONCE;
        if Instant::now() >= end {
            break;
        }
    }
    println!("{} seeds of each scenario from {first} on", from - first);
    if failed > 0 {
        bail!(
            "{failed} rounds failed: the cases are in sim-regressions/ and sim/sim-regressions/, and every run of the suites begins with them"
        );
    }
    Ok(())
}
