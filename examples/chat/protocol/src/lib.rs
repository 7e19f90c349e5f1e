//! What the chat's components agree on, and the parts of them that need no process: tested without Wasm.

mod backoff;
mod frame;
mod history;
mod outbox;
mod room;
pub mod stored;
mod text;

pub use backoff::backoff;
pub use frame::{ClientFrame, ServerFrame};
pub use history::{Admission, History, WINDOW, missing, slot_key, slot_keys};
pub use outbox::Outbox;
pub use room::{
    CopyEvent, Description, Joined, Outcome, Post, Posted, RoomEvent, RoomMessage, RoomRequest, room_process,
};
pub use text::{check_post, check_room, check_sender};

/// The dynamic supervisor whose children the rooms are.
pub const ROOMS_SUPERVISOR: &str = "rooms";
/// The bucket of all rooms' messages.
pub const MESSAGES_BUCKET: &str = "messages";
/// The bucket that has one key for each room there ever was.
pub const ROOMS_BUCKET: &str = "rooms";
