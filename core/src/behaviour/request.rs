use crate::{CallError, Context, Destination, Message, Payload, Reference};
use std::collections::BTreeMap;
use std::time::Duration;

/// A call whose answer is taken later, or together with others in [`RequestIds`]: OTP's `gen_server:request_id()`.
///
/// Only the process that made it can take the answer. Dropped, it is forgotten and not ended: its answer arrives as a
/// message ([`Message::Reply`], or [`Message::Down`] when the called process ends).
///
/// ```
/// # use rusm_core::{Node, NodeOptions, Payload, seam::Seams};
/// use rusm_core::Message;
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// # let (done, ended) = tokio::sync::oneshot::channel();
/// # node.spawn(|context: rusm_core::Context| async move {
/// # use std::time::Duration;
/// let echo = context.spawn(|echo| async move {
///     while let Message::Call { from, payload } = echo.receive().await {
///         echo.reply(from, payload);
///     }
/// });
/// let (first, second, third) = (Payload::local(1), Payload::local(2), Payload::local(3));
/// let request = context.send_request(echo, first).unwrap();
/// // There is time for something else. One that is not answered in time still waits.
/// let answer = match request.wait_response(&context, Duration::ZERO).await {
///     Ok(answer) => answer,
///     Err(request) => request.receive_response(&context, Duration::from_secs(5)).await,
/// };
/// assert_eq!(answer.unwrap().downcast::<i32>().unwrap(), 1);
///
/// // In a loop that receives everything, as a server's `handle_info`:
/// let request = context.send_request(echo, second).unwrap();
/// let message = context.receive().await;
/// assert!(request.check_response(message).is_ok());
///
/// let request = context.send_request(echo, third).unwrap();
/// assert!(request.abandon(&context).is_none());
/// # done.send(()).unwrap();
/// # });
/// # ended.await.unwrap();
/// # });
/// ```
#[must_use = "its answer is taken with `receive_response`, or it is ended with `abandon`"]
pub struct RequestId<R> {
    call: Reference,
    /// The answer cannot lie in the mailbox before this.
    marker: u64,
    read: fn(Payload) -> Result<R, CallError>,
}

impl Context {
    /// Sends a request and does not wait for the answer. Source: OTP `gen_server:send_request/2`.
    ///
    /// # Errors
    /// As [`call`](Self::call): nothing was sent.
    pub fn send_request(
        &self,
        to: impl Into<Destination>,
        payload: impl Into<Payload>,
    ) -> Result<RequestId<Payload>, CallError> {
        RequestId::send(self, to.into(), payload.into(), Ok)
    }
}

impl<R> RequestId<R> {
    pub(super) fn send(
        context: &Context,
        to: Destination,
        payload: Payload,
        read: fn(Payload) -> Result<R, CallError>,
    ) -> Result<Self, CallError> {
        let (call, marker) = context.start_call(to, payload)?;
        Ok(Self { call, marker, read })
    }

    /// Waits for the answer. Without one in time the call is ended: a late answer never arrives.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn receive_response(self, context: &Context, timeout: Duration) -> Result<R, CallError> {
        match self.wait_response(context, timeout).await {
            Ok(answer) => answer,
            Err(late) => late.abandon(context).unwrap_or(Err(CallError::Timeout)),
        }
    }

    /// Waits for the answer for at most so long; `Err` gives the request back, which still waits. Source: OTP
    /// `gen_server:wait_response/2`.
    pub async fn wait_response(self, context: &Context, timeout: Duration) -> Result<Result<R, CallError>, Self> {
        let received = context.receive_from(self.marker, Some(timeout), |message| answers(message) == Some(self.call));
        match received.await {
            Some(message) => Ok(self.read(message)),
            None => Err(self),
        }
    }

    /// The answer, when the message is it; `Err` gives the message back. For messages that have been received already, as
    /// in `handle_info`. Source: OTP `gen_server:check_response/2`.
    pub fn check_response(&self, message: Message) -> Result<Result<R, CallError>, Message> {
        if answers(&message) == Some(self.call) { Ok(self.read(message)) } else { Err(message) }
    }

    /// Ends the call: no answer arrives from now on. One that lies in the mailbox is returned.
    pub fn abandon(self, context: &Context) -> Option<Result<R, CallError>> {
        context.end_call(self.call).map(|message| self.read(message))
    }

    fn read(&self, message: Message) -> Result<R, CallError> {
        match message {
            Message::Reply { payload, .. } => (self.read)(payload),
            Message::Down { reason, .. } => Err(CallError::Down(reason)),
            other => unreachable!("no answer: {other:?}"),
        }
    }
}

/// Which call a message answers, if any.
fn answers(message: &Message) -> Option<Reference> {
    match message {
        Message::Reply { reference, .. } => Some(*reference),
        Message::Down { monitor, .. } => Some(*monitor),
        Message::Plain(_) | Message::Call { .. } | Message::Exit { .. } => None,
    }
}

/// Requests under way, each with a label that says what it was for: OTP's `gen_server:request_id_collection()`. The answers
/// are taken in the order in which they arrive.
///
/// ```
/// # use rusm_core::{CallFrom, Called, Context, ExitReason, Init, Next, Node, NodeOptions, Server, ServerRef};
/// # use rusm_core::{SpawnOptions, Started, seam::Seams};
/// use rusm_core::{RequestIds, Response};
/// # struct Squares;
/// # impl Server for Squares {
/// #     type Args = (); type Call = u64; type Reply = u64; type Cast = (); type Continue = ();
/// #     async fn init(_: &Context, (): ()) -> Init<Self> { Init::Up(Squares, Next::Receive) }
/// #     async fn handle_call(&mut self, _: &Context, n: u64, _: CallFrom<u64>) -> Called<Self> {
/// #         Called::Reply(n * n, Next::Receive)
/// #     }
/// # }
/// # const SECOND: std::time::Duration = std::time::Duration::from_secs(1);
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// # let Started::Up(pid) = node.start_process(SpawnOptions::default(), Squares::body(())).await else { panic!() };
/// # let ended = node.spawn(move |context| async move {
/// # let squares = ServerRef::<Squares>::from(pid);
/// let mut requests = RequestIds::new();
/// for n in [2, 3] {
///     requests.add(squares.send_request(&context, n).unwrap(), n);
/// }
/// while let Response::Answer(square, n) = requests.receive_response(&context, SECOND).await {
///     assert_eq!(square, Ok(n * n));
/// }
/// assert!(requests.is_empty());
/// # });
/// # assert_eq!(node.await_exit(ended).await, ExitReason::NORMAL);
/// # });
/// ```
pub struct RequestIds<R, L> {
    requests: BTreeMap<Reference, (RequestId<R>, L)>,
}

/// What came of waiting for any answer of [`RequestIds`].
#[derive(Debug, PartialEq, Eq)]
pub enum Response<R, L> {
    /// The answer to the request of that label, which is in the collection no more.
    Answer(Result<R, CallError>, L),
    /// None in time.
    Timeout,
    /// There is no request to wait for.
    NoRequest,
}

impl<R, L> Default for RequestIds<R, L> {
    fn default() -> Self {
        Self { requests: BTreeMap::new() }
    }
}

impl<R, L> RequestIds<R, L> {
    /// No requests.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a request.
    pub fn add(&mut self, request: RequestId<R>, label: L) {
        self.requests.insert(request.call, (request, label));
    }

    /// How many answers are awaited. Source: OTP `gen_server:reqids_size/1`.
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether no answer is awaited.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Waits for any answer. Without one in time all the calls are ended.
    pub async fn receive_response(&mut self, context: &Context, timeout: Duration) -> Response<R, L> {
        let response = self.wait_response(context, timeout).await;
        if let Response::Timeout = response {
            self.abandon(context);
        }
        response
    }

    /// Waits for any answer for at most so long; without one all the requests still wait.
    pub async fn wait_response(&mut self, context: &Context, timeout: Duration) -> Response<R, L> {
        let Some(marker) = self.requests.values().map(|(request, _)| request.marker).min() else {
            return Response::NoRequest;
        };
        let is_answer = |message: &Message| answers(message).is_some_and(|call| self.requests.contains_key(&call));
        match context.receive_from(marker, Some(timeout), is_answer).await {
            None => Response::Timeout,
            Some(message) => match self.check_response(message) {
                Ok((answer, label)) => Response::Answer(answer, label),
                Err(message) => unreachable!("an answer was asked for, not {message:?}"),
            },
        }
    }

    /// The answer, when the message is one to any of these requests, which is in the collection no more then; `Err` gives
    /// the message back.
    pub fn check_response(&mut self, message: Message) -> Result<(Result<R, CallError>, L), Message> {
        match answers(&message).and_then(|call| self.requests.remove(&call)) {
            Some((request, label)) => Ok((request.read(message), label)),
            None => Err(message),
        }
    }

    /// Ends all the calls: no answer arrives from now on. The collection is empty then.
    pub fn abandon(&mut self, context: &Context) {
        for (request, _) in std::mem::take(&mut self.requests).into_values() {
            request.abandon(context);
        }
    }
}
