use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// One life of a host, from its start to its crash. Everything that ran in a life ends with it.
pub(crate) struct Life {
    /// Which host, counted from 0.
    pub(crate) host: u32,
    /// Which life of that host, counted from 1.
    pub(crate) number: u32,
    alive: AtomicBool,
    /// How much longer everything takes here, in percent.
    slowness: AtomicU64,
    paused: AtomicBool,
}

impl Life {
    pub(crate) fn new(host: u32, number: u32) -> Self {
        Self {
            host,
            number,
            alive: AtomicBool::new(true),
            slowness: AtomicU64::new(100),
            paused: AtomicBool::new(false),
        }
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }

    pub(crate) fn end(&self) {
        self.alive.store(false, Ordering::Relaxed);
    }

    pub(crate) fn set_slowness(&self, percent: u64) {
        self.slowness.store(percent, Ordering::Relaxed);
    }

    /// While it is paused, none of its tasks runs.
    pub(crate) fn set_paused(&self, paused: bool) {
        self.paused.store(paused, Ordering::Relaxed);
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    pub(crate) fn slowness(&self) -> u64 {
        self.slowness.load(Ordering::Relaxed)
    }
}
