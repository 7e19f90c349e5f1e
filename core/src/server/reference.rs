use super::Server;
use super::run::{Cast, Stop};
use crate::registry::Badarg;
use crate::{CallError, Calls, Destination, ExitReason, Payload, Pid};
use std::marker::PhantomData;
use std::time::Duration;

/// A server, by pid or local name, as its clients see it.
pub struct ServerRef<S> {
    to: Destination,
    server: PhantomData<fn(S)>,
}

impl<S> Clone for ServerRef<S> {
    fn clone(&self) -> Self {
        Self { to: self.to.clone(), server: PhantomData }
    }
}

impl<S> From<Pid> for ServerRef<S> {
    fn from(pid: Pid) -> Self {
        Self { to: pid.into(), server: PhantomData }
    }
}

impl<S> From<&str> for ServerRef<S> {
    fn from(name: &str) -> Self {
        Self { to: name.into(), server: PhantomData }
    }
}

/// Why a server was not stopped as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StopError {
    /// There is no such server, or it did not end in time: it goes on with its stop.
    #[error(transparent)]
    Call(CallError),
    /// It ended with another reason.
    #[error("the server ended with {0}")]
    Ended(ExitReason),
}

impl<S: Server> ServerRef<S> {
    /// Asks and waits for the answer; [`Duration::MAX`] waits for as long as it takes. OTP's default is five seconds.
    ///
    /// # Errors
    /// See [`CallError`]. A server of another type does not answer, and the call ends with its timeout.
    pub async fn call(&self, caller: &impl Calls, request: S::Call, timeout: Duration) -> Result<S::Reply, CallError> {
        let reply = caller.call_process(self.to.clone(), Payload::local(request), timeout).await?;
        reply.downcast().map_err(|_| CallError::Badarg(Badarg("the answer has another type".into())))
    }

    /// Tells, without an answer. Never fails. Source: OTP `gen_server:cast/2`.
    pub fn cast(&self, caller: &impl Calls, message: S::Cast) {
        caller.cast_process(self.to.clone(), Payload::local(Cast(message)));
    }

    /// Stops the server: it terminates, and this waits for its end. Source: OTP `gen_server:stop/3`.
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
