use super::BoxFuture;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
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
///
/// ```
/// use rusm_core::seam::{BoxFuture, ByteStream, Listener, Sockets, TokioSockets};
/// use std::io;
/// use std::net::SocketAddr;
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// /// The machine's network, of which only the machine itself can be reached.
/// struct Loopback(TokioSockets);
///
/// impl Sockets for Loopback {
///     fn listen(&self, address: SocketAddr) -> BoxFuture<io::Result<Box<dyn Listener>>> {
///         self.0.listen(address)
///     }
///
///     fn connect(&self, address: SocketAddr) -> BoxFuture<io::Result<Box<dyn ByteStream>>> {
///         if !address.ip().is_loopback() {
///             return Box::pin(async { Err(io::ErrorKind::PermissionDenied.into()) });
///         }
///         self.0.connect(address)
///     }
///
///     fn resolve(&self, host: String, port: u16) -> BoxFuture<io::Result<Vec<SocketAddr>>> {
///         self.0.resolve(host, port)
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let sockets = Loopback(TokioSockets);
/// let refused = sockets.connect("192.0.2.1:80".parse().unwrap()).await;
/// assert_eq!(refused.err().map(|error| error.kind()), Some(io::ErrorKind::PermissionDenied));
///
/// let listener = sockets.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
/// let mut caller = sockets.connect(listener.local_addr().unwrap()).await.unwrap();
/// let (mut called, _) = listener.accept().await.unwrap();
/// caller.write_all(b"hello").await.unwrap();
/// let mut heard = [0; 5];
/// called.read_exact(&mut heard).await.unwrap();
/// assert_eq!(&heard, b"hello");
/// # });
/// ```
pub trait Sockets: Send + Sync + 'static {
    /// Binds a listener. Port 0 takes a free port.
    fn listen(&self, address: SocketAddr) -> BoxFuture<io::Result<Box<dyn Listener>>>;

    /// Opens a connection.
    fn connect(&self, address: SocketAddr) -> BoxFuture<io::Result<Box<dyn ByteStream>>>;

    /// Addresses of a host name, in the resolver's order.
    fn resolve(&self, host: String, port: u16) -> BoxFuture<io::Result<Vec<SocketAddr>>>;
}

/// The machine's network, through tokio.
pub struct TokioSockets;

struct TokioListener(Arc<tokio::net::TcpListener>);

#[expect(clippy::disallowed_methods, reason = "the production half of the seam")]
impl Sockets for TokioSockets {
    fn listen(&self, address: SocketAddr) -> BoxFuture<io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let listener = tokio::net::TcpListener::bind(address).await?;
            Ok(Box::new(TokioListener(Arc::new(listener))) as Box<dyn Listener>)
        })
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<io::Result<Box<dyn ByteStream>>> {
        Box::pin(async move {
            let stream = tokio::net::TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn ByteStream>)
        })
    }

    fn resolve(&self, host: String, port: u16) -> BoxFuture<io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }
}

impl Listener for TokioListener {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn accept(&self) -> BoxFuture<io::Result<(Box<dyn ByteStream>, SocketAddr)>> {
        let listener = self.0.clone();
        Box::pin(async move {
            let (stream, peer) = listener.accept().await?;
            stream.set_nodelay(true)?;
            Ok((Box::new(stream) as Box<dyn ByteStream>, peer))
        })
    }
}
