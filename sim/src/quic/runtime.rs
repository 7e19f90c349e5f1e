//! What quinn's own tasks and timers run on: the seams of one life of a host.

use quinn::{AsyncTimer, AsyncUdpSocket, Runtime};
use rusm_core::BoxFuture;
use rusm_core::seam::{Clock, Executor, Timestamp};
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// When every clock showed 0. Quinn takes times as this type, which nobody can make out of nothing; it compares them with each
/// other alone.
#[expect(clippy::disallowed_methods, reason = "where it lies is never seen")]
static ZERO: LazyLock<Instant> = LazyLock::new(Instant::now);

fn instant(at: Timestamp) -> Instant {
    *ZERO + Duration::from_nanos(at.as_nanos())
}

fn timestamp(at: Instant) -> Timestamp {
    Timestamp::from_nanos(u64::try_from(at.saturating_duration_since(*ZERO).as_nanos()).unwrap_or(u64::MAX))
}

pub(super) struct SeamRuntime {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) executor: Arc<dyn Executor>,
}

impl Runtime for SeamRuntime {
    fn new_timer(&self, at: Instant) -> Pin<Box<dyn AsyncTimer>> {
        let at = timestamp(at);
        Box::pin(Timer { clock: self.clock.clone(), at, sleep: Some(self.clock.sleep_until(at)) })
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.executor.spawn(future);
    }

    fn wrap_udp_socket(&self, _: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "a run has no sockets of the machine"))
    }

    fn now(&self) -> Instant {
        instant(self.clock.now())
    }
}

impl fmt::Debug for SeamRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeamRuntime")
    }
}

struct Timer {
    clock: Arc<dyn Clock>,
    at: Timestamp,
    /// `None` when it has rung.
    sleep: Option<BoxFuture<()>>,
}

impl AsyncTimer for Timer {
    fn reset(mut self: Pin<&mut Self>, at: Instant) {
        let at = timestamp(at);
        self.sleep = Some(self.clock.sleep_until(at));
        self.at = at;
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(sleep) = &mut self.sleep {
            ready!(sleep.as_mut().poll(cx));
            self.sleep = None;
        }
        Poll::Ready(())
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timer({:?})", self.at)
    }
}
