//! Server-sent events over the simulated network. Source: the HTML standard, section "Server-sent events".

use super::http::{Request, Server, send};
use super::wait::within;
use super::websocket::CUT;
use futures_util::future::{Either, select};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use rusm_core::BoxFuture;
use rusm_core::seam::Seams;
use std::time::Duration;

/// What an orderly end of the stream counts as.
const ENDED: u16 = 1000;

/// One open stream of a client.
#[expect(unreachable_pub, reason = "the generated bindings export it")]
pub struct EventStream {
    seams: Seams,
    connection: BoxFuture<()>,
    body: Incoming,
    buffer: Vec<u8>,
    closed: Option<u16>,
}

/// What came.
pub(super) enum Event {
    Named(String, String),
    Timeout,
    Closed(u16),
}

impl EventStream {
    /// # Errors
    /// Why it was not opened.
    pub(super) async fn connect(seams: Seams, server: &Server, path: &str, timeout: Duration) -> Result<Self, String> {
        let headers = vec![("accept".to_owned(), "text/event-stream".to_owned())];
        let request = Request { method: "GET".to_owned(), path: path.to_owned(), headers, body: Vec::new() };
        let opened = within(&seams, timeout, send(&seams, server, request)).await;
        let (connection, response) = opened.unwrap_or_else(|| Err(format!("no answer within {timeout:?}")))?;
        let content_type = response.headers().get(http::header::CONTENT_TYPE).map(http::HeaderValue::as_bytes);
        if !(response.status() == 200 && content_type.is_some_and(|ty| ty.starts_with(b"text/event-stream"))) {
            return Err(format!("status {}, which is no event stream", response.status()));
        }
        Ok(Self { seams, connection, body: response.into_body(), buffer: Vec::new(), closed: None })
    }

    pub(super) async fn receive(&mut self, timeout: Duration) -> Event {
        let seams = self.seams.clone();
        within(&seams, timeout, self.next()).await.unwrap_or(Event::Timeout)
    }

    /// Nothing is lost when it is dropped before it is done.
    async fn next(&mut self) -> Event {
        loop {
            if let Some((name, data)) = take_event(&mut self.buffer) {
                return Event::Named(name, data);
            }
            if let Some(code) = self.closed {
                return Event::Closed(code);
            }
            let frame = match select(self.body.frame(), &mut self.connection).await {
                Either::Left((frame, _)) => frame,
                Either::Right(((), frame)) => {
                    let frame = frame.await;
                    self.connection = Box::pin(std::future::pending());
                    frame
                }
            };
            match frame {
                Some(Ok(frame)) => self.buffer.extend_from_slice(frame.data_ref().map_or(&[], |bytes| bytes)),
                Some(Err(_)) => self.closed = Some(CUT),
                None => self.closed = Some(ENDED),
            }
        }
    }
}

/// Takes the first whole event out of the buffer: its name and its data. What has no data is no event.
fn take_event(buffer: &mut Vec<u8>) -> Option<(String, String)> {
    loop {
        let end = buffer.windows(2).position(|pair| pair == b"\n\n")?;
        let event: Vec<u8> = buffer.drain(..end + 2).collect();
        let event = String::from_utf8_lossy(&event).into_owned();
        let mut name = "message".to_owned();
        let mut data: Vec<&str> = Vec::new();
        for line in event.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => name = value.to_owned(),
                "data" => data.push(value),
                _ => {}
            }
        }
        if !data.is_empty() {
            return Some((name, data.join("\n")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_taken_one_by_one() {
        let mut buffer = b": hello\n\nevent: stats\ndata: {\ndata: }\nid: 7\n\ndata:x\n\ndata: not yet\n".to_vec();
        assert_eq!(take_event(&mut buffer), Some(("stats".to_owned(), "{\n}".to_owned())));
        assert_eq!(take_event(&mut buffer), Some(("message".to_owned(), "x".to_owned())));
        assert_eq!(take_event(&mut buffer), None);
        assert_eq!(buffer, b"data: not yet\n");
    }
}
