use super::bindings::events::EventStreamIndices;
use super::bindings::rusm::serve::{event_stream, types};
use super::start_failed;
use crate::callbacks::CallbackProcess;
use crate::component::Component;
use crate::host::Host;
use crate::serve::event_stream::{EventStream, ServerEvent};
use crate::serve::handlers::Opening;
use crate::state::ProcessState;
use rusm_core::{Context, ExitReason, Message, Term};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The stream of a process, and whether the process has ended it.
struct Stream {
    events: EventStream,
    closed: AtomicBool,
}

/// Serves one listener with a new instance.
pub(super) async fn serve(
    host: &Host,
    component: &Component,
    context: Context,
    opening: Opening<EventStream>,
) -> Result<(), ExitReason> {
    let (request, decision, events) = opening.into_parts();
    let stream = Arc::new(Stream { events, closed: AtomicBool::new(false) });
    let result = async {
        let connection = stream.clone();
        let ready = |state: &mut ProcessState| state.set_extension(connection);
        let mut process = CallbackProcess::new(host, component, context, ready).await?;
        process.init(Term::empty()).await?;
        let indices = EventStreamIndices::new(component.instance_pre()).map_err(|e| start_failed(format!("{e:#}")))?;
        let exports = process.instance().instance();
        let loaded = indices.load(process.instance().store(), &exports);
        let loaded = loaded.map_err(|error| start_failed(format!("{error:#}")))?;
        let handler = loaded.rusm_serve_event_stream_handler();
        let request = types::Request::from(request);
        let opened = process.instance().enter("open", async |store| handler.call_open(store, &request).await).await?;
        match opened {
            Ok(()) => decision.accept(),
            Err(status) => {
                decision.refuse(status);
                return Ok(());
            }
        }
        run(&mut process, &stream).await
    };
    let result: Result<(), ExitReason> = result.await;
    if result.as_ref().err().is_none_or(ExitReason::is_orderly) {
        stream.events.orderly();
    }
    result
}

/// Handles messages until the stream or the process ends.
async fn run(process: &mut CallbackProcess, stream: &Stream) -> Result<(), ExitReason> {
    let context = process.context().clone();
    while !stream.closed.load(Ordering::Relaxed) {
        match context.receive().await {
            // The listener has gone, or the server stops.
            Message::Exit { from, reason } if from == context.node().outside() => {
                process.terminate(reason.clone()).await?;
                return Err(reason);
            }
            message => process.handle(message).await?,
        }
    }
    Ok(())
}

const NO_STREAM: &str = "this process serves no event stream";

impl event_stream::Host for ProcessState {
    async fn send(&mut self, event: event_stream::ServerEvent) -> wasmtime::Result<Result<(), String>> {
        let Some(stream) = self.extension_mut::<Arc<Stream>>().cloned() else {
            return Ok(Err(NO_STREAM.to_owned()));
        };
        let event_stream::ServerEvent { name, data, id, retry_ms } = event;
        let event = ServerEvent { name, data, id, retry_ms };
        Ok(stream.events.send(&event).await.map_err(|error| error.to_string()))
    }

    fn close(&mut self) {
        if let Some(stream) = self.extension_mut::<Arc<Stream>>() {
            stream.closed.store(true, Ordering::Relaxed);
            stream.events.close();
        }
    }
}
