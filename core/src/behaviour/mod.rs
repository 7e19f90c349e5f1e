//! What the behaviours share: how clients address them, and how their callbacks are run.

mod caught;
mod kind;
mod reference;
mod reply;
mod request;
mod wire;

pub(crate) use caught::caught;
pub use kind::Behaviour;
pub use reference::{BehaviourRef, StopError};
pub use reply::CallFrom;
pub use request::{RequestId, RequestIds, Response};
pub(crate) use wire::{Cast, Stop, Timed};
