//! What the courier of this node has to say.

use std::time::Duration;

use rusm_sdk::{Http, Request, Response, export_http, process};

struct Web;

impl Http for Web {
    fn handle(_: Request) -> Response {
        match process::call("courier", "report", Duration::from_secs(10)) {
            Ok(report) => Response::text(report.as_text().unwrap_or("no text").to_owned()),
            Err(error) => Response::text(format!("{error:?}\n")).with_status(503),
        }
    }
}

export_http!(Web);
