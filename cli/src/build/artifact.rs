//! The files that a build leaves.

use anyhow::{Context as _, Result, bail};
use std::path::Path;

/// What a component's binary begins with: the magic bytes, the version and the layer of components.
const COMPONENT_HEADER: &[u8] = b"\0asm\x0d\0\x01\0";

/// # Errors
/// The file is no component, and what the crate in `folder` lacks.
pub(super) fn check_component(wasm: &Path, folder: &Path) -> Result<()> {
    let mut header = [0; COMPONENT_HEADER.len()];
    let mut file = std::fs::File::open(wasm).with_context(|| format!("cannot read {}", wasm.display()))?;
    let read = std::io::Read::read_exact(&mut file, &mut header);
    if read.is_err() || header != COMPONENT_HEADER {
        bail!("cargo made something that is no component from {}: {}", folder.display(), wasm.display());
    }
    Ok(())
}

/// Copies the file where it differs, and says whether it did.
pub(super) fn copy_if_changed(from: &Path, to: &Path) -> Result<bool> {
    let new = std::fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    if std::fs::read(to).is_ok_and(|old| old == new) {
        return Ok(false);
    }
    write(to, &new)?;
    Ok(true)
}

/// Writes a file in one step: nobody sees half of it.
pub(super) fn write(to: &Path, bytes: &[u8]) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let folder = to.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        std::io::Write::write_all(&mut file, bytes)?;
        make_readable(file.as_file())?;
        file.persist(to)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", to.display()))
}

/// A temporary file is its owner's alone; a component is for whoever may read the folder.
fn make_readable(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_components_pass() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let check = |bytes: &[u8], expected: bool| {
            let file = folder.path().join("x.wasm");
            std::fs::write(&file, bytes).expect("a file");
            assert_eq!(check_component(&file, Path::new("x")).is_ok(), expected, "{bytes:?}");
        };
        check(COMPONENT_HEADER, true);
        check(&[COMPONENT_HEADER, b"more"].concat(), true);
        check(b"\0asm\x01\0\0\0", false);
        check(b"", false);
    }

    #[test]
    fn what_is_the_same_is_not_written_again() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let (from, to) = (folder.path().join("from"), folder.path().join("build/to"));
        std::fs::write(&from, "one").expect("a file");
        assert!(copy_if_changed(&from, &to).expect("a copy"));
        assert!(!copy_if_changed(&from, &to).expect("no copy"));
        std::fs::write(&from, "two").expect("a file");
        assert!(copy_if_changed(&from, &to).expect("a copy"));
        assert_eq!(std::fs::read(&to).expect("the copy"), b"two");
    }
}
