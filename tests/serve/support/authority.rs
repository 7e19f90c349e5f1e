use super::build::rusm;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// A cluster's authority, and the folders of its members.
pub(crate) struct Authority(TempDir);

impl Authority {
    pub(crate) fn new(members: &[&str]) -> Self {
        let authority = Self(tempfile::tempdir().expect("a temporary directory"));
        authority.make(&["init"]);
        members.iter().for_each(|member| authority.make(&["issue", member]));
        authority
    }

    fn make(&self, arguments: &[&str]) {
        let made = Command::new(rusm()).arg("cluster").args(arguments).arg("--dir").arg(self.folder()).output();
        let made = made.expect("rusm can be started");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("cluster")
    }

    pub(crate) fn member(&self, node: &str) -> PathBuf {
        self.folder().join("nodes").join(node)
    }
}
