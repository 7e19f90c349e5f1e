//! What `wit-bindgen` makes of the WIT packages. Each interface is generated once; a component that exports two of these
//! worlds' interfaces (an actor that is also a WebSocket handler) has the union of them.
#![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated code")]

pub mod actor {
    wit_bindgen::generate!({
        path: ["../../wit/actor"],
        world: "rusm:actor/actor",
        pub_export_macro: true,
        default_bindings_module: "rusm_sdk::bindings::actor",
        additional_derives: [PartialEq, Eq, Hash],
        additional_type_attributes: {
            "rusm:actor/types@0.1.0/pid": [#[derive(PartialOrd, Ord, serde::Serialize, serde::Deserialize)]],
            "rusm:actor/types@0.1.0/reference": [#[derive(PartialOrd, Ord, serde::Serialize, serde::Deserialize)]],
        },
        generate_all,
    });
}

pub mod websocket {
    wit_bindgen::generate!({
        path: ["../../wit/actor", "../../wit/serve"],
        inline: "
            package rusm:sdk-websocket;
            world websocket {
                import rusm:serve/websocket@0.1.0;
                export rusm:serve/websocket-handler@0.1.0;
            }
        ",
        pub_export_macro: true,
        default_bindings_module: "rusm_sdk::bindings::websocket",
        additional_derives: [PartialEq, Eq],
        generate_all,
    });
}

pub mod event_stream {
    wit_bindgen::generate!({
        path: ["../../wit/actor", "../../wit/serve"],
        inline: "
            package rusm:sdk-event-stream;
            world event-stream {
                import rusm:serve/event-stream@0.1.0;
                export rusm:serve/event-stream-handler@0.1.0;
            }
        ",
        pub_export_macro: true,
        default_bindings_module: "rusm_sdk::bindings::event_stream",
        additional_derives: [PartialEq, Eq],
        with: { "rusm:serve/types@0.1.0": crate::bindings::websocket::rusm::serve::types },
        generate_all,
    });
}

pub mod scenario {
    wit_bindgen::generate!({
        path: ["../../wit/scenario"],
        world: "rusm:scenario/scenario",
        pub_export_macro: true,
        default_bindings_module: "rusm_sdk::bindings::scenario",
        generate_all,
    });
}

pub mod key_value {
    wit_bindgen::generate!({
        path: ["../../wit/wasi-keyvalue"],
        world: "wasi:keyvalue/imports",
        generate_all,
    });
}
