//! Whole apps in the simulator: the unchanged components on a simulated node, clients that use it through the simulated
//! network, and what must hold. Clients and properties are a component too, of the world `rusm:scenario/scenario`.
//!
//! A run has four parts: faults while the clients work; the heal, from which on nothing goes wrong any more; rest, in
//! which the clients return and whatever served them ends; and the judgement of what the clients saw.

mod bindings;
mod event_stream;
mod guest_faults;
mod http;
mod node;
mod run;
mod scenario;
mod simulation;
mod wait;
mod websocket;

pub use simulation::{AppRunOptions, AppSimulation, NODES_MAX, SimulationError};
