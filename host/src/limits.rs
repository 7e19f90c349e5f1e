//! What one process may hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use wasmtime::ResourceLimiter;

/// Elements that one table of a guest may have.
pub const TABLE_ELEMENTS_MAX: usize = 1 << 18;
/// Core instances of one process. A component made of a language runtime and adapters has up to some dozens.
pub const INSTANCES_MAX: usize = 256;
/// Tables of one process.
pub const TABLES_MAX: usize = 256;
/// Bytes that a guest may hand to the host in one call, a message for example; more is a trap. It may be handed more.
pub const HOSTCALL_BYTES_MAX: usize = 16 << 20;
/// Resources that a guest may hold: streams, pollables, files.
pub const HANDLES_MAX: usize = 1 << 14;
/// Bytes of a registered name; more is `badarg`.
pub const NAME_BYTES_MAX: usize = 255;
/// Memberships of one process in groups; every node of the cluster holds them. One more is `badarg`.
pub const MEMBERSHIPS_MAX: usize = 1024;
/// Monitors of nodes that one process has; each change of a node costs each of them a message. One more is `badarg`.
pub const NODE_MONITORS_MAX: usize = 16;
/// Bytes of an exit reason's word; the rest is cut off.
pub const REASON_WORD_BYTES_MAX: usize = 255;
/// Linear memories of one process.
pub const MEMORIES_MAX: usize = 64;

/// A guest wanted more memory than its component is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it wanted {wanted} bytes of memory, {limit} are granted")]
pub(crate) struct MemoryLimit {
    pub(crate) limit: u64,
    pub(crate) wanted: u64,
}

/// Counts a process's linear memory, shows it in `process_info`, and ends a process that wants more than its limit.
pub(crate) struct MemoryMeter {
    limit: u64,
    held: u64,
    /// The last growth, taken back when it fails.
    growth: u64,
    gauge: Arc<AtomicU64>,
}

impl MemoryMeter {
    pub(crate) fn new(limit: u64, gauge: Arc<AtomicU64>) -> Self {
        Self { limit, held: 0, growth: 0, gauge }
    }

    /// It is as if the process had grown to its limit.
    pub(crate) fn fill(&mut self) {
        self.set(self.limit);
    }

    fn set(&mut self, held: u64) {
        self.held = held;
        self.gauge.store(held, Ordering::Relaxed);
    }
}

impl ResourceLimiter for MemoryMeter {
    /// All memories of the process count together. An error ends the process: a guest whose allocator merely hears
    /// "no" dies a little later, without saying why.
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let growth = desired.saturating_sub(current) as u64;
        let wanted = self.held.saturating_add(growth);
        if wanted > self.limit {
            return Err(MemoryLimit { limit: self.limit, wanted }.into());
        }
        self.growth = growth;
        self.set(wanted);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        let growth = std::mem::take(&mut self.growth);
        self.set(self.held - growth);
        Ok(())
    }

    fn table_growing(&mut self, _: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= maximum.unwrap_or(TABLE_ELEMENTS_MAX).min(TABLE_ELEMENTS_MAX))
    }

    fn instances(&self) -> usize {
        INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_count_together_up_to_the_limit() {
        let gauge = Arc::<AtomicU64>::default();
        let mut meter = MemoryMeter::new(100, gauge.clone());
        assert!(meter.memory_growing(0, 60, None).is_ok_and(|grows| grows));
        assert!(meter.memory_growing(0, 40, None).is_ok_and(|grows| grows));
        assert_eq!(gauge.load(Ordering::Relaxed), 100);
        let error = meter.memory_growing(40, 41, None).expect_err("it is over the limit");
        assert_eq!(error.downcast_ref(), Some(&MemoryLimit { limit: 100, wanted: 101 }));
    }

    #[test]
    fn growth_that_fails_is_taken_back() {
        let mut meter = MemoryMeter::new(100, Arc::default());
        assert!(meter.memory_growing(0, 60, None).is_ok_and(|grows| grows));
        meter.memory_grow_failed(wasmtime::Error::msg("no room")).expect("it is no trap");
        assert!(meter.memory_growing(0, 100, None).is_ok_and(|grows| grows));
        assert!(meter.memory_growing(100, 101, Some(100)).is_ok_and(|grows| !grows), "the module's own maximum");
        assert!(meter.memory_grow_failed(wasmtime::Error::msg("over the maximum")).is_ok());
    }

    #[test]
    fn tables_are_limited() {
        let mut meter = MemoryMeter::new(100, Arc::default());
        assert!(meter.table_growing(0, TABLE_ELEMENTS_MAX, None).is_ok_and(|grows| grows));
        assert!(meter.table_growing(0, TABLE_ELEMENTS_MAX + 1, None).is_ok_and(|grows| !grows));
    }
}
