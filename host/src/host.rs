use crate::component::{Component, Exports, Linked, World, WrongWorld};
use crate::engine::{CompileError, Engine};
use crate::faults::GuestFaults;
use crate::key_value::KeyValue;
use crate::manifest::{ForeignCode, Grants};
use crate::state::ProcessState;
use crate::{actor, key_value, serve, wasi};
use parking_lot::RwLock;
use rusm_core::Node;
use rusm_core::seam::Seams;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use wasmtime::component::{Component as Code, Linker};

/// Adds host functions of another crate to every component's imports.
pub type LinkerExtension = Box<dyn Fn(&mut Linker<ProcessState>) -> wasmtime::Result<()>>;

/// How to make a [`Host`].
pub struct HostOptions {
    /// What compiles and runs the components.
    pub engine: Engine,
    /// The folder that relative folders of `grants.files` lie in. Default: the current one.
    pub directory: PathBuf,
    /// The environment that `grants.env` passes on the granted part of. Default: nothing.
    pub environment: BTreeMap<String, String>,
    /// Host functions beside RUSM's own. Default none.
    pub extensions: Vec<LinkerExtension>,
    /// Makes guests fail. Default nobody.
    pub faults: Option<Arc<dyn GuestFaults>>,
    /// Whether the code of the components is kept in memory, so that other nodes can be sent it. Default false.
    pub hand_out_code: bool,
    /// Whether components that this host does not have are taken from other nodes, and what they may do. Default none.
    pub foreign_code: ForeignCode,
}

impl HostOptions {
    /// The defaults for everything but the engine.
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            directory: PathBuf::from("."),
            environment: BTreeMap::new(),
            extensions: Vec::new(),
            faults: None,
            hand_out_code: false,
            foreign_code: ForeignCode::default(),
        }
    }
}

/// The components of an app and what runs them. Cheap to clone.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    engine: Engine,
    directory: PathBuf,
    environment: BTreeMap<String, String>,
    faults: Option<Arc<dyn GuestFaults>>,
    hand_out_code: bool,
    foreign_code: ForeignCode,
    linker: Linker<ProcessState>,
    pooled_linker: Option<Linker<ProcessState>>,
    components: RwLock<BTreeMap<String, Component>>,
}

/// Why a component could not be loaded. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// It is no component, or does not compile.
    #[error("component {component} cannot be loaded: {error}")]
    Compile {
        /// Its name.
        component: String,
        /// Why not.
        error: CompileError,
    },
    /// It imports what nobody here offers, or offers otherwise.
    #[error(
        "component {component} is for another world: {why}. RUSM offers WASI 0.2 (cli, clocks, filesystem, http, io, keyvalue, random, \
         sockets), rusm:actor@0.1 and rusm:serve@0.1"
    )]
    Import {
        /// Its name.
        component: String,
        /// Which import, and what does not fit.
        why: String,
    },
    /// It cannot be run in the way that was asked for.
    #[error(transparent)]
    World(#[from] WrongWorld),
}

impl Host {
    /// A host without components.
    ///
    /// # Errors
    /// Two extensions define the same function.
    pub fn new(options: HostOptions) -> wasmtime::Result<Self> {
        let HostOptions { engine, directory, environment, extensions, faults, hand_out_code, foreign_code } = options;
        let linker = linker(engine.wasmtime(), &extensions)?;
        let pooled_linker = engine.pooled_wasmtime().map(|pooled| self::linker(pooled, &extensions)).transpose()?;
        let components = RwLock::default();
        Ok(Self(Arc::new(Inner {
            engine,
            directory,
            environment,
            faults,
            hand_out_code,
            foreign_code,
            linker,
            pooled_linker,
            components,
        })))
    }

    /// What compiles and runs the components.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) fn directory(&self) -> &PathBuf {
        &self.0.directory
    }

    pub(crate) fn environment(&self) -> &BTreeMap<String, String> {
        &self.0.environment
    }

    pub(crate) fn faults(&self) -> Option<&dyn GuestFaults> {
        self.0.faults.as_deref()
    }

    /// Loads a component, away from the tasks. From now on it is found under its name; processes of an older one of
    /// that name run on.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub async fn load(
        &self,
        seams: &Seams,
        name: &str,
        wasm: bytes::Bytes,
        grants: Grants,
    ) -> Result<Component, LoadError> {
        let component = self.make(seams, name, wasm, grants).await?;
        self.0.components.write().insert(name.to_owned(), component.clone());
        Ok(component)
    }

    /// The same on this thread. It may take minutes.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn load_here(&self, name: &str, wasm: &[u8], grants: Grants) -> Result<Component, LoadError> {
        let kept = self.0.hand_out_code.then(|| bytes::Bytes::copy_from_slice(wasm));
        let code = self.engine().compile_here(wasm);
        let component = self.link(name, Sha256::digest(wasm).into(), code, grants, kept)?;
        self.0.components.write().insert(name.to_owned(), component.clone());
        Ok(component)
    }

    /// The same, away from the tasks, and it is not found under its name.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub(crate) async fn make(
        &self,
        seams: &Seams,
        name: &str,
        wasm: bytes::Bytes,
        grants: Grants,
    ) -> Result<Component, LoadError> {
        let digest = Sha256::digest(&wasm).into();
        let kept = self.0.hand_out_code.then(|| wasm.clone());
        let code = self.engine().compile(seams, wasm).await;
        self.link(name, digest, code, grants, kept)
    }

    /// Whether components that this host does not have are taken from other nodes, and what they may do.
    pub fn foreign_code(&self) -> &ForeignCode {
        &self.0.foreign_code
    }

    pub(crate) fn hands_out_code(&self) -> bool {
        self.0.hand_out_code
    }

    /// The code with that digest of one of its components, when it hands out code.
    pub(crate) fn code_of(&self, digest: &[u8; 32]) -> Option<bytes::Bytes> {
        let components = self.0.components.read();
        let component = components.values().find(|component| component.digest() == digest)?;
        component.wasm().cloned()
    }

    /// The key-value store of a node: the same for all its processes. A node that was started again has a new one, on
    /// the same file.
    pub fn key_value(&self, node: &Node) -> KeyValue {
        node.extension(|node| KeyValue::new(node.seams()))
    }

    fn link(
        &self,
        name: &str,
        digest: [u8; 32],
        code: Result<Code, CompileError>,
        grants: Grants,
        kept: Option<bytes::Bytes>,
    ) -> Result<Component, LoadError> {
        let component = name.to_owned();
        let code = code.map_err(|error| LoadError::Compile { component: component.clone(), error })?;
        let exports = exports(&code, self.engine());
        let pre = self.0.linker.instantiate_pre(&code).map_err(|error| {
            let why = format!("{error:#}");
            LoadError::Import { component, why }
        })?;
        let pooled = if exports.fit(World::Http) { self.link_pooled(&code) } else { None };
        Ok(Component::new(name.to_owned(), digest, grants, exports, Linked::new(pre), pooled, kept))
    }

    fn link_pooled(&self, code: &Code) -> Option<Linked> {
        let linker = self.0.pooled_linker.as_ref()?;
        let code = self.engine().adopt_into_pool(code)?;
        Some(Linked::new(linker.instantiate_pre(&code).ok()?))
    }

    /// The component that was last loaded under that name.
    pub fn component(&self, name: &str) -> Option<Component> {
        self.0.components.read().get(name).cloned()
    }

    /// All components, by name.
    pub fn components(&self) -> Vec<Component> {
        self.0.components.read().values().cloned().collect()
    }
}

fn linker(engine: &wasmtime::Engine, extensions: &[LinkerExtension]) -> wasmtime::Result<Linker<ProcessState>> {
    let mut linker = Linker::new(engine);
    wasi::add_to_linker(&mut linker)?;
    actor::add_to_linker(&mut linker)?;
    serve::guest::add_to_linker(&mut linker)?;
    key_value::add_to_linker(&mut linker)?;
    for extension in extensions {
        extension(&mut linker)?;
    }
    Ok(linker)
}

fn exports(code: &Code, engine: &Engine) -> Exports {
    let ty = code.component_type();
    let mut names: Vec<String> = ty.exports(engine.wasmtime()).map(|(name, _)| name.to_owned()).collect();
    names.sort();
    Exports { names }
}
