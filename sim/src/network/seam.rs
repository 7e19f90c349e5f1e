use super::{Network, ip_of};
use crate::executor::Life;
use rusm_core::BoxFuture;
use rusm_core::seam::{ByteStream, Listener, Sockets};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The network as one life of a host sees it.
pub(crate) struct SimSockets {
    network: Network,
    life: Arc<Life>,
}

impl SimSockets {
    pub(crate) fn new(network: Network, life: Arc<Life>) -> Self {
        Self { network, life }
    }
}

impl Sockets for SimSockets {
    fn listen(&self, address: SocketAddr) -> BoxFuture<io::Result<Box<dyn Listener>>> {
        let (network, life) = (self.network.clone(), self.life.clone());
        Box::pin(async move {
            let listener = network.bind(&life, address)?;
            Ok(Box::new(listener) as Box<dyn Listener>)
        })
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<io::Result<Box<dyn ByteStream>>> {
        let opening = self.network.clone().open(self.life.clone(), address);
        Box::pin(async move { Ok(Box::new(opening.await?) as Box<dyn ByteStream>) })
    }

    /// Knows addresses, `localhost` and the names of the run's hosts.
    fn resolve(&self, host: String, port: u16) -> BoxFuture<io::Result<Vec<SocketAddr>>> {
        let ip = match host.parse::<IpAddr>() {
            Ok(ip) => Some(ip),
            Err(_) if host == "localhost" => Some(IpAddr::from([127, 0, 0, 1])),
            Err(_) => self.network.host(&host).map(ip_of),
        };
        Box::pin(async move {
            let unknown = || io::Error::new(io::ErrorKind::NotFound, format!("no host of this run is called {host:?}"));
            Ok(vec![SocketAddr::new(ip.ok_or_else(unknown)?, port)])
        })
    }
}
