use super::Network;
use super::stream::SimStream;
use crate::executor::Life;
use crate::sync::Mutex;
use rusm_core::BoxFuture;
use rusm_core::seam::{ByteStream, Listener};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Poll, Waker};

/// Connections that may wait to be accepted; the next ones are refused.
const BACKLOG: usize = 1024;

/// The connections that wait to be accepted by one listener.
pub(super) struct Queue {
    /// Whose listener it is.
    pub(super) life: Arc<Life>,
    state: Mutex<QueueState>,
}

#[derive(Default)]
struct QueueState {
    waiting: VecDeque<(SimStream, SocketAddr)>,
    accepters: Vec<Waker>,
    closed: bool,
}

impl Queue {
    pub(super) fn new(life: Arc<Life>) -> Self {
        Self { life, state: Mutex::default() }
    }

    /// False when the connection is refused.
    pub(super) fn push(&self, stream: SimStream, peer: SocketAddr) -> bool {
        let mut state = self.state.lock();
        if state.closed || state.waiting.len() >= BACKLOG {
            drop(state);
            return false;
        }
        state.waiting.push_back((stream, peer));
        let accepters = std::mem::take(&mut state.accepters);
        drop(state);
        accepters.into_iter().for_each(Waker::wake);
        true
    }

    /// Refuses from now on; returns what was waiting.
    pub(super) fn close(&self) -> impl Sized + use<> {
        let mut state = self.state.lock();
        state.closed = true;
        std::mem::take(&mut state.waiting)
    }
}

/// A bound listener.
pub(super) struct SimListener {
    pub(super) network: Network,
    pub(super) host: u32,
    pub(super) address: SocketAddr,
    pub(super) queue: Arc<Queue>,
}

impl Listener for SimListener {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }

    fn accept(&self) -> BoxFuture<io::Result<(Box<dyn ByteStream>, SocketAddr)>> {
        let queue = self.queue.clone();
        Box::pin(poll_fn(move |cx| {
            let mut state = queue.state.lock();
            match state.waiting.pop_front() {
                Some((stream, peer)) => Poll::Ready(Ok((Box::new(stream) as Box<dyn ByteStream>, peer))),
                None => {
                    if !state.accepters.iter().any(|accepter| accepter.will_wake(cx.waker())) {
                        state.accepters.push(cx.waker().clone());
                    }
                    Poll::Pending
                }
            }
        }))
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        self.network.unbind(self.host, self.address.port(), &self.queue);
        drop(self.queue.close());
    }
}
