use super::BoxFuture;
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncWrite};

/// A connected, ordered stream of bytes.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> ByteStream for T {}

/// A bound socket that accepts connections.
pub trait Listener: Send + Sync + 'static {
    /// The address it is bound to.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// The next connection and the address of its other side.
    ///
    /// # Errors
    /// One connection failed, or descriptors ran out; the listener stays usable and the caller should wait a little.
    fn accept(&self) -> BoxFuture<io::Result<(Box<dyn ByteStream>, SocketAddr)>>;
}

/// Listen, accept, connect, resolve: for serving and for guests.
pub trait Sockets: Send + Sync + 'static {
    /// Binds a listener. Port 0 takes a free port.
    fn listen(&self, address: SocketAddr) -> BoxFuture<io::Result<Box<dyn Listener>>>;

    /// Opens a connection.
    fn connect(&self, address: SocketAddr) -> BoxFuture<io::Result<Box<dyn ByteStream>>>;

    /// Addresses of a host name, in the resolver's order.
    fn resolve(&self, host: String, port: u16) -> BoxFuture<io::Result<Vec<SocketAddr>>>;
}
