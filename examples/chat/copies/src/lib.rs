//! One process per node: keeps a copy of each room that lives on another node, where a room of this node has its history.
//!
//! It looks for rooms by their cluster names, and asks each for a copy: all that it has, then each message. When the room's node is
//! lost, the room is started where it is missed, on what is stored there. What was said on both sides of a split is brought
//! together when the sides meet: what is stored here and not in the room is handed in there, before the copy takes its place.

use std::collections::BTreeMap;
use std::time::Duration;

use chat_protocol::{
    CopyEvent, MESSAGES_BUCKET, Post, Posted, ROOMS_BUCKET, RoomMessage, missing, room_process, stored,
};
use rusm_sdk::key_value::{Bucket, KeyValueError};
use rusm_sdk::{Actor, Event, Monitored, Pid, Term, cluster, export_actor, process};
use serde::{Deserialize, Serialize};

/// How often it looks for rooms that it has no copy of.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// To itself, by timer.
#[derive(Serialize, Deserialize)]
struct Look;

struct Copies {
    messages: Bucket,
    rooms: Bucket,
    /// The rooms of other nodes.
    rooms_elsewhere: BTreeMap<Pid, Copy>,
}

/// How far the copy of a room is.
#[derive(PartialEq, Eq)]
enum Copy {
    /// All of it was asked for.
    Asked,
    /// It has all that the room has.
    Whole,
    /// The room has to store something first, or what it says could not be kept here: it is asked again.
    Behind,
}

impl Actor for Copies {
    fn init(_args: Term) -> Result<Self, String> {
        let open = |name| Bucket::open(name).map_err(|error| error.to_string());
        let copies =
            Self { messages: open(MESSAGES_BUCKET)?, rooms: open(ROOMS_BUCKET)?, rooms_elsewhere: BTreeMap::new() };
        look_later();
        Ok(copies)
    }

    fn message(&mut self, message: Term) {
        let done = match message.to_json::<CopyEvent>() {
            Ok(CopyEvent::Window { room, from, messages }) => (from, self.take(&room, from, &messages)),
            Ok(CopyEvent::Message { room, from, posted }) => (from, self.add(&room, from, &posted)),
            // What becomes of a message that was handed in shows in the next copy.
            Err(_) => {
                if message.to_json::<Look>().is_ok() {
                    self.look();
                }
                return;
            }
        };
        if let (from, Err(error)) = done {
            rusm_sdk::error!("the copy of room {from} cannot be kept: {error}");
            self.rooms_elsewhere.insert(from, Copy::Behind);
        }
    }

    fn info(&mut self, event: Event) {
        if let Event::Down(down) = event
            && let Monitored::Pid(room) = down.object
        {
            self.rooms_elsewhere.remove(&room);
        }
    }
}

impl Copies {
    fn look(&mut self) {
        let own = process::self_pid().node;
        for name in cluster::names() {
            let Some(room) = cluster::whereis(&name).ok().flatten().filter(|room| room.node != own) else { continue };
            match self.rooms_elsewhere.insert(room, Copy::Asked) {
                Some(copy @ (Copy::Asked | Copy::Whole)) => drop(self.rooms_elsewhere.insert(room, copy)),
                Some(Copy::Behind) => ask(room),
                None => {
                    // A pid is never refused.
                    let _ = process::monitor(room);
                    ask(room);
                }
            }
        }
        look_later();
    }

    /// All that a room has.
    fn take(&mut self, room: &str, from: Pid, window: &[Posted]) -> Result<(), KeyValueError> {
        // A room that has lost its name since then is not copied any more.
        if cluster::whereis(&room_process(room)).ok().flatten() != Some(from) {
            return Ok(());
        }
        let here = stored::load(&self.messages, room)?.after(0);
        let missing = missing(&here, window);
        if missing.is_empty() {
            self.rooms.set(room, b"")?;
            stored::replace(&self.messages, room, window)?;
            self.rooms_elsewhere.insert(from, Copy::Whole);
            rusm_sdk::info!("the copy of room {room} is whole, with {} messages", window.len());
            return Ok(());
        }
        rusm_sdk::info!("room {room} on another node lacks {} messages that are stored here", missing.len());
        let own = process::self_pid();
        for Posted { sender, id, text, .. } in missing.into_iter().cloned() {
            let message = RoomMessage::Post { post: Post { sender, id, text }, from: own };
            let _ = process::send(from, Term::json(&message));
        }
        self.rooms_elsewhere.insert(from, Copy::Behind);
        Ok(())
    }

    /// One message more of a room whose copy is whole.
    fn add(&mut self, room: &str, from: Pid, posted: &Posted) -> Result<(), KeyValueError> {
        if self.rooms_elsewhere.get(&from) == Some(&Copy::Whole) {
            stored::save(&self.messages, room, posted)?;
        }
        Ok(())
    }
}

fn ask(room: Pid) {
    let _ = process::send(room, Term::json(&RoomMessage::Copy { from: process::self_pid() }));
}

fn look_later() {
    let _ = process::send_after(LOOK_EVERY, process::self_pid(), Term::json(&Look));
}

export_actor!(Copies);
