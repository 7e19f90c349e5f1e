use crate::executor::Kernel;
use crate::plan::FaultKind;
use crate::seed::{below, mix};
use crate::sync::{Mutex, MutexGuard};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// The longest that a packet is held back while others overtake it.
const HELD_BACK_NS_MAX: u64 = 100_000_000;

/// What is wrong between hosts at present: for the connections of sockets and for the links between nodes alike.
pub(crate) struct Conditions {
    kernel: Arc<Kernel>,
    wrong: Mutex<Wrong>,
    /// Whether anything is: looked at without the lock, for every packet.
    anything: AtomicBool,
    /// Of 65536 packets, how many are lost all the time.
    usually_lost: AtomicU64,
    opened: AtomicU64,
}

#[derive(Default, PartialEq, Eq)]
struct Wrong {
    /// How many faults cut that direction.
    cut: BTreeMap<(u32, u32), u32>,
    /// How many faults cut that host off from everybody.
    clogged: BTreeMap<u32, u32>,
    /// Whom nobody can connect to.
    refusing: BTreeSet<u32>,
    /// Of 65536 packets, how many are lost once and sent again, beside those of the profile.
    lost: u64,
    /// Every packet takes up to so many nanoseconds more.
    delay_ns: u64,
    /// Of 65536 packets, how many are held back.
    held_back: u64,
    /// Of 65536 packets, how many arrive twice.
    doubled: u64,
}

impl Conditions {
    /// Nothing is wrong.
    pub(crate) fn new(kernel: Arc<Kernel>) -> Arc<Self> {
        let usually_lost = AtomicU64::new(kernel.profile.lost_packets);
        let (anything, opened) = (AtomicBool::new(false), AtomicU64::new(0));
        Arc::new(Self { kernel, wrong: Mutex::default(), anything, usually_lost, opened })
    }

    /// What is wrong, when anything is.
    fn wrong(&self) -> Option<MutexGuard<'_, Wrong>> {
        self.anything.load(Ordering::Relaxed).then(|| self.wrong.lock())
    }

    fn change(&self, change: impl FnOnce(&mut Wrong)) {
        let mut wrong = self.wrong.lock();
        change(&mut wrong);
        self.anything.store(*wrong != Wrong::default(), Ordering::Relaxed);
    }

    /// The number of a connection that is opened now, of sockets or between nodes.
    pub(crate) fn next_connection(&self) -> u64 {
        self.opened.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Whether nothing of that host reaches that other. A host always reaches itself, unless it is cut from itself.
    pub(crate) fn is_cut(&self, from: u32, to: u32) -> bool {
        let Some(wrong) = self.wrong() else { return false };
        let clogged = || from != to && (wrong.clogged.contains_key(&from) || wrong.clogged.contains_key(&to));
        wrong.cut.contains_key(&(from, to)) || clogged()
    }

    pub(crate) fn is_refusing(&self, host: u32) -> bool {
        self.wrong().is_some_and(|wrong| wrong.refusing.contains(&host))
    }

    /// How much longer a packet takes, whose fate that is: nothing when nothing is wrong. One that is lost is sent again after
    /// `retransmit_ns`.
    pub(crate) fn late(&self, fate: u64, retransmit_ns: u64) -> u64 {
        let lost = if self.is_lost(fate) { retransmit_ns } else { 0 };
        lost + self.delayed(fate) + self.held_back(fate)
    }

    /// Whether a packet is lost, whose fate that is.
    pub(crate) fn is_lost(&self, fate: u64) -> bool {
        let recorder = &self.kernel.recorder;
        let rolled = fate & 0xffff;
        if self.wrong().is_some_and(|wrong| rolled < wrong.lost) {
            recorder.count(FaultKind::Loss.name());
            return true;
        }
        let lost = rolled < self.usually_lost.load(Ordering::Relaxed);
        if lost {
            recorder.count("network: packet lost");
        }
        lost
    }

    /// How much longer a packet takes together with those around it.
    pub(crate) fn delayed(&self, fate: u64) -> u64 {
        let Some(wrong) = self.wrong().filter(|wrong| wrong.delay_ns > 0) else { return 0 };
        self.kernel.recorder.count(FaultKind::Delay.name());
        below(mix(&[fate, 2]), wrong.delay_ns)
    }

    /// How long a packet is held back while others overtake it.
    pub(crate) fn held_back(&self, fate: u64) -> u64 {
        let Some(wrong) = self.wrong() else { return 0 };
        if wrong.held_back == 0 || below(mix(&[fate, 3]), 65536) >= wrong.held_back {
            return 0;
        }
        self.kernel.recorder.count(FaultKind::Reorder.name());
        below(mix(&[fate, 4]), HELD_BACK_NS_MAX)
    }

    /// How often a packet arrives, whose fate that is.
    pub(crate) fn copies(&self, fate: impl FnOnce() -> u64) -> u32 {
        let doubled = self.wrong().map_or(0, |wrong| wrong.doubled);
        if doubled == 0 || below(mix(&[fate(), 5]), 65536) >= doubled {
            return 1;
        }
        self.kernel.recorder.count(FaultKind::Duplicate.name());
        2
    }

    pub(super) fn lose(&self, percent: u64) {
        self.change(|wrong| wrong.lost = share(percent));
    }

    pub(super) fn delay(&self, up_to: Duration) {
        self.change(|wrong| wrong.delay_ns = u64::try_from(up_to.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(super) fn reorder(&self, percent: u64) {
        self.change(|wrong| wrong.held_back = share(percent));
    }

    pub(super) fn duplicate(&self, percent: u64) {
        self.change(|wrong| wrong.doubled = share(percent));
    }

    pub(super) fn cut(&self, from: u32, to: u32) {
        self.change(|wrong| *wrong.cut.entry((from, to)).or_default() += 1);
    }

    pub(super) fn mend(&self, from: u32, to: u32) {
        self.change(|wrong| take_one(&mut wrong.cut, &(from, to)));
    }

    pub(super) fn clog(&self, host: u32) {
        self.change(|wrong| *wrong.clogged.entry(host).or_default() += 1);
    }

    pub(super) fn unclog(&self, host: u32) {
        self.change(|wrong| take_one(&mut wrong.clogged, &host));
    }

    pub(super) fn refuse(&self, host: u32, on: bool) {
        self.change(|Wrong { refusing, .. }| {
            if on {
                refusing.insert(host)
            } else {
                refusing.remove(&host)
            };
        });
    }

    /// From now on nothing is wrong, and nothing is lost any more.
    pub(super) fn heal(&self) {
        self.change(|wrong| *wrong = Wrong::default());
        self.usually_lost.store(0, Ordering::Relaxed);
    }
}

/// What `percent` are of 65536.
fn share(percent: u64) -> u64 {
    percent.min(100) * 65536 / 100
}

fn take_one<K: Ord>(counts: &mut BTreeMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}
