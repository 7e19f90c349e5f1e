//! The folders in which a cluster's authority and its members' certificates lie.

use anyhow::{Context as _, bail};
use rusm_transport::proto::{Identity, Role};
use rusm_transport::quic::{Authority, Credentials, Inspected, Issued, Revocations, Serial};
use std::collections::BTreeSet;
use std::fs::{DirBuilder, File};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const AUTHORITY: &str = "authority.pem";
const AUTHORITY_KEY: &str = "authority-key.pem";
const CERTIFICATE: &str = "node.pem";
const KEY: &str = "node-key.pem";
/// The certificates that count no more, in the authority's folder and in the members'.
const REVOKED: &str = "revoked.pem";
/// All certificates that were ever made, one a line: its number and its node.
const ISSUED: &str = "issued";

/// The folder of a cluster's authority: who has it can make members.
pub(crate) struct ClusterDir {
    path: PathBuf,
    authority: Authority,
}

/// The folder of one member: all that its node needs.
#[derive(Clone)]
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
        if let Some(list) = read_if_there(&self.path.join(REVOKED))? {
            replace(&member.join(REVOKED), &list)?;
        }
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

    /// Makes a certificate, and writes down that there is one: it can be revoked also when the node has another one by then.
    fn sign(&self, node: &str, valid: Duration) -> anyhow::Result<Issued> {
        let holder = Identity { name: node.to_owned(), role: Role::Node };
        let issued = self.authority.issue(&holder, now(), valid)?;
        let serial = Inspected::of_pem(&issued.certificate)?.serial;
        append(&self.path.join(ISSUED), &format!("{serial} {node}\n"))?;
        Ok(issued)
    }

    /// Revokes all certificates that a node has ever had: writes a new list here and into the members' folders, and returns
    /// where, and how many certificates of the node it names.
    ///
    /// # Errors
    /// The node never had any.
    pub(crate) fn revoke(&self, node: &str) -> anyhow::Result<(PathBuf, usize)> {
        let path = self.path.join(REVOKED);
        let of_node = self.issued(node)?;
        if of_node.is_empty() {
            bail!("{node} never had a certificate of {}", self.path.display());
        }
        let before = self.revocations()?;
        let number = before.as_ref().map_or(1, |before| before.number() + 1);
        let mut serials = before.map(|before| before.serials().clone()).unwrap_or_default();
        serials.extend(of_node.iter().cloned());
        let list = self.authority.revoke(number, &serials, now())?;
        replace(&path, &list)?;
        for (name, _) in self.members()? {
            replace(&self.member(&name).join(REVOKED), &list)?;
        }
        Ok((path, of_node.len()))
    }

    /// The certificates that count no more; none before the first was revoked.
    ///
    /// # Errors
    /// The list cannot be read, or is not this authority's.
    pub(crate) fn revocations(&self) -> anyhow::Result<Option<Revocations>> {
        let path = self.path.join(REVOKED);
        let list = read_if_there(&path)?.map(|list| Revocations::of_pem(&list, self.authority.certificate()));
        list.transpose().with_context(|| format!("in {}", path.display()))
    }

    /// The certificates that a node has ever had.
    fn issued(&self, node: &str) -> anyhow::Result<BTreeSet<Serial>> {
        let text = read_if_there(&self.path.join(ISSUED))?.unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        Ok(lines.filter(|(_, name)| *name == node).filter_map(|(serial, _)| serial.parse().ok()).collect())
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
            let what =
                || format!("cannot read {}: --cert names a folder that `rusm cluster issue` has made", path.display());
            std::fs::read_to_string(&path).with_context(what)
        };
        let credentials = Credentials::of_pem(&read(AUTHORITY)?, &read(CERTIFICATE)?, &read(KEY)?);
        credentials.with_context(|| format!("in {}", self.0.display()))
    }

    /// The list of revoked certificates that lies there, if there is one.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn revocations(&self) -> anyhow::Result<Option<String>> {
        read_if_there(&self.0.join(REVOKED))
    }
}

fn read_if_there(path: &Path) -> anyhow::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn append(path: &Path, text: &str) -> anyhow::Result<()> {
    let file = File::options().append(true).create(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.with_context(|| format!("cannot write {}", path.display()))
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
