//! Link JavaScript, WIT bindings, and a QuickJS runtime into a WebAssembly component.
//!
//! Componentization builds a temporary component, evaluates the generated shim
//! and the user's module under Wizer, then snapshots the initialized runtime.
//!
//! A patched copy: `README.md` beside this crate says what was changed.

pub mod codegen;
mod evaluate;
mod snapshot;
pub mod stubwasi;

use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use stubwasi::stub_internal_imports;
use wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER;

pub use wit_parser;
use wit_parser::{Resolve, WorldId};

/// The QuickJS runtime: optimized for speed, without the component model's async ABI.
const RUNTIME_WASM: &[u8] = include_bytes!("../prebuilt/runtime-sync.wasm");

/// Where the modules that JavaScript imports come from. An error is a message for the author of the import.
pub trait Modules: Send + Sync + 'static {
    /// The absolute name, beginning with `/`, of what `specifier` means in the module named `referrer`.
    fn resolve(&self, referrer: &str, specifier: &str) -> Result<String, String>;

    /// The JavaScript of the module with this absolute name.
    fn load(&self, name: &str) -> Result<String, String>;
}

/// What to make a component of.
pub struct ComponentizeOpts<'a> {
    /// The packages in which `world` is found.
    pub resolve: &'a Resolve,
    /// The world of the component.
    pub world: WorldId,
    /// Absolute name, beginning with `/`, of the entry module: the referrer of its imports.
    pub entry: &'a str,
    /// The JavaScript of the entry module.
    pub source: &'a str,
    /// What it imports, beside the interfaces of its world.
    pub modules: Arc<dyn Modules>,
}

/// The script threw while it was evaluated, or does not parse, or exports not what its world asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// What the engine says, with the place.
    pub message: String,
    /// What the script had printed.
    pub printed: String,
}

impl std::fmt::Display for ScriptError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ScriptError {}

/// Converts a JavaScript module into a WebAssembly component. The same options give the same bytes.
///
/// # Errors
/// A [`ScriptError`] when it is the script's fault.
pub async fn componentize(opts: &ComponentizeOpts<'_>) -> Result<Vec<u8>> {
    let (mut wit_dylib, wit_metadata) =
        wit_dylib::create_with_metadata(opts.resolve, opts.world, None);
    let shim = codegen::generate_shim(opts.resolve, &wit_metadata);

    wit_component::embed_component_metadata(
        &mut wit_dylib,
        opts.resolve,
        opts.world,
        wit_component::StringEncoding::UTF8,
    )?;

    let mut linker = wit_component::Linker::default();
    linker.encoder().validate(true);
    linker.library("componentize_qjs_runtime.wasm", RUNTIME_WASM, false)?;
    linker.library("wit-dylib.wasm", &wit_dylib, false)?;
    linker.encoder().adapter(
        "wasi_snapshot_preview1",
        WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
    )?;

    let linked = linker
        .encode()
        .context("failed to link and encode component")?;
    let component = evaluate::evaluate(&linked, &shim, opts)
        .await
        .map_err(|error| anyhow!("{error:?}"))??;
    stub_internal_imports(&component).context("failed to stub internal module-loader import")
}
