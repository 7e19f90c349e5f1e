use crate::gossip::{self, NODES, World};
use crate::used::{Used, cpu_s, resident_bytes};
use madsim::net::{TcpListener, TcpStream};
use madsim::runtime::Runtime;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const PORT: u16 = 80;

#[derive(Clone)]
struct Simulated {
    listener: Arc<TcpListener>,
}

fn ip(node: usize) -> std::net::IpAddr {
    [10, 0, 0, node as u8 + 1].into()
}

impl World for Simulated {
    type Stream = TcpStream;

    async fn sleep(&self, duration: Duration) {
        madsim::time::sleep(duration).await;
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        madsim::task::spawn(task);
    }

    async fn accept(&self) -> TcpStream {
        self.listener.accept().await.expect("the node lives").0
    }

    async fn connect(&self, node: usize) -> io::Result<TcpStream> {
        TcpStream::connect((ip(node), PORT)).await
    }
}

pub fn sockets(seconds: u64) -> Used {
    let received = Arc::new(AtomicU64::new(0));
    let duration = Duration::from_secs(seconds);
    let runtime = Runtime::with_seed_and_config(1, madsim::Config::default());
    for node in 0..NODES {
        let received = received.clone();
        let host = runtime.create_node().name(format!("node{node}")).ip(ip(node)).build();
        host.spawn(async move {
            let listener = Arc::new(TcpListener::bind(("0.0.0.0", PORT)).await.expect("a free port"));
            gossip::node(Simulated { listener }, node, received).await;
        });
    }
    let cpu = cpu_s();
    runtime.block_on(async move { madsim::time::sleep(duration).await });
    Used {
        cpu_s: cpu_s() - cpu,
        simulated_s: duration.as_secs_f64(),
        events: 0,
        messages: received.load(Ordering::Relaxed),
        memory: [resident_bytes(); 2],
    }
}
