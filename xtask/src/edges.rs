//! Which crate of the workspace may depend on which: the walls between the rooms.

use anyhow::{Context, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::process::Command;

/// Each crate, and the crates of the workspace that it may depend on, in any way: also for its tests and build scripts.
///
/// `rusm-host` and `rusm-transport` do not know each other; nothing but tests, the command line, the project's own tasks
/// and fuzz targets depends on the simulator.
const ALLOWED: &[(&str, &[&str])] = &[
    ("rusm-core", &[]),
    ("rusm-core-loom", &["rusm-core"]),
    ("rusm-transport", &["rusm-core"]),
    ("rusm-host", &["rusm-core"]),
    ("rusm-sim-macros", &[]),
    ("rusm-sim", &["rusm-core", "rusm-transport", "rusm-host", "rusm-sim-macros"]),
    ("rusm-cli", &["rusm-core", "rusm-transport", "rusm-host", "rusm-sim"]),
    ("rusm-suites", &["rusm-core", "rusm-transport", "rusm-host", "rusm-sim", "rusm-cli"]),
    ("rusm-fuzz", &["rusm-core", "rusm-transport"]),
    ("xtask", &["rusm-core", "rusm-transport", "rusm-sim"]),
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    path: Option<String>,
}

/// Fails with every edge that leads through a wall.
pub(crate) fn check() -> anyhow::Result<()> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .output()
        .context("running cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("reading what cargo metadata printed")?;
    let edges = metadata.packages.into_iter().map(|package| {
        let local = package.dependencies.into_iter().filter(|dependency| dependency.path.is_some());
        (package.name, local.map(|dependency| dependency.name).collect())
    });
    let wrong = forbidden(&edges.collect());
    if wrong.is_empty() { Ok(()) } else { bail!("{}", wrong.join("\n")) }
}

/// One line for each edge that is not allowed, and for each crate that nobody has given a room.
fn forbidden(edges: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let rooms: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    let mut wrong = Vec::new();
    for (name, dependencies) in edges {
        let Some(allowed) = rooms.get(name.as_str()) else {
            wrong.push(format!("{name} has no room: say in xtask/src/edges.rs what it may depend on"));
            continue;
        };
        let ours = dependencies.iter().filter(|dependency| rooms.contains_key(dependency.as_str()));
        for dependency in ours.filter(|dependency| !allowed.contains(&dependency.as_str())) {
            wrong.push(format!("{name} must not depend on {dependency}: see \"Edges\" in ARCHITECTURE.md"));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, dependencies: &[&str], expected: &[&str]) {
        let dependencies = dependencies.iter().map(|&dependency| dependency.to_owned()).collect();
        assert_eq!(forbidden(&[(name.to_owned(), dependencies)].into()), expected);
    }

    #[test]
    fn allowed_edges_and_foreign_crates_pass() {
        check("rusm-host", &["rusm-core", "wasmtime", "componentize-qjs"], &[]);
        check("rusm-sim", &["rusm-core", "rusm-host"], &[]);
    }

    #[test]
    fn an_edge_through_a_wall_is_named() {
        let expected = "rusm-host must not depend on rusm-sim: see \"Edges\" in ARCHITECTURE.md";
        check("rusm-host", &["rusm-sim"], &[expected]);
        let expected = "rusm-core must not depend on rusm-host: see \"Edges\" in ARCHITECTURE.md";
        check("rusm-core", &["rusm-host"], &[expected]);
    }

    #[test]
    fn a_crate_without_a_room_is_named() {
        let expected = "rusm-new has no room: say in xtask/src/edges.rs what it may depend on";
        check("rusm-new", &["rusm-core"], &[expected]);
    }
}
