use super::driver::Driver;
use super::handshake::accept;
use super::{SocketClose, WebSocket};
use crate::serve::OpeningRequest;
use crate::serve::active::ConnectionGuard;
use crate::serve::body::{KillOnDrop, ResponseBody};
use crate::serve::handlers::Opening;
use crate::serve::outbox::outbox;
use crate::serve::refusal::Refusal;
use crate::serve::server::Shared;
use http::Response;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Starts a process for a WebSocket, and answers with the upgrade once it is accepted.
pub(in crate::serve) async fn open(
    shared: Arc<Shared>,
    connection: Arc<ConnectionGuard>,
    component: &str,
    mut request: http::Request<hyper::body::Incoming>,
    opening: OpeningRequest,
) -> Result<Response<ResponseBody>, Refusal> {
    let head = accept(&request)?;
    let upgrade = hyper::upgrade::on(&mut request);
    let (outgoing, receiver) = outbox();
    let (decision, decided) = oneshot::channel();
    let ending = Arc::new(Mutex::new(SocketClose::crashed()));
    let socket = WebSocket { outgoing, ending: ending.clone() };
    let body = shared.handlers.websocket(component, Opening { request: opening, decision, connection: socket });
    let pid = shared.spawn(component, body)?;
    let kill = KillOnDrop::new(shared.node.clone(), pid);
    let decided = shared.decided(decided).await;
    if !matches!(decided, Err(Refusal::TimedOut)) {
        kill.disarm();
    }
    decided?;
    let driver = Driver::new(shared.clone(), connection, pid, receiver, ending);
    shared.node.seams().executor.spawn(Box::pin(driver.run(upgrade)));
    Ok(head.map(|()| ResponseBody::empty()))
}
