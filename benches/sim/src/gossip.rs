//! The workload: nodes with processes that sleep, then send a message to a process of another node, over one connection for
//! each direction of each pair of nodes. The same code in every simulator.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

pub const NODES: usize = 5;
pub const PROCESSES: usize = 100;

/// Bytes of a message.
const LEN: usize = 64;

/// A process sends that often, give or take a half.
pub const EVERY: Duration = Duration::from_millis(100);

/// Between two attempts to reach a node that is not there yet.
const RETRY: Duration = Duration::from_millis(10);

/// What a node takes from the simulator that it runs in.
pub trait World: Clone + Send + Sync + 'static {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static);
    fn accept(&self) -> impl Future<Output = Self::Stream> + Send;
    fn connect(&self, node: usize) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// Runs a node; `received` counts what its processes have got.
pub async fn node<W: World>(world: W, own: usize, received: Arc<AtomicU64>) {
    let mut inboxes = Vec::new();
    let mut processes = Vec::new();
    for _ in 0..PROCESSES {
        let (inbox, receiver) = unbounded_channel::<[u8; LEN]>();
        inboxes.push(inbox);
        processes.push(receiver);
    }
    let inboxes = Arc::new(inboxes);
    let accepting = world.clone();
    world.spawn(async move {
        for _ in 1..NODES {
            let stream = accepting.accept().await;
            accepting.spawn(read(stream, inboxes.clone()));
        }
    });
    let mut ways: Vec<UnboundedSender<[u8; LEN]>> = Vec::new();
    for other in (0..NODES).filter(|other| *other != own) {
        let stream = loop {
            match world.connect(other).await {
                Ok(stream) => break stream,
                Err(_) => world.sleep(RETRY).await,
            }
        };
        let (way, messages) = unbounded_channel();
        world.spawn(write(stream, messages));
        ways.push(way);
    }
    let ways = Arc::new(ways);
    for (number, mut inbox) in processes.into_iter().enumerate() {
        let (world, ways, received) = (world.clone(), ways.clone(), received.clone());
        let sleeping = world.clone();
        world.spawn(async move {
            let mut random = Random::new((own * PROCESSES + number) as u64);
            loop {
                sleeping.sleep(EVERY / 2 + EVERY * random.below(1000) as u32 / 1000).await;
                while inbox.try_recv().is_ok() {
                    received.fetch_add(1, Ordering::Relaxed);
                }
                let mut message = [0; LEN];
                message[0] = random.below(PROCESSES as u64) as u8;
                if ways[random.below(ways.len() as u64) as usize].send(message).is_err() {
                    return;
                }
            }
        });
    }
}

async fn read(mut stream: impl AsyncRead + Unpin, inboxes: Arc<Vec<UnboundedSender<[u8; LEN]>>>) {
    let mut message = [0; LEN];
    while stream.read_exact(&mut message).await.is_ok() {
        if inboxes[usize::from(message[0])].send(message).is_err() {
            return;
        }
    }
}

async fn write(mut stream: impl AsyncWrite + Unpin, mut messages: tokio::sync::mpsc::UnboundedReceiver<[u8; LEN]>) {
    while let Some(message) = messages.recv().await {
        // madsim sends nothing before that.
        if stream.write_all(&message).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}

/// xorshift64*: the same numbers everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }
}
