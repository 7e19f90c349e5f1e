//! The folders in which a cluster's authority and its members' certificates lie.

use anyhow::{Context as _, bail};
use rusm_transport::proto::{Identity, Role};
use rusm_transport::quic::{Authority, Credentials, Inspected, Issued};
use std::fs::{DirBuilder, File};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const AUTHORITY: &str = "authority.pem";
const AUTHORITY_KEY: &str = "authority-key.pem";
const CERTIFICATE: &str = "node.pem";
const KEY: &str = "node-key.pem";

/// The folder of a cluster's authority: who has it can make members.
pub(crate) struct ClusterDir {
    path: PathBuf,
    authority: Authority,
}

/// The folder of one member: all that its node needs.
pub(crate) struct MemberDir(PathBuf);

/// Time of day, since 1970.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

impl ClusterDir {
    /// Makes a new authority there.
    ///
    /// # Errors
    /// There is one already, or the folder cannot be written to.
    pub(crate) fn init(path: &Path, valid: Duration) -> anyhow::Result<Self> {
        if path.join(AUTHORITY).exists() || path.join(AUTHORITY_KEY).exists() {
            bail!("{} holds an authority already: name another folder with --dir DIR", path.display());
        }
        let authority = Authority::new(now(), valid)?;
        private_folder(path)?;
        write_new(&path.join(AUTHORITY_KEY), authority.key())?;
        write_new(&path.join(AUTHORITY), authority.certificate())?;
        Ok(Self { path: path.to_owned(), authority })
    }

    /// The authority that lies there.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let make = || {
            format!(
                "{} holds no authority: make one with `rusm cluster init`, or name it with --dir DIR",
                path.display()
            )
        };
        let certificate = std::fs::read_to_string(path.join(AUTHORITY)).with_context(make)?;
        let key = std::fs::read_to_string(path.join(AUTHORITY_KEY)).with_context(make)?;
        Ok(Self { path: path.to_owned(), authority: Authority::of_pem(certificate, key) })
    }

    fn member(&self, node: &str) -> PathBuf {
        self.path.join("nodes").join(node)
    }

    /// Makes the folder of a new member.
    ///
    /// # Errors
    /// There is one of that name, or the name cannot be used.
    pub(crate) fn issue(&self, node: &str, valid: Duration) -> anyhow::Result<PathBuf> {
        let issued = self.sign(node, valid)?;
        let member = self.member(node);
        if member.join(CERTIFICATE).exists() {
            bail!("{} has a certificate in {}: `rusm cluster rotate {node}` makes a new one", node, member.display());
        }
        private_folder(&member)?;
        write_new(&member.join(KEY), &issued.key)?;
        write_new(&member.join(CERTIFICATE), &issued.certificate)?;
        replace(&member.join(AUTHORITY), self.authority.certificate())?;
        Ok(member)
    }

    /// Gives a member a new certificate and a new key.
    ///
    /// # Errors
    /// There is no member of that name.
    pub(crate) fn rotate(&self, node: &str, valid: Duration) -> anyhow::Result<PathBuf> {
        let issued = self.sign(node, valid)?;
        let member = self.member(node);
        if !member.join(CERTIFICATE).exists() {
            bail!(
                "there is no certificate of {node} in {}: `rusm cluster issue {node}` makes the first",
                member.display()
            );
        }
        replace(&member.join(KEY), &issued.key)?;
        replace(&member.join(CERTIFICATE), &issued.certificate)?;
        Ok(member)
    }

    fn sign(&self, node: &str, valid: Duration) -> anyhow::Result<Issued> {
        let holder = Identity { name: node.to_owned(), role: Role::Node };
        Ok(self.authority.issue(&holder, now(), valid)?)
    }

    /// The members that were made, by name: what each certificate says, or why it cannot be read.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(crate) fn members(&self) -> anyhow::Result<Vec<(String, anyhow::Result<Inspected>)>> {
        let nodes = self.path.join("nodes");
        if !nodes.exists() {
            return Ok(Vec::new());
        }
        let mut members = Vec::new();
        for entry in std::fs::read_dir(&nodes).with_context(|| format!("cannot read {}", nodes.display()))? {
            let entry = entry?;
            let certificate = std::fs::read_to_string(entry.path().join(CERTIFICATE));
            let inspected = certificate.map_err(anyhow::Error::from).and_then(|pem| Ok(Inspected::of_pem(&pem)?));
            members.push((entry.file_name().to_string_lossy().into_owned(), inspected));
        }
        members.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(members)
    }
}

impl MemberDir {
    pub(crate) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// What the node proves itself with.
    ///
    /// # Errors
    /// A file is missing, or is not what it should be.
    pub(crate) fn credentials(&self) -> anyhow::Result<Credentials> {
        let read = |file: &str| {
            let path = self.0.join(file);
            let what = || {
                format!("cannot read {}: --member names a folder that `rusm cluster issue` has made", path.display())
            };
            std::fs::read_to_string(&path).with_context(what)
        };
        let credentials = Credentials::of_pem(&read(AUTHORITY)?, &read(CERTIFICATE)?, &read(KEY)?);
        credentials.with_context(|| format!("in {}", self.0.display()))
    }
}

/// Makes a folder that is its owner's alone.
fn private_folder(path: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("cannot make the folder {}", path.display()))
}

fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    let file = File::options().write(true).create_new(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// Writes aside and renames, so that a node that starts meanwhile reads the old one or the new one.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let aside = path.with_extension("new");
    let _ = std::fs::remove_file(&aside);
    write_new(&aside, text)?;
    std::fs::rename(&aside, path).with_context(|| format!("cannot write {}", path.display()))
}
