//! HTTP over the simulated network, by hyper's client.

use super::wait::within;
use bytes::Bytes;
use futures_util::future::{Either, select};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rusm_core::BoxFuture;
use rusm_core::seam::Seams;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

/// Bytes of a body that a client takes.
const BODY_LEN_MAX: usize = 16 << 20;

/// Where an app is, and how a client calls it.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) authority: String,
}

/// What a client asks for.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// What it gets.
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// One request on a connection of its own.
///
/// # Errors
/// Why there is no answer: whether the app saw the request is unknown.
pub(super) async fn request(
    seams: &Seams,
    server: &Server,
    request: Request,
    timeout: Duration,
) -> Result<Response, String> {
    let exchange = async {
        let (connection, response) = send(seams, server, request).await?;
        let answer = pin!(async {
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, BODY_LEN_MAX).collect().await.map_err(|error| error.to_string())?;
            let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
            let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
            Ok(Response { status: parts.status.as_u16(), headers, body: body.to_bytes().to_vec() })
        });
        match select(answer, connection).await {
            Either::Left((response, _)) => response,
            // The connection may end before the body that it has read is taken.
            Either::Right(((), answer)) => answer.await,
        }
    };
    within(seams, timeout, exchange).await.unwrap_or_else(|| Err(format!("no answer within {timeout:?}")))
}

/// Sends a request and waits for the head of the answer. The future must be polled for the body to come.
///
/// # Errors
/// Why there is no answer.
pub(super) async fn send(
    seams: &Seams,
    server: &Server,
    request: Request,
) -> Result<(BoxFuture<()>, http::Response<Incoming>), String> {
    let head = http::Request::builder().method(request.method.as_str()).uri(&request.path);
    let head = head.header(http::header::HOST, &server.authority);
    let head = request.headers.iter().fold(head, |head, (name, value)| head.header(name, value));
    let message = head.body(Full::new(Bytes::from(request.body))).map_err(|error| error.to_string())?;

    let stream = seams.sockets.connect(server.address).await.map_err(|error| error.to_string())?;
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| error.to_string())?;
    let connection: BoxFuture<()> = Box::pin(async move {
        // What ends the connection is seen by whoever waits for the answer.
        let _ = connection.await;
    });
    let answer = Box::pin(async move { sender.send_request(message).await });
    match select(answer, connection).await {
        Either::Left((response, connection)) => Ok((connection, response.map_err(|error| error.to_string())?)),
        Either::Right(((), answer)) => {
            let response = answer.await.map_err(|error| error.to_string())?;
            Ok((Box::pin(std::future::ready(())), response))
        }
    }
}
