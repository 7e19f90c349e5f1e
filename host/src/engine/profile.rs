use wasmtime::{Config, WasmBacktraceDetails};

/// How an engine preempts guests, and what it gives up for it. It is compiled into the code, so that each profile has
/// code of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Epochs: a guest that computes gives way every [`TICK`](super::TICK). Fast, and at another instruction each time.
    Production,
    /// Fuel: a guest gives way after so many instructions, always at the same one; floating point has one result for
    /// each operation.
    Simulation,
}

impl Profile {
    /// Fuel that a guest uses in one go in the simulator. More often costs up to 190 %, this 6 %.
    pub const YIELD_EVERY_FUEL: u64 = 100_000;

    /// The name in cache keys and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Simulation => "simulation",
        }
    }

    pub(super) fn config(self) -> Config {
        let mut config = Config::new();
        config
            .wasm_component_model(true)
            .wasm_backtrace_details(WasmBacktraceDetails::Disable)
            // Each process has one thread of execution: exports are called 3.7 times faster without support for more.
            .concurrency_support(false);
        match self {
            Self::Production => {
                config.epoch_interruption(true);
            }
            Self::Simulation => {
                config.consume_fuel(true).cranelift_nan_canonicalization(true).relaxed_simd_deterministic(true);
            }
        }
        config
    }
}
