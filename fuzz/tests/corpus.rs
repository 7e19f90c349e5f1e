//! The kept corpus, and a bounded number of changes of it, through the fuzz targets' own functions on the stable toolchain.

use rusm_fuzz::TARGETS;
use std::path::{Path, PathBuf};

/// How many changed copies of each kept input are tried.
const CHANGES: u32 = 400;

fn kept(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut kept: Vec<_> = read_dir(&folder);
    kept.sort();
    kept
}

#[expect(clippy::disallowed_methods, reason = "a test that reads its own inputs")]
fn read_dir(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.map(|path| (path.clone(), std::fs::read(&path).expect("a kept input"))).collect()
}

/// A small generator: what is tried is the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound.max(1)
    }
}

/// As libFuzzer does: bytes are changed, put in, taken out and repeated.
fn change(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        match random.below(4) {
            0 if at < bytes.len() => bytes[at] = random.below(256) as u8,
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => {
                let until = at + random.below((bytes.len() - at).min(40) + 1);
                let part = bytes[at..until].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, part);
            }
            _ => bytes.insert(at, random.below(256) as u8),
        }
    }
}

#[test]
fn the_kept_corpus_and_changes_of_it_break_no_rule() {
    for (name, target) in TARGETS {
        let kept = kept(name);
        assert!(kept.len() >= 3, "{name} has a corpus");
        let mut random = Random(1);
        for (path, bytes) in &kept {
            target(bytes);
            for number in 0..CHANGES {
                let mut changed = bytes.clone();
                change(&mut changed, &mut random);
                let outcome = std::panic::catch_unwind(|| target(&changed));
                assert!(outcome.is_ok(), "{name}: change {number} of {} breaks a rule: {changed:?}", path.display());
            }
        }
    }
}
