use super::body::ResponseBody;
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderValue, Response, StatusCode};

/// An answer that the server gives itself: the status, and one line of text that says what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The request is not one that can be read.
    BadRequest(&'static str),
    /// No route serves the path.
    NotFound,
    /// The path is a WebSocket's or an event stream's, and the method is not GET.
    OnlyGet,
    /// The path is a WebSocket's, and the request is not the start of one.
    UpgradeRequired,
    /// The body is above `body-bytes`.
    BodyTooLarge,
    /// The process ended before it answered.
    Crashed,
    /// The component cannot be started.
    NotStarted,
    /// The process did not answer within `request-time`.
    TimedOut,
    /// The component said so.
    Status(StatusCode),
}

impl Refusal {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::OnlyGet => StatusCode::METHOD_NOT_ALLOWED,
            Self::UpgradeRequired => StatusCode::UPGRADE_REQUIRED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Crashed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Self::NotStarted => StatusCode::SERVICE_UNAVAILABLE,
            Self::Status(status) => status,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::BadRequest(why) => why,
            Self::NotFound => "nothing is served at this path",
            Self::OnlyGet => "use GET",
            Self::UpgradeRequired => "this is a WebSocket: ask for an upgrade, version 13",
            Self::BodyTooLarge => "the request's body is too large",
            Self::Crashed => "the process that served this request ended before it answered",
            Self::NotStarted => "no process could be started for this request",
            Self::TimedOut => "the process that served this request did not answer in time",
            Self::Status(status) => status.canonical_reason().unwrap_or("refused"),
        }
    }

    pub(super) fn response(self) -> Response<ResponseBody> {
        let mut response = Response::new(ResponseBody::text(self.text()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        match self {
            Self::OnlyGet => drop(headers.insert(ALLOW, HeaderValue::from_static("GET"))),
            Self::UpgradeRequired => {
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
                headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            }
            Self::NotStarted => drop(headers.insert(RETRY_AFTER, HeaderValue::from_static("1"))),
            // What is left of the body would be read as the next request.
            Self::BodyTooLarge => drop(headers.insert(CONNECTION, HeaderValue::from_static("close"))),
            Self::BadRequest(_) | Self::NotFound | Self::Crashed | Self::TimedOut | Self::Status(_) => {}
        }
        response
    }
}

/// What a connection above the limit is told: there is no HTTP connection to answer through.
pub(super) const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\n\
    content-type: text/plain; charset=utf-8\r\ncontent-length: 22\r\n\r\nbusy: try again later\n";
