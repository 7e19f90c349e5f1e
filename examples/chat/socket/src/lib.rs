//! One process per WebSocket: a member of its room, and what stands between the room and the page.
//!
//! It monitors the room, on whatever node of the cluster that is. When the room dies the socket stays: it tells the page, looks
//! for the restarted room, joins again with the last message that it forwarded, and hands in again what the room had not
//! confirmed. The room knows a message by its id, so nobody sees one twice. A room whose node is lost is started on this one.

mod opening;

use chat_protocol::{
    ClientFrame, Joined, Outbox, Post, Posted, ROOMS_SUPERVISOR, RoomEvent, RoomMessage, RoomRequest, ServerFrame,
    backoff, check_post, room_process,
};
use opening::Opening;
use rusm_sdk::{
    Actor, Event, Frame, OpeningRequest, Pid, Reference, Term, WebSocket, cluster, export_websocket, process, socket,
    supervisor,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long to wait for the room's answer when joining.
const JOIN_TIMEOUT: Duration = Duration::from_secs(2);
/// From this attempt on a room that died and did not come back is started again, as at first use.
const RESTART_ATTEMPTS: u32 = 8;

/// To itself, by timer.
#[derive(Serialize, Deserialize)]
struct JoinAgain {
    join_attempt: u32,
}

struct InRoom {
    pid: Pid,
    monitor: Reference,
}

struct Member {
    room: String,
    name: String,
    /// Nothing while the room is being looked for.
    joined: Option<InRoom>,
    joined_before: bool,
    /// The room is on a lost node, where nobody can start it again.
    lost: bool,
    /// The last message that was forwarded.
    seen: u64,
    outbox: Outbox,
}

impl Actor for Member {
    fn init(_args: Term) -> Result<Self, String> {
        let (room, name) = (String::new(), String::new());
        Ok(Self { room, name, joined: None, joined_before: false, lost: false, seen: 0, outbox: Outbox::default() })
    }

    fn message(&mut self, message: Term) {
        match message.to_json::<RoomEvent>() {
            Ok(RoomEvent::Message(posted)) => {
                // The room of a join whose answer came too late counts this process among its members already. What it
                // says before the next join has an answer is in that answer, behind what this client lacks until then.
                if self.joined.is_some() {
                    for posted in self.unseen(vec![posted]) {
                        tell(&ServerFrame::Message(posted));
                    }
                }
            }
            Ok(RoomEvent::Stored { id, seq }) => {
                if self.outbox.settle(&id) {
                    tell(&ServerFrame::Ack { id, seq });
                }
            }
            Ok(RoomEvent::Refused { id, reason }) => {
                if self.outbox.settle(&id) {
                    tell(&ServerFrame::Refused { id, reason });
                }
            }
            Ok(RoomEvent::Members { members }) => {
                if self.joined.is_some() {
                    tell(&ServerFrame::Members { members });
                }
            }
            Err(error) => match message.to_json() {
                Ok(JoinAgain { join_attempt }) => self.join(join_attempt),
                Err(_) => rusm_sdk::warn!("a message that makes no sense: {error}"),
            },
        }
    }

    fn info(&mut self, event: Event) {
        if let Event::Down(down) = event
            && let Some(room) = self.joined.take_if(|room| room.monitor == down.monitor)
        {
            self.lost = down.reason.word == "noconnection";
            tell(&ServerFrame::down(room.pid.to_string(), down.reason));
            join_later(0);
        }
    }
}

impl WebSocket for Member {
    fn open(&mut self, request: OpeningRequest) -> Result<(), u16> {
        let Opening { room, name, after } = opening::read(&request)?;
        (self.room, self.name, self.seen) = (room, name, after);
        // Nothing can be sent before the upgrade is answered: joining is the first thing after it.
        let _ = process::send(process::self_pid(), Term::json(&JoinAgain { join_attempt: 0 }));
        Ok(())
    }

    fn received(&mut self, frame: Frame) {
        let Frame::Text(text) = frame else { return tell_error("a frame is a JSON text") };
        match serde_json::from_str(&text) {
            Ok(ClientFrame::Post { id, text }) => self.post(Post { sender: self.name.clone(), id, text }),
            Ok(ClientFrame::Crash) => match &self.joined {
                Some(room) => send(room.pid, &RoomMessage::Crash { by: self.name.clone() }),
                None => tell_error("the room is down already"),
            },
            Ok(ClientFrame::CrashSocket) => crash_on_request(&self.name),
            Err(error) => tell_error(&format!("a frame that makes no sense: {error}")),
        }
    }
}

impl Member {
    fn post(&mut self, post: Post) {
        let id = post.id.clone();
        let added = check_post(&post).and_then(|()| self.outbox.push(post.clone()));
        match (added, &self.joined) {
            (Err(reason), _) => tell(&ServerFrame::Refused { id, reason }),
            // It waits for the room; or the client repeats what is on its way.
            (Ok(_), None) | (Ok(false), _) => {}
            (Ok(true), Some(room)) => send(room.pid, &RoomMessage::Post { post, from: process::self_pid() }),
        }
    }

    /// Finds the room and joins it, or tries again later.
    fn join(&mut self, attempt: u32) {
        if self.joined.is_some() {
            return;
        }
        let joined = self.find_room(attempt).and_then(|pid| self.join_room(pid));
        match joined {
            Ok((room, answer)) => self.enter(room, answer),
            Err(reason) => {
                rusm_sdk::debug!("room {}, attempt {attempt}: {reason}", self.room);
                join_later(attempt.saturating_add(1));
            }
        }
    }

    fn find_room(&self, attempt: u32) -> Result<Pid, String> {
        let name = room_process(&self.room);
        let whereis = || cluster::whereis(&name).map_err(|refusal| refusal.text().to_owned());
        if let Some(pid) = whereis()? {
            return Ok(pid);
        }
        // A room that died is its supervisor's to start again; one that never was is started by its first member.
        if !self.joined_before || self.lost || attempt >= RESTART_ATTEMPTS {
            supervisor::start_child(ROOMS_SUPERVISOR, self.room.as_str()).map_err(|error| format!("{error:?}"))?;
        }
        // Whoever has the name is the room: somebody else may have started it at the same time.
        whereis()?.ok_or_else(|| "it does not run".to_owned())
    }

    fn join_room(&self, pid: Pid) -> Result<(InRoom, Joined), String> {
        let monitor = process::monitor(pid).map_err(|refusal| refusal.text().to_owned())?;
        let request = RoomRequest::Join { name: self.name.clone(), after: self.seen };
        let joined = match process::call(pid, Term::json(&request), JOIN_TIMEOUT) {
            Ok(answer) => answer.to_json::<Joined>().map_err(|error| error.to_string()),
            Err(error) => Err(format!("{error:?}")),
        };
        if joined.is_err() {
            process::demonitor(monitor);
        }
        joined.map(|joined| (InRoom { pid, monitor }, joined))
    }

    fn enter(&mut self, room: InRoom, Joined { members, messages, last, node }: Joined) {
        self.seen = self.seen.min(last);
        let messages = self.unseen(messages);
        let pid = room.pid.to_string();
        tell(&if self.joined_before {
            ServerFrame::Up { pid, members, messages, last, node }
        } else {
            ServerFrame::Joined { room: self.room.clone(), pid, members, messages, last, node }
        });
        for post in self.outbox.waiting() {
            send(room.pid, &RoomMessage::Post { post: post.clone(), from: process::self_pid() });
        }
        (self.joined_before, self.lost) = (true, false);
        self.joined = Some(room);
    }

    /// Those of the messages that this client has not been given yet.
    fn unseen(&mut self, mut messages: Vec<Posted>) -> Vec<Posted> {
        messages.retain(|posted| posted.seq > self.seen);
        if let Some(last) = messages.last() {
            self.seen = last.seq;
        }
        messages
    }
}

fn join_later(join_attempt: u32) {
    let again = Term::json(&JoinAgain { join_attempt });
    let _ = process::send_after(backoff(join_attempt), process::self_pid(), again);
}

fn send(room: Pid, message: &RoomMessage) {
    // Sending to a pid is never refused, and a dead room's monitor tells.
    let _ = process::send(room, Term::json(message));
}

/// When the connection is gone, `closed` follows by itself.
fn tell(frame: &ServerFrame) {
    if let Ok(text) = serde_json::to_string(frame) {
        let _ = socket::send_text(text);
    }
}

fn tell_error(text: &str) {
    tell(&ServerFrame::Error { text: text.to_owned() });
}

/// A real trap: this socket closes with 1011, and no other notices.
#[inline(never)]
fn crash_on_request(name: &str) -> ! {
    rusm_sdk::warn!("{name} crashes their own socket");
    std::process::abort()
}

export_websocket!(Member);
