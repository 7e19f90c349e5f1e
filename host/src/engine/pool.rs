//! A pool of instances that are made ready again instead of being made anew, for processes that live for a moment.
//!
//! An instance on demand maps its memory, tables and stack, and takes them away when it ends; the pool keeps them mapped,
//! with the pages that were used last, and writes back what was changed. That is several times cheaper, and bounds how
//! many there can be at once: who finds no place gets an instance on demand.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use wasmtime::component::Component;
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

/// Instances of components that can be in the pool at once. Each may reserve 8 GiB of addresses.
const PLACES: usize = 256;
/// An instance that has ended gives its place back a moment before the pool has its memory again.
const PLACES_SPARE: usize = 64;
/// What one component may be made of; one that is more is not pooled.
const CORE_INSTANCES_MAX: usize = 32;
const MEMORIES_MAX: usize = 2;
const TABLES_MAX: usize = 8;
/// Bytes that stay mapped where they were used: all that most handlers of requests touch.
const MEMORY_KEPT: usize = 2 << 20;
const TABLE_KEPT: usize = 64 << 10;

pub(super) struct Pool {
    wasmtime: wasmtime::Engine,
    taken: AtomicUsize,
}

/// One place in the pool.
pub(crate) struct PooledPlace(Arc<Pool>);

impl Pool {
    /// Mappings that it takes at most, of those that the kernel allows.
    pub(super) const MAPPINGS: usize = (PLACES + PLACES_SPARE) * (2 * MEMORIES_MAX + 1 + 2);

    /// A pool for code that is compiled with that configuration.
    ///
    /// # Errors
    /// The machine has no room for it.
    pub(super) fn new(mut config: Config) -> wasmtime::Result<Arc<Self>> {
        let total = |each: usize| u32::try_from((PLACES + PLACES_SPARE) * each).expect("a small number");
        let most = |each: usize| u32::try_from(each).expect("a small number");
        let mut pooling = PoolingAllocationConfig::new();
        pooling
            .total_component_instances(total(1))
            .total_stacks(total(1))
            .total_core_instances(total(CORE_INSTANCES_MAX))
            .max_core_instances_per_component(most(CORE_INSTANCES_MAX))
            .total_memories(total(MEMORIES_MAX))
            .max_memories_per_component(most(MEMORIES_MAX))
            .total_tables(total(TABLES_MAX))
            .max_tables_per_component(most(TABLES_MAX))
            .linear_memory_keep_resident(MEMORY_KEPT)
            .table_keep_resident(TABLE_KEPT)
            .pagemap_scan(Enabled::Auto);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pooling));
        let wasmtime = wasmtime::Engine::new(&config)?;
        Ok(Arc::new(Self { wasmtime, taken: AtomicUsize::new(0) }))
    }

    pub(super) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.wasmtime
    }

    /// The same code for instances of the pool; none when it is more than a place has room for.
    pub(super) fn adopt(&self, component: &Component) -> Option<Component> {
        let code = component.serialize().and_then(|code| super::cache::deserialize(&self.wasmtime, &code));
        code.inspect_err(|error| tracing::debug!(error = %format!("{error:#}"), "a component is not pooled")).ok()
    }

    /// A place, if one is free.
    pub(super) fn take(self: &Arc<Self>) -> Option<PooledPlace> {
        let place = PooledPlace(self.clone());
        (self.taken.fetch_add(1, Ordering::Relaxed) < PLACES).then_some(place)
    }
}

impl Drop for PooledPlace {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Profile;
    use super::*;

    fn pool() -> Arc<Pool> {
        Pool::new(Profile::Production.config()).expect("the machine has room")
    }

    #[test]
    fn places_are_given_up_to_the_limit_and_again_when_they_are_free() {
        let pool = pool();
        let mut places: Vec<_> = (0..PLACES).map(|_| pool.take().expect("a place")).collect();
        assert!(pool.take().is_none());
        assert!(pool.take().is_none());
        places.pop();
        assert!(pool.take().is_some());
    }

    #[test]
    fn a_component_of_more_parts_than_a_place_has_is_not_pooled() {
        let pool = pool();
        let check = |memories: usize, expected: bool| {
            let module = "(core module $m (memory 1)) ".to_owned();
            let text = format!("(component {module}{})", "(core instance (instantiate $m))".repeat(memories));
            let engine = wasmtime::Engine::new(&Profile::Production.config()).expect("the configuration is supported");
            let wasm = wat::parse_str(text).expect("a component");
            let component = Component::new(&engine, wasm).expect("it compiles");
            assert_eq!(pool.adopt(&component).is_some(), expected, "{memories} memories");
        };
        check(0, true);
        check(MEMORIES_MAX, true);
        check(MEMORIES_MAX + 1, false);
    }
}
