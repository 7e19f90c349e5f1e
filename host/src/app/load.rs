use super::tree::supervision_tree;
use crate::component::{World, WrongWorld};
use crate::engine::Engine;
use crate::host::{Host, HostOptions, LoadError};
use crate::manifest::{Child, Children, MANIFEST_FILE, Manifest, Target};
use rusm_core::seam::Seams;
use rusm_core::{ChildSpec, Node, Shutdown, SupervisorSpec, process_body};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// An app whose components are compiled: ready to be started on a node, once or again.
#[derive(Clone)]
pub struct App {
    manifest: Manifest,
    host: Host,
}

/// Why an app could not be loaded. Nothing runs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppError {
    /// A component has not been built from its source.
    #[error(
        "component {component} is not built: there is no {}. Run `rusm build {}`", file.display(), directory.display()
    )]
    NotBuilt {
        /// Its name in the manifest.
        component: String,
        /// Where its code should lie.
        file: PathBuf,
        /// The app's directory.
        directory: PathBuf,
    },
    /// A component's file cannot be read.
    #[error("component {component} cannot be read from {}: {error}", file.display())]
    Read {
        /// Its name in the manifest.
        component: String,
        /// Where its code lies.
        file: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A component's file is no component that can run here.
    #[error("{}: {error}", file.display())]
    Load {
        /// The component's file.
        file: PathBuf,
        /// Why not.
        error: LoadError,
    },
    /// A component is not what its place in the manifest needs.
    #[error("{}: {place}: {error}", file.display())]
    World {
        /// The manifest.
        file: PathBuf,
        /// The table that names the component.
        place: String,
        /// What is missing.
        error: WrongWorld,
    },
}

/// How far the loading of an app is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadProgress<'a> {
    /// The component that is being compiled or taken from the cache.
    pub component: &'a str,
    /// Which one it is, from 1.
    pub index: usize,
    /// How many there are.
    pub count: usize,
}

impl App {
    /// What an app's host is made of: its directory, and the environment that its components may be granted parts of.
    pub fn host_options(manifest: &Manifest, engine: Engine, environment: BTreeMap<String, String>) -> HostOptions {
        HostOptions {
            directory: manifest.directory.clone(),
            environment,
            foreign_code: manifest.foreign_code.clone(),
            ..HostOptions::new(engine)
        }
    }

    /// Loads all components of the manifest into the host, one after the other, and checks that each is what its place
    /// in the manifest needs.
    ///
    /// # Errors
    /// The first that is not.
    pub async fn load(
        manifest: Manifest,
        host: Host,
        seams: &Seams,
        mut progress: impl FnMut(LoadProgress<'_>),
    ) -> Result<Self, AppError> {
        let count = manifest.components.len();
        for (i, component) in manifest.components.values().enumerate() {
            progress(LoadProgress { component: &component.name, index: i + 1, count });
            let file = manifest.directory.join(component.wasm_path());
            let wasm = read(&manifest.directory, &file, component)?;
            let loaded = host.load(seams, &component.name, wasm.into(), component.grants.clone()).await;
            loaded.map_err(|error| AppError::Load { file, error })?;
        }
        let app = Self { manifest, host };
        app.check_worlds()?;
        Ok(app)
    }

    /// What it was loaded from.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What runs its components.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Its supervision tree on a node, from the root down.
    pub fn supervision_tree(&self, node: &Node) -> SupervisorSpec {
        let digests = self.host.components().into_iter().map(|loaded| (loaded.name().to_owned(), *loaded.digest()));
        supervision_tree(&self.manifest, &digests.collect(), &|child, name| self.singleton(node, child, name))
    }

    fn singleton(&self, node: &Node, child: &Child, name: &str) -> ChildSpec {
        let stop = match child.shutdown {
            Shutdown::BrutalKill => Duration::ZERO,
            Shutdown::Timeout(time) => time,
            Shutdown::Infinity => Duration::MAX,
        };
        let (host, component, args) = (self.host.clone(), child.component.clone(), child.args.clone());
        let own_name = name.to_owned();
        let process = move |lease| {
            let body = host.body_with(&component, args.clone(), [(own_name.clone(), lease)].into());
            body.unwrap_or_else(|reason| process_body(async move |_| reason))
        };
        node.unique_names().singleton(name, stop, Arc::new(process))
    }

    fn check_worlds(&self) -> Result<(), AppError> {
        for route in &self.manifest.routes {
            let world = match route.target {
                Target::Http(_) => World::Http,
                Target::Websocket(_) => World::WebSocket,
                Target::Events(_) => World::EventStream,
            };
            self.check_world(route.target.component(), &[world], || format!("route {}", route.path))?;
        }
        let process = [World::Actor, World::Command];
        for child in self.manifest.children.values() {
            self.check_world(&child.component, &process, || format!("child.{}", child.name))?;
        }
        for supervisor in self.manifest.supervisors.values() {
            if let Children::Dynamic { component, .. } = &supervisor.children {
                self.check_world(component, &process, || format!("supervisor.{}", supervisor.name))?;
            }
        }
        Ok(())
    }

    /// One of `worlds` will do; an error is about the first.
    fn check_world(&self, component: &str, worlds: &[World], place: impl Fn() -> String) -> Result<(), AppError> {
        let Some(component) = self.host.component(component) else { return Ok(()) };
        if worlds.iter().any(|world| component.require(*world).is_ok()) {
            return Ok(());
        }
        let in_place = |error| {
            let file = self.manifest.directory.join(MANIFEST_FILE);
            AppError::World { file, place: place(), error }
        };
        worlds.iter().take(1).try_for_each(|world| component.require(*world)).map_err(in_place)
    }
}

#[expect(clippy::disallowed_methods, reason = "an app's own files are read before its node runs")]
fn read(directory: &Path, file: &Path, component: &crate::manifest::Component) -> Result<Vec<u8>, AppError> {
    let (directory, file, component) = (directory.to_owned(), file.to_owned(), component.name.clone());
    std::fs::read(&file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => AppError::NotBuilt { component, file, directory },
        _ => AppError::Read { component, file, error },
    })
}
