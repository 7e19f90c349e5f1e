//! One process per request: asks the counter.

use std::time::Duration;

use rusm_sdk::{Http, Request, Response, export_http, process};

struct Web;

impl Http for Web {
    fn handle(request: Request) -> Response {
        let question = if request.path == "/crash" { "crash" } else { "next" };
        match process::call("counter", question, Duration::from_secs(1)) {
            Ok(answer) => Response::text(format!("{}\n", answer.as_text().unwrap_or("?"))),
            Err(error) => Response::text(format!("{error:?}\n")).with_status(503),
        }
    }
}

export_http!(Web);
