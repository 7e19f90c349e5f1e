//! What a guest's computing costs in virtual time.

use super::Profile;
use crate::component::Component;
use crate::host::Host;
use crate::state::ProcessState;
use rusm_core::{BoxFuture, Context};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

/// What the fuel of one guest costs.
pub(crate) struct Meter {
    context: Arc<Context>,
    component: Component,
    host: Host,
}

impl Meter {
    pub(crate) fn new(guest: &ProcessState) -> Self {
        Self { context: guest.context.clone(), component: guest.component.clone(), host: guest.host.clone() }
    }

    /// Virtual time for so much fuel, at one nanosecond each, or more while the guest is slow. A node's slowness is its clock's
    /// affair.
    fn cost(&self, fuel: u64) -> Duration {
        let slowness = self.host.faults().map_or(100, |faults| faults.slowness(&self.context, self.component.name()));
        Duration::from_nanos(fuel.saturating_mul(slowness) / 100)
    }

    /// Runs guest code, and lets virtual time pass whenever it has used [`Profile::YIELD_EVERY_FUEL`], so that a guest which
    /// computes for ever does not stop the clock. What is left of the last portion is charged by [`settle`](Self::settle).
    pub(crate) async fn run<F: Future>(&self, code: F) -> F::Output {
        let code = std::pin::pin!(code);
        Metered { code, meter: self, own_waker: Arc::default(), pause: None }.await
    }

    /// Charges what an entry used beyond whole portions.
    pub(crate) async fn settle(&self, fuel: u64) {
        self.context.sleep(self.cost(fuel % Profile::YIELD_EVERY_FUEL)).await;
    }
}

struct Metered<'a, F> {
    code: Pin<&'a mut F>,
    meter: &'a Meter,
    own_waker: Arc<OwnWaker>,
    pause: Option<BoxFuture<()>>,
}

/// Tells a guest that gives way, which wakes itself while it is being polled, from one that waits for something else.
#[derive(Default)]
struct OwnWaker {
    polling: AtomicBool,
    gave_way: AtomicBool,
    task: parking_lot::Mutex<Option<Waker>>,
}

impl Wake for OwnWaker {
    fn wake(self: Arc<Self>) {
        if self.polling.load(Ordering::Acquire) {
            self.gave_way.store(true, Ordering::Release);
        } else if let Some(task) = self.task.lock().take() {
            task.wake();
        }
    }
}

impl<F: Future> Future for Metered<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        loop {
            if let Some(pause) = &mut this.pause {
                std::task::ready!(pause.as_mut().poll(cx));
                this.pause = None;
            }
            *this.own_waker.task.lock() = Some(cx.waker().clone());
            this.own_waker.polling.store(true, Ordering::Release);
            let waker = Waker::from(this.own_waker.clone());
            let polled = this.code.as_mut().poll(&mut std::task::Context::from_waker(&waker));
            this.own_waker.polling.store(false, Ordering::Release);
            let gave_way = this.own_waker.gave_way.swap(false, Ordering::AcqRel);
            match polled {
                Poll::Pending if gave_way => {
                    let clock = &this.meter.context.node().seams().clock;
                    let until = clock.now() + this.meter.cost(Profile::YIELD_EVERY_FUEL);
                    this.pause = Some(clock.sleep_until(until));
                }
                polled => return polled,
            }
        }
    }
}
