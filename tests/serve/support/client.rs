use super::within;
use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

pub(crate) type WebSocketClient = WebSocketStream<TcpStream>;

/// What a request was answered with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
}

/// One request through hyper's client. An error means that the answer broke off.
pub(crate) async fn request(
    stream: TcpStream,
    method: &str,
    path: &str,
    body: impl Into<Bytes>,
) -> Result<Answer, hyper::Error> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = hyper::Request::builder().method(method).uri(path).header("host", "node");
    let request = request.header("content-type", "application/json");
    let request = request.body(Full::new(body.into())).expect("a request");
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await?.to_bytes();
    Ok(Answer { status, text: String::from_utf8_lossy(&body).into_owned() })
}

/// The next message that is no ping, for people.
pub(crate) async fn next(socket: &mut WebSocketClient) -> String {
    loop {
        return match within(socket.next()).await {
            Some(Ok(Message::Ping(_))) => continue,
            Some(Ok(Message::Text(text))) => text.as_str().to_owned(),
            Some(Ok(Message::Binary(bytes))) => format!("{} bytes", bytes.len()),
            Some(Ok(Message::Close(Some(frame)))) => format!("close {} {}", u16::from(frame.code), frame.reason),
            Some(Ok(other)) => format!("{other:?}"),
            Some(Err(_)) | None => "cut".to_owned(),
        };
    }
}

/// Sends bytes as they are, and reads until the other side closes.
pub(crate) async fn send_raw(mut stream: TcpStream, bytes: impl AsRef<[u8]>) -> String {
    // A node that refuses early may close before it has taken everything.
    let _ = stream.write_all(bytes.as_ref()).await;
    read_to_end(&mut stream).await
}

/// What comes until the other side closes, or cuts the connection.
pub(crate) async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = within(stream.read_to_end(&mut bytes)).await;
    String::from_utf8_lossy(&bytes).into_owned()
}
