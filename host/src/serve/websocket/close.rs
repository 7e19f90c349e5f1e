use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, error::ProtocolError};

/// A close code and its reason. Source: RFC 6455, section 7.4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketClose {
    /// What happened.
    pub code: u16,
    /// For people; at most 123 bytes go over the wire.
    pub reason: String,
}

/// What a control frame's 125 bytes leave after the code.
const REASON_BYTES_MAX: usize = 123;
/// The code of a close frame without one: never sent.
const NO_STATUS: u16 = 1005;

impl SocketClose {
    /// That code, with that reason.
    pub fn new(code: u16, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// 1000: the process has done its work.
    pub fn normal() -> Self {
        Self::new(1000, "")
    }

    /// 1001: the node stops.
    pub fn going_away() -> Self {
        Self::new(1001, "the server is going away")
    }

    /// 1011: the process crashed.
    pub fn crashed() -> Self {
        Self::new(1011, "the process of this connection ended")
    }

    /// As it goes over the wire: the reason cut, a code that may not be sent replaced by 1011.
    pub(super) fn to_frame(&self) -> CloseFrame {
        let code = if matches!(self.code, 1000..=1003 | 1007..=1014 | 3000..=4999) { self.code } else { 1011 };
        let mut end = self.reason.len().min(REASON_BYTES_MAX);
        while !self.reason.is_char_boundary(end) {
            end -= 1;
        }
        CloseFrame { code: code.into(), reason: self.reason[..end].into() }
    }

    pub(super) fn from_frame(frame: Option<CloseFrame>) -> Self {
        match frame {
            Some(frame) => Self::new(frame.code.into(), frame.reason.as_str()),
            None => Self::new(NO_STATUS, ""),
        }
    }

    /// How the other side broke the protocol; `None` when the connection was cut.
    pub(super) fn of_error(error: &Error) -> Option<Self> {
        match error {
            Error::Capacity(_) => Some(Self::new(1009, "the message is too large")),
            Error::Utf8(_) => Some(Self::new(1007, "the text is not UTF-8")),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
            Error::Protocol(broken) => Some(Self::new(1002, broken.to_string())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_may_not_be_sent_are_replaced_and_reasons_cut() {
        let check = |code: u16, expected: u16| {
            assert_eq!(u16::from(SocketClose::new(code, "").to_frame().code), expected, "{code}");
        };
        check(1000, 1000);
        check(4999, 4999);
        check(3000, 3000);
        for never in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
            check(never, 1011);
        }
        let reason = format!("{}é", "a".repeat(REASON_BYTES_MAX - 1));
        assert_eq!(SocketClose::new(1000, reason).to_frame().reason.len(), REASON_BYTES_MAX - 1);
        assert_eq!(SocketClose::new(1000, "b".repeat(REASON_BYTES_MAX)).to_frame().reason.len(), REASON_BYTES_MAX);
    }
}
