//! Clients, which use the server in each way that there is, over connections that they open again when one has failed.

use crate::SERVER;
use crate::server::{PORT, World, order};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::Request;
use http_body_util::{BodyExt, Empty, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use turmoil::net::TcpStream;

/// How long a client waits for a step, before it opens another connection.
const PATIENCE: Duration = Duration::from_secs(6);

/// Between two of what a client does.
const PAUSE: Duration = Duration::from_millis(50);

/// How a client uses the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Request,
    WebSocket,
    Events,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Request, Self::WebSocket, Self::Events];
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// What runs on the host of a client, until that crashes.
pub(crate) async fn run(world: World, name: &'static str) -> turmoil::Result {
    tokio::join!(again(|| requests(&world, name)), again(|| websocket(&world, name)), again(|| events(&world, name)),);
    Ok(())
}

/// Does it on one connection after the other.
async fn again<F: Future<Output = Result<(), Failed>>>(on_a_connection: impl Fn() -> F) {
    loop {
        // Faults end connections; what is promised is looked at before.
        let _ = on_a_connection().await;
        sleep(PAUSE).await;
    }
}

async fn connect() -> Result<TcpStream, Failed> {
    let address: SocketAddr = (turmoil::lookup(SERVER), PORT).into();
    Ok(timeout(PATIENCE, TcpStream::connect(address)).await??)
}

/// Orders with numbers that no other has: each is served once, and answered with what it says.
async fn requests(world: &World, name: &'static str) -> Result<(), Failed> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(connect().await?)).await?;
    let connected = world.next_connection();
    let asking = async {
        for number in 0.. {
            let order = order(name, connected, number);
            let request = Request::post("/orders").header("host", SERVER).body(Full::new(order.clone()))?;
            let answer = timeout(PATIENCE, async { sender.send_request(request).await?.into_body().collect().await });
            let answer = answer.await??.to_bytes();
            if answer == order {
                world.got(name, Kind::Request);
            } else {
                world.break_promise(format!("{order:?} was answered with {answer:?}"));
            }
            sleep(PAUSE).await;
        }
        Ok::<_, Failed>(())
    };
    tokio::select! {
        asked = asking => asked,
        ended = connection => Ok(ended?),
    }
}

/// Numbers, which come back in order.
async fn websocket(world: &World, name: &'static str) -> Result<(), Failed> {
    let opening = tokio_tungstenite::client_async(format!("ws://{SERVER}/echo"), connect().await?);
    let (socket, _) = timeout(PATIENCE, opening).await??;
    let (mut out, mut back) = socket.split();
    let sending = async {
        for number in 0_u64.. {
            timeout(PATIENCE, out.send(Message::text(number.to_string()))).await??;
            sleep(PAUSE).await;
        }
        Ok::<_, Failed>(())
    };
    let receiving = async {
        let mut expected = 0_u64;
        loop {
            match timeout(PATIENCE, back.next()).await?.ok_or("it is closed")?? {
                Message::Text(text) if text.as_str() == expected.to_string() => world.got(name, Kind::WebSocket),
                Message::Ping(_) => continue,
                other => world.break_promise(format!("{other:?} came back instead of {expected}")),
            }
            expected += 1;
        }
    };
    tokio::select! {
        sent = sending => sent,
        received = receiving => received,
    }
}

/// Events, which come in order from the first one on.
async fn events(world: &World, name: &'static str) -> Result<(), Failed> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(connect().await?)).await?;
    let listening = async {
        let request = Request::get("/ticks").header("host", SERVER).body(Empty::<Bytes>::new())?;
        let mut body = timeout(PATIENCE, sender.send_request(request)).await??.into_body();
        let (mut text, mut expected) = (String::new(), 0_u64);
        while let Some(frame) = timeout(PATIENCE, body.frame()).await? {
            let Ok(bytes) = frame?.into_data() else { continue };
            text.push_str(std::str::from_utf8(&bytes)?);
            while let Some((event, rest)) = text.split_once("\n\n") {
                expected += 1;
                if event == format!("data: {expected}") {
                    world.got(name, Kind::Events);
                } else {
                    world.break_promise(format!("{event:?} came instead of {expected}"));
                }
                text = rest.to_owned();
            }
        }
        Ok::<_, Failed>(())
    };
    tokio::select! {
        listened = listening => listened,
        ended = connection => Ok(ended?),
    }
}
