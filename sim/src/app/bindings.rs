//! What the WIT package `rusm:scenario` becomes in Rust.

#![allow(missing_docs, unreachable_pub, reason = "generated; the WIT files have the documentation")]

wasmtime::component::bindgen!({
    path: "../wit/scenario",
    world: "rusm:scenario/scenario",
    imports: { default: async | trappable },
    exports: { default: async },
    require_store_data_send: true,
    with: {
        "rusm:scenario/client.websocket": super::websocket::Websocket,
        "rusm:scenario/client.event-stream": super::event_stream::EventStream,
    },
});
