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
        let segments: Vec<_> = request.path.strip_prefix('/').unwrap_or(&request.path).split('/').collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, path: &str, body: &str, status: u16, says: &str) -> Response {
        let headers = vec![("content-type".to_owned(), "application/json; charset=utf-8".to_owned())];
        let request =
            Request { method: method.into(), path: path.into(), query: String::new(), headers, body: body.into() };
        let response = Web::handle(request);
        let text = String::from_utf8_lossy(&response.body).into_owned();
        assert_eq!(response.status, status, "{method} {path}: {text}");
        assert!(text.contains(says), "{method} {path}: {text}");
        response
    }

    fn header<'r>(response: &'r Response, name: &str) -> &'r str {
        response.headers.iter().find(|(header, _)| header == name).map_or("", |(_, value)| value)
    }

    #[test]
    fn the_page_loads_nothing_from_elsewhere() {
        let page = check("GET", "/", "", 200, "RUSM chat");
        assert!(header(&page, "content-security-policy").starts_with("default-src 'none'"));
        for file in ["app.js", "app.css", "favicon.svg"] {
            let text = check("GET", &format!("/{file}"), "", 200, "").body;
            assert!(
                !String::from_utf8_lossy(&text).replace("http://www.w3.org/2000/svg", "").contains("://"),
                "{file}"
            );
        }
        assert_eq!(header(&check("GET", "/app.js", "", 200, ""), "content-type"), "text/javascript; charset=utf-8");
    }

    #[test]
    fn an_unknown_path_and_a_wrong_method_are_told_apart() {
        for path in ["/nope", "/api", "/api/rooms/lobby", "/api/rooms/lobby/history/more", "//"] {
            check("GET", path, "", 404, "nothing at this path");
        }
        let refused = check("DELETE", "/api/rooms", "", 405, "GET, HEAD");
        assert_eq!(header(&refused, "allow"), "GET, HEAD");
        assert_eq!(header(&check("GET", "/api/rooms/lobby/messages", "", 405, "POST"), "allow"), "POST");
    }

    #[test]
    fn a_message_that_does_not_fit_is_refused_before_any_room_hears_of_it() {
        let post = |body: &str, says| check("POST", "/api/rooms/lobby/messages", body, 400, says);
        post("", "no message");
        post("[]", "no message");
        post(r#"{"sender":"ada","id":"1"}"#, "missing field `text`");
        post(r#"{"sender":"ada","id":"1","text":"x","admin":true}"#, "unknown field `admin`");
        post(r#"{"sender":"","id":"1","text":"x"}"#, "sender");
        post(r#"{"sender":"ada","id":"a/b","text":"x"}"#, "an id is");
        post(r#"{"sender":"ada","id":"1","text":" "}"#, "a text is");
        check("POST", "/api/rooms/No%20Room/messages", "{}", 400, "a room's name");
        check("POST", "/api/rooms/UPPER/crash", "", 400, "a room's name");
        check("GET", "/api/rooms/UPPER/history", "", 400, "a room's name");
    }

    #[test]
    fn a_form_of_another_site_cannot_speak() {
        let headers = vec![("content-type".to_owned(), "text/plain".to_owned())];
        let body = br#"{"sender":"ada","id":"1","text":"x"}"#.to_vec();
        let path = "/api/rooms/lobby/messages".to_owned();
        let response = Web::handle(Request { method: "POST".into(), path, query: String::new(), headers, body });
        assert_eq!(response.status, 415);
    }
}
