use quinn::{AsyncUdpSocket, Runtime, TokioRuntime};
use rustls::crypto::CryptoProvider;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// What QUIC takes from the machine beside its node's seams: sockets, and a runtime as quinn knows it, which tells the time of
/// the node's clock and runs tasks where its executor does; and what TLS is made of.
///
/// In production that is tokio and ring. In the simulator it is a simulated network, and TLS draws from the seed.
pub trait Machine {
    /// What quinn's own tasks and timers run on.
    fn runtime(&self) -> Arc<dyn Runtime>;

    /// Binds a UDP socket; port 0 takes a free one.
    ///
    /// # Errors
    /// The address cannot be used.
    fn bind(&self, address: SocketAddr) -> io::Result<Arc<dyn AsyncUdpSocket>>;

    /// The ciphers, key exchange and randomness of TLS.
    fn crypto(&self) -> Arc<CryptoProvider>;
}

/// The tokio runtime that the caller runs on, and ring.
pub struct TokioMachine;

impl Machine for TokioMachine {
    fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::new(TokioRuntime)
    }

    #[expect(clippy::disallowed_methods, reason = "the production half of the seam")]
    fn bind(&self, address: SocketAddr) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        self.runtime().wrap_udp_socket(std::net::UdpSocket::bind(address)?)
    }

    fn crypto(&self) -> Arc<CryptoProvider> {
        super::tls::ring()
    }
}
