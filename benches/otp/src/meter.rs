//! What an operating system process has used: CPU time, time on the wall, memory.

use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// What was used between [`Meter::begin`] and [`Meter::end`].
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Used {
    /// User and system, of all threads.
    pub cpu_us: f64,
    pub wall_us: f64,
    /// How much the resident set has grown.
    pub bytes: f64,
}

/// A job tells it when the operations begin, so that what it builds up first does not count, and when they have ended.
#[derive(Clone, Default)]
pub struct Meter(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    begun: Option<(f64, Instant, f64)>,
    used: Option<Used>,
}

impl Meter {
    pub fn begin(&self) {
        self.0.lock().expect("no panic").begun = Some((cpu_us(), Instant::now(), resident_bytes()));
    }

    pub fn end(&self) {
        let mut state = self.0.lock().expect("no panic");
        let (cpu, wall, bytes) = state.begun.expect("a job begins before it ends");
        state.used = Some(Used {
            cpu_us: cpu_us() - cpu,
            wall_us: wall.elapsed().as_secs_f64() * 1e6,
            bytes: resident_bytes() - bytes,
        });
    }

    pub fn used(&self) -> Used {
        self.0.lock().expect("no panic").used.expect("a job ends")
    }
}

fn cpu_us() -> f64 {
    // SAFETY: a zeroed `rusage` is a valid value, and `getrusage` only writes into it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let us = |t: libc::timeval| t.tv_sec as f64 * 1e6 + t.tv_usec as f64;
    us(usage.ru_utime) + us(usage.ru_stime)
}

fn resident_bytes() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: f64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default();
    pages * 4096.0
}
