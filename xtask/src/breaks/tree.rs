use super::change::Change;
use super::git_apply;
use super::judge::Judge;
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A copy of this working tree, with a build of its own, in which changes are made and taken back. What is there from an
/// earlier run is kept, so that little is compiled again.
pub(super) struct Tree {
    root: PathBuf,
    build: PathBuf,
}

impl Tree {
    /// Copies what git knows of and does not ignore, as it is now.
    pub(super) fn copy(judge: Judge) -> anyhow::Result<Self> {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
        let breaks = std::path::absolute(target.join("breaks"))?;
        let tree = Self { root: breaks.join(judge.to_string()), build: breaks.join("build") };
        let files = tracked()?;
        for file in &files {
            copy_if_different(file, &tree.root.join(file)).with_context(|| format!("copying {}", file.display()))?;
        }
        tree.remove_others(&tree.root, &files)?;
        Ok(tree)
    }

    pub(super) fn path(&self) -> &Path {
        &self.root
    }

    /// Where what is compiled goes: both judges' trees share what they do not change.
    pub(super) fn build(&self) -> &Path {
        &self.build
    }

    /// Makes the change, asks, and takes it back.
    pub(super) fn with<T>(&self, change: &Change, ask: impl FnOnce(&Self) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let contents = change.files.iter().map(|file| {
            let path = self.root.join(file);
            let content = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
            Ok((path, content))
        });
        let before = contents.collect::<anyhow::Result<Vec<_>>>()?;
        git_apply(&self.root, change, &[])?;
        let answer = ask(self);
        for (path, content) in before {
            std::fs::write(&path, content).with_context(|| format!("restoring {}", path.display()))?;
        }
        answer
    }

    /// Files of an earlier run that are gone.
    fn remove_others(&self, folder: &Path, files: &[PathBuf]) -> anyhow::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                self.remove_others(&path, files)?;
            } else if files.binary_search(&path.strip_prefix(&self.root)?.to_owned()).is_err() {
                std::fs::remove_file(&path)?;
            }
        }
        Ok(())
    }
}

fn tracked() -> anyhow::Result<Vec<PathBuf>> {
    let arguments = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
    let output = Command::new("git").args(arguments).output().context("running git ls-files")?;
    if !output.status.success() {
        bail!("git ls-files failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let names = String::from_utf8(output.stdout)?;
    let files = names.split_terminator('\0').map(PathBuf::from);
    // One that is removed and not committed yet is still listed.
    let mut files: Vec<PathBuf> = files.filter(|file| file.is_file()).collect();
    files.sort();
    Ok(files)
}

/// What is the same keeps its time, and cargo does not compile it again.
fn copy_if_different(from: &Path, to: &Path) -> anyhow::Result<()> {
    let content = std::fs::read(from)?;
    if std::fs::read(to).is_ok_and(|there| there == content) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    Ok(std::fs::write(to, content)?)
}
