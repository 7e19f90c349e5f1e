use super::{Outgoing, Received, SocketClose, SocketEvent, SocketFrame};
use crate::serve::active::{ConnectionGuard, Phase, reached};
use crate::serve::outbox::OutboxReceiver;
use crate::serve::server::Shared;
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rusm_core::{Payload, Pid};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::sync::Semaphore;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

/// Messages that may wait for their process; then the connection is not read any more.
const RECEIVED_MAX: usize = 16;
/// How often the other side is asked whether it is there; one that says nothing until the next time is gone.
const PING_EVERY: Duration = Duration::from_secs(30);
/// How long the other side has for its half of the closing handshake.
const CLOSE_TIME: Duration = Duration::from_secs(5);
/// What a closed connection may still send before it is cut.
const LEFTOVER_BYTES_MAX: usize = 1 << 20;
/// Small: there are many sockets, and few of them are busy.
const BUFFER_BYTES: usize = 4 << 10;

type Socket = WebSocketStream<TokioIo<Upgraded>>;
type Sink = futures_util::stream::SplitSink<Socket, Message>;
type Stream = futures_util::stream::SplitStream<Socket>;

/// Moves messages between one connection and its process, until either ends.
pub(super) struct Driver {
    shared: Arc<Shared>,
    _connection: Arc<ConnectionGuard>,
    pid: Pid,
    outgoing: OutboxReceiver<Outgoing>,
    ending: Arc<Mutex<SocketClose>>,
}

/// Whether the other side shows itself.
#[derive(Default)]
struct Peer {
    /// Nothing has come since it was asked.
    silent: AtomicBool,
    /// It is not listened to: its messages wait for the process.
    unheard: AtomicBool,
}

/// How reading ended.
enum ReadEnd {
    /// The other side sent a close frame.
    Closed(SocketClose),
    /// The other side broke the protocol: it is told how.
    Broken(SocketClose),
    Cut,
}

/// How writing ended.
enum WriteEnd {
    /// A close frame was sent.
    Closed,
    Cut,
}

impl Driver {
    pub(super) fn new(
        shared: Arc<Shared>,
        connection: Arc<ConnectionGuard>,
        pid: Pid,
        outgoing: OutboxReceiver<Outgoing>,
        ending: Arc<Mutex<SocketClose>>,
    ) -> Self {
        Self { shared, _connection: connection, pid, outgoing, ending }
    }

    pub(super) async fn run(mut self, upgrade: OnUpgrade) {
        let shared = self.shared.clone();
        let closed = tokio::select! {
            biased;
            () = reached(&shared.phase, Phase::Cutting) => None,
            closed = self.serve(upgrade) => closed,
        };
        self.outgoing.close();
        if self.outgoing.is_abandoned() {
            return;
        }
        let event = Payload::local(SocketEvent::Closed(closed));
        // Only a name can be unknown.
        let _ = self.shared.node.send(self.pid, event);
        self.shared.ends_in_time(self.pid, self.outgoing.abandoned()).await;
    }

    /// From the upgrade to the end of the connection; what the process is told about the end.
    async fn serve(&mut self, upgrade: OnUpgrade) -> Option<SocketClose> {
        let upgraded = upgrade.await.ok()?;
        let limit = usize::try_from(self.shared.limits.websocket_message_bytes).unwrap_or(usize::MAX);
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(BUFFER_BYTES)
            .max_message_size(Some(limit))
            .max_frame_size(Some(limit));
        let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
        let (mut sink, mut stream) = socket.split();
        let peer = Peer::default();
        let end = {
            let reading = read(&self.shared, self.pid, &mut stream, &peer);
            let writing = write(&self.shared, &mut self.outgoing, &self.ending, &mut sink, &peer);
            tokio::pin!(reading, writing);
            tokio::select! {
                biased;
                end = &mut reading => end,
                end = &mut writing => match end {
                    WriteEnd::Cut => ReadEnd::Cut,
                    WriteEnd::Closed => tokio::select! {
                        biased;
                        end = &mut reading => end,
                        () = self.shared.sleep(CLOSE_TIME) => ReadEnd::Cut,
                    }
                },
            }
        };
        let told = match end {
            ReadEnd::Cut => return None,
            ReadEnd::Closed(close) => {
                // Reading on sends the answer to the close frame.
                let answered = async { while let Some(Ok(_)) = stream.next().await {} };
                self.within(CLOSE_TIME, answered).await;
                return Some(close);
            }
            ReadEnd::Broken(close) => close,
        };
        let socket = sink.reunite(stream).ok();
        self.within(CLOSE_TIME, say_why(socket, &told)).await;
        Some(told)
    }

    async fn within(&self, time: Duration, work: impl Future<Output = ()>) {
        tokio::select! {
            biased;
            () = work => {}
            () = self.shared.sleep(time) => {}
        }
    }
}

/// Hands messages to the process.
async fn read(shared: &Shared, pid: Pid, stream: &mut Stream, peer: &Peer) -> ReadEnd {
    let credits = Arc::new(Semaphore::new(RECEIVED_MAX));
    loop {
        let Some(message) = stream.next().await else { return ReadEnd::Cut };
        peer.silent.store(false, Ordering::Relaxed);
        let frame = match message {
            Ok(Message::Text(text)) => SocketFrame::Text(text.as_str().to_owned()),
            Ok(Message::Binary(bytes)) => SocketFrame::Binary(bytes),
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => continue,
            Ok(Message::Close(frame)) => return ReadEnd::Closed(SocketClose::from_frame(frame)),
            Err(error) => {
                return SocketClose::of_error(&error).map_or(ReadEnd::Cut, ReadEnd::Broken);
            }
        };
        peer.unheard.store(true, Ordering::Relaxed);
        let Ok(credit) = credits.clone().acquire_owned().await else { return ReadEnd::Cut };
        peer.unheard.store(false, Ordering::Relaxed);
        let received = Received { frame, _credit: credit };
        let _ = shared.node.send(pid, Payload::local(SocketEvent::Received(received)));
    }
}

/// Writes what the process sends, asks from time to time whether the other side is there, and says goodbye.
async fn write(
    shared: &Shared,
    outgoing: &mut OutboxReceiver<Outgoing>,
    ending: &Mutex<SocketClose>,
    sink: &mut Sink,
    peer: &Peer,
) -> WriteEnd {
    let mut ping_at = shared.sleep(PING_EVERY);
    let written = loop {
        let close = tokio::select! {
            biased;
            () = reached(&shared.phase, Phase::Draining) => SocketClose::going_away(),
            item = outgoing.recv() => {
                let mut next = item;
                let close = loop {
                    match next.as_ref().map(|item| &item.content) {
                        Some(Outgoing::Close(close)) => break Some(close.clone()),
                        Some(Outgoing::Frame(frame)) => {
                            if let Err(error) = sink.feed(message(frame)).await {
                                return cut(&error);
                            }
                        }
                        None => break Some(ending.lock().clone()),
                    }
                    next = outgoing.try_recv();
                    if next.is_none() {
                        break None;
                    }
                };
                match close {
                    Some(close) => close,
                    None => match sink.flush().await {
                        Ok(()) => continue,
                        Err(error) => return cut(&error),
                    },
                }
            }
            () = ping_at.as_mut() => {
                ping_at = shared.sleep(PING_EVERY);
                if peer.silent.swap(true, Ordering::Relaxed) && !peer.unheard.load(Ordering::Relaxed) {
                    return WriteEnd::Cut;
                }
                match sink.send(Message::Ping(bytes::Bytes::new())).await {
                    Ok(()) => continue,
                    Err(error) => return cut(&error),
                }
            }
        };
        break sink.send(Message::Close(Some(close.to_frame()))).await;
    };
    match written {
        Ok(()) => WriteEnd::Closed,
        Err(error) => cut(&error),
    }
}

fn message(frame: &SocketFrame) -> Message {
    match frame {
        SocketFrame::Text(text) => Message::text(text.as_str()),
        SocketFrame::Binary(bytes) => Message::binary(bytes.clone()),
    }
}

fn cut(error: &Error) -> WriteEnd {
    match error {
        // The other side closed first: reading says how.
        Error::ConnectionClosed | Error::AlreadyClosed | Error::Protocol(_) => WriteEnd::Closed,
        _ => WriteEnd::Cut,
    }
}

/// Tells the other side how it broke the protocol, and takes what it still sends, so that the answer is not lost with
/// a reset of the connection.
async fn say_why(socket: Option<Socket>, why: &SocketClose) {
    let Some(mut socket) = socket else { return };
    if socket.send(Message::Close(Some(why.to_frame()))).await.is_err() {
        return;
    }
    let stream = socket.get_mut();
    let mut buffer = [0; 1024];
    let mut left = LEFTOVER_BYTES_MAX;
    while left > 0 {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(len) => left = left.saturating_sub(len),
        }
    }
}
