use crate::mark::Mark;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use rusm_core::{ExitReason, Node, Pid};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::Notify;

/// Why a body broke off.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a request as its process gets it: at most `body-bytes`.
pub struct RequestBody {
    inner: UnsyncBoxBody<Bytes, BodyError>,
    left: u64,
    overflow: Arc<Notify>,
}

/// The client sent more than `body-bytes`.
#[derive(Debug, thiserror::Error)]
#[error("the request's body is too large")]
pub struct BodyTooLarge;

impl RequestBody {
    /// `overflow` hears when there is more than the limit.
    pub(super) fn new<B>(body: B, limit: u64, overflow: Arc<Notify>) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        Self { inner: body.map_err(Into::into).boxed_unsync(), left: limit, overflow }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let frame = std::task::ready!(Pin::new(&mut this.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            match this.left.checked_sub(data.len() as u64) {
                Some(left) => this.left = left,
                None => {
                    this.overflow.notify_one();
                    return Poll::Ready(Some(Err(Box::new(BodyTooLarge))));
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The body of an answer.
pub struct ResponseBody {
    inner: UnsyncBoxBody<Bytes, BodyError>,
    /// Killed when this is dropped before its end.
    process: Option<KillOnDrop>,
    /// Bytes that the head announced and that have not been handed on.
    left: Option<u64>,
    /// How it broke off: said at the next poll, so that what came before is written first.
    broken: Option<BodyError>,
}

impl ResponseBody {
    /// A body that a process makes. One that ends with an error cuts the connection: a client never takes half an
    /// answer for a whole one.
    pub fn new<B>(body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        Self { inner: body.map_err(Into::into).boxed_unsync(), process: None, left: None, broken: None }
    }

    /// A line of text.
    pub(super) fn text(line: &str) -> Self {
        Self::new(Full::new(Bytes::from(format!("{line}\n"))))
    }

    /// No bytes.
    pub fn empty() -> Self {
        Self::new(Full::new(Bytes::new()))
    }

    /// Ties the process to its answer: when the client goes before the end, the process ends.
    pub(super) fn tie(mut self, process: KillOnDrop, left: Option<u64>) -> Self {
        self.left = left;
        if !self.inner.is_end_stream() && left != Some(0) {
            self.process = Some(process);
        } else {
            process.disarm();
        }
        self
    }

    fn ended(&mut self) {
        if let Some(process) = self.process.take() {
            process.disarm();
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if let Some(error) = this.broken.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let frame = std::task::ready!(Pin::new(&mut this.inner).poll_frame(cx));
        match &frame {
            None => this.ended(),
            Some(Ok(frame)) => {
                let len = frame.data_ref().map_or(0, |data| data.len() as u64);
                this.left = this.left.map(|left| left.saturating_sub(len));
                if this.left == Some(0) || this.inner.is_end_stream() {
                    this.ended();
                }
            }
            Some(Err(_)) => {
                this.broken = frame.and_then(Result::err);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.broken.is_none() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Kills a process when it is dropped: whoever it worked for is gone.
pub(super) struct KillOnDrop {
    node: Node,
    pid: Option<Pid>,
}

impl KillOnDrop {
    pub(super) fn new(node: Node, pid: Pid) -> Self {
        Self { node, pid: Some(pid) }
    }

    /// The process may go on.
    pub(super) fn disarm(mut self) {
        self.pid = None;
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        if let Some(pid) = self.pid {
            Mark::ClientGone.reached(&self.node);
            self.node.exit_signal(pid, ExitReason::KILL);
        }
    }
}
