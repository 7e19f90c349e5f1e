use anyhow::{Context as _, bail, ensure};
use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The directory of the control sockets of one user's nodes.
pub(crate) struct RuntimeDir {
    path: PathBuf,
}

impl RuntimeDir {
    /// `$XDG_RUNTIME_DIR/rusm`, or `rusm-UID` among the temporary files where there is no such variable. It is made
    /// when it is missing; only its owner may enter it.
    ///
    /// # Errors
    /// It cannot be made, or is somebody else's.
    pub(crate) fn open() -> anyhow::Result<Self> {
        let uid = own_uid();
        let path = match std::env::var_os("XDG_RUNTIME_DIR").filter(|directory| !directory.is_empty()) {
            Some(directory) => PathBuf::from(directory).join("rusm"),
            None => std::env::temp_dir().join(format!("rusm-{uid}")),
        };
        Self::open_for(path, uid)
    }

    #[cfg(test)]
    pub(super) fn open_at(path: PathBuf) -> anyhow::Result<Self> {
        Self::open_for(path, own_uid())
    }

    fn open_for(path: PathBuf, uid: u32) -> anyhow::Result<Self> {
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                let remedy = "set XDG_RUNTIME_DIR to a directory of yours";
                return Err(error).with_context(|| format!("cannot make {}: {remedy}", path.display()));
            }
            Ok(()) | Err(_) => {}
        }
        let metadata = fs::symlink_metadata(&path).with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(metadata.is_dir(), "{} is no directory: remove it", path.display());
        if metadata.uid() != uid {
            bail!(
                "{} belongs to user {}, not to you ({uid}): set XDG_RUNTIME_DIR to a directory of yours",
                path.display(),
                metadata.uid()
            );
        }
        if metadata.mode() & 0o077 != 0 {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700))
                .with_context(|| format!("cannot close {} to others", path.display()))?;
        }
        Ok(Self { path })
    }

    /// Where the node of that name and process listens.
    pub(super) fn socket(&self, node: &str, os_pid: u32) -> PathBuf {
        self.path.join(format!("{node}.{os_pid}.sock"))
    }

    /// The sockets in it, sorted. Some may be left over from nodes that were killed.
    pub(super) fn sockets(&self) -> anyhow::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(&self.path).with_context(|| format!("cannot read {}", self.path.display()))?;
        let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
        let is_socket = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "sock");
        let mut sockets: Vec<_> = paths.into_iter().filter(is_socket).collect();
        sockets.sort();
        Ok(sockets)
    }
}

/// Lets only the owner of a socket open it.
pub(super) fn close_to_others(socket: &Path) -> std::io::Result<()> {
    fs::set_permissions(socket, fs::Permissions::from_mode(0o600))
}

/// The user that this process acts as: the owner of whatever it makes.
pub(super) fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_closed_to_others() {
        let parent = tempfile::tempdir().expect("a temporary directory");
        let path = parent.path().join("rusm");
        let uid = own_uid();
        for wide in [false, true] {
            if wide {
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("mine to open");
            }
            RuntimeDir::open_for(path.clone(), uid).expect("mine");
            assert_eq!(fs::metadata(&path).expect("it is there").mode() & 0o777, 0o700);
        }
    }

    #[test]
    fn a_directory_of_somebody_else_is_refused() {
        let parent = tempfile::tempdir().expect("a temporary directory");
        let uid = own_uid() + 1;
        let error = RuntimeDir::open_for(parent.path().join("rusm"), uid).err().expect("somebody else's");
        assert!(error.to_string().contains("set XDG_RUNTIME_DIR to a directory of yours"), "{error}");
    }

    #[test]
    fn a_symbolic_link_is_refused() {
        let parent = tempfile::tempdir().expect("a temporary directory");
        let path = parent.path().join("rusm");
        std::os::unix::fs::symlink(parent.path(), &path).expect("a link");
        let error = RuntimeDir::open_for(path, own_uid()).err().expect("a link");
        assert!(error.to_string().ends_with("is no directory: remove it"), "{error}");
    }
}
