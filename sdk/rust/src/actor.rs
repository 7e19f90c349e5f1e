//! A process made of callbacks.

use std::any::Any;
use std::cell::RefCell;
use std::marker::PhantomData;

use crate::bindings::actor::exports::rusm::actor::callbacks::Guest;
use crate::{Caller, Event, ExitReason, Term, process};

/// A long-lived process. The host runs one callback at a time; the state is `self`.
///
/// A panic in a callback ends this process, and nobody else, with the reason `trap`.
pub trait Actor: Sized + 'static {
    /// Runs first. Whoever starts the process waits until it returns.
    ///
    /// # Errors
    /// The start fails with that text, and the process ends.
    fn init(args: Term) -> Result<Self, String>;

    /// A message that somebody sent. By default it is dropped with a warning.
    fn message(&mut self, message: Term) {
        crate::warn!("dropped a message of {} bytes: this actor takes none", message.bytes.len());
    }

    /// A request of somebody who waits. `Some` answers it now; `None` leaves the answer to a later [`process::reply`].
    ///
    /// By default this process ends with the reason `undef`, as in OTP, so that the caller hears of its mistake at once.
    fn call(&mut self, request: Term, caller: Caller) -> Option<Term> {
        let _ = (request, caller);
        process::exit(&ExitReason::new("undef").with_detail("this actor answers no calls"))
    }

    /// The end of a monitored process, an exit signal that was trapped, or a change of a monitored group or of the monitored nodes.
    /// Nobody but the runtime can send these.
    fn info(&mut self, event: Event) {
        let _ = event;
    }

    /// The process is about to end because its supervisor stops it. Only called while it traps exits.
    fn terminate(&mut self, reason: ExitReason) {
        let _ = reason;
    }
}

thread_local! {
    /// A component is one process, and has one state.
    static STATE: RefCell<Option<Box<dyn Any>>> = const { RefCell::new(None) };
}

/// Runs a callback on the state.
pub(crate) fn with_state<T: Actor, R>(callback: impl FnOnce(&mut T) -> R) -> R {
    STATE.with_borrow_mut(|state| {
        let state = state.as_mut().and_then(|state| state.downcast_mut::<T>());
        callback(state.expect("the host runs init before any other callback"))
    })
}

/// What the export macros export in the name of `T`.
#[doc(hidden)]
pub struct Exported<T>(PhantomData<T>);

impl<T: Actor> Guest for Exported<T> {
    fn init(args: Term) -> Result<(), String> {
        crate::log::log_panics();
        let state = T::init(args)?;
        STATE.set(Some(Box::new(state)));
        Ok(())
    }

    fn message(message: Term, caller: Option<Caller>) {
        let Some(caller) = caller else { return with_state::<T, _>(|state| state.message(message)) };
        if let Some(response) = with_state::<T, _>(|state| state.call(message, caller)) {
            process::reply(caller, response);
        }
    }

    fn info(event: Event) {
        with_state::<T, _>(|state| state.info(event));
    }

    fn terminate(reason: ExitReason) {
        with_state::<T, _>(|state| state.terminate(reason));
    }
}

/// Makes a type that implements [`Actor`](crate::Actor) this component's process.
#[macro_export]
macro_rules! export_actor {
    ($actor:ty) => {
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn($crate::Term) -> Result<$actor, String> = <$actor as $crate::Actor>::init;
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type RusmActor = $crate::Exported<$actor>;
    $crate::bindings::actor::export!(RusmActor with_types_in $crate::bindings::actor);
        };
    };
}
