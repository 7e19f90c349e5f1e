//! WebSockets over the simulated network, by tungstenite's client. The bytes with which it masks its frames are its
//! own; only how many there are reaches the event log.

use super::http::Server;
use super::wait::within;
use futures_util::{SinkExt, StreamExt};
use rusm_core::seam::{ByteStream, Seams};
use std::time::Duration;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// The close code of a connection that was cut. Source: RFC 6455, section 7.4.1.
pub(super) const CUT: u16 = 1006;

/// The close code of a close frame without one.
const NO_CODE: u16 = 1005;

/// How long a client waits for the network to take a frame, and for the other side to close.
const PATIENCE: Duration = Duration::from_secs(30);

/// One open WebSocket of a client.
#[expect(unreachable_pub, reason = "the generated bindings export it")]
pub struct Websocket {
    seams: Seams,
    stream: WebSocketStream<Box<dyn ByteStream>>,
    /// Why it is not open any more.
    closed: Option<u16>,
}

/// What came.
pub(super) enum Received {
    Text(String),
    Binary(Vec<u8>),
    Timeout,
    Closed(u16),
}

impl Websocket {
    /// # Errors
    /// Why it was not opened.
    pub(super) async fn connect(seams: Seams, server: &Server, path: &str, timeout: Duration) -> Result<Self, String> {
        let uri = format!("ws://{}{path}", server.authority);
        let opening = async {
            let stream = seams.sockets.connect(server.address).await.map_err(|error| error.to_string())?;
            let opened = tokio_tungstenite::client_async(uri, stream).await;
            opened.map(|(stream, _)| stream).map_err(|error| error.to_string())
        };
        let opened = within(&seams, timeout, opening).await;
        let stream = opened.unwrap_or_else(|| Err(format!("not open within {timeout:?}")))?;
        Ok(Self { seams, stream, closed: None })
    }

    /// # Errors
    /// The code with which it is closed.
    pub(super) async fn send(&mut self, message: Message) -> Result<(), u16> {
        if let Some(code) = self.closed {
            return Err(code);
        }
        let sent = within(&self.seams, PATIENCE, self.stream.send(message)).await;
        match sent {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) | None => {
                self.closed = Some(CUT);
                Err(CUT)
            }
        }
    }

    pub(super) async fn receive(&mut self, timeout: Duration) -> Received {
        if let Some(code) = self.closed {
            return Received::Closed(code);
        }
        let stream = &mut self.stream;
        let received = within(&self.seams, timeout, async {
            loop {
                match stream.next().await {
                    Some(Ok(Message::Text(text))) => return Received::Text(text.to_string()),
                    Some(Ok(Message::Binary(bytes))) => return Received::Binary(bytes.to_vec()),
                    Some(Ok(Message::Close(frame))) => {
                        return Received::Closed(frame.map_or(NO_CODE, |frame| frame.code.into()));
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                    Some(Err(_)) | None => return Received::Closed(CUT),
                }
            }
        });
        let received = received.await.unwrap_or(Received::Timeout);
        if let Received::Closed(code) = received {
            self.closed = Some(code);
            // Tungstenite answers a close frame when it is next asked to send something.
            let _ = within(&self.seams, PATIENCE, self.stream.flush()).await;
        }
        received
    }

    /// Closes in an orderly way: sends the close frame and waits for the other side's.
    pub(super) async fn close(&mut self) {
        let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        if self.closed.is_some() || self.send(Message::Close(Some(frame))).await.is_err() {
            return;
        }
        let stream = &mut self.stream;
        let drained = async { while let Some(Ok(_)) = stream.next().await {} };
        // A server that does not answer is left alone after a while.
        let _ = within(&self.seams, PATIENCE, drained).await;
        self.closed = Some(CloseCode::Normal.into());
    }
}
