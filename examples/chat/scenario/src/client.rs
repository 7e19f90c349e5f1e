//! One person: what they do while faults happen, and how they come to rest.

use std::collections::VecDeque;

use chat_protocol::{ClientFrame, Post, Posted, ServerFrame};
use rusm_sdk::scenario::{EventStream, broken, healed, nodes, now_ms, random, request, sleep_ms, sometimes};
use serde::Deserialize;
use serde_json::json;

use crate::PEOPLE;
use crate::link::{Incoming, Link};
use crate::seen::Seen;

/// How many messages one person says at most: with all of them, rooms see more than their window.
const POSTS_MAX: u64 = 60;
/// On a cluster less than the window: what fell out of it before it was handed to a room on another node would be gone.
const POSTS_MAX_IN_CLUSTER: u64 = 30;
const UNACKNOWLEDGED_MAX: usize = 4;
const REQUEST_MS: u32 = 5_000;
/// After the last fault everything must be at rest this soon.
const REST_MS: u64 = 20_000;
/// The same on a cluster, whose nodes have to find each other again first.
const REST_MS_IN_CLUSTER: u64 = 80_000;
/// At rest is what has been so for this long: who has just lost a connection may not know it yet.
const CALM_MS: u64 = 2_000;
/// So much longer everybody stays, so that the others see them.
const STAY_MS: u64 = 10_000;

#[derive(Deserialize)]
struct HistoryAnswer {
    messages: Vec<Posted>,
}

pub(crate) struct Client {
    index: usize,
    posts_max: u64,
    rest_ms: u64,
    link: Link,
    /// The last message that was seen.
    seen: u64,
    said: u64,
    unacknowledged: VecDeque<Post>,
    members: Vec<String>,
    /// The room is down, as far as this client knows.
    down: bool,
}

impl Client {
    pub(crate) fn new(index: usize) -> Self {
        let (name, room) = PEOPLE[index];
        let link = Link::new(room, name);
        let (posts_max, rest_ms) =
            if nodes() > 1 { (POSTS_MAX_IN_CLUSTER, REST_MS_IN_CLUSTER) } else { (POSTS_MAX, REST_MS) };
        Self {
            index,
            posts_max,
            rest_ms,
            link,
            seen: 0,
            said: 0,
            unacknowledged: VecDeque::new(),
            members: Vec::new(),
            down: false,
        }
    }

    pub(crate) fn run(&mut self) {
        while !healed() {
            self.act();
            self.listen(1 + below(80) as u32);
        }
        let healed_at = now_ms();
        self.come_to_rest(healed_at + self.rest_ms);
        if self.index == 0 {
            self.read_statistics();
        }
        let stay_until = healed_at + self.rest_ms + STAY_MS;
        while now_ms() < stay_until {
            self.listen(200);
        }
        self.read_history(stay_until + self.rest_ms);
        self.link.leave(true);
    }

    fn name(&self) -> &'static str {
        PEOPLE[self.index].0
    }

    fn room(&self) -> &'static str {
        PEOPLE[self.index].1
    }

    fn act(&mut self) {
        match below(100) {
            0..50 => self.say(),
            50..58 => self.say_by_request(),
            // Seldom enough for the supervisor's intensity: two rooms, five people, some fifteen acts a second each.
            58 => self.link.send(&ClientFrame::Crash),
            59 => {
                let path = format!("/api/rooms/{}/crash", self.room());
                let _ = request("POST", &path, &[], &[], REQUEST_MS);
            }
            60..62 => self.link.send(&ClientFrame::CrashSocket),
            62..65 => self.link.leave(below(2) == 0),
            65..68 => {
                let _ = request("GET", "/api/rooms", &[], &[], REQUEST_MS);
            }
            _ => {}
        }
    }

    fn next_post(&mut self) -> Post {
        self.said += 1;
        let id = format!("{}-{}", self.name(), self.said);
        Post { sender: self.name().to_owned(), text: format!("message {}", self.said), id }
    }

    fn say(&mut self) {
        if self.said < self.posts_max && self.unacknowledged.len() < UNACKNOWLEDGED_MAX {
            let post = self.next_post();
            self.link.send(&ClientFrame::Post { id: post.id.clone(), text: post.text.clone() });
            self.unacknowledged.push_back(post);
        }
    }

    /// Over HTTP, where the answer is the acknowledgement. Only between the socket's messages: two ways have no order.
    fn say_by_request(&mut self) {
        if self.said >= self.posts_max || !self.unacknowledged.is_empty() {
            return;
        }
        let post = self.next_post();
        match self.post_by_request(&post) {
            Some(seq) => Seen::Acknowledged { id: post.id, seq }.note(),
            // Its outcome is unknown. The socket hands it in again, under the same id.
            None => {
                sometimes("a request's outcome was unknown");
                self.link.send(&ClientFrame::Post { id: post.id.clone(), text: post.text.clone() });
                self.unacknowledged.push_back(post);
            }
        }
    }

    fn post_by_request(&self, post: &Post) -> Option<u64> {
        let path = format!("/api/rooms/{}/messages", self.room());
        let headers = [("content-type".to_owned(), "application/json".to_owned())];
        let body = json!({ "sender": post.sender, "id": post.id, "text": post.text }).to_string();
        let response = request("POST", &path, &headers, body.as_bytes(), REQUEST_MS).ok()?;
        let answer: serde_json::Value = serde_json::from_slice(&response.body).ok()?;
        match response.status {
            200 | 201 => answer["seq"].as_u64(),
            400..500 => {
                broken("a-good-message-is-taken", &format!("{} {answer}", response.status));
                None
            }
            _ => None,
        }
    }

    /// Takes in what comes, until nothing came for that long.
    fn listen(&mut self, quiet_ms: u32) {
        let until = now_ms() + 500;
        loop {
            match self.link.receive(self.seen, quiet_ms) {
                Incoming::Frame(frame) => self.take(frame),
                Incoming::Opened => {
                    self.members.clear();
                    for post in &self.unacknowledged {
                        self.link.send(&ClientFrame::Post { id: post.id.clone(), text: post.text.clone() });
                    }
                }
                Incoming::Lost => self.members.clear(),
                Incoming::Nothing => return,
            }
            if now_ms() > until {
                return;
            }
        }
    }

    fn take(&mut self, frame: ServerFrame) {
        match frame {
            ServerFrame::Joined { members, messages, last, .. } => {
                self.seen = self.seen.min(last);
                (self.members, self.down) = (members, false);
                self.see(messages);
            }
            ServerFrame::Up { members, messages, last, .. } => {
                if last < self.seen {
                    sometimes("a room was started elsewhere with less than its members had seen");
                    self.seen = last;
                }
                if self.down && !self.unacknowledged.is_empty() {
                    sometimes("a room came back while a message was unacknowledged");
                }
                (self.members, self.down) = (members, false);
                self.see(messages);
            }
            ServerFrame::Message(posted) => self.see(vec![posted]),
            ServerFrame::Members { members } => self.members = members,
            ServerFrame::Ack { id, seq } => {
                self.unacknowledged.retain(|post| post.id != id);
                Seen::Acknowledged { id, seq }.note();
            }
            ServerFrame::Refused { id, .. } => {
                sometimes("a message could not be stored");
                self.unacknowledged.retain(|post| post.id != id);
            }
            ServerFrame::Down { .. } => {
                sometimes("a room went down under its members");
                self.down = true;
                self.members.clear();
            }
            ServerFrame::Error { .. } => {}
        }
    }

    fn see(&mut self, messages: Vec<Posted>) {
        for posted in messages {
            self.seen = self.seen.max(posted.seq);
            Seen::Message(posted).note();
        }
    }

    fn come_to_rest(&mut self, deadline: u64) {
        let everyone: Vec<_> =
            PEOPLE.iter().filter(|(_, room)| *room == self.room()).map(|(name, _)| (*name).to_owned()).collect();
        let mut restless_at = now_ms();
        loop {
            let acknowledged = self.unacknowledged.is_empty();
            // Once each: a member that is dead and still counted is as wrong as one that is missing.
            let back = self.members == everyone;
            if !acknowledged || !back {
                restless_at = now_ms();
            } else if now_ms() > restless_at + CALM_MS {
                return;
            }
            if (!acknowledged || !back) && now_ms() > deadline {
                let (name, room) = (self.name(), self.room());
                if !acknowledged {
                    let waiting: Vec<_> = self.unacknowledged.iter().map(|post| post.id.as_str()).collect();
                    broken("acknowledged-in-the-end", &format!("{name} in {room} still waits for {waiting:?}"));
                }
                if !back {
                    broken("everyone-is-back", &format!("{name} in {room} sees {:?}, not {everyone:?}", self.members));
                }
                return;
            }
            self.listen(100);
        }
    }

    fn read_statistics(&mut self) {
        let deadline = now_ms() + self.rest_ms;
        let mut last = "none came".to_owned();
        while now_ms() < deadline {
            let Ok(stream) = EventStream::connect("/events", REQUEST_MS) else {
                sleep_ms(200);
                continue;
            };
            while now_ms() < deadline {
                self.listen(50);
                match stream.receive(REQUEST_MS) {
                    Ok((name, data)) if name == "stats" && data.contains(self.name()) => return,
                    Ok((_, data)) => last = data,
                    Err(_) => break,
                }
            }
        }
        broken(
            "statistics-arrive",
            &format!("no event names {} within {} ms; the last: {last}", self.name(), self.rest_ms),
        );
    }

    fn read_history(&mut self, deadline: u64) {
        let path = format!("/api/rooms/{}/history", self.room());
        let mut last = String::new();
        while now_ms() < deadline {
            match request("GET", &path, &[], &[], REQUEST_MS) {
                Ok(response) if response.status == 200 => {
                    match serde_json::from_slice::<HistoryAnswer>(&response.body) {
                        Ok(HistoryAnswer { messages }) => return Seen::History { messages }.note(),
                        Err(error) => return broken("history-can-be-read", &error.to_string()),
                    }
                }
                Ok(response) => last = format!("status {}", response.status),
                Err(error) => last = error,
            }
            sleep_ms(200);
        }
        broken("history-can-be-read", &format!("{} of {}: {last}", self.name(), self.room()));
    }
}

/// A number below `limit`, from the seed.
fn below(limit: u64) -> u64 {
    random() % limit
}
