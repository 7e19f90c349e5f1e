//! `wasi:clocks` on the clock seam: what a guest reads and what it sleeps on are one clock.

use crate::state::ProcessState;
use rusm_core::Timestamp;
use rusm_core::seam::Clock;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::component::{HasData, Resource, ResourceTable};
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi_io::async_trait;
use wasmtime_wasi_io::poll::{DynPollable, Pollable, subscribe};

/// The resolution that guests are told: a millisecond, what every implementation of the seam has at least.
const RESOLUTION: Duration = Duration::from_millis(1);

pub(crate) struct SeamClocks;

impl HasData for SeamClocks {
    type Data<'a> = SeamClocksView<'a>;
}

pub(crate) struct SeamClocksView<'a> {
    clock: &'a Arc<dyn Clock>,
    table: &'a mut ResourceTable,
}

impl ProcessState {
    pub(super) fn clocks(&mut self) -> SeamClocksView<'_> {
        SeamClocksView { clock: &self.context.node().seams().clock, table: &mut self.table }
    }
}

impl wall_clock::Host for SeamClocksView<'_> {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(datetime(self.clock.wall()))
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(datetime(RESOLUTION))
    }
}

fn datetime(time: Duration) -> wall_clock::Datetime {
    wall_clock::Datetime { seconds: time.as_secs(), nanoseconds: time.subsec_nanos() }
}

impl monotonic_clock::Host for SeamClocksView<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.clock.now().as_nanos())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(RESOLUTION.as_nanos() as u64)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let deadline = Deadline { clock: self.clock.clone(), at: Timestamp::from_nanos(when), yielded: false };
        let deadline = self.table.push(deadline)?;
        subscribe(self.table, deadline)
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let when = self.clock.now() + Duration::from_nanos(duration);
        self.subscribe_instant(when.as_nanos())
    }
}

struct Deadline {
    clock: Arc<dyn Clock>,
    at: Timestamp,
    yielded: bool,
}

#[async_trait]
impl Pollable for Deadline {
    async fn ready(&mut self) {
        if self.clock.now() < self.at {
            self.clock.sleep_until(self.at).await;
        } else if !self.yielded {
            // A guest that polls with a timeout of zero in a loop lets others run between two rounds.
            self.yielded = true;
            yield_now().await;
        }
    }
}

async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
