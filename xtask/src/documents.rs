//! What is said in documents must be true: README's commands are those that CI runs, links lead somewhere, and no path of
//! somebody's machine stands anywhere.

use anyhow::{Context, bail};
use std::path::Path;
use std::process::Command;

/// The two commands that README shows first.
const COMMANDS: [&str; 2] = ["cargo xtask demo", "cargo xtask test"];

/// Beginnings of paths that only one machine has, in pieces so that this file passes its own check.
const PATHS: [&str; 4] = [concat!("/wo", "rk/"), concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/Us", "ers/")];

pub(crate) fn check() -> anyhow::Result<()> {
    let mut problems = Vec::new();
    let readme = std::fs::read_to_string("README.md").context("reading README.md")?;
    let first: Vec<&str> = readme.lines().filter(|line| line.starts_with("cargo xtask ")).take(2).collect();
    if !first.iter().zip(COMMANDS).all(|(line, command)| line.starts_with(command)) || first.len() < 2 {
        problems.push(format!("README.md must show these commands first: {COMMANDS:?}; it shows {first:?}"));
    }
    let ci = std::fs::read_to_string(".ci/run").context("reading .ci/run")?;
    if !ci.lines().any(|line| line.trim_start_matches("exec ").trim() == COMMANDS[1]) {
        problems.push(format!(".ci/run must call {:?}, README's own test command", COMMANDS[1]));
    }
    for file in tracked()? {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        if !file.ends_with(".lock") {
            problems.extend(machine_paths(&file, &text));
        }
        if file.ends_with(".md") && !file.starts_with("third_party/") {
            problems.extend(dead_links(&file, &text, |path| path.exists()));
        }
    }
    if problems.is_empty() { Ok(()) } else { bail!("{}", problems.join("\n")) }
}

fn tracked() -> anyhow::Result<Vec<String>> {
    let output = Command::new("git").args(["ls-files"]).output().context("running git ls-files")?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

fn machine_paths(file: &str, text: &str) -> Vec<String> {
    let lines = text.lines().enumerate();
    let found = lines.filter(|(_, line)| PATHS.iter().any(|path| line.contains(path)));
    found.map(|(i, _)| format!("{file}:{}: a path of one machine", i + 1)).collect()
}

/// Relative links of a Markdown file that lead nowhere.
fn dead_links(file: &str, text: &str, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let mut dead = Vec::new();
    for (i, line) in text.lines().enumerate() {
        for link in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap_or_default();
            let elsewhere = path.is_empty() || path.contains("://") || path.starts_with("mailto:");
            if !elsewhere && !exists(&folder.join(path)) {
                dead.push(format!("{file}:{}: the link to {path} leads nowhere", i + 1));
            }
        }
    }
    dead
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_leads_nowhere_is_named_with_its_line() {
        let text = "see [a](there.md#part)\nand [b](gone.md) and [c](https://example.com/x)";
        let dead = dead_links("docs/page.md", text, |path| path == Path::new("docs/there.md"));
        assert_eq!(dead, ["docs/page.md:2: the link to gone.md leads nowhere"]);
    }

    #[test]
    fn a_path_of_one_machine_is_named_with_its_line() {
        let text = format!("fine\n{}me/repo\n", PATHS[0]);
        assert_eq!(machine_paths("a.rs", &text), ["a.rs:2: a path of one machine"]);
    }
}
