//! `/books`: what is in the books of this node. `/whereis/NAME`: who has that unique name. `/register/NAME`: takes it, for as long as
//! the request is under way, and says by which token. `/call/NAME`: what the process of that unique name answers. `/ask/NAME`: the same of
//! a name of this node.

use std::time::Duration;

use rusm_sdk::{Destination, Http, Request, Response, export_http, process, unique};

const TIMEOUT: Duration = Duration::from_secs(20);

struct Web;

impl Http for Web {
    fn handle(request: Request) -> Response {
        let answer = match request.path.trim_start_matches('/').split_once('/') {
            Some(("whereis", name)) => unique::whereis(name, TIMEOUT)
                .map(|holder| holder.map_or("nobody".to_owned(), |holder| format!("{} {}", holder.pid, holder.token)))
                .map_err(|error| error.to_string()),
            Some(("register", name)) => register(name),
            Some(("call", name)) => call(name),
            Some(("ask", name)) => ask(name),
            _ => ask("books"),
        };
        match answer {
            Ok(text) => Response::text(text),
            Err(why) => Response::text(why).with_status(503),
        }
    }
}

fn call(name: &str) -> Result<String, String> {
    let holder = unique::whereis(name, TIMEOUT).map_err(|error| error.to_string())?.ok_or("nobody has it")?;
    ask(holder.pid)
}

fn ask(process: impl Into<Destination>) -> Result<String, String> {
    let answer = process::call(process, "", TIMEOUT).map_err(|error| format!("{error:?}"))?;
    Ok(String::from_utf8_lossy(&answer.bytes).into_owned())
}

/// Takes a name, gives it back, and takes it again.
fn register(name: &str) -> Result<String, String> {
    let text = |error: unique::UniqueError| error.to_string();
    let first = unique::register(name, TIMEOUT).map_err(text)?;
    if unique::held(name) != Some(first) {
        return Err(format!("{first} is not held"));
    }
    unique::unregister(name, TIMEOUT).map_err(text)?;
    if let Some(token) = unique::held(name) {
        return Err(format!("{token} is held behind its end"));
    }
    let second = unique::register(name, TIMEOUT).map_err(text)?;
    Ok(format!("{first} {second}"))
}

export_http!(Web);
