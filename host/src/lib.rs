//! WebAssembly components as supervised processes: Wasmtime, capabilities, serving.

pub mod app;
pub mod manifest;
