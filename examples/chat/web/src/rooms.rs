//! What a request does with the rooms.

use std::collections::BTreeMap;
use std::time::Duration;

use chat_protocol::{
    Description, MESSAGES_BUCKET, Outcome, Post, Posted, ROOMS_BUCKET, ROOMS_SUPERVISOR, RoomMessage, RoomRequest,
    backoff, room_process, stored,
};
use rusm_sdk::key_value::{Bucket, KeyValueError};
use rusm_sdk::{Pid, Term, cluster, process, supervisor};
use serde::Serialize;

/// How long a room may take to describe itself before it is shown as busy.
const DESCRIBE_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a room may take to store a message.
const POST_TIMEOUT: Duration = Duration::from_secs(3);
/// How often a message is handed in when its room dies meanwhile. The room knows it by its id.
const POST_ATTEMPTS: u32 = 8;

/// One line of the list of rooms.
#[derive(Serialize)]
pub(crate) struct RoomLine {
    name: String,
    /// Nothing while the room does not run.
    pid: Option<String>,
    /// Where it runs.
    node: Option<String>,
    /// On this node.
    restarts: u32,
    members: Vec<String>,
    /// How many messages were ever posted; nothing while the room does not answer.
    messages: Option<u64>,
}

/// All rooms, by name: those that run anywhere in the cluster, and those that only have a history here.
pub(crate) fn all() -> Result<Vec<RoomLine>, String> {
    let known = Bucket::open(ROOMS_BUCKET).and_then(|bucket| bucket.keys()).map_err(text)?;
    let idle =
        |name: String| RoomLine { name, pid: None, node: None, restarts: 0, members: Vec::new(), messages: None };
    let mut rooms: BTreeMap<_, _> = known.into_iter().map(|name| (name.clone(), idle(name))).collect();
    let children = supervisor::which_children(ROOMS_SUPERVISOR).map_err(|error| format!("{error:?}"))?;
    for name in cluster::names() {
        let Ok(Some(pid)) = cluster::whereis(&name) else { continue };
        // A room that dies or is busy just now is in the list by its name.
        let Ok(answer) = process::call(pid, Term::json(&RoomRequest::Describe), DESCRIBE_TIMEOUT) else { continue };
        if let Ok(Description { room, members, messages, node }) = answer.to_json() {
            let child = children.iter().find(|child| child.pid == Some(pid));
            let restarts = child.map_or(0, |child| child.restarts);
            let pid = Some(pid.to_string());
            let line =
                RoomLine { name: room.clone(), pid, node: Some(node), restarts, members, messages: Some(messages) };
            rooms.insert(room, line);
        }
    }
    Ok(rooms.into_values().collect())
}

/// The messages of a room, oldest first; nothing when there never was such a room. The room says it, wherever it runs; of one that
/// is down or does not answer it is what is stored here.
pub(crate) fn history(room: &str) -> Result<Option<Vec<Posted>>, String> {
    if let Some(pid) = whereis(room)?
        && let Ok(answer) = process::call(pid, Term::json(&RoomRequest::History), DESCRIBE_TIMEOUT)
    {
        return answer.to_json().map(Some).map_err(|error| error.to_string());
    }
    if !Bucket::open(ROOMS_BUCKET).and_then(|bucket| bucket.exists(room)).map_err(text)? {
        return Ok(None);
    }
    let history = Bucket::open(MESSAGES_BUCKET).and_then(|bucket| stored::load(&bucket, room)).map_err(text)?;
    Ok(Some(history.after(0)))
}

/// Hands a message to the room, which is started if it does not run, and again if the room dies meanwhile.
pub(crate) fn post(room: &str, post: &Post) -> Result<Outcome, String> {
    let request = RoomRequest::Post(post.clone());
    let mut last = String::new();
    for attempt in 0..POST_ATTEMPTS {
        if attempt > 0 {
            std::thread::sleep(backoff(attempt));
        }
        match open(room) {
            Ok(pid) => match process::call(pid, Term::json(&request), POST_TIMEOUT) {
                Ok(answer) => return answer.to_json().map_err(|error| error.to_string()),
                Err(process::CallError::Timeout) => return Err(format!("the room `{room}` does not answer in time")),
                Err(error) => last = format!("{error:?}"),
            },
            Err(error) => last = error,
        }
    }
    Err(format!("the room `{room}` does not come up: {last}"))
}

/// Makes the room trap; which process that was, if the room runs.
pub(crate) fn crash(room: &str) -> Result<Option<Pid>, String> {
    let pid = whereis(room)?;
    if let Some(pid) = pid {
        let crash = RoomMessage::Crash { by: "the API".to_owned() };
        process::send(pid, Term::json(&crash)).map_err(|refusal| refusal.text().to_owned())?;
    }
    Ok(pid)
}

/// The room's process, started at first use.
fn open(room: &str) -> Result<Pid, String> {
    if let Some(pid) = whereis(room)? {
        return Ok(pid);
    }
    supervisor::start_child(ROOMS_SUPERVISOR, room).map_err(|error| format!("{error:?}"))?;
    // Whoever has the name is the room: somebody else may have started it at the same time.
    whereis(room)?.ok_or_else(|| "it ended at once".to_owned())
}

fn whereis(room: &str) -> Result<Option<Pid>, String> {
    cluster::whereis(&room_process(room)).map_err(|refusal| refusal.text().to_owned())
}

fn text(error: KeyValueError) -> String {
    error.to_string()
}
