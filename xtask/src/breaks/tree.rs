use super::change::Change;
use super::git_apply;
use super::judge::Judge;
use super::weave::{Number, weave};
use anyhow::{Context, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A copy of this working tree, with a build of its own, in which changes are made and taken back. What is there from an
/// earlier run is kept, so that little is compiled again.
pub(super) struct Tree {
    root: PathBuf,
    build: PathBuf,
}

/// What is woven into a tree.
pub(super) struct Woven {
    /// Which of the changes.
    pub(super) numbers: BTreeSet<Number>,
    before: BTreeMap<PathBuf, String>,
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
        let before = self.read(&change.files)?;
        git_apply(&self.root, change, &[])?;
        let answer = ask(self);
        self.write(&before)?;
        answer
    }

    /// Weaves as many of the changes into the tree as can be, each behind its number here.
    pub(super) fn weave(&self, changes: &[Change]) -> anyhow::Result<Woven> {
        let files: BTreeSet<&PathBuf> = changes.iter().flat_map(|change| &change.files).collect();
        let before = self.read(files)?;
        let (mut numbers, mut made) = (BTreeSet::new(), BTreeMap::new());
        for (number, change) in changes.iter().enumerate() {
            // One that does not apply says so when it is judged by itself.
            let Ok(changed) = self.with(change, |tree| tree.read(&change.files)) else { continue };
            let fits =
                |(file, text): (&PathBuf, &String)| weave(&before[file], &BTreeMap::from([(number, text.clone())]));
            if changed.iter().map(fits).collect::<anyhow::Result<Option<Vec<_>>>>()?.is_none() {
                continue;
            }
            numbers.insert(number);
            for (file, text) in changed {
                made.entry(file).or_insert_with(BTreeMap::new).insert(number, text);
            }
        }
        for (file, variants) in made {
            let woven = weave(&before[&file], &variants)?.context("each of them fits")?;
            self.write(&BTreeMap::from([(file, woven)]))?;
        }
        Ok(Woven { numbers, before })
    }

    /// Takes out again what was woven in.
    pub(super) fn restore(&self, woven: &Woven) -> anyhow::Result<()> {
        self.write(&woven.before)
    }

    fn read<'a>(&self, files: impl IntoIterator<Item = &'a PathBuf>) -> anyhow::Result<BTreeMap<PathBuf, String>> {
        let read = |file: &PathBuf| {
            let content = std::fs::read_to_string(self.root.join(file));
            Ok((file.clone(), content.with_context(|| format!("reading {}", file.display()))?))
        };
        files.into_iter().map(read).collect()
    }

    fn write(&self, contents: &BTreeMap<PathBuf, String>) -> anyhow::Result<()> {
        contents.iter().try_for_each(|(file, content)| {
            std::fs::write(self.root.join(file), content).with_context(|| format!("writing {}", file.display()))
        })
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
