//! A server on connections in memory and on virtual time, with native processes.

use crate::manifest::{Limits, Route, RoutePath, Target};
use crate::serve::*;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, StreamBody};
use parking_lot::Mutex;
use rusm_core::seam::{BoxFuture, ByteStream, Listener, Seams, Sockets};
use rusm_core::{ExitReason, Message, Node, NodeOptions, ProcessBody, process_body};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;

type Accepted = io::Result<DuplexStream>;

struct MemorySockets(Mutex<Option<mpsc::UnboundedReceiver<Accepted>>>);

struct MemoryListener(Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<Accepted>>>);

const ADDRESS: &str = "192.0.2.1:80";

impl Sockets for MemorySockets {
    fn listen(&self, _address: SocketAddr) -> BoxFuture<io::Result<Box<dyn Listener>>> {
        let listener = self.0.lock().take().map(|receiver| MemoryListener(Arc::new(tokio::sync::Mutex::new(receiver))));
        Box::pin(async move {
            let listener = listener.ok_or(io::ErrorKind::AddrInUse)?;
            Ok(Box::new(listener) as Box<dyn Listener>)
        })
    }

    fn connect(&self, _address: SocketAddr) -> BoxFuture<io::Result<Box<dyn ByteStream>>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }

    fn resolve(&self, _host: String, _port: u16) -> BoxFuture<io::Result<Vec<SocketAddr>>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }
}

impl Listener for MemoryListener {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(ADDRESS.parse().expect("an address"))
    }

    fn accept(&self) -> BoxFuture<io::Result<(Box<dyn ByteStream>, SocketAddr)>> {
        let receiver = self.0.clone();
        Box::pin(async move {
            match receiver.lock().await.recv().await {
                Some(accepted) => {
                    Ok((Box::new(accepted?) as Box<dyn ByteStream>, "203.0.113.5:4000".parse().expect("an address")))
                }
                None => std::future::pending().await,
            }
        })
    }
}

/// A server and its clients.
pub(super) struct World {
    pub(super) node: Node,
    pub(super) server: ServerHandle,
    clients: mpsc::UnboundedSender<Accepted>,
    pub(super) seen: Arc<Mutex<Vec<String>>>,
}

pub(super) fn limits() -> Limits {
    Limits { body_bytes: 100, connections: 8, websocket_message_bytes: 1000, ..Limits::default() }
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(limits()).await
    }

    pub(super) async fn with(limits: Limits) -> Self {
        let (clients, receiver) = mpsc::unbounded_channel();
        let sockets = Arc::new(MemorySockets(Mutex::new(Some(receiver))));
        let node = Node::start(NodeOptions::new("n", Seams { sockets, ..Seams::production("unused") }));
        let route = |path: &str, target| Route { path: RoutePath::parse(path).expect("a path"), target };
        let mut routes = Vec::new();
        for name in ["hello", "echo", "crash", "halfway", "hang", "length", "undef"] {
            routes.push(route(&format!("/{name}"), Target::Http(name.to_owned())));
        }
        routes.push(route("/ws/{room}", Target::Websocket("echo".to_owned())));
        routes.push(route("/events", Target::Events("ticks".to_owned())));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let options = ServeOptions { listen: ADDRESS.parse().expect("an address"), limits, routes };
        let handlers = Arc::new(Native { seen: seen.clone() });
        let server = Server::start(node.clone(), options, handlers).await.expect("listens");
        Self { node, server, clients, seen }
    }

    pub(super) fn connect(&self) -> DuplexStream {
        let (client, server) = tokio::io::duplex(64 << 10);
        self.clients.send(Ok(server)).expect("the listener lives");
        client
    }

    pub(super) fn fail_accept(&self) {
        self.clients.send(Err(io::Error::other("too many open files"))).expect("the listener lives");
    }

    /// Sends bytes on a connection of their own and returns all that comes back until it is closed.
    pub(super) async fn raw(&self, request: impl AsRef<[u8]>) -> String {
        let mut client = self.connect();
        client.write_all(request.as_ref()).await.expect("written");
        read_all(&mut client).await
    }

    /// One GET on a connection of its own.
    pub(super) async fn get(&self, path: &str) -> String {
        self.raw(format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")).await
    }

    /// Waits until so many processes live.
    pub(super) async fn processes(&self, wanted: usize) {
        while self.node.process_count() != wanted {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

pub(super) async fn read_all(client: &mut DuplexStream) -> String {
    let mut bytes = Vec::new();
    // A cut connection ends with an error after what came before it.
    let _ = client.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The status line and what must stand in the rest.
pub(super) fn check(answer: &str, status: &str, contains: &[&str]) {
    let expected = format!("HTTP/1.1 {status}");
    assert!(answer.starts_with(&expected), "expected {expected}: {answer}");
    for text in contains {
        assert!(answer.contains(text), "expected {text:?}: {answer}");
    }
}

struct Native {
    seen: Arc<Mutex<Vec<String>>>,
}

impl Handlers for Native {
    fn http(&self, component: &str, exchange: Exchange) -> Result<ProcessBody, ExitReason> {
        let component = component.to_owned();
        let (request, _, responder) = exchange.into_parts();
        if component == "undef" {
            return Err(ExitReason::new("undef"));
        }
        Ok(process_body(move |_| async move {
            let text = |text: &'static str| ResponseBody::new(Full::new(Bytes::from_static(text.as_bytes())));
            match component.as_str() {
                "hello" => responder.respond(http::Response::new(text("hello"))),
                "echo" => match request.into_body().collect().await {
                    Ok(body) => responder.respond(http::Response::new(ResponseBody::new(Full::new(body.to_bytes())))),
                    Err(_) => std::future::pending().await,
                },
                "crash" => return ExitReason::new("boom"),
                "halfway" => {
                    let frames = [
                        Ok(http_body::Frame::data(Bytes::from_static(b"half"))),
                        Err::<_, BodyError>("the process ended".into()),
                    ];
                    let body = ResponseBody::new(StreamBody::new(futures_util::stream::iter(frames)));
                    responder.respond(http::Response::new(body));
                    return ExitReason::new("boom");
                }
                "length" => {
                    let length = http::Response::builder().header("content-length", "5");
                    responder.respond(length.body(text("hello")).expect("a response"));
                    // Goes on after its answer.
                    std::future::pending::<()>().await;
                }
                _ => {
                    // Keeps the way back: the client waits.
                    let _responder = responder;
                    std::future::pending::<()>().await;
                }
            }
            ExitReason::NORMAL
        }))
    }

    fn websocket(&self, _component: &str, opening: Opening<WebSocket>) -> Result<ProcessBody, ExitReason> {
        let seen = self.seen.clone();
        Ok(process_body(move |context| async move {
            let room = opening.request().parameters[0].1.clone();
            if room == "forbidden" {
                opening.refuse(403);
                return ExitReason::NORMAL;
            }
            if room == "undecided" {
                let _opening = opening;
                return std::future::pending().await;
            }
            let socket = opening.accept();
            loop {
                let Message::Plain(payload) = context.receive().await else { continue };
                match payload.downcast::<SocketEvent>().expect("nobody else sends") {
                    SocketEvent::Received(received) => match &received.frame {
                        SocketFrame::Text(text) if text == "crash" => return ExitReason::new("boom"),
                        SocketFrame::Text(text) if text == "bye" => {
                            socket.close(SocketClose::new(4000, "as you wish"));
                        }
                        SocketFrame::Text(text) if text == "end" => {
                            socket.ends_with(SocketClose::normal());
                            return ExitReason::NORMAL;
                        }
                        SocketFrame::Text(text) if text == "loop" => std::future::pending().await,
                        SocketFrame::Text(text) if text == "flood" => {
                            for i in 0_u64.. {
                                let frame = SocketFrame::Binary(Bytes::from(vec![0; 10_000]));
                                if socket.send(frame).await.is_err() {
                                    seen.lock().push(format!("gone after {}", if i > 200 { "many" } else { "few" }));
                                    break;
                                }
                            }
                        }
                        frame => {
                            let _ = socket.send(frame.clone()).await;
                        }
                    },
                    SocketEvent::Closed(close) => {
                        let close = close.map(|close| (close.code, close.reason));
                        seen.lock().push(format!("{room}: {close:?}"));
                        return ExitReason::NORMAL;
                    }
                }
            }
        }))
    }

    fn events(&self, _component: &str, opening: Opening<EventStream>) -> Result<ProcessBody, ExitReason> {
        let seen = self.seen.clone();
        Ok(process_body(move |context| async move {
            let query = opening.request().query.clone();
            if query == "refuse" {
                opening.refuse(418);
                return ExitReason::NORMAL;
            }
            context.trap_exit(query == "trap");
            let stream = opening.accept();
            let event = |data: &str| ServerEvent { data: data.to_owned(), ..ServerEvent::default() };
            if stream.send(&event("first\nevent")).await.is_err() {
                seen.lock().push("gone".to_owned());
            }
            match query.as_str() {
                "crash" => return ExitReason::new("boom"),
                "end" => stream.close(),
                "orderly" => {
                    stream.orderly();
                    return ExitReason::NORMAL;
                }
                _ => {}
            }
            let message = context.receive().await;
            if let Message::Exit { reason, .. } = message {
                seen.lock().push(format!("exit {reason}"));
            }
            ExitReason::NORMAL
        }))
    }
}
