//! Wasmtime's engine as RUSM uses it: two profiles of one code, a cache of compiled components, and a ticker that
//! preempts guests.

mod cache;
mod compile;
mod pool;
mod profile;
mod room;
mod ticker;
mod virtual_time;

pub use compile::{COMPILE_TIME_MAX, COMPONENT_BYTES_MAX, CompileError};
pub use profile::Profile;
pub(crate) use ticker::Inside;
pub use ticker::TICK;
pub(crate) use virtual_time::Meter;

use cache::CodeCache;
use pool::{Pool, PooledPlace};
use room::{Room, RoomPlace};
use std::path::PathBuf;
use std::sync::Arc;
use ticker::Ticker;

/// A place for one instance, as long as it lives.
pub(crate) enum Place {
    /// Among those that are made on demand.
    OnDemand(#[expect(dead_code, reason = "it is given back when it is dropped")] RoomPlace),
    /// In the pool.
    Pooled(#[expect(dead_code, reason = "it is given back when it is dropped")] PooledPlace),
}

/// A Wasmtime engine with its code cache. Cheap to clone; one for each profile in a machine's process.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    wasmtime: wasmtime::Engine,
    profile: Profile,
    cache: Option<CodeCache>,
    room: Arc<Room>,
    /// None in the simulator, and where the machine has no room for one.
    pool: Option<Arc<Pool>>,
    /// None when guests are preempted by fuel.
    ticker: Option<Ticker>,
}

impl Engine {
    /// An engine of that profile. Compiled components are kept in `cache`, when given; the folder is made when the
    /// first one is written, for its owner alone.
    ///
    /// # Errors
    /// This machine cannot run the configuration.
    pub fn new(profile: Profile, cache: Option<PathBuf>) -> wasmtime::Result<Self> {
        let wasmtime = wasmtime::Engine::new(&profile.config())?;
        let cache = cache.map(|directory| CodeCache::new(directory, &wasmtime, profile));
        let pool = if profile == Profile::Production { pool(profile.config()) } else { None };
        let engines = std::iter::once(&wasmtime).chain(pool.as_ref().map(|pool| pool.wasmtime()));
        let ticker = (profile == Profile::Production).then(|| Ticker::start(engines.cloned().collect()));
        Ok(Self(Arc::new(Inner { wasmtime, profile, cache, room: Room::of_this_machine(), pool, ticker })))
    }

    /// How it preempts guests.
    pub fn profile(&self) -> Profile {
        self.0.profile
    }

    /// Wasmtime's own engine.
    pub fn wasmtime(&self) -> &wasmtime::Engine {
        &self.0.wasmtime
    }

    /// Readies a new store for its first guest code.
    pub(crate) fn prepare<T: 'static>(&self, store: &mut wasmtime::Store<T>) -> wasmtime::Result<()> {
        match self.0.profile {
            Profile::Production => store.epoch_deadline_async_yield_and_update(1),
            Profile::Simulation => {
                store.set_fuel(u64::MAX)?;
                store.fuel_async_yield_interval(Some(Profile::YIELD_EVERY_FUEL))?;
            }
        }
        Ok(())
    }

    /// Wasmtime's engine for instances of the pool, if there is one.
    pub(crate) fn pooled_wasmtime(&self) -> Option<&wasmtime::Engine> {
        self.0.pool.as_ref().map(|pool| pool.wasmtime())
    }

    /// The same code for instances of the pool, if there is one and it has room for such code.
    pub(crate) fn adopt_into_pool(
        &self,
        component: &wasmtime::component::Component,
    ) -> Option<wasmtime::component::Component> {
        self.0.pool.as_ref()?.adopt(component)
    }

    /// A place for one more instance: in the pool, if that is asked for and one is free, otherwise on demand.
    ///
    /// # Errors
    /// There is none; the text says what to do.
    pub(crate) fn take_place(&self, pooled: bool) -> Result<Place, String> {
        let pooled = if pooled { self.0.pool.as_ref().and_then(Pool::take) } else { None };
        pooled.map_or_else(|| self.0.room.take().map(Place::OnDemand), |place| Ok(Place::Pooled(place)))
    }

    /// Readies a store for the next entry into guest code, which lasts as long as what is returned.
    ///
    /// A process that was parked has passed its deadline long ago: without a new one it would yield at its first
    /// instruction.
    pub(crate) fn enter<T: 'static>(&self, store: &mut wasmtime::Store<T>) -> Option<Inside> {
        let ticker = self.0.ticker.as_ref()?;
        store.set_epoch_deadline(1);
        Some(ticker.enter())
    }
}

/// A pool, or a word in the log about why there is none: everything works without it, slower.
fn pool(config: wasmtime::Config) -> Option<Arc<Pool>> {
    let pool = Pool::new(config);
    pool.inspect_err(|error| tracing::warn!(error = %format!("{error:#}"), "there is no pool of instances")).ok()
}
