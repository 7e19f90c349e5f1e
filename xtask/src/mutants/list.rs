//! The mutants that cargo-mutants finds in the core.

use anyhow::{Context, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::process::Command;

/// A place in a file, as cargo-mutants counts: lines and columns from 1.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: Place,
    pub(crate) end: Place,
}

/// What kind of change it is. Source: cargo-mutants, `Genre`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(crate) enum Genre {
    FnValue,
    BinaryOperator,
    UnaryOperator,
    MatchArm,
    MatchArmGuard,
    StructField,
}

/// One change to one place.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Mutant {
    pub(crate) file: String,
    pub(crate) genre: Genre,
    pub(crate) replacement: String,
    pub(crate) span: Span,
    /// With the place, as cargo-mutants names it; after [`list`] without, so that it stays when other lines change.
    pub(crate) name: String,
}

/// All that cargo-mutants finds, in its order; their index is their number. `configuration` is whether
/// `.cargo/mutants.toml` leaves some out.
pub(crate) fn list(configuration: bool) -> anyhow::Result<Vec<Mutant>> {
    let mut command = Command::new("cargo");
    command.args(["mutants", "--package", "rusm-core", "--list", "--json"]);
    if !configuration {
        command.arg("--no-config");
    }
    let output = command.output().context("starting cargo mutants")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("cargo mutants lists nothing (`cargo install cargo-mutants --locked` installs it):\n{said}");
    }
    let mut mutants: Vec<Mutant> =
        serde_json::from_slice(&output.stdout).context("reading what cargo mutants lists")?;
    name_without_places(&mut mutants);
    Ok(mutants)
}

/// `core/src/a.rs:17:5: replace < with > in f` becomes `core/src/a.rs: replace < with > in f`, the next such `... (2)`.
fn name_without_places(mutants: &mut [Mutant]) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for mutant in mutants {
        let what = mutant.name.splitn(4, ':').nth(3).unwrap_or(&mutant.name).trim();
        let name = format!("{}: {what}", mutant.file);
        let count = seen.entry(name.clone()).or_default();
        *count += 1;
        mutant.name = if *count == 1 { name } else { format!("{name} ({count})") };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_when_lines_above_it_change() {
        let place = Place { line: 1, column: 1 };
        let mutant = |name: &str| Mutant {
            file: "core/src/a.rs".to_owned(),
            genre: Genre::BinaryOperator,
            replacement: ">".to_owned(),
            span: Span { start: place, end: place },
            name: name.to_owned(),
        };
        let mut mutants = [
            mutant("core/src/a.rs:17:5: replace < with > in A::f"),
            mutant("core/src/a.rs:18:5: replace < with > in A::f"),
        ];
        name_without_places(&mut mutants);
        let names = mutants.map(|mutant| mutant.name);
        assert_eq!(names, ["core/src/a.rs: replace < with > in A::f", "core/src/a.rs: replace < with > in A::f (2)"]);
    }
}
