//! A copy of the workspace whose core holds all mutants, and its test programs.

use super::list::Mutant;
use super::weave::{Number, places, question, weave};
use anyhow::{Context, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// How often what does not compile is taken out, at most: the compiler tells of some errors only when others are gone.
const ROUNDS_MAX: usize = 30;

const PACKAGES: [&str; 8] = ["-p", "rusm-core", "-p", "rusm-sim", "-p", "rusm-suites", "-p", "xtask"];

/// The copy, built.
pub(crate) struct Tree {
    pub(crate) folder: PathBuf,
    /// What no compiler takes: no mutant at all.
    pub(crate) unviable: BTreeSet<Number>,
    /// What cannot be chosen while running, because it is computed while compiling.
    pub(crate) left_out: BTreeSet<Number>,
    /// By package and target, as in `rusm-core rules`.
    pub(crate) programs: BTreeMap<String, PathBuf>,
}

/// Copies the workspace below that folder, with these mutants in it, and builds its tests.
pub(crate) fn build(below: &Path, mutants: &[Mutant]) -> anyhow::Result<Tree> {
    let folder = below.join("tree");
    copy(below, &folder)?;
    let unviable = remembered(below, mutants);
    let mut tree = Tree { folder, unviable, left_out: BTreeSet::new(), programs: BTreeMap::new() };
    for round in 1.. {
        let woven = tree.weave(mutants)?;
        let errors = tree.check(below)?;
        if errors.is_empty() {
            break;
        }
        let refused = refused(&errors, &woven);
        println!("round {round}: {} mutants do not compile", refused.len());
        if refused.is_empty() || round == ROUNDS_MAX {
            bail!("the core with its mutants does not compile:\n{}", said(&errors));
        }
        tree.unviable.extend(refused);
    }
    remember(below, mutants, &tree.unviable)?;
    tree.programs = tree.build_tests(below)?;
    Ok(tree)
}

/// What did not compile the last time, by file: its source then, and the names.
type Refused = BTreeMap<String, (String, BTreeSet<String>)>;

fn remember(below: &Path, mutants: &[Mutant], unviable: &BTreeSet<Number>) -> anyhow::Result<()> {
    let mut refused = Refused::new();
    for Mutant { file, name, .. } in unviable.iter().map(|number| &mutants[*number]) {
        if !refused.contains_key(file) {
            let source = std::fs::read_to_string(file).with_context(|| format!("reading {file}"))?;
            refused.insert(file.clone(), (source, BTreeSet::new()));
        }
        refused.entry(file.clone()).or_default().1.insert(name.clone());
    }
    write(&below.join("unviable"), &serde_json::to_vec(&refused)?)
}

/// Those of them whose file is still the same: asking the compiler again would build everything again.
fn remembered(below: &Path, mutants: &[Mutant]) -> BTreeSet<Number> {
    let text = std::fs::read(below.join("unviable")).unwrap_or_default();
    let mut refused: Refused = serde_json::from_slice(&text).unwrap_or_default();
    refused.retain(|file, (source, _)| std::fs::read_to_string(file).is_ok_and(|now| now == *source));
    let is_known = |mutant: &Mutant| refused.get(&mutant.file).is_some_and(|(_, names)| names.contains(&mutant.name));
    (0..mutants.len()).filter(|number| is_known(&mutants[*number])).collect()
}

/// The files of the workspace, as git knows them or would; what is there already and the same is left alone.
fn copy(below: &Path, folder: &Path) -> anyhow::Result<()> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .output()
        .context("running git ls-files")?;
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let files: BTreeSet<&str> = listed.lines().filter(|file| Path::new(file).is_file()).collect();
    let kept = below.join("files");
    for gone in std::fs::read_to_string(&kept).unwrap_or_default().lines().filter(|file| !files.contains(file)) {
        let _ = std::fs::remove_file(folder.join(gone));
    }
    for file in files.iter().filter(|file| !is_woven(file)) {
        write(&folder.join(file), &std::fs::read(file).with_context(|| format!("reading {file}"))?)?;
    }
    write(&kept, listed.as_bytes())
}

fn is_woven(file: &str) -> bool {
    file.starts_with("core/src/")
}

/// Only when that changes it: cargo looks at the time.
fn write(file: &Path, content: &[u8]) -> anyhow::Result<()> {
    if std::fs::read(file).is_ok_and(|there| there == content) {
        return Ok(());
    }
    let made = file.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::write(file, content)).with_context(|| format!("writing {}", file.display()))
}

impl Tree {
    /// Weaves what is left of the mutants into the core, and returns its texts.
    fn weave(&mut self, mutants: &[Mutant]) -> anyhow::Result<BTreeMap<String, String>> {
        let mut by_file: BTreeMap<String, Vec<(Number, &Mutant)>> = BTreeMap::new();
        let listed = std::fs::read_to_string(self.folder.with_file_name("files"))?;
        for file in listed.lines().filter(|file| is_woven(file) && Path::new(file).is_file()) {
            by_file.insert(file.to_owned(), Vec::new());
        }
        for (number, mutant) in mutants.iter().enumerate().filter(|(number, _)| !self.unviable.contains(number)) {
            by_file.entry(mutant.file.clone()).or_default().push((number, mutant));
        }
        let mut texts = BTreeMap::new();
        for (file, mutants) in by_file {
            let source = std::fs::read_to_string(&file).with_context(|| format!("reading {file}"))?;
            let woven = weave(&source, &mutants).with_context(|| format!("weaving {file}"))?;
            self.left_out.extend(woven.left_out);
            let question = if file == "core/src/lib.rs" { question() } else { String::new() };
            let text = woven.text + &question;
            write(&self.folder.join(&file), text.as_bytes())?;
            texts.insert(file, text);
        }
        Ok(texts)
    }

    fn cargo(&self, below: &Path, arguments: &[&str]) -> anyhow::Result<(bool, Vec<Value>)> {
        let mut command = Command::new("cargo");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CARGO_")) {
            command.env_remove(name);
        }
        let output = command
            .args(arguments)
            .args(["--profile", "mutants", "--message-format", "json", "--quiet", "--target-dir"])
            .arg(std::path::absolute(below.join("build"))?)
            .current_dir(&self.folder)
            // It is built once, not again and again.
            .env("CARGO_INCREMENTAL", "0")
            .stderr(std::process::Stdio::inherit())
            .output()
            .context("starting cargo")?;
        let messages = String::from_utf8_lossy(&output.stdout);
        let messages = messages.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Ok((output.status.success(), messages))
    }

    /// The compiler's errors in the core.
    fn check(&self, below: &Path) -> anyhow::Result<Vec<Value>> {
        let (passed, messages) = self.cargo(below, &["check", "-p", "rusm-core", "--lib", "--all-features"])?;
        let is_error = |message: &Value| message["message"]["level"] == "error";
        let errors: Vec<Value> = messages.into_iter().filter(is_error).collect();
        if !passed && errors.is_empty() {
            bail!("cargo check fails");
        }
        Ok(errors)
    }

    fn build_tests(&self, below: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
        println!("building the tests");
        let (passed, messages) =
            self.cargo(below, &[&["test", "--no-run", "--lib", "--bins", "--tests"], &PACKAGES[..]].concat())?;
        if !passed {
            bail!("the tests do not compile:\n{}", said(&messages));
        }
        let mut programs = BTreeMap::new();
        for message in messages.iter().filter(|message| message["profile"]["test"] == true) {
            let (Some(program), Some(id), Some(target)) =
                (message["executable"].as_str(), message["package_id"].as_str(), message["target"]["name"].as_str())
            else {
                continue;
            };
            // `path+file:///...#rusm-core@0.1.0`, or `path+file:///.../xtask#0.1.0` when the folder has the name.
            let (folder, named) = id.rsplit_once('#').unwrap_or((id, id));
            let package = named.split_once('@').map_or(folder.rsplit('/').next().unwrap_or(folder), |(name, _)| name);
            programs.insert(format!("{package} {target}"), PathBuf::from(program));
        }
        Ok(programs)
    }
}

fn said(messages: &[Value]) -> String {
    messages.iter().filter_map(|message| message["message"]["rendered"].as_str()).take(20).collect()
}

/// Those in whose text an error is.
fn refused(errors: &[Value], woven: &BTreeMap<String, String>) -> BTreeSet<Number> {
    let places: BTreeMap<&str, _> = woven.iter().map(|(file, text)| (file.as_str(), places(text))).collect();
    let mut refused = BTreeSet::new();
    for spans in errors.iter().filter_map(|error| error["message"]["spans"].as_array()) {
        let innermost = |span: &Value| {
            let at = usize::try_from(span["byte_start"].as_u64()?).ok()?;
            let here = places.get(span["file_name"].as_str()?)?.iter().filter(|(range, _)| range.contains(&at));
            here.min_by_key(|(range, _)| range.len()).map(|(_, number)| *number)
        };
        let (primary, others): (Vec<&Value>, Vec<&Value>) = spans.iter().partition(|span| span["is_primary"] == true);
        refused.extend(primary.into_iter().chain(others).find_map(innermost));
    }
    refused
}
