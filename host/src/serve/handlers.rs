use super::body::{RequestBody, ResponseBody};
use super::event_stream::EventStream;
use super::websocket::WebSocket;
use http::StatusCode;
use rusm_core::{ExitReason, ProcessBody};
use std::net::SocketAddr;
use tokio::sync::oneshot;

/// Makes the processes that serve: one for each request, WebSocket or event stream. Nothing runs before the server
/// spawns the body.
///
/// The components of an app are one implementation; a native one serves without WebAssembly.
pub trait Handlers: Send + Sync + 'static {
    /// A process that answers one request.
    ///
    /// # Errors
    /// Why no process can be started; the client gets 503.
    fn http(&self, component: &str, exchange: Exchange) -> Result<ProcessBody, ExitReason>;

    /// A process that serves one WebSocket. Frames arrive as [`SocketEvent`](super::SocketEvent)s in its mailbox.
    ///
    /// # Errors
    /// As [`http`](Self::http).
    fn websocket(&self, component: &str, opening: Opening<WebSocket>) -> Result<ProcessBody, ExitReason>;

    /// A process that serves one listener of server-sent events.
    ///
    /// # Errors
    /// As [`http`](Self::http).
    fn events(&self, component: &str, opening: Opening<EventStream>) -> Result<ProcessBody, ExitReason>;
}

/// One request, and the way back. Dropping it without an answer gives the client 500.
pub struct Exchange {
    /// The request. Its URI is as the client sent it.
    pub request: http::Request<RequestBody>,
    /// Address of the client.
    pub peer: SocketAddr,
    pub(super) response: oneshot::Sender<http::Response<ResponseBody>>,
}

impl Exchange {
    /// The request, the client's address, and the way back.
    pub fn into_parts(self) -> (http::Request<RequestBody>, SocketAddr, Responder) {
        (self.request, self.peer, Responder(self.response))
    }
}

/// The way back to a client.
pub struct Responder(oneshot::Sender<http::Response<ResponseBody>>);

impl Responder {
    /// Sends the head; the body is then taken as the client takes it.
    pub fn respond(self, response: http::Response<ResponseBody>) {
        // A client that has gone hears nothing; its process is told by a signal.
        let _ = self.0.send(response);
    }
}

/// The HTTP request that opened a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpeningRequest {
    /// The path, without the query, percent-encoding kept.
    pub path: String,
    /// What follows `?`, without it.
    pub query: String,
    /// What the route's placeholders matched, percent-decoded.
    pub parameters: Vec<(String, String)>,
    /// Names in lower case. Values that are not UTF-8 are left out.
    pub headers: Vec<(String, String)>,
    /// Address of the other side.
    pub peer: String,
}

/// A connection that waits to be accepted by its process. Dropping it gives the client 500.
pub struct Opening<T> {
    pub(super) request: OpeningRequest,
    pub(super) decision: oneshot::Sender<Result<(), StatusCode>>,
    pub(super) connection: T,
}

impl<T> Opening<T> {
    /// The request.
    pub fn request(&self) -> &OpeningRequest {
        &self.request
    }

    /// Accepts the connection: the client is answered, and this is how to reach it.
    pub fn accept(self) -> T {
        // When the client has gone meanwhile the connection says so.
        let _ = self.decision.send(Ok(()));
        self.connection
    }

    /// The same in two steps, for whoever needs the connection before it can decide.
    pub fn into_parts(self) -> (OpeningRequest, Decision, T) {
        (self.request, Decision(self.decision), self.connection)
    }

    /// Refuses with a status of 400 to 599; others become 500.
    pub fn refuse(self, status: u16) {
        Decision(self.decision).refuse(status);
    }
}

/// Whether an [`Opening`] is accepted. Dropping it gives the client 500.
pub struct Decision(oneshot::Sender<Result<(), StatusCode>>);

impl Decision {
    /// The client is answered.
    pub fn accept(self) {
        let _ = self.0.send(Ok(()));
    }

    /// Refuses with a status of 400 to 599; others become 500.
    pub fn refuse(self, status: u16) {
        let status = StatusCode::from_u16(status).ok().filter(|s| s.is_client_error() || s.is_server_error());
        let _ = self.0.send(Err(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)));
    }
}
