//! What a job has used, and what it did.

use serde::{Deserialize, Serialize};

/// What a job says when it has ended.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Used {
    /// User and system.
    pub cpu_s: f64,
    /// Virtual time that passed.
    pub simulated_s: f64,
    /// Events of the simulator's log, where it has one.
    pub events: u64,
    /// Messages that arrived.
    pub messages: u64,
    /// The resident set, in bytes, at a tenth of the time and at its end.
    pub memory: [f64; 2],
}

pub fn cpu_s() -> f64 {
    // SAFETY: a zeroed `rusage` is a valid value, and `getrusage` only writes into it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

pub fn resident_bytes() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: f64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default();
    pages * 4096.0
}
