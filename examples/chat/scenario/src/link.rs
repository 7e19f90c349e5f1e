//! One client's connection, as the page keeps it: it comes back after a cut, and says what it has seen.

use chat_protocol::{ClientFrame, ServerFrame};
use rusm_sdk::scenario::{Frame, ReceiveError, Websocket, broken, sleep_ms, sometimes};

const CONNECT_MS: u32 = 2_000;
const RETRY_MS: u64 = 200;

/// What came in.
pub(crate) enum Incoming {
    Frame(ServerFrame),
    Nothing,
    /// The connection has ended.
    Lost,
    /// The connection is new: whatever was unacknowledged must be sent again.
    Opened,
}

pub(crate) struct Link {
    path: String,
    socket: Option<Websocket>,
    opened_before: bool,
}

impl Link {
    pub(crate) fn new(room: &str, name: &str) -> Self {
        Self { path: format!("/ws/{room}?name={name}"), socket: None, opened_before: false }
    }

    /// The next frame, at most after `timeout_ms`; connects first when there is no connection.
    pub(crate) fn receive(&mut self, after: u64, timeout_ms: u32) -> Incoming {
        let Some(socket) = &self.socket else { return self.connect(after) };
        match socket.receive(timeout_ms) {
            Ok(Frame::Text(text)) => match serde_json::from_str(&text) {
                Ok(frame) => Incoming::Frame(frame),
                Err(error) => {
                    broken("frames-are-readable", &format!("{error}: {text}"));
                    Incoming::Nothing
                }
            },
            Ok(Frame::Binary(_)) => {
                broken("frames-are-readable", "a binary frame");
                Incoming::Nothing
            }
            Err(ReceiveError::Timeout) => Incoming::Nothing,
            Err(ReceiveError::Closed(code)) => {
                sometimes(if code == 1006 { "a connection was cut" } else { "a connection was closed by the node" });
                self.socket = None;
                Incoming::Lost
            }
        }
    }

    /// Sends a frame; without a connection, or when it breaks, the frame is lost.
    pub(crate) fn send(&mut self, frame: &ClientFrame) {
        let text = serde_json::to_string(frame).expect("a frame has a JSON form");
        if let Some(socket) = &self.socket
            && socket.send(&Frame::Text(text)).is_err()
        {
            self.socket = None;
        }
    }

    /// Leaves without a word, or with an orderly close.
    pub(crate) fn leave(&mut self, orderly: bool) {
        if let Some(socket) = self.socket.take()
            && orderly
        {
            socket.close();
        }
    }

    fn connect(&mut self, after: u64) -> Incoming {
        match Websocket::connect(&format!("{}&after={after}", self.path), CONNECT_MS) {
            Ok(socket) => {
                self.socket = Some(socket);
                if self.opened_before {
                    sometimes("a client came back");
                }
                self.opened_before = true;
                Incoming::Opened
            }
            Err(_) => {
                sleep_ms(RETRY_MS);
                Incoming::Nothing
            }
        }
    }
}
