//! What a component sees of the machine's environment and folders, and who hears that something was held back.

use crate::component::Component;
use crate::manifest::FileGrant;
use crate::state::ProcessState;
use std::collections::BTreeMap;
use std::path::Path;
use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::cli::environment;
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

/// The granted part of an environment.
pub(crate) fn environment(component: &Component, machine: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let granted = component.grants().env.iter();
    granted.filter_map(|name| Some((name.clone(), machine.get(name)?.clone()))).collect()
}

/// Opens the granted folders.
///
/// # Errors
/// Which folder could not be opened, and why.
pub(crate) fn preopen(builder: &mut WasiCtxBuilder, directory: &Path, grants: &[FileGrant]) -> Result<(), String> {
    for FileGrant { host, guest, write } in grants {
        let permissions = if *write { FsPerms::ReadWrite } else { FsPerms::ReadOnly };
        let folder = directory.join(host);
        builder
            .preopened_dir(&folder, guest, permissions)
            .map_err(|error| format!("the folder {} of grants.files cannot be opened: {error:#}", folder.display()))?;
    }
    Ok(())
}

impl environment::Host for ProcessState {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        if self.component.grants().env.is_empty() {
            self.note_withheld("environment variables", "env");
        }
        Ok(self.environment.clone())
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.arguments.clone())
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }
}

impl preopens::Host for ProcessState {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        if self.component.grants().files.is_empty() {
            self.note_withheld("files", "files");
        }
        preopens::Host::get_directories(&mut self.filesystem())
    }
}
