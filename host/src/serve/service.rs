use super::active::ConnectionGuard;
use super::body::{KillOnDrop, RequestBody, ResponseBody};
use super::handlers::{Exchange, OpeningRequest};
use super::refusal::Refusal;
use super::routes::NoRoute;
use super::server::Shared;
use super::{event_stream, websocket};
use crate::manifest::Target;
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::{Notify, oneshot};

/// Finds what serves a request, and has it served.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    connection: Arc<ConnectionGuard>,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Result<Response<ResponseBody>, Refusal> {
    // Source: RFC 9112, section 3.2.
    if request.version() == Version::HTTP_11 && request.headers().get_all(HOST).iter().count() != 1 {
        return Err(Refusal::BadRequest("a request has exactly one host header"));
    }
    let matched = shared.routes.find(request.uri().path()).map_err(|no_route| match no_route {
        NoRoute::Unknown => Refusal::NotFound,
        NoRoute::Malformed => Refusal::BadRequest("the path is not percent-encoded UTF-8"),
    })?;
    match matched.target {
        Target::Http(component) => exchange(shared, component, request, peer).await,
        Target::Websocket(component) => {
            let opening = opening_request(&request, matched.parameters, peer);
            websocket::open(shared.clone(), connection, component, request, opening).await
        }
        Target::Events(_) if request.method() != Method::GET => Err(Refusal::OnlyGet),
        Target::Events(component) => {
            let opening = opening_request(&request, matched.parameters, peer);
            event_stream::open(shared.clone(), component, opening).await
        }
    }
}

/// One request, answered by a process of its own.
async fn exchange(
    shared: &Arc<Shared>,
    component: &str,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Result<Response<ResponseBody>, Refusal> {
    let limit = shared.limits.body_bytes;
    if request.body().size_hint().lower() > limit {
        return Err(Refusal::BodyTooLarge);
    }
    let bodyless = request.method() == Method::HEAD;
    let overflow = Arc::new(Notify::new());
    let request = request.map(|body| RequestBody::new(body, limit, overflow.clone()));
    let (response, answered) = oneshot::channel();
    let body = shared.handlers.http(component, Exchange { request, peer, response });
    let pid = shared.spawn(component, body)?;
    let process = KillOnDrop::new(shared.node.clone(), pid);
    let response = tokio::select! {
        biased;
        () = overflow.notified() => return Err(Refusal::BodyTooLarge),
        answered = answered => match answered {
            Ok(response) => response,
            Err(_) => {
                process.disarm();
                return Err(Refusal::Crashed);
            }
        },
        () = shared.sleep(shared.limits.request_time) => return Err(Refusal::TimedOut),
    };
    let bodyless = bodyless
        || matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || response.status().is_informational();
    let left = if bodyless { Some(0) } else { content_length(response.headers()) };
    Ok(response.map(|body| body.tie(process, left)))
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn opening_request<B>(request: &Request<B>, parameters: Vec<(String, String)>, peer: SocketAddr) -> OpeningRequest {
    let text = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        let value = std::str::from_utf8(value.as_bytes()).ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    };
    OpeningRequest {
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        parameters,
        headers: request.headers().iter().filter_map(text).collect(),
        peer: peer.to_string(),
    }
}
