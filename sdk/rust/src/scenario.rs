//! A workload for the simulator (`rusm sim`) and what must hold: clients that use an app through the simulated network.
//!
//! Implement [`Workload`] and export it with [`export_scenario!`](crate::export_scenario).

pub use crate::bindings::scenario::exports::rusm::scenario::workload::Guest as Workload;
pub use crate::bindings::scenario::rusm::scenario::client::{
    EventStream, Frame, ReceiveError, Response, Websocket, request,
};
pub use crate::bindings::scenario::rusm::scenario::run::{
    Observation, broken, healed, nodes, now_ms, observe, random, sleep_ms, sometimes,
};

/// Makes a type that implements [`Workload`](crate::scenario::Workload) this component's scenario.
#[macro_export]
macro_rules! export_scenario {
    ($workload:ident) => {
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn() -> u32 = <$workload as $crate::scenario::Workload>::clients;
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::scenario::export!($workload with_types_in $crate::bindings::scenario);
    };
}
