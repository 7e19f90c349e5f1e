use super::bindings::WebsocketIndices;
use super::bindings::exports::rusm::serve::websocket_handler::Guest;
use super::bindings::rusm::serve::{types, websocket};
use super::start_failed;
use crate::callbacks::CallbackProcess;
use crate::component::Component;
use crate::host::Host;
use crate::serve::handlers::Opening;
use crate::serve::websocket::{SocketClose, SocketEvent, SocketFrame, WebSocket};
use crate::state::ProcessState;
use rusm_core::{Context, ExitReason, Message, Term};
use std::sync::Arc;

/// Serves one WebSocket with a new instance.
pub(super) async fn serve(
    host: &Host,
    component: &Component,
    context: Context,
    opening: Opening<WebSocket>,
) -> Result<(), ExitReason> {
    let (request, decision, socket) = opening.into_parts();
    let socket = Arc::new(socket);
    let result = async {
        let connection = socket.clone();
        let ready = |state: &mut ProcessState| state.set_extension(connection);
        let mut process = CallbackProcess::new(host, component, context, ready).await?;
        process.init(Term::empty()).await?;
        let indices = WebsocketIndices::new(component.instance_pre()).map_err(|e| start_failed(format!("{e:#}")))?;
        let exports = process.instance().instance();
        let loaded = indices.load(process.instance().store(), &exports);
        let loaded = loaded.map_err(|error| start_failed(format!("{error:#}")))?;
        let handler = loaded.rusm_serve_websocket_handler();
        let request = types::Request::from(request);
        let opened = process.instance().enter("open", async |store| handler.call_open(store, &request).await).await?;
        match opened {
            Ok(()) => decision.accept(),
            Err(status) => {
                decision.refuse(status);
                return Ok(());
            }
        }
        run(&mut process, handler).await
    };
    let result: Result<(), ExitReason> = result.await;
    match &result {
        Ok(()) => socket.ends_with(SocketClose::normal()),
        Err(reason) if reason.is_normal() => socket.ends_with(SocketClose::normal()),
        Err(reason) if reason.is_orderly() => socket.ends_with(SocketClose::going_away()),
        Err(_) => {}
    }
    result
}

/// Handles messages and frames, in the order in which they came, until the connection or the process ends.
async fn run(process: &mut CallbackProcess, handler: &Guest) -> Result<(), ExitReason> {
    let context = process.context().clone();
    loop {
        let message = context.receive().await;
        let event = match message {
            Message::Plain(payload) => match payload.downcast::<SocketEvent>() {
                Ok(event) => event,
                Err(payload) => {
                    process.handle(Message::Plain(payload)).await?;
                    continue;
                }
            },
            Message::Exit { from, reason } if from == context.node().outside() => {
                process.terminate(reason.clone()).await?;
                return Err(reason);
            }
            message => {
                process.handle(message).await?;
                continue;
            }
        };
        match event {
            SocketEvent::Received(received) => {
                let frame = match &received.frame {
                    SocketFrame::Text(text) => types::Frame::Text(text.clone()),
                    SocketFrame::Binary(bytes) => types::Frame::Binary(bytes.to_vec()),
                };
                let call = async |store: &mut _| handler.call_received(store, &frame).await;
                process.instance().enter("received", call).await?;
            }
            SocketEvent::Closed(close) => {
                let close = close.map(|close| types::Close { code: close.code, reason: close.reason });
                let call = async |store: &mut _| handler.call_closed(store, close.as_ref()).await;
                return process.instance().enter("closed", call).await;
            }
        }
    }
}

const NO_SOCKET: &str = "this process serves no WebSocket";

impl websocket::Host for ProcessState {
    async fn send(&mut self, frame: types::Frame) -> wasmtime::Result<Result<(), String>> {
        let Some(socket) = self.extension_mut::<Arc<WebSocket>>().cloned() else {
            return Ok(Err(NO_SOCKET.to_owned()));
        };
        let frame = match frame {
            types::Frame::Text(text) => SocketFrame::Text(text),
            types::Frame::Binary(bytes) => SocketFrame::Binary(bytes.into()),
        };
        Ok(socket.send(frame).await.map_err(|gone| gone.to_string()))
    }

    fn close(&mut self, code: u16, reason: String) {
        if let Some(socket) = self.extension_mut::<Arc<WebSocket>>() {
            socket.close(SocketClose { code, reason });
        }
    }
}
