//! One fresh process per HTTP request: the page, and a small JSON API.
//!
//! | request | answer |
//! |---|---|
//! | `GET /` | the page |
//! | `GET /api/rooms` | the rooms, who is in them, and their processes |
//! | `GET /api/rooms/{room}/history` | the last 100 messages |
//! | `POST /api/rooms/{room}/messages` | `{"sender", "id", "text"}`: stored durably, then answered |
//! | `POST /api/rooms/{room}/crash` | the room's process traps |

mod api;
mod page;
mod rooms;

use rusm_sdk::{Http, Request, Response, export_http};

struct Web;

impl Http for Web {
    fn handle(request: Request) -> Response {
        let segments: Vec<_> = request.path.trim_start_matches('/').split('/').collect();
        match segments.as_slice() {
            [file @ ("" | "app.js" | "app.css" | "favicon.svg")] => get(&request, || page::file(file)),
            ["api", "rooms"] => get(&request, api::rooms),
            ["api", "rooms", room, "history"] => get(&request, || api::history(room)),
            ["api", "rooms", room, "messages"] => post(&request, || api::post(room, &request)),
            ["api", "rooms", room, "crash"] => post(&request, || api::crash(room)),
            _ => api::problem(404, "there is nothing at this path"),
        }
    }
}

fn get(request: &Request, answer: impl FnOnce() -> Response) -> Response {
    allow(request, &["GET", "HEAD"], answer)
}

fn post(request: &Request, answer: impl FnOnce() -> Response) -> Response {
    allow(request, &["POST"], answer)
}

fn allow(request: &Request, methods: &[&str], answer: impl FnOnce() -> Response) -> Response {
    if methods.contains(&request.method.as_str()) {
        return answer();
    }
    let methods = methods.join(", ");
    api::problem(405, &format!("this path takes {methods}")).with_header("allow", &methods)
}

export_http!(Web);
