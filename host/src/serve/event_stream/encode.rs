use bytes::Bytes;
use std::fmt::Write;

/// One server-sent event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerEvent {
    /// The `event:` field; the browser's default is `message`.
    pub name: Option<String>,
    /// The `data:` field; may have several lines.
    pub data: String,
    /// The `id:` field; an empty one makes the browser forget the last.
    pub id: Option<String>,
    /// The `retry:` field, in milliseconds.
    pub retry_ms: Option<u32>,
}

/// An event that cannot be written down. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The stream would take it for the end of the field.
    #[error("an event's name cannot have a line break")]
    NameWithLineBreak,
    /// The same, or a NUL, for which a browser ignores the whole id.
    #[error("an event's id cannot have a line break or a NUL")]
    IdNotPlain,
}

/// Keeps a connection alive and shows that its client is there. A browser ignores it.
pub(super) const HEARTBEAT: Bytes = Bytes::from_static(b":\n\n");

impl ServerEvent {
    /// As the stream has it. Source: HTML Living Standard, "Server-sent events", section "Parsing an event stream".
    ///
    /// # Errors
    /// See [`EncodeError`].
    pub fn encode(&self) -> Result<Bytes, EncodeError> {
        let mut text = String::with_capacity(self.data.len() + 32);
        if let Some(name) = &self.name {
            if name.contains(['\r', '\n']) {
                return Err(EncodeError::NameWithLineBreak);
            }
            field(&mut text, "event", name);
        }
        if let Some(id) = &self.id {
            if id.contains(['\r', '\n', '\0']) {
                return Err(EncodeError::IdNotPlain);
            }
            field(&mut text, "id", id);
        }
        if let Some(retry_ms) = self.retry_ms {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "retry: {retry_ms}");
        }
        // A browser joins the lines with line feeds, whichever of the three line ends they had.
        let mut rest = self.data.as_str();
        while let Some(end) = rest.find(['\r', '\n']) {
            field(&mut text, "data", &rest[..end]);
            let len = if rest[end..].starts_with("\r\n") { 2 } else { 1 };
            rest = &rest[end + len..];
        }
        field(&mut text, "data", rest);
        text.push('\n');
        Ok(Bytes::from(text))
    }
}

fn field(text: &mut String, name: &str, value: &str) {
    text.push_str(name);
    // One space after the colon is not part of the value: with it, a value may begin with a space of its own.
    text.push_str(": ");
    text.push_str(value);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(event: ServerEvent, expected: Result<&str, EncodeError>) {
        let encoded = event.encode();
        let encoded = encoded.as_ref().map(|bytes| std::str::from_utf8(bytes).expect("text")).map_err(|error| *error);
        assert_eq!(encoded, expected, "{event:?}");
    }

    fn data(data: &str) -> ServerEvent {
        ServerEvent { data: data.to_owned(), ..ServerEvent::default() }
    }

    #[test]
    fn every_line_of_data_is_a_field() {
        check(data("a"), Ok("data: a\n\n"));
        check(data(""), Ok("data: \n\n"));
        check(data("a\nb\rc\r\nd"), Ok("data: a\ndata: b\ndata: c\ndata: d\n\n"));
        check(data("a\n"), Ok("data: a\ndata: \n\n"));
        check(data("a\n\nb"), Ok("data: a\ndata: \ndata: b\n\n"));
        check(data("\n\r"), Ok("data: \ndata: \ndata: \n\n"));
        check(data(" a: é"), Ok("data:  a: é\n\n"));
    }

    #[test]
    fn all_fields_come_before_the_data() {
        let event = ServerEvent {
            name: Some("tick".to_owned()),
            data: "1".to_owned(),
            id: Some("7".to_owned()),
            retry_ms: Some(250),
        };
        check(event, Ok("event: tick\nid: 7\nretry: 250\ndata: 1\n\n"));
        check(ServerEvent { id: Some(String::new()), ..data("x") }, Ok("id: \ndata: x\n\n"));
    }

    #[test]
    fn a_field_cannot_smuggle_in_another() {
        let name = |name: &str| ServerEvent { name: Some(name.to_owned()), ..data("x") };
        let id = |id: &str| ServerEvent { id: Some(id.to_owned()), ..data("x") };
        check(name("a\ndata: y"), Err(EncodeError::NameWithLineBreak));
        check(name("a\r"), Err(EncodeError::NameWithLineBreak));
        check(id("a\n"), Err(EncodeError::IdNotPlain));
        check(id("a\0"), Err(EncodeError::IdNotPlain));
    }
}
