use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// Read, write, sync: a flat set of named files. Calls block; callers on a task use
/// [`Executor::spawn_blocking`](super::Executor::spawn_blocking).
///
/// ```
/// use rusm_core::seam::{DiskStorage, Storage};
///
/// # let directory = tempfile::tempdir().unwrap();
/// # let directory = directory.path();
/// let storage = DiskStorage::new(directory);
/// let file = storage.open("counter").unwrap();
/// file.write(0, &7_u64.to_le_bytes()).unwrap();
/// file.sync().unwrap();
/// assert_eq!(file.len().unwrap(), 8);
/// assert_eq!(storage.list().unwrap(), ["counter"]);
/// assert!(storage.open("../counter").is_err(), "a name is no path");
///
/// let mut found = [0; 8];
/// storage.open("counter").unwrap().read(0, &mut found).unwrap();
/// assert_eq!(u64::from_le_bytes(found), 7);
/// ```
pub trait Storage: Send + Sync + 'static {
    /// Opens a file for reading and writing, creating an empty one when there is none. The name's creation is durable
    /// when this returns. Names are ASCII letters, digits, `.`, `-` and `_`; anything else is `InvalidInput`.
    fn open(&self, name: &str) -> io::Result<Box<dyn StorageFile>>;

    /// Removes a file. A missing one is no error.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// The names of all files, sorted.
    fn list(&self) -> io::Result<Vec<String>>;
}

/// One open file.
pub trait StorageFile: Send + Sync + 'static {
    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// True when there are no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Cuts the file or fills it up with zeroes.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Fills `buffer` from `offset`. Reading past the end is `UnexpectedEof`.
    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Writes all of `bytes` at `offset`, growing the file when needed. Not durable before [`sync`](Self::sync).
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes everything written durable: when it returns, a crash loses none of it.
    fn sync(&self) -> io::Result<()>;
}

/// Files below a directory, which is made when the first file is opened.
pub struct DiskStorage {
    directory: PathBuf,
}

impl DiskStorage {
    /// Storage below that directory.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    fn path(&self, name: &str) -> io::Result<PathBuf> {
        check_name(name)?;
        Ok(self.directory.join(name))
    }
}

/// Whether a name may be one of a file of a [`Storage`].
///
/// # Errors
/// `InvalidInput`, saying which characters may be used.
pub fn check_name(name: &str) -> io::Result<()> {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    if name.is_empty() || name.starts_with('.') || !plain {
        let why = format!("the file name {name:?}: use ASCII letters, digits, `.`, `-` and `_`, no leading `.`");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the production half of the seam")]
impl Storage for DiskStorage {
    fn open(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        let path = self.path(name)?;
        std::fs::create_dir_all(&self.directory)?;
        let file = std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        std::fs::File::open(&self.directory)?.sync_all()?;
        Ok(Box::new(DiskFile(file)))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match std::fs::remove_file(self.path(name)?) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let entries = match std::fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            if let (true, Ok(name)) = (entry.file_type()?.is_file(), entry.file_name().into_string()) {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }
}

struct DiskFile(std::fs::File);

impl StorageFile for DiskFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_listed_or_removed_is_an_error() {
        let directory = tempfile::tempdir().expect("a directory");
        let storage = DiskStorage::new(directory.path());
        storage.open("file").expect("a new file");
        DiskStorage::new(directory.path().join("folder")).open("inner").expect("a new file");
        assert!(storage.remove("folder").is_err(), "it is no file");
        assert_eq!(storage.list().expect("a list"), ["file"]);
        let of_a_file = DiskStorage::new(directory.path().join("file"));
        assert_eq!(of_a_file.list().map_err(|error| error.kind()), Err(io::ErrorKind::NotADirectory));
    }
}
