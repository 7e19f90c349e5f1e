//! One long-lived process per room: its members, and the history that outlives it.
//!
//! It is registered as `room:NAME` in the whole cluster. A message is durable before anybody hears of it; members are monitored, and one
//! that dies is out. When this process traps, its supervisor starts it again: it reads its history, and the
//! members' sockets, which monitor it, come back by themselves.
//!
//! When its node is lost, whoever misses it first starts it on another one, with the copy that was kept there. Nodes that did not
//! reach each other may both have done so: when they meet, the one that registered first is the room, and the other leaves.

mod copies;
mod members;
mod store;

use std::time::{SystemTime, UNIX_EPOCH};

use chat_protocol::{
    Admission, CopyEvent, Description, History, Joined, Outcome, Post, RoomEvent, RoomMessage, RoomRequest, check_post,
    check_room, check_sender, room_process,
};
use copies::Copies;
use members::Members;
use rusm_sdk::{Actor, Caller, Event, ExitReason, Monitored, Pid, Refusal, Term, cluster, export_actor, process};
use store::Store;

struct Room {
    name: String,
    members: Members,
    history: History,
    store: Store,
    copies: Copies,
}

impl Actor for Room {
    fn init(args: Term) -> Result<Self, String> {
        let name = args.as_text().map_err(|error| error.to_string())?.to_owned();
        check_room(&name)?;
        let store = Store::open(&name)?;
        // Whoever registers is the room. Another process of the same name, started by whoever found the room
        // between its death and its restart, is no failure: it leaves, in the orderly way that is not restarted.
        let registered = cluster::register(&room_process(&name));
        // Only now: nobody else writes this room's history from here on.
        let history = store.load()?;
        match registered {
            Ok(()) => rusm_sdk::info!("room {name} is open with {} messages", history.last_seq()),
            Err(Refusal::Badarg(_)) => send_to_self(&RoomMessage::Leave),
            Err(refusal) => return Err(refusal.text().to_owned()),
        }
        Ok(Self { name, members: Members::default(), history, store, copies: Copies::default() })
    }

    fn call(&mut self, request: Term, caller: Caller) -> Option<Term> {
        let answer = match request.to_json::<RoomRequest>() {
            Ok(RoomRequest::Join { name, after }) => match check_sender(&name) {
                Ok(()) => Term::json(&self.join(caller.pid, name, after)),
                Err(reason) => Term::json(&Outcome::Refused { reason }),
            },
            Ok(RoomRequest::Post(post)) => Term::json(&self.post(post)),
            Ok(RoomRequest::Describe) => Term::json(&Description {
                room: self.name.clone(),
                members: self.members.names(),
                messages: self.history.last_seq(),
                node: cluster::node(),
            }),
            Ok(RoomRequest::History) => Term::json(&self.history.after(0)),
            Err(error) => Term::json(&Outcome::Refused { reason: error.to_string() }),
        };
        Some(answer)
    }

    fn message(&mut self, message: Term) {
        match message.to_json::<RoomMessage>() {
            Ok(RoomMessage::Post { post, from }) => {
                let id = post.id.clone();
                let event = match self.post(post) {
                    Outcome::Stored { seq, .. } => RoomEvent::Stored { id, seq },
                    Outcome::Refused { reason } => RoomEvent::Refused { id, reason },
                };
                tell(from, &event);
            }
            Ok(RoomMessage::Crash { by }) => crash_on_request(&self.name, &by),
            Ok(RoomMessage::Copy { from }) => self.copy(from),
            Ok(RoomMessage::Leave) => process::exit(&ExitReason::normal()),
            Err(error) => rusm_sdk::warn!("room {}: a message that makes no sense: {error}", self.name),
        }
    }

    fn info(&mut self, event: Event) {
        if let Event::Down(down) = event
            && let Monitored::Pid(pid) = down.object
        {
            self.copies.remove(pid);
            if self.members.remove(pid) {
                self.tell_members();
            }
        }
    }
}

impl Room {
    fn join(&mut self, pid: Pid, name: String, after: u64) -> Joined {
        if self.members.add(pid, name) {
            // A pid is never refused.
            let _ = process::monitor(pid);
            self.tell_others(pid);
        }
        let last = self.history.last_seq();
        // A member that has seen more has it from a room that was lost, and counts from here.
        let messages = self.history.after(after.min(last));
        Joined { members: self.members.names(), messages, last, node: cluster::node() }
    }

    fn post(&mut self, post: Post) -> Outcome {
        if let Err(reason) = check_post(&post) {
            return Outcome::Refused { reason };
        }
        let posted = match self.history.admit(post, now_ms()) {
            Admission::Duplicate(seq) => return Outcome::Stored { seq, duplicate: true },
            Admission::New(posted) => posted,
        };
        if let Err(reason) = self.store.save(&posted) {
            rusm_sdk::error!("room {}: message {} is not stored: {reason}", self.name, posted.seq);
            return Outcome::Refused { reason: format!("the message could not be stored: {reason}") };
        }
        let seq = posted.seq;
        self.history.push(posted.clone());
        let (room, from) = (self.name.clone(), process::self_pid());
        self.copies.tell(&CopyEvent::Message { room, from, posted: posted.clone() });
        let event = RoomEvent::Message(posted);
        self.members.pids().for_each(|pid| tell(pid, &event));
        Outcome::Stored { seq, duplicate: false }
    }

    fn copy(&mut self, to: Pid) {
        if self.copies.add(to) {
            // A pid is never refused.
            let _ = process::monitor(to);
        }
        let (room, from, messages) = (self.name.clone(), process::self_pid(), self.history.after(0));
        let _ = process::send(to, Term::json(&CopyEvent::Window { room, from, messages }));
    }

    fn tell_members(&self) {
        let event = RoomEvent::Members { members: self.members.names() };
        self.members.pids().for_each(|pid| tell(pid, &event));
    }

    fn tell_others(&self, except: Pid) {
        let event = RoomEvent::Members { members: self.members.names() };
        self.members.pids().filter(|pid| *pid != except).for_each(|pid| tell(pid, &event));
    }
}

/// Sending to a pid is never refused, and a dead member's monitor tells.
fn tell(pid: Pid, event: &RoomEvent) {
    let _ = process::send(pid, Term::json(event));
}

fn send_to_self(message: &RoomMessage) {
    let _ = process::send(process::self_pid(), Term::json(message));
}

/// The "crash this room" button: a real trap, not an orderly end.
#[inline(never)]
fn crash_on_request(room: &str, by: &str) -> ! {
    rusm_sdk::warn!("{by} crashes room {room}");
    std::process::abort()
}

fn now_ms() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}

export_actor!(Room);
