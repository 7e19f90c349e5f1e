//! Answers piece by piece, and sometimes not to the end; or asks another server, and passes on what that says.

use std::io::{Read, Write};
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingRequest, OutgoingBody, OutgoingRequest, OutgoingResponse, ResponseOutparam, Scheme,
};

struct Streaming;

impl Guest for Streaming {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().expect("the first time");
        ResponseOutparam::set(out, Ok(response));
        let mut stream = body.write().expect("the first time");
        if let Some(url) = path.strip_prefix("/stream/fetch?") {
            let text = fetch(url).unwrap_or_else(|code| format!("{code:?}"));
            stream.write_all(text.as_bytes()).expect("the client is there");
            drop(stream);
            OutgoingBody::finish(body, None).expect("nothing was announced");
            return;
        }
        stream.write_all(b"one half").expect("the client is there");
        stream.flush().expect("the client is there");
        match path.as_str() {
            "/stream/trap" => panic!("in the middle"),
            "/stream/drop" => return,
            _ => {}
        }
        stream.write_all(b", the other half").expect("the client is there");
        drop(stream);
        OutgoingBody::finish(body, None).expect("nothing was announced");
    }
}

/// Asks for the page at that address, and gives the status and the text of the answer.
fn fetch(url: &str) -> Result<String, ErrorCode> {
    let (scheme, rest) = url.split_once("://").expect("a scheme");
    let (authority, path) = rest.split_once('/').expect("a path");
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    };
    let request = OutgoingRequest::new(Fields::new());
    request.set_scheme(Some(&scheme)).expect("a scheme");
    request.set_authority(Some(authority)).expect("an authority");
    request.set_path_with_query(Some(&format!("/{path}"))).expect("a path");
    let answer = outgoing_handler::handle(request, None)?;
    answer.subscribe().block();
    let response = answer.get().expect("it is ready").expect("it is taken once")?;
    let body = response.consume().expect("it is taken once");
    let mut text = String::new();
    body.stream().expect("it is taken once").read_to_string(&mut text).expect("the answer is text");
    Ok(format!("{} {text}", response.status()))
}

wasip2::http::proxy::export!(Streaming);
