//! Compiled components on disk.
//!
//! A file is a header (what it is, and the SHA-256 of the rest) and Wasmtime's own serialized form. Its name is a digest
//! of everything that the code depends on: the component, Wasmtime's version and settings, the profile. A file that is
//! not exactly what was written is as good as none.

use super::Profile;
use sha2::{Digest, Sha256};
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use wasmtime::component::Component;

const MAGIC: &[u8; 16] = b"rusm code cache1";
const HEADER_BYTES: usize = MAGIC.len() + 32;

/// One folder of compiled components, for one engine configuration.
pub(super) struct CodeCache {
    directory: PathBuf,
    /// What the code depends on beside the component.
    environment: [u8; 32],
}

/// Feeds what is hashed into SHA-256: the standard library's hashers differ from release to release.
struct StableHasher(Sha256);

impl Hasher for StableHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        u64::from_le_bytes(std::array::from_fn(|i| digest[i]))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "code is no state of a node: it is rebuilt at will, outside of the seams"
)]
impl CodeCache {
    pub(super) fn new(directory: PathBuf, engine: &wasmtime::Engine, profile: Profile) -> Self {
        let mut hasher = StableHasher(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        profile.name().hash(&mut hasher);
        Self { directory, environment: hasher.0.finalize().into() }
    }

    fn path(&self, wasm: &[u8]) -> PathBuf {
        let key = Sha256::new().chain_update(self.environment).chain_update(Sha256::digest(wasm)).finalize();
        let name: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        self.directory.join(name).with_extension("cwasm")
    }

    /// The compiled form of that component, if it is there and whole.
    pub(super) fn load(&self, engine: &wasmtime::Engine, wasm: &[u8]) -> Option<Component> {
        let path = self.path(wasm);
        let code = match self.read(&path) {
            Ok(code) => code,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "a file of the code cache is left aside and made anew");
                return None;
            }
        };
        match deserialize(engine, &code[HEADER_BYTES..]) {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::warn!(file = %path.display(), error = %format!("{error:#}"), "a file of the code cache does not fit and is made anew");
                None
            }
        }
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let code = std::fs::read(path)?;
        // Whoever may write here may run code in this process.
        if std::fs::metadata(&self.directory)?.mode() & 0o022 != 0 {
            return Err(io::Error::other("others may write to the folder: take that right from them (chmod go-w)"));
        }
        let whole = code.len() > HEADER_BYTES
            && code.starts_with(MAGIC)
            && code[MAGIC.len()..HEADER_BYTES] == Sha256::digest(&code[HEADER_BYTES..])[..];
        whole.then_some(code).ok_or_else(|| io::Error::other("it is damaged, or not of this cache"))
    }

    /// Keeps a compiled component. The cache is a help: without it everything works, slower.
    pub(super) fn store(&self, component: &Component, wasm: &[u8]) {
        let path = self.path(wasm);
        if let Err(error) = self.write(component, &path) {
            tracing::warn!(file = %path.display(), error = %format!("{error:#}"), "a compiled component could not be kept");
        }
    }

    fn write(&self, component: &Component, path: &Path) -> wasmtime::Result<()> {
        let code = component.serialize()?;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        // Written aside and renamed, so that nobody ever reads half a file.
        static WRITES: AtomicU64 = AtomicU64::new(0);
        let write = WRITES.fetch_add(1, Ordering::Relaxed);
        let aside = path.with_extension(format!("{}-{write}.tmp", std::process::id()));
        let mut file = std::fs::File::create(&aside)?;
        file.write_all(MAGIC)?;
        file.write_all(&Sha256::digest(&code))?;
        file.write_all(&code)?;
        drop(file);
        std::fs::rename(&aside, path).inspect_err(|_| drop(std::fs::remove_file(&aside)))?;
        Ok(())
    }
}

#[expect(unsafe_code, reason = "Wasmtime trusts serialized code; this is the one place that hands it some")]
pub(super) fn deserialize(engine: &wasmtime::Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `code` is the output of `Component::serialize`. From the cache: its SHA-256 stands in the header that
    // `CodeCache::write` wrote before it, `CodeCache::read` has compared the two and refused a folder that anybody but
    // its owner may write to. From `Pool::adopt`: it was serialized a moment ago. It is a copy in this process's memory,
    // so nobody changes it afterwards. Wasmtime itself checks that version and settings are this engine's.
    unsafe { Component::deserialize(engine, code) }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests damage files")]
mod tests {
    use super::*;

    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    struct Fixture {
        directory: tempfile::TempDir,
        engine: wasmtime::Engine,
    }

    impl Fixture {
        fn new() -> Self {
            let engine = wasmtime::Engine::new(&Profile::Simulation.config()).expect("the configuration is supported");
            Self { directory: tempfile::tempdir().expect("a temporary folder"), engine }
        }

        fn cache(&self) -> CodeCache {
            CodeCache::new(self.directory.path().join("code"), &self.engine, Profile::Simulation)
        }

        fn filled(&self) -> (CodeCache, PathBuf) {
            let cache = self.cache();
            cache.store(&Component::from_binary(&self.engine, EMPTY).expect("it compiles"), EMPTY);
            let path = cache.path(EMPTY);
            (cache, path)
        }

        fn is_hit(&self, cache: &CodeCache) -> bool {
            cache.load(&self.engine, EMPTY).is_some()
        }
    }

    #[test]
    fn what_was_kept_is_found_again_and_nothing_else() {
        let fixture = Fixture::new();
        assert!(!fixture.is_hit(&fixture.cache()));
        let (cache, path) = fixture.filled();
        assert!(fixture.is_hit(&cache));
        assert!(cache.load(&fixture.engine, b"another component").is_none());
        let files = std::fs::read_dir(path.parent().expect("a file lies in a folder")).expect("it is there");
        assert_eq!(files.count(), 1, "nothing is left beside the file");
    }

    #[test]
    fn a_damaged_file_is_left_aside() {
        let fixture = Fixture::new();
        let (cache, path) = fixture.filled();
        let whole = std::fs::read(&path).expect("it is there");
        let check = |bytes: &[u8], expected: bool| {
            std::fs::write(&path, bytes).expect("it can be written");
            assert_eq!(fixture.is_hit(&cache), expected, "{} bytes", bytes.len());
        };
        check(&whole, true);
        check(&whole[..whole.len() - 1], false);
        check(&whole[..HEADER_BYTES], false);
        check(b"", false);
        for at in [0, MAGIC.len(), HEADER_BYTES, whole.len() / 2, whole.len() - 1] {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            check(&flipped, false);
        }
    }

    #[test]
    fn code_of_another_configuration_is_left_aside() {
        let fixture = Fixture::new();
        let (_, path) = fixture.filled();
        let other = wasmtime::Engine::new(&Profile::Production.config()).expect("the configuration is supported");
        let cache = CodeCache::new(fixture.directory.path().join("code"), &other, Profile::Production);
        assert_ne!(cache.path(EMPTY), path);
        std::fs::copy(&path, cache.path(EMPTY)).expect("it can be copied");
        assert!(cache.load(&other, EMPTY).is_none());
    }

    #[test]
    fn a_folder_that_others_may_write_to_is_not_trusted() {
        use std::os::unix::fs::PermissionsExt;
        let fixture = Fixture::new();
        let (cache, path) = fixture.filled();
        let folder = path.parent().expect("a file lies in a folder");
        let check = |mode: u32, expected: bool| {
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(mode)).expect("it is ours");
            assert_eq!(fixture.is_hit(&cache), expected, "{mode:o}");
        };
        check(0o755, true);
        check(0o775, false);
        check(0o757, false);
    }
}
