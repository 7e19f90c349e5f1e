//! Components in TypeScript.

mod modules;
mod stamp;
mod strip;
#[cfg(test)]
mod tests;
mod world;

pub(super) use world::World;

use super::artifact;
use anyhow::{Context as _, Result, anyhow};
use componentize_qjs::{ComponentizeOpts, Modules as _, ScriptError, componentize};
use modules::AppModules;
use stamp::Stamp;
use std::path::Path;
use std::sync::Arc;

/// Builds `entry`, a file below the app's directory, unless nothing that went into `wasm` has changed. Says whether it
/// was built.
pub(super) fn build(app: &Path, entry: &Path, world: World, wasm: &Path) -> Result<bool> {
    let stamp_file = Stamp::file_of(wasm);
    if Stamp::read(&stamp_file).is_some_and(|stamp| stamp.is_up_to_date(app, world, wasm)) {
        return Ok(false);
    }
    let modules = Arc::new(AppModules::new(app)?);
    let entry = modules.entry(entry).map_err(|error| anyhow!(error))?;
    let bytes = make(&modules, &entry, world)?;
    artifact::write(wasm, &bytes)?;
    artifact::write(&stamp_file, &Stamp::new(world, &bytes, modules.loaded()).to_bytes()?)?;
    Ok(true)
}

fn make(modules: &Arc<AppModules>, entry: &str, world: World) -> Result<Vec<u8>> {
    let source = modules.load(entry).map_err(|error| anyhow!(error))?;
    let (resolve, world) = world::packages(world)?;
    let opts = ComponentizeOpts { resolve: &resolve, world, entry, source: &source, modules: modules.clone() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().context("cannot start a runtime")?;
    runtime.block_on(componentize(&opts)).map_err(explain)
}

/// What QuickJS says, with what it usually means.
fn explain(error: anyhow::Error) -> anyhow::Error {
    let Some(error) = error.downcast_ref::<ScriptError>() else { return error };
    let mut text = error.message.trim_end().to_owned();
    if text.contains("Could not find export") {
        text.push_str("\nIf that is a type, import it with `import type`: types are gone when the modules are linked");
    }
    if !error.printed.trim().is_empty() {
        text.push_str("\nIt had printed:\n");
        text.push_str(error.printed.trim_end());
    }
    anyhow!(text)
}
