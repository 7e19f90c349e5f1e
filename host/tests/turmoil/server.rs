//! The server, its processes, and what was seen of them.

use crate::clients::Kind;
use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, Full};
use rusm_core::seam::{BoxFuture, ByteStream, Listener, Seams};
use rusm_core::{ExitReason, Message, Node, NodeOptions, ProcessBody, process_body};
use rusm_host::manifest::{Limits, Route, RoutePath, Target};
use rusm_host::serve::{
    EventStream, Exchange, Handlers, Opening, ResponseBody, Server, ServerEvent, ServerHandle, SocketEvent, WebSocket,
};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use turmoil::net::TcpListener;

pub(crate) const PORT: u16 = 80;

/// Between two events of a stream.
const TICK: Duration = Duration::from_millis(100);

/// What outlives each crash: what was seen.
#[derive(Clone, Default)]
pub(crate) struct World(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    broken: Vec<String>,
    connections: u64,
    /// How often a process had each order of each client.
    orders: BTreeMap<Vec<u8>, u32>,
    /// How much each client got.
    done: BTreeMap<(&'static str, Kind), u64>,
    present: Option<(Node, Arc<ServerHandle>)>,
}

impl World {
    /// What runs on the server's host, until that crashes.
    pub(crate) async fn serve(self) -> turmoil::Result {
        let node = Node::start(NodeOptions::new("server", Seams::production("unused")));
        let route = |path: &str, target| Route { path: RoutePath::parse(path).expect("a path"), target };
        let limits = Limits {
            header_time: Duration::from_secs(4),
            idle_time: Duration::from_secs(10),
            request_time: Duration::from_secs(5),
            ..Limits::default()
        };
        let routes = vec![
            route("/orders", Target::Http("orders".to_owned())),
            route("/echo", Target::Websocket("echo".to_owned())),
            route("/ticks", Target::Events("ticks".to_owned())),
        ];
        let listener = TurmoilListener(Arc::new(TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?));
        let server = Server::start_on(node.clone(), Box::new(listener), limits, routes, Arc::new(self.clone()))?;
        self.with(|seen| seen.present = Some((node, Arc::new(server))));
        std::future::pending().await
    }

    fn with<T>(&self, job: impl FnOnce(&mut Seen) -> T) -> T {
        job(&mut self.0.lock().expect("nobody panics with it"))
    }

    /// The number of a connection that somebody has opened.
    pub(crate) fn next_connection(&self) -> u64 {
        self.with(|seen| {
            seen.connections += 1;
            seen.connections
        })
    }

    /// One more was got, as it should be.
    pub(crate) fn got(&self, client: &'static str, kind: Kind) {
        self.with(|seen| *seen.done.entry((client, kind)).or_default() += 1);
    }

    pub(crate) fn break_promise(&self, what: String) {
        self.with(|seen| seen.broken.push(what));
    }

    pub(crate) fn done(&self) -> BTreeMap<(&'static str, Kind), u64> {
        self.with(|seen| seen.done.clone())
    }

    pub(crate) fn broken(&self) -> Vec<String> {
        self.with(|seen| seen.broken.clone())
    }

    /// The connections and processes that the server has.
    pub(crate) fn left(&self) -> (u32, usize) {
        self.with(|seen| {
            let (node, server) = seen.present.as_ref().expect("it runs");
            (server.connections(), node.process_count())
        })
    }
}

impl Handlers for World {
    fn http(&self, _component: &str, exchange: Exchange) -> Result<ProcessBody, ExitReason> {
        let world = self.clone();
        let (request, _, responder) = exchange.into_parts();
        Ok(process_body(move |_| async move {
            let Ok(body) = request.into_body().collect().await else { return ExitReason::new("cut") };
            let order = body.to_bytes();
            let times = world.with(|seen| {
                let times = seen.orders.entry(order.to_vec()).or_default();
                *times += 1;
                *times
            });
            if times > 1 {
                world.break_promise(format!("an order was served {times} times: {order:?}"));
            }
            responder.respond(Response::new(ResponseBody::new(Full::new(order))));
            ExitReason::NORMAL
        }))
    }

    fn websocket(&self, _component: &str, opening: Opening<WebSocket>) -> Result<ProcessBody, ExitReason> {
        Ok(process_body(move |context| async move {
            let socket = opening.accept();
            loop {
                let Message::Plain(payload) = context.receive().await else { continue };
                match payload.downcast::<SocketEvent>().expect("nobody else sends") {
                    SocketEvent::Received(received) => drop(socket.send(received.frame.clone()).await),
                    SocketEvent::Closed(_) => return ExitReason::NORMAL,
                }
            }
        }))
    }

    fn events(&self, _component: &str, opening: Opening<EventStream>) -> Result<ProcessBody, ExitReason> {
        Ok(process_body(move |context| async move {
            let stream = opening.accept();
            let mut number = 0_u64;
            loop {
                number += 1;
                let event = ServerEvent { data: number.to_string(), ..ServerEvent::default() };
                if stream.send(&event).await.is_err() {
                    return ExitReason::NORMAL;
                }
                context.sleep(TICK).await;
            }
        }))
    }
}

/// Turmoil's TCP, as the seam that production has the machine's for.
struct TurmoilListener(Arc<TcpListener>);

impl Listener for TurmoilListener {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn accept(&self) -> BoxFuture<io::Result<(Box<dyn ByteStream>, SocketAddr)>> {
        let listener = self.0.clone();
        Box::pin(async move {
            let (stream, peer) = listener.accept().await?;
            Ok((Box::new(stream) as Box<dyn ByteStream>, peer))
        })
    }
}

/// What an order of a client says, by which it is known again.
pub(crate) fn order(client: &str, connection: u64, number: u64) -> Bytes {
    format!("{client} {connection} {number}").into()
}
