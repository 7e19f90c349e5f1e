//! The trace hashes of twenty seeds, kept in the tree: whoever changes a schedule without meaning to sees it here.
//!
//! After a change that is meant: `RUSM_BLESS=1 cargo test --test chaos golden`.

use crate::soup::soup;
use rusm_sim::Case;
use rusm_sim::suite::Suite;
use std::fmt::Write as _;

const SEEDS: u64 = 20;
const FILE: &str = "tests/chaos/golden.txt";

/// Of a hash, enough to tell two runs apart.
const HASH_LEN: usize = 16;

#[test]
#[expect(clippy::disallowed_methods, reason = "compares runs with a file, outside of every run")]
fn golden() {
    let suite = Suite::new("soup", soup);
    let mut hashes = String::new();
    for seed in 1..=SEEDS {
        let report = suite.run(&Case::of_seed(seed));
        let _ = writeln!(hashes, "soup {seed} {}", &report.trace()[..HASH_LEN]);
    }
    if std::env::var_os("RUSM_BLESS").is_some() {
        std::fs::write(FILE, hashes).expect("the file can be written");
        return;
    }
    let golden = std::fs::read_to_string(FILE).unwrap_or_default();
    let changed = hashes.lines().zip(golden.lines().chain(std::iter::repeat(""))).filter(|(now, then)| now != then);
    let changed: Vec<&str> = changed.map(|(now, _)| now).collect();
    assert!(
        changed.is_empty(),
        "{} of {SEEDS} traces changed; if that is meant: RUSM_BLESS=1 cargo test --test chaos golden\n{changed:#?}",
        changed.len()
    );
}
