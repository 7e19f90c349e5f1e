//! WASI 0.2 on the seams: time, randomness and standard streams are RUSM's own, streams and polling are Wasmtime's,
//! files and sockets are Wasmtime's where they are granted.

mod cli;
mod clocks;
mod random;
mod sockets;
mod stdio;

pub(crate) use cli::{environment, preopen};
pub(crate) use random::GuestRandom;
pub(crate) use sockets::SocketGate;
pub(crate) use stdio::{LastWords, log_lines};

use crate::state::ProcessState;
use clocks::SeamClocks;
use random::SeamRandom;
use wasmtime::component::{HasSelf, Linker};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings;

/// Adds every interface of `wasi:cli/imports`.
pub(crate) fn add_to_linker(linker: &mut Linker<ProcessState>) -> wasmtime::Result<()> {
    type State = ProcessState;
    wasmtime_wasi_io::add_to_linker_async(linker)?;

    bindings::clocks::wall_clock::add_to_linker::<State, SeamClocks>(linker, State::clocks)?;
    bindings::clocks::monotonic_clock::add_to_linker::<State, SeamClocks>(linker, State::clocks)?;
    bindings::random::random::add_to_linker::<State, SeamRandom>(linker, State::random)?;
    bindings::random::insecure::add_to_linker::<State, SeamRandom>(linker, State::random)?;
    bindings::random::insecure_seed::add_to_linker::<State, SeamRandom>(linker, State::random)?;

    bindings::cli::exit::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    bindings::cli::environment::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    bindings::cli::stdin::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    bindings::cli::stdout::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    bindings::cli::stderr::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    bindings::cli::terminal_input::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    bindings::cli::terminal_output::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    bindings::cli::terminal_stdin::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    bindings::cli::terminal_stdout::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    bindings::cli::terminal_stderr::add_to_linker::<State, WasiCli>(linker, State::cli)?;

    bindings::filesystem::types::add_to_linker::<State, WasiFilesystem>(linker, State::filesystem)?;
    bindings::filesystem::preopens::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    sockets::add_to_linker(linker)
}
