//! turmoil: tokio's paused clock, and hosts with a runtime each.

use crate::gossip::{self, NODES, World};
use crate::used::{Used, cpu_s, resident_bytes};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use turmoil::net::{TcpListener, TcpStream};

const PORT: u16 = 80;

#[derive(Clone)]
struct Simulated {
    listener: Arc<TcpListener>,
}

impl World for Simulated {
    type Stream = TcpStream;

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task);
    }

    async fn accept(&self) -> TcpStream {
        self.listener.accept().await.expect("the node lives").0
    }

    async fn connect(&self, node: usize) -> io::Result<TcpStream> {
        TcpStream::connect((format!("node{node}"), PORT)).await
    }
}

pub fn sockets(seconds: u64) -> Used {
    let received = Arc::new(AtomicU64::new(0));
    let duration = Duration::from_secs(seconds);
    let mut sim = turmoil::Builder::new().rng_seed(1).simulation_duration(duration * 2).build();
    for node in 0..NODES {
        let received = received.clone();
        sim.host(format!("node{node}"), move || {
            let received = received.clone();
            async move {
                let listener = Arc::new(TcpListener::bind(("0.0.0.0", PORT)).await?);
                gossip::node(Simulated { listener }, node, received).await;
                std::future::pending().await
            }
        });
    }
    sim.client("end", async move {
        tokio::time::sleep(duration).await;
        Ok(())
    });
    let cpu = cpu_s();
    sim.run().expect("it ends");
    Used {
        cpu_s: cpu_s() - cpu,
        simulated_s: duration.as_secs_f64(),
        events: 0,
        messages: received.load(Ordering::Relaxed),
        memory: [resident_bytes(); 2],
    }
}
