//! `wasi:http/outgoing-handler`: requests to the hosts that the manifest grants, over the sockets seam.

mod tls;

use crate::engine::Profile;
use crate::state::ProcessState;
use bytes::Bytes;
use http::header::HOST;
use http::uri::{Authority, PathAndQuery};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use rusm_core::Node;
use rusm_core::seam::ByteStream;
use std::future::Future;
use std::time::Duration;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Method, Scheme};
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// How long a connection, and the head of an answer, may take when the guest does not say. As Wasmtime's.
const DEFAULT_TIME: Duration = Duration::from_secs(600);

/// What Wasmtime's host asks its embedder. Requests do not go through it: [`handle`] sends them.
pub(super) struct Hooks;

type Sent = Result<(http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        _: http::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        Box::new(async { Err(Error::HttpRequestDenied) })
    }
}

/// Adds `wasi:http/outgoing-handler`.
pub(super) fn add_to_linker(linker: &mut Linker<ProcessState>) -> wasmtime::Result<()> {
    linker.instance("wasi:http/outgoing-handler@0.2.12")?.func_wrap("handle", handle)
}

type HandleResult = Result<Resource<HostFutureIncomingResponse>, ErrorCode>;

fn handle(
    mut store: StoreContextMut<'_, ProcessState>,
    (request, options): (Resource<HostOutgoingRequest>, Option<Resource<RequestOptions>>),
) -> wasmtime::Result<(HandleResult,)> {
    let state = store.data_mut();
    let options = options.map(|options| state.table.delete(options)).transpose()?.unwrap_or_default();
    let request = state.table.delete(request)?;
    let response = match start(state, request, options) {
        Ok(response) => Ok(state.table.push(response)?),
        Err(code) => Err(code),
    };
    Ok((response,))
}

fn start(
    state: &mut ProcessState,
    request: HostOutgoingRequest,
    options: RequestOptions,
) -> Result<HostFutureIncomingResponse, ErrorCode> {
    let authority = request.authority.clone().ok_or(ErrorCode::HttpRequestUriInvalid)?;
    if let Err(denied) = state.component.allow_http(&authority) {
        state.note_denied(&denied.to_string());
        return Err(ErrorCode::HttpRequestDenied);
    }
    if state.host.engine().profile() == Profile::Simulation {
        state.note_denied(&format!("outgoing HTTP to {authority}: it is not simulated"));
        return Err(ErrorCode::HttpRequestDenied);
    }
    let secure = match request.scheme {
        Some(Scheme::Https) => true,
        Some(Scheme::Http) => false,
        _ => {
            state.note_denied(&format!("outgoing HTTP to {authority}: only the schemes http and https are offered"));
            return Err(ErrorCode::HttpProtocolError);
        }
    };
    let authority: Authority = authority.parse().map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
    let request = into_request(request, &authority)?;
    let node = state.context.node().clone();
    // Only production comes here, and it runs on tokio.
    Ok(HostFutureIncomingResponse::Pending(wasmtime_wasi::runtime::spawn(async move {
        let connected = connect(&node, &authority, secure);
        let connect_time = options.connect_timeout.unwrap_or(DEFAULT_TIME);
        let stream = within(&node, connect_time, connected).await.unwrap_or(Err(Error::ConnectionTimeout))?;
        let (response, driver) = send(&node, stream, request, &options).await?;
        Ok((response, wasmtime_wasi::runtime::spawn(driver)))
    })))
}

type Outgoing = http::Request<UnsyncBoxBody<Bytes, Error>>;

fn into_request(request: HostOutgoingRequest, authority: &Authority) -> Result<Outgoing, ErrorCode> {
    let method = match request.method {
        Method::Get => http::Method::GET,
        Method::Head => http::Method::HEAD,
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
        Method::Delete => http::Method::DELETE,
        Method::Options => http::Method::OPTIONS,
        Method::Trace => http::Method::TRACE,
        Method::Patch => http::Method::PATCH,
        // A tunnel would reach what is not granted.
        Method::Connect => return Err(ErrorCode::HttpRequestMethodInvalid),
        Method::Other(name) => match http::Method::from_bytes(name.as_bytes()) {
            Ok(http::Method::CONNECT) | Err(_) => return Err(ErrorCode::HttpRequestMethodInvalid),
            Ok(method) => method,
        },
    };
    let path = request.path_with_query.as_deref().unwrap_or("/");
    let path: PathAndQuery = path.parse().map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
    let body = request.body.unwrap_or_else(|| Empty::new().map_err(|never| match never {}).boxed_unsync());
    let mut outgoing = http::Request::new(body);
    *outgoing.method_mut() = method;
    *outgoing.uri_mut() = path.into();
    *outgoing.headers_mut() = request.headers.into();
    let host = http::HeaderValue::from_str(authority.as_str()).map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
    outgoing.headers_mut().insert(HOST, host);
    Ok(outgoing)
}

/// Opens a connection to the first of the host's addresses that answers.
async fn connect(node: &Node, authority: &Authority, secure: bool) -> Result<Box<dyn ByteStream>, Error> {
    let sockets = &node.seams().sockets;
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let addresses = sockets.resolve(host.clone(), port).await.map_err(|_| Error::DestinationNotFound)?;
    for address in addresses {
        if let Ok(stream) = sockets.connect(address).await {
            return if secure { tls::secure(stream, host).await } else { Ok(stream) };
        }
    }
    Err(Error::ConnectionRefused)
}

/// Sends the request and waits for the head of the answer. What drives the connection comes back with it.
async fn send(
    node: &Node,
    stream: Box<dyn ByteStream>,
    request: Outgoing,
    options: &RequestOptions,
) -> Result<(http::Response<WasiBody>, impl Future<Output = ()> + Send + use<>), Error> {
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|_| Error::HttpProtocolError)?;
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    node.seams().executor.spawn(Box::pin(async move {
        tokio::select! {
            biased;
            // The guest has let go of the answer.
            _ = ended => {}
            result = connection => if let Err(error) = result {
                tracing::debug!(%error, "an outgoing connection ended early");
            },
        }
    }));
    let answer_time = options.first_byte_timeout.unwrap_or(DEFAULT_TIME);
    let answered = within(node, answer_time, sender.send_request(request)).await;
    let response = answered.ok_or(Error::ConnectionReadTimeout)?.map_err(|_| Error::HttpProtocolError)?;
    let driver = async move {
        let _end = end;
        std::future::pending::<()>().await;
    };
    Ok((response.map(|body| body.map_err(|_| Error::HttpProtocolError).boxed_unsync()), driver))
}

async fn within<T>(node: &Node, time: Duration, work: impl Future<Output = T>) -> Option<T> {
    let clock = &node.seams().clock;
    tokio::select! {
        biased;
        done = work => Some(done),
        () = clock.sleep_until(clock.now() + time) => None,
    }
}
