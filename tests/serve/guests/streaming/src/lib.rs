//! Answers piece by piece, and sometimes not to the end.

use std::io::Write;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

struct Streaming;

impl Guest for Streaming {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().expect("the first time");
        ResponseOutparam::set(out, Ok(response));
        let mut stream = body.write().expect("the first time");
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

wasip2::http::proxy::export!(Streaming);
