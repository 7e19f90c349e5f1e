use super::{Cast, RequestId, RequestIds, Response, Stop, Timed};
use crate::registry::Badarg;
use crate::{CallError, Calls, Context, Destination, ExitReason, Payload, Pid, Timestamp};
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

/// A behaviour's process, by pid or local name, as its clients see it: what it can be asked, what it answers and what it
/// can be told. Used as [`ServerRef`](crate::ServerRef) and [`StateMachineRef`](crate::StateMachineRef).
///
/// ```
/// # use rusm_core::{CallError, CallFrom, Called, Context, ExitReason, Init, Next, Node, NodeOptions, SpawnOptions, StopError, seam::Seams};
/// use rusm_core::{Server, ServerRef, Started};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// # let (done, ended) = tokio::sync::oneshot::channel();
/// # node.spawn(|context: rusm_core::Context| async move {
/// # use std::time::Duration;
/// # struct Double;
/// # impl Server for Double {
/// #     type Args = (); type Call = u64; type Reply = u64; type Cast = (); type Continue = ();
/// #     async fn init(_: &Context, (): ()) -> Init<Self> { Init::Up(Double, Next::Receive) }
/// #     async fn handle_call(&mut self, _: &Context, n: u64, from: CallFrom<u64>) -> Called<Self> {
/// #         assert_eq!(from.caller().reference.node, from.caller().pid.node);
/// #         Called::Reply(2 * n, Next::Receive)
/// #     }
/// # }
/// const SECOND: Duration = Duration::from_secs(1);
/// let mut doubles = Vec::new();
/// for _ in 0..2 {
///     let Started::Up(pid) = Double::start_link(&context, SpawnOptions::default(), ()).await else { panic!("not up") };
///     doubles.push(ServerRef::<Double>::from(pid));
/// }
/// assert_eq!(doubles[0].call(&context, 21, SECOND).await, Ok(42));
/// // The same with a deadline that travels on to whomever the other calls for this.
/// assert_eq!(doubles[0].call_until(&context, 21, context.now() + SECOND).await, Ok(42));
///
/// let nobody = ServerRef::<Double>::from("nobody");
/// assert!(matches!(nobody.call(&context, 21, SECOND).await, Err(CallError::Badarg(_))));
/// doubles.push(nobody);
/// let (answered, silent) = ServerRef::<Double>::multi_call(&context, &doubles, 4, SECOND).await;
/// assert_eq!(answered.iter().map(|(_, answer)| *answer).collect::<Vec<_>>(), [8, 8]);
/// assert_eq!(silent[0].destination(), &"nobody".into());
///
/// doubles[0].stop(&context, ExitReason::NORMAL, SECOND).await.unwrap();
/// let again = doubles[0].stop(&context, ExitReason::NORMAL, SECOND).await;
/// assert_eq!(again, Err(StopError::Call(CallError::Down(ExitReason::NOPROC))));
/// # done.send(()).unwrap();
/// # });
/// # ended.await.unwrap();
/// # });
/// ```
pub struct BehaviourRef<Call, Reply, Cast> {
    to: Destination,
    types: PhantomData<fn(Call, Cast) -> Reply>,
}

impl<Call, Reply, Cast> Clone for BehaviourRef<Call, Reply, Cast> {
    fn clone(&self) -> Self {
        Self { to: self.to.clone(), types: PhantomData }
    }
}

impl<Call, Reply, Cast> fmt::Debug for BehaviourRef<Call, Reply, Cast> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to.fmt(f)
    }
}

impl<Call, Reply, Cast> From<Destination> for BehaviourRef<Call, Reply, Cast> {
    fn from(to: Destination) -> Self {
        Self { to, types: PhantomData }
    }
}

impl<Call, Reply, Cast> From<Pid> for BehaviourRef<Call, Reply, Cast> {
    fn from(pid: Pid) -> Self {
        Destination::from(pid).into()
    }
}

impl<Call, Reply, Cast> From<&str> for BehaviourRef<Call, Reply, Cast> {
    fn from(name: &str) -> Self {
        Destination::from(name).into()
    }
}

/// Why a process was not stopped as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StopError {
    /// There is no such process, or it did not end in time: it goes on with its stop.
    #[error(transparent)]
    Call(CallError),
    /// It ended with another reason.
    #[error("it ended with {0}")]
    Ended(ExitReason),
}

impl<Request, Reply, Told> BehaviourRef<Request, Reply, Told>
where
    Request: Send + 'static,
    Reply: Send + 'static,
    Told: Send + 'static,
{
    /// Where it is.
    pub fn destination(&self) -> &Destination {
        &self.to
    }

    /// Asks and waits for the answer; [`Duration::MAX`] waits for as long as it takes. OTP's default is five seconds. In a
    /// callback that serves a [`call_until`](Self::call_until) it is one itself, with the same deadline.
    ///
    /// # Errors
    /// See [`CallError`]. A process of another type does not answer, and the call ends with its timeout.
    pub async fn call(&self, caller: &impl Calls, request: Request, timeout: Duration) -> Result<Reply, CallError> {
        let request = timed(Payload::local(request), caller.own_deadline());
        typed(caller.call_process(self.to.clone(), request, timeout).await?)
    }

    /// Asks and waits for the answer until a deadline that travels on: calls which the other makes for this one end by then
    /// too, and what is not begun by then is dropped unseen, as nobody waits for it any more. A deadline that this
    /// process serves itself and that is earlier takes its place.
    /// Divergence: OTP has no such call.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn call_until(
        &self,
        caller: &impl Calls,
        request: Request,
        deadline: Timestamp,
    ) -> Result<Reply, CallError> {
        let deadline = caller.own_deadline().map_or(deadline, |own| own.min(deadline));
        let timeout = deadline.since(caller.own_node().seams().clock.now());
        let request = timed(Payload::local(request), Some(deadline));
        typed(caller.call_process(self.to.clone(), request, timeout).await?)
    }

    /// Asks, and takes the answer later. Source: OTP `gen_server:send_request/2`.
    ///
    /// # Errors
    /// As [`call`](Self::call): nothing was sent.
    pub fn send_request(&self, context: &Context, request: Request) -> Result<RequestId<Reply>, CallError> {
        RequestId::send(context, self.to.clone(), timed(Payload::local(request), context.deadline()), typed)
    }

    /// Asks several processes at the same time and waits for their answers, together no longer than `timeout`. Returns those
    /// that answered, each with its answer, and those that did not, in the order given. Source: OTP `gen_server:multi_call/4`.
    pub async fn multi_call(
        context: &Context,
        processes: &[Self],
        request: Request,
        timeout: Duration,
    ) -> (Vec<(Self, Reply)>, Vec<Self>)
    where
        Request: Clone,
    {
        let deadline = context.now() + timeout;
        let mut requests = RequestIds::new();
        for (i, process) in processes.iter().enumerate() {
            if let Ok(sent) = process.send_request(context, request.clone()) {
                requests.add(sent, i);
            }
        }
        let mut replies: Vec<Option<Reply>> = processes.iter().map(|_| None).collect();
        while let Response::Answer(answer, i) = requests.receive_response(context, deadline.since(context.now())).await
        {
            replies[i] = answer.ok();
        }
        let (mut answered, mut silent) = (Vec::new(), Vec::new());
        for (process, reply) in processes.iter().zip(replies) {
            match reply {
                Some(reply) => answered.push((process.clone(), reply)),
                None => silent.push(process.clone()),
            }
        }
        (answered, silent)
    }

    /// Tells, without an answer. Never fails. Source: OTP `gen_server:cast/2`.
    pub fn cast(&self, caller: &impl Calls, message: Told) {
        caller.cast_process(self.to.clone(), Payload::local(Cast(message)));
    }

    /// Stops the process: it terminates, and this waits for its end. Source: OTP `gen_server:stop/3`.
    ///
    /// # Errors
    /// See [`StopError`].
    pub async fn stop(&self, caller: &impl Calls, reason: ExitReason, timeout: Duration) -> Result<(), StopError> {
        let request = Payload::local(Stop(reason.clone()));
        match caller.call_process(self.to.clone(), request, timeout).await {
            Err(CallError::Down(ended)) if ended == reason => Ok(()),
            Err(CallError::Down(ended)) if ended == ExitReason::NOPROC => Err(StopError::Call(CallError::Down(ended))),
            Err(CallError::Down(ended)) => Err(StopError::Ended(ended)),
            Err(error) => Err(StopError::Call(error)),
            Ok(_) => unreachable!("a stop is never answered"),
        }
    }
}

fn timed(request: Payload, deadline: Option<Timestamp>) -> Payload {
    match deadline {
        Some(deadline) => Payload::local(Timed { deadline, request }),
        None => request,
    }
}

/// The answer, when it has the expected type.
fn typed<Reply: 'static>(reply: Payload) -> Result<Reply, CallError> {
    reply.downcast().map_err(|_| CallError::Badarg(Badarg("the answer has another type".into())))
}
