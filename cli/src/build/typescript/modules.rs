//! What an import in a script means: another file of the app, or a module of the SDK, which this binary carries.

use super::strip::strip_types;
use componentize_qjs::Modules;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Below this name lie the modules of the SDK.
const SDK: &str = "/rusm:sdk";

include!(concat!(env!("OUT_DIR"), "/sdk_modules.rs"));

/// The modules below an app's directory, named by their path from there with a `/` before it, and those of the SDK.
pub(super) struct AppModules {
    root: PathBuf,
    /// The files that were read: name and content.
    loaded: Mutex<BTreeMap<String, String>>,
}

impl AppModules {
    pub(super) fn new(app: &Path) -> std::io::Result<Self> {
        Ok(Self { root: app.canonicalize()?, loaded: Mutex::default() })
    }

    /// The name of a file below the app's directory.
    pub(super) fn entry(&self, path: &Path) -> Result<String, String> {
        self.name_of(&self.root.join(path), "the app")
    }

    /// Every file that was read so far, with its content.
    pub(super) fn loaded(&self) -> BTreeMap<String, String> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn name_of(&self, file: &Path, referrer: &str) -> Result<String, String> {
        let file = normal(file);
        let Ok(below) = file.strip_prefix(&self.root) else {
            return Err(format!("{} is imported by {referrer} and lies outside of the app", file.display()));
        };
        if !file.is_file() {
            return Err(format!("{} is imported by {referrer}, and there is no such file", below.display()));
        }
        below.to_str().map(|name| format!("/{name}")).ok_or_else(|| format!("{} is not UTF-8", below.display()))
    }
}

impl Modules for AppModules {
    fn resolve(&self, referrer: &str, specifier: &str) -> Result<String, String> {
        if let Some(module) = sdk_name(specifier) {
            return sdk(&module).map(|_| format!("{SDK}/{module}")).ok_or_else(|| {
                let known: Vec<_> = SDK_MODULES.iter().map(|(name, _)| specifier_of(name)).collect();
                format!("{specifier:?} is imported by {referrer}, and the SDK has {}", known.join(", "))
            });
        }
        if !specifier.starts_with("./") && !specifier.starts_with("../") {
            return Err(format!(
                "{specifier:?} is imported by {referrer}. An import is \"rusm\", an interface of the component's world, \
                 or a file of the app, which begins with ./ or ../"
            ));
        }
        if let Some(from) = referrer.strip_prefix(SDK) {
            let file = normal(&Path::new(from.trim_start_matches('/')).join("..").join(specifier));
            let module = file.to_string_lossy().into_owned();
            return sdk(&module).map(|_| format!("{SDK}/{module}")).ok_or_else(|| format!("the SDK has no {module}"));
        }
        let folder = self.root.join(referrer.trim_start_matches('/')).join("..");
        self.name_of(&folder.join(specifier), referrer)
    }

    fn load(&self, name: &str) -> Result<String, String> {
        if let Some(module) = name.strip_prefix(SDK) {
            let module = module.trim_start_matches('/');
            let source = sdk(module).ok_or_else(|| format!("the SDK has no {module}"))?;
            return strip_types(name, source.to_owned());
        }
        let below = name.trim_start_matches('/');
        let file = self.root.join(below);
        let source = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).insert(below.to_owned(), source.clone());
        if below.ends_with(".ts") { strip_types(below, source) } else { Ok(source) }
    }
}

/// All modules of the SDK, for the digest of what goes into a component.
pub(super) fn sdk_sources() -> impl Iterator<Item = &'static str> {
    SDK_MODULES.iter().flat_map(|(name, source)| [*name, *source])
}

fn sdk(module: &str) -> Option<&'static str> {
    SDK_MODULES.iter().find(|(name, _)| *name == module).map(|(_, source)| *source)
}

/// `rusm` is the SDK's `index.ts`, `rusm/events` its `events.ts`.
fn sdk_name(specifier: &str) -> Option<String> {
    match specifier.strip_prefix("rusm")? {
        "" => Some("index.ts".to_owned()),
        rest => rest.strip_prefix('/').map(|module| format!("{module}.ts")),
    }
}

fn specifier_of(module: &str) -> String {
    match module.trim_end_matches(".ts") {
        "index" => "rusm".to_owned(),
        module => format!("rusm/{module}"),
    }
}

/// Without `.` and `..`, by the letters alone.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}
