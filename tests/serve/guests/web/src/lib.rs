//! Answers requests, each path in another way.

use rusm_sdk::key_value::Bucket;
use rusm_sdk::process::{Place, Relations};
use rusm_sdk::{Destination, Http, RemoteName, Request, Response, Term, export_http, groups, process};
use std::collections::BTreeSet;
use std::time::Duration;

struct Web;

impl Http for Web {
    fn handle(request: Request) -> Response {
        match request.path.as_str() {
            "/api/hello" => Response::text("hello"),
            "/api/echo" => Response::new(200).with_body("application/octet-stream", request.body),
            "/api/trap" => panic!("as you wish"),
            "/api/spin" => loop {
                std::hint::spin_loop();
            },
            "/api/grow" => {
                let mut hoard: Vec<Vec<u8>> = Vec::new();
                loop {
                    hoard.push(vec![1; 1 << 20]);
                }
            }
            "/api/note" => note(&request),
            "/api/other" => match Bucket::open("other") {
                Ok(_) => Response::text("open"),
                Err(error) => Response::text(error.to_string()).with_status(403),
            },
            "/api/room" => room("room", &request.query),
            path if path.starts_with("/api/room-at/") => {
                let node = path.trim_start_matches("/api/room-at/");
                room(RemoteName::new("room", node), &request.query)
            }
            path if path.starts_with("/api/spawn-on/") => spawn_on(path.trim_start_matches("/api/spawn-on/")),
            "/api/guests" => match groups::members("guests") {
                Ok(guests) => {
                    let nodes: BTreeSet<u32> = guests.iter().map(|guest| guest.node).collect();
                    Response::text(format!("on {} nodes", nodes.len()))
                }
                Err(refusal) => Response::text(refusal.text()).with_status(502),
            },
            _ => Response::text("no such path of mine").with_status(404),
        }
    }
}

/// Keeps a note, and gives it back.
fn note(request: &Request) -> Response {
    let bucket = match Bucket::open("notes") {
        Ok(bucket) => bucket,
        Err(error) => return Response::text(error.to_string()).with_status(500),
    };
    if request.method == "POST" {
        return match bucket.set("note", &request.body) {
            Ok(()) => Response::text("kept"),
            Err(error) => Response::text(error.to_string()).with_status(500),
        };
    }
    match bucket.get("note") {
        Ok(Some(note)) => Response::new(200).with_body("text/plain", note),
        Ok(None) => Response::text("no note").with_status(404),
        Err(error) => Response::text(error.to_string()).with_status(500),
    }
}

/// Starts a room on that node, as one of the guests, and asks it.
fn spawn_on(node: &str) -> Response {
    match process::spawn_on(&Place::node(node), "room", "guests", Relations::empty()) {
        Ok(spawned) => room(spawned.pid, "x"),
        Err(error) => Response::text(format!("{error:?}")).with_status(502),
    }
}

/// Asks the room, or says why it has no answer.
fn room(room: impl Into<Destination>, query: &str) -> Response {
    match process::call(room, Term::text(query), Duration::from_secs(20)) {
        Ok(answer) => Response::text(answer.as_text().unwrap_or_default()),
        Err(error) => Response::text(format!("{error:?}")).with_status(502),
    }
}

export_http!(Web);
