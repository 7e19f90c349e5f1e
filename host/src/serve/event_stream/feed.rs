use super::encode::HEARTBEAT;
use super::{EventStream, Outgoing};
use crate::mark::Mark;
use crate::serve::active::{Phase, reached};
use crate::serve::body::{BodyError, ResponseBody};
use crate::serve::handlers::Opening;
use crate::serve::outbox::{OutboxReceiver, outbox};
use crate::serve::refusal::Refusal;
use crate::serve::server::Shared;
use bytes::Bytes;
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use rusm_core::seam::BoxFuture;
use rusm_core::{ExitReason, Pid};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;

/// A comment is sent when there was no event for so long: proxies keep the connection, and a client that has vanished
/// is noticed.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);

/// Starts a process for a listener and answers with its stream once it is accepted.
pub(in crate::serve) async fn open(
    shared: Arc<Shared>,
    component: &str,
    request: crate::serve::OpeningRequest,
) -> Result<Response<ResponseBody>, Refusal> {
    let (events, receiver) = outbox();
    let (decision, decided) = oneshot::channel();
    let orderly = Arc::new(AtomicBool::new(false));
    let connection = EventStream { events, orderly: orderly.clone() };
    let body = shared.handlers.events(component, Opening { request, decision, connection });
    let pid = shared.spawn(component, body)?;
    let heartbeat = shared.sleep(HEARTBEAT_EVERY);
    // From here on the process ends when the client goes.
    let feed = Feed { shared: shared.clone(), pid, events: Some(receiver), orderly, heartbeat, ended: false };
    shared.decided(decided).await?;
    let mut response = Response::new(ResponseBody::new(StreamBody::new(stream::unfold(feed, Feed::next))));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Proxies that collect answers before they pass them on know this word.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

/// What one listener is sent. Dropping it means that the listener is gone, or was told all.
struct Feed {
    shared: Arc<Shared>,
    pid: Pid,
    /// Taken when this is dropped.
    events: Option<OutboxReceiver<Outgoing>>,
    orderly: Arc<AtomicBool>,
    heartbeat: BoxFuture<()>,
    ended: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("the process of an event stream crashed")]
struct Crashed;

type Next = Option<(Result<Frame<Bytes>, BodyError>, Feed)>;

impl Feed {
    async fn next(mut self) -> Next {
        if self.ended {
            return None;
        }
        let bytes = {
            let events = self.events.as_mut()?;
            tokio::select! {
                biased;
                item = events.recv() => match item.map(|item| item.content) {
                    Some(Outgoing::Event(bytes)) => Some(bytes),
                    Some(Outgoing::End) => None,
                    None if self.orderly.load(Ordering::Relaxed) => None,
                    None => {
                        self.ended = true;
                        return Some((Err(Box::new(Crashed)), self));
                    }
                },
                () = reached(&self.shared.phase, Phase::Draining) => None,
                () = self.heartbeat.as_mut() => Some(HEARTBEAT),
            }
        };
        self.heartbeat = self.shared.sleep(HEARTBEAT_EVERY);
        Some((Ok(Frame::data(bytes?)), self))
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        let Some(mut events) = self.events.take() else { return };
        events.close();
        if events.is_abandoned() {
            return;
        }
        Mark::ListenerGone.reached(&self.shared.node);
        self.shared.node.exit_signal(self.pid, ExitReason::SHUTDOWN.with_detail("the listener has gone"));
        let (shared, pid) = (self.shared.clone(), self.pid);
        self.shared.node.seams().executor.spawn(Box::pin(async move {
            shared.ends_in_time(pid, events.abandoned()).await;
        }));
    }
}
