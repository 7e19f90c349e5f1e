use anyhow::{Context as _, bail};
use std::fs::{DirBuilder, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A node's data directory, held by this process for as long as this lives: no second node can use it meanwhile.
pub(crate) struct DataDir {
    path: PathBuf,
    /// Its lock ends with it, also when the process is killed.
    _lock: File,
}

impl DataDir {
    /// Takes the directory. It is made when it is missing, for its owner alone.
    ///
    /// # Errors
    /// It cannot be made or written to, or another node uses it.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let remedy = || format!("cannot use the data directory {}: choose another one with --data DIR", path.display());
        DirBuilder::new().recursive(true).mode(0o700).create(path).with_context(remedy)?;
        let path = path.canonicalize().with_context(remedy)?;
        let mut lock = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join("lock"))
            .with_context(remedy)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "the data directory {} is in use by another node{}: stop it, or choose another one with --data DIR",
                path.display(),
                holder(&mut lock)
            ),
            Err(TryLockError::Error(error)) => return Err(error).with_context(remedy),
        }
        lock.set_len(0).and_then(|()| write!(lock, "{}", std::process::id())).with_context(remedy)?;
        Ok(Self { path, _lock: lock })
    }

    /// The directory, absolute.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the node's storage lies.
    pub(crate) fn storage(&self) -> PathBuf {
        self.path.join("storage")
    }

    /// Where compiled components are kept. It may be removed while no node uses it.
    pub(crate) fn code(&self) -> PathBuf {
        self.path.join("code")
    }
}

/// Which process has the lock, as far as it has said so.
fn holder(lock: &mut File) -> String {
    let mut text = String::new();
    let read = lock.rewind().and_then(|()| lock.read_to_string(&mut text));
    match (read, text.trim().parse::<u32>()) {
        (Ok(_), Ok(os_pid)) => format!(" (process {os_pid})"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_node_at_a_time_has_a_data_directory() {
        let parent = tempfile::tempdir().expect("a temporary directory");
        let path = parent.path().join("a/data");
        let first = DataDir::open(&path).expect("it is free");
        let error = DataDir::open(&path).err().expect("it is taken").to_string();
        let expected = format!("is in use by another node (process {})", std::process::id());
        assert!(error.contains(&expected) && error.ends_with("--data DIR"), "{error}");
        drop(first);
        DataDir::open(&path).expect("it is free again");
    }

    #[test]
    fn a_file_is_no_data_directory() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let error = DataDir::open(file.path()).err().expect("it is a file").to_string();
        assert!(error.starts_with("cannot use the data directory"), "{error}");
    }
}
