//! The request that opens a WebSocket: `/ws/{room}?name=NAME&after=SEQ`.

use chat_protocol::{check_room, check_sender};
use rusm_sdk::OpeningRequest;

/// What the request says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    pub(crate) room: String,
    pub(crate) name: String,
    /// The last message that the client has seen; 0 at its first visit.
    pub(crate) after: u64,
}

/// Reads it, or the HTTP status that refuses it: 400 for what does not fit, 403 for a page of another site.
pub(crate) fn read(request: &OpeningRequest) -> Result<Opening, u16> {
    let header = |name| request.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str());
    if let (Some(origin), Some(host)) = (header("origin"), header("host"))
        && origin.split_once("://").is_none_or(|(_, site)| site != host)
    {
        return Err(403);
    }
    let room = request.parameters.iter().find(|(name, _)| name == "room").map(|(_, value)| value.clone());
    let room = room.filter(|room| check_room(room).is_ok()).ok_or(400_u16)?;
    let (mut name, mut after) = (String::new(), 0);
    for pair in request.query.split('&') {
        match pair.split_once('=') {
            Some(("name", value)) => name = percent_decode(value).ok_or(400_u16)?,
            Some(("after", value)) => after = value.parse().map_err(|_| 400_u16)?,
            _ => {}
        }
    }
    check_sender(&name).map_err(|_| 400_u16)?;
    Ok(Opening { room, name, after })
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?
            }
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(room: &str, query: &str, headers: &[(&str, &str)], expected: Result<(&str, &str, u64), u16>) {
        let request = OpeningRequest {
            path: format!("/ws/{room}"),
            query: query.into(),
            parameters: vec![("room".into(), room.into())],
            headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            peer: "127.0.0.1:1".into(),
        };
        let expected = expected.map(|(room, name, after)| Opening { room: room.into(), name: name.into(), after });
        assert_eq!(read(&request), expected, "{room} {query} {headers:?}");
    }

    #[test]
    fn the_room_the_name_and_where_to_go_on_are_read() {
        check("lobby", "name=ada", &[], Ok(("lobby", "ada", 0)));
        check("lobby", "after=7&name=Ad%C3%A9le+B%20C&x", &[], Ok(("lobby", "Adéle B C", 7)));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for query in ["", "name=", "name=%zz", "name=%f", "name=%ff", "name=ada&after=-1", "name=%0a"] {
            check("lobby", query, &[], Err(400));
        }
        check("Lobby", "name=ada", &[], Err(400));
    }

    #[test]
    fn a_page_of_another_site_may_not_open_a_socket() {
        check("a", "name=b", &[("origin", "http://h:1"), ("host", "h:1")], Ok(("a", "b", 0)));
        check("a", "name=b", &[("origin", "http://evil"), ("host", "h:1")], Err(403));
        check("a", "name=b", &[("origin", "null"), ("host", "h:1")], Err(403));
    }
}
