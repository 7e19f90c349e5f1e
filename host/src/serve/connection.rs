use super::active::{ConnectionGuard, Phase, reached};
use super::body::ResponseBody;
use super::patience::{HeaderTimer, Patience};
use super::server::Shared;
use super::service::answer;
use super::wire::Wire;
use http::header::DATE;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use rusm_core::seam::{BoxFuture, ByteStream};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

/// The request line and all headers together; above it the client gets 431. So it does above 100 headers, which is
/// hyper's own limit.
const HEAD_BYTES_MAX: usize = 32 << 10;

/// Serves one connection until it ends.
pub(super) async fn serve(
    shared: Arc<Shared>,
    stream: Box<dyn ByteStream>,
    peer: SocketAddr,
    guard: Arc<ConnectionGuard>,
) {
    let limits = &shared.limits;
    let patience = Patience::new(shared.node.seams().clock.clone(), limits.header_time, limits.idle_time);
    let wire = TokioIo::new(Wire::new(stream, patience.clone()));
    let requests = Requests { shared: shared.clone(), peer, guard };
    let connection = http1::Builder::new()
        .timer(HeaderTimer::new(patience))
        .header_read_timeout(limits.header_time)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .auto_date_header(false)
        .serve_connection(wire, requests)
        .with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        biased;
        result = connection.as_mut() => return log(peer, result),
        () = reached(&shared.phase, Phase::Draining) => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        biased;
        result = connection.as_mut() => log(peer, result),
        () = reached(&shared.phase, Phase::Cutting) => {}
    }
}

/// A client that misbehaves is its own problem.
fn log(peer: SocketAddr, result: hyper::Result<()>) {
    if let Err(error) = result {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}

/// The requests of one connection.
struct Requests {
    shared: Arc<Shared>,
    peer: SocketAddr,
    guard: Arc<ConnectionGuard>,
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = BoxFuture<Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (shared, peer, guard) = (self.shared.clone(), self.peer, self.guard.clone());
        Box::pin(async move {
            let mut response = match answer(&shared, guard, request, peer).await {
                Ok(response) => response,
                Err(refusal) => refusal.response(),
            };
            if let Some(date) = shared.date.header(shared.node.seams().clock.wall()) {
                response.headers_mut().entry(DATE).or_insert(date);
            }
            Ok(response)
        })
    }
}
