//! Components as what serves: `wasi:http/incoming-handler`, `rusm:serve`'s WebSockets and event streams.

mod answer;
mod event_stream;
mod http;
mod outgoing;
mod websocket;

use super::handlers::{Exchange, Handlers, Opening, OpeningRequest};
use super::{EventStream, WebSocket};
use crate::component::{Component, World};
use crate::exit::START_FAILED;
use crate::host::Host;
use crate::state::ProcessState;
use bindings::rusm::serve::types;
use rusm_core::{Context, ExitReason, ProcessBody, process_body};
use wasmtime::component::{HasSelf, Linker};
use wasmtime_wasi_http::WasiHttp;
use wasmtime_wasi_http::p2::bindings::http as wasi_http;

pub(crate) mod bindings {
    //! What `wasmtime` makes of `wit/serve`.
    #![allow(missing_docs, unreachable_pub, reason = "generated; the WIT files hold the documentation")]

    wasmtime::component::bindgen!({
        path: ["../wit/actor", "../wit/serve"],
        inline: "
            package rusm:host-serve;
            world websocket {
                import rusm:serve/types@0.1.0;
                import rusm:serve/websocket@0.1.0;
                import rusm:serve/event-stream@0.1.0;
                export rusm:serve/websocket-handler@0.1.0;
            }
        ",
        world: "rusm:host-serve/websocket",
        imports: {
            "rusm:serve/websocket.send": async | trappable,
            "rusm:serve/event-stream.send": async | trappable,
        },
        exports: { default: async },
        require_store_data_send: true,
    });

    pub(crate) mod events {
        wasmtime::component::bindgen!({
            path: ["../wit/actor", "../wit/serve"],
            inline: "
                package rusm:host-serve;
                world event-stream {
                    import rusm:serve/types@0.1.0;
                    export rusm:serve/event-stream-handler@0.1.0;
                }
            ",
            world: "rusm:host-serve/event-stream",
            exports: { default: async },
            require_store_data_send: true,
            with: { "rusm:serve/types@0.1.0": super::rusm::serve::types },
        });
    }
}

/// Adds `rusm:serve` and `wasi:http`.
pub(crate) fn add_to_linker(linker: &mut Linker<ProcessState>) -> wasmtime::Result<()> {
    type State = ProcessState;
    types::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    bindings::rusm::serve::websocket::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    bindings::rusm::serve::event_stream::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    let options = wasi_http::types::LinkOptions::default();
    wasi_http::types::add_to_linker::<State, WasiHttp>(linker, &options, wasmtime_wasi_http::WasiHttpView::http)?;
    outgoing::add_to_linker(linker)?;
    answer::watch_bodies(linker)
}

impl types::Host for ProcessState {}

/// A host serves with its components: the names of routes are theirs.
impl Handlers for Host {
    fn http(&self, component: &str, exchange: Exchange) -> Result<ProcessBody, ExitReason> {
        let component = self.serving(component, World::Http)?;
        let host = self.clone();
        Ok(process_body(async move |context: Context| http::serve(&host, &component, context, exchange).await))
    }

    fn websocket(&self, component: &str, opening: Opening<WebSocket>) -> Result<ProcessBody, ExitReason> {
        let component = self.serving(component, World::WebSocket)?;
        let host = self.clone();
        Ok(process_body(async move |context: Context| websocket::serve(&host, &component, context, opening).await))
    }

    fn events(&self, component: &str, opening: Opening<EventStream>) -> Result<ProcessBody, ExitReason> {
        let component = self.serving(component, World::EventStream)?;
        let host = self.clone();
        Ok(process_body(async move |context: Context| event_stream::serve(&host, &component, context, opening).await))
    }
}

impl Host {
    fn serving(&self, name: &str, world: World) -> Result<Component, ExitReason> {
        let component = self.component(name).ok_or_else(|| start_failed(format!("there is no component {name}")))?;
        component.require(world).map_err(start_failed)?;
        Ok(component)
    }
}

fn start_failed(why: impl ToString) -> ExitReason {
    ExitReason::new(START_FAILED).with_detail(why.to_string())
}

impl From<OpeningRequest> for types::Request {
    fn from(request: OpeningRequest) -> Self {
        let OpeningRequest { path, query, parameters, headers, peer } = request;
        Self { path, query, parameters, headers, peer }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Engine, Host, HostOptions, Profile};

    #[test]
    fn everything_that_serves_can_be_linked() {
        for profile in [Profile::Production, Profile::Simulation] {
            let engine = Engine::new(profile, None).expect("an engine");
            assert!(Host::new(HostOptions::new(engine)).is_ok());
        }
    }
}
