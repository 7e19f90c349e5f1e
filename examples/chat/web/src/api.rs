//! The JSON API's answers.

use chat_protocol::{Outcome, Post, check_post, check_room};
use rusm_sdk::{Request, Response};
use serde::Deserialize;
use serde_json::json;

use crate::rooms;

/// The body of a message that is handed in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewMessage {
    sender: String,
    id: String,
    text: String,
}

/// An error, with a text for people.
pub(crate) fn problem(status: u16, text: &str) -> Response {
    Response::json(status, &json!({ "error": text })).with_header("cache-control", "no-store")
}

/// All rooms there ever were.
pub(crate) fn rooms() -> Response {
    match rooms::all() {
        Ok(rooms) => answer(200, &json!({ "rooms": rooms })),
        Err(error) => problem(503, &error),
    }
}

/// The last messages, oldest first.
pub(crate) fn history(room: &str) -> Response {
    if let Err(reason) = check_room(room) {
        return problem(400, &reason);
    }
    match rooms::history(room) {
        Ok(Some(messages)) => answer(200, &json!({ "room": room, "messages": messages })),
        Ok(None) => no_such_room(room),
        Err(error) => problem(503, &error),
    }
}

/// Stores a message. 201 when it is durable, 200 when it was already there.
pub(crate) fn post(room: &str, request: &Request) -> Response {
    if let Err(reason) = check_room(room) {
        return problem(400, &reason);
    }
    // A form of another site cannot send this type, so it cannot speak in a visitor's name.
    let content_type = request.header("content-type").unwrap_or_default();
    if content_type.split(';').next().map(str::trim) != Some("application/json") {
        return problem(415, "send the message as application/json");
    }
    let post = match request.json::<NewMessage>() {
        Ok(NewMessage { sender, id, text }) => Post { sender, id, text },
        Err(error) => return problem(400, &format!("the body is no message {{sender, id, text}}: {error}")),
    };
    if let Err(reason) = check_post(&post) {
        return problem(400, &reason);
    }
    match rooms::post(room, &post) {
        Ok(Outcome::Stored { seq, duplicate }) => {
            answer(if duplicate { 200 } else { 201 }, &json!({ "seq": seq, "duplicate": duplicate }))
        }
        Ok(Outcome::Refused { reason }) => problem(503, &reason),
        Err(error) => problem(503, &error).with_header("retry-after", "1"),
    }
}

/// Makes the room's process trap.
pub(crate) fn crash(room: &str) -> Response {
    if let Err(reason) = check_room(room) {
        return problem(400, &reason);
    }
    match rooms::crash(room) {
        Ok(Some(pid)) => answer(202, &json!({ "room": room, "pid": pid.to_string() })),
        Ok(None) => problem(409, &format!("the room `{room}` does not run: nothing to crash")),
        Err(error) => problem(503, &error),
    }
}

fn no_such_room(room: &str) -> Response {
    problem(404, &format!("there is no room `{room}` yet: its first visitor or message makes it"))
}

fn answer(status: u16, value: &serde_json::Value) -> Response {
    Response::json(status, value).with_header("cache-control", "no-store")
}
