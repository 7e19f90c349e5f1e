//! Room on the disk: a build that runs out of it fails in the linker, which does not say why.

use std::path::Path;

/// What all steps write from nothing.
const NEEDED_BYTES: u64 = 8 << 30;
/// With less left, a failure is most likely the disk's.
const FULL_BYTES: u64 = 256 << 20;

fn free_bytes() -> Option<u64> {
    let stat = rustix::fs::statvfs(Path::new(".")).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Says so when a build from nothing may not fit.
pub(crate) fn warn_if_short() {
    let built = Path::new("target/debug").exists();
    if let Some(free) = free_bytes().filter(|free| !built && *free < NEEDED_BYTES) {
        println!("warning: {} are free on this disk, all steps write about {}", size(free), size(NEEDED_BYTES));
    }
}

/// What to add to an error: that the disk is full, when it is.
pub(crate) fn hint() -> String {
    let full = free_bytes().filter(|free| *free < FULL_BYTES);
    full.map(|free| format!("; only {} are free on this disk", size(free))).unwrap_or_default()
}

fn size(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}
