//! Makes the components of an app from their sources: `DIR/build/NAME.wasm` for each.
//!
//! Rust is built by cargo, whose own rules say what is up to date. TypeScript is built here, in this process, without
//! Node: its types are stripped, and QuickJS with the evaluated modules in its memory becomes the component.

mod artifact;
mod cargo;
mod plan;
mod typescript;

use anyhow::{Context as _, Result};
use plan::{Plan, Recipe};
use rusm_host::manifest::Manifest;
use std::path::Path;

/// Where what is built lies, below the app's directory.
pub(crate) const BUILD_DIRECTORY: &str = "build";

/// How far a build is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress<'a> {
    /// The component that is meant.
    pub(crate) component: &'a str,
    /// Which one it is, from 1.
    pub(crate) index: usize,
    /// How many there are.
    pub(crate) count: usize,
    /// What happens to it.
    pub(crate) step: Step<'a>,
}

/// What happens to a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// It is looked at, and built where its source has changed.
    Start {
        /// For people: `Rust` or `TypeScript`.
        language: &'static str,
    },
    /// The tool that builds it says what it does now.
    Detail(&'a str),
    /// It is there, as large as this.
    Done {
        /// Whether it had to be built; otherwise it was there already.
        fresh: bool,
        /// The component's size.
        bytes: u64,
    },
}

/// Builds whatever the manifest names a source for, and the scenario of the simulator.
///
/// # Errors
/// The first component that does not build: which, why, and what to do.
pub(crate) fn build(manifest: &Manifest, progress: &mut dyn FnMut(Progress<'_>)) -> Result<()> {
    let plan = Plan::of(manifest)?;
    let output = manifest.directory.join(BUILD_DIRECTORY);
    std::fs::create_dir_all(&output).with_context(|| format!("cannot make the folder {}", output.display()))?;
    let count = plan.targets.len();
    for (i, target) in plan.targets.iter().enumerate() {
        let component = target.name.as_str();
        let mut report = |step: Step<'_>| progress(Progress { component, index: i + 1, count, step });
        report(Step::Start { language: target.recipe.language() });
        let wasm = manifest.directory.join(&target.wasm);
        let fresh = match &target.recipe {
            Recipe::Rust { folder } => build_rust(&manifest.directory, folder, &wasm, &mut report),
            Recipe::TypeScript { entry, world } => typescript::build(&manifest.directory, entry, *world, &wasm),
        };
        let fresh = fresh.with_context(|| format!("component {component} was not built"))?;
        report(Step::Done { fresh, bytes: std::fs::metadata(&wasm)?.len() });
    }
    Ok(())
}

fn build_rust(app: &Path, folder: &Path, wasm: &Path, report: &mut dyn FnMut(Step<'_>)) -> Result<bool> {
    let built = cargo::build(app, &app.join(folder), &mut |line| report(Step::Detail(line)))?;
    artifact::check_component(&built, folder)?;
    artifact::copy_if_changed(&built, wasm)
}
