use super::tree::Tree;
use super::weave::{Number, VARIABLE};
use anyhow::{Context, bail};
use serde::Deserialize;
use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// For how long it may run that is asked about a change. Longer is as good as a failure: it waits for what the change took
/// away.
const TIME_MAX: Duration = Duration::from_secs(180);

/// More seeds than this are not tried.
pub(super) const SEEDS_MAX: u64 = 2_000;

/// A test binary of the workspace: what `cargo test` calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binary {
    package: String,
    target: Vec<String>,
}

/// One that is built.
pub(super) struct Built {
    program: PathBuf,
    /// Where cargo would run it.
    folder: PathBuf,
    said: PathBuf,
}

/// How a run of tests went.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Passed,
    /// With the names of those that failed, as the binary says them.
    Failed(Vec<String>),
    NeverEnded,
}

#[derive(Deserialize)]
struct CargoMessage {
    executable: Option<PathBuf>,
    manifest_path: Option<PathBuf>,
}

impl Binary {
    /// The binary with the tests of that file.
    pub(super) fn of(file: &str) -> Option<Self> {
        if let Some(suite) = file.strip_prefix("core/loom/tests/") {
            return Some(Self::suite("rusm-core-loom", suite.split('/').next()?.trim_end_matches(".rs")));
        }
        let (package, rest) = match file.split_once('/')? {
            ("core", rest) => ("rusm-core", rest),
            ("sim", rest) => ("rusm-sim", rest),
            ("transport", rest) => ("rusm-transport", rest),
            ("xtask", rest) => ("xtask", rest),
            ("tests", _) => ("rusm-suites", file),
            _ => return None,
        };
        if let Some(suite) = rest.strip_prefix("tests/") {
            return Some(Self::suite(package, suite.split('/').next()?.trim_end_matches(".rs")));
        }
        let target = if package == "xtask" { "--bins" } else { "--lib" };
        rest.starts_with("src/").then(|| Self { package: package.to_owned(), target: vec![target.to_owned()] })
    }

    /// The suite of that name.
    pub(super) fn suite(package: &str, name: &str) -> Self {
        Self { package: package.to_owned(), target: vec!["--test".to_owned(), name.to_owned()] }
    }

    pub(super) fn build(&self, tree: &Tree) -> anyhow::Result<Built> {
        let output = Command::new("cargo")
            .current_dir(tree.path())
            .env("CARGO_TARGET_DIR", tree.build())
            .args(["test", "--quiet", "--no-run", "--message-format", "json", "--profile", "mutants"])
            .args(["--package", &self.package])
            .args(&self.target)
            .output()
            .context("starting cargo")?;
        if !output.status.success() {
            bail!("{self} does not build: {}", compiler_errors(&output.stdout, &output.stderr));
        }
        let said = String::from_utf8_lossy(&output.stdout);
        let messages = said.lines().filter_map(|line| serde_json::from_str::<CargoMessage>(line).ok());
        let built = messages.filter_map(|message| Some((message.executable?, message.manifest_path?))).next_back();
        let (program, manifest) = built.with_context(|| format!("{self} has no tests"))?;
        let folder = manifest.parent().context("a manifest without a folder")?.to_owned();
        Ok(Built { program, folder, said: tree.build().join("said.txt") })
    }
}

impl Built {
    /// The full names of the tests whose functions have that name.
    pub(super) fn named(&self, name: &str) -> anyhow::Result<Vec<String>> {
        let output = Command::new(&self.program).arg("--list").output().context("starting a test binary")?;
        let list = String::from_utf8_lossy(&output.stdout).into_owned();
        let tests = list.lines().filter_map(|line| line.strip_suffix(": test"));
        Ok(tests.filter(|test| test.rsplit("::").next() == Some(name)).map(str::to_owned).collect())
    }

    /// Runs one test, or all of them, with that change when it is woven in.
    pub(super) fn run(&self, test: Option<&str>, woven: Option<Number>) -> anyhow::Result<Outcome> {
        self.run_with(test, woven, &[])
    }

    /// Runs a test of the simulator on seeds from that one on: how many it takes until it fails, and `most` when none does.
    pub(super) fn seeds_until_failure(
        &self,
        test: &str,
        woven: Option<Number>,
        from: u64,
        most: u64,
    ) -> anyhow::Result<u64> {
        self.run_with(Some(test), woven, &[("RUSM_FROM", from), ("RUSM_SEEDS", most)])?;
        let said = std::fs::read(&self.said)?;
        Ok(failing_seed(&String::from_utf8_lossy(&said)).map_or(most, |seed| seed.saturating_sub(from) + 1))
    }

    fn run_with(
        &self,
        test: Option<&str>,
        woven: Option<Number>,
        environment: &[(&str, u64)],
    ) -> anyhow::Result<Outcome> {
        let said = File::create(&self.said).with_context(|| format!("writing {}", self.said.display()))?;
        let mut child = Command::new(&self.program)
            .current_dir(&self.folder)
            // The same cases of the model tests each time, as in `cargo xtask test`; they are kept nowhere.
            .env("PROPTEST_RNG_SEED", "20261124")
            .env("PROPTEST_FAILURE_PERSISTENCE", "off")
            .envs(woven.map(|number| (VARIABLE, number.to_string())))
            .envs(environment.iter().map(|(name, value)| (name, value.to_string())))
            .args(test.into_iter().flat_map(|test| ["--exact", test]))
            .stdout(said.try_clone()?)
            .stderr(Stdio::from(said))
            .spawn()
            .context("starting a test binary")?;
        let end = Instant::now() + TIME_MAX;
        let status = loop {
            match child.try_wait()? {
                Some(status) => break status,
                None if Instant::now() > end => {
                    child.kill()?;
                    child.wait()?;
                    return Ok(Outcome::NeverEnded);
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        Ok(outcome(status, &String::from_utf8_lossy(&std::fs::read(&self.said)?)))
    }
}

/// As a suite says it: `NAME: seed N: WHAT`, or `NAME: seed N failed`.
fn failing_seed(said: &str) -> Option<u64> {
    said.lines().find_map(|line| line.split_once(": seed ")?.1.split([':', ' ']).next()?.parse().ok())
}

fn outcome(status: ExitStatus, said: &str) -> Outcome {
    if status.success() {
        return Outcome::Passed;
    }
    let results = said.lines().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"));
    let mut failed: Vec<String> = results.map(str::to_owned).collect();
    if failed.is_empty() {
        failed.push(format!("a crash of the tests, {status}"));
    }
    Outcome::Failed(failed)
}

/// What the compiler says first.
fn compiler_errors(messages: &[u8], errors: &[u8]) -> String {
    let rendered = String::from_utf8_lossy(messages)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["message"]["level"] == "error")
        .find_map(|message| Some(message.get("message")?.get("rendered")?.as_str()?.trim().to_owned()));
    rendered.unwrap_or_else(|| String::from_utf8_lossy(errors).trim().to_owned())
}

impl fmt::Display for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.package, self.target.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_says_which_seed_failed() {
        let said = "running 1 test\nlinks::links_stay_symmetric: seed 42: stalled: nothing happens\nprofile p\n";
        assert_eq!((failing_seed(said), failing_seed("running 1 test\n")), (Some(42), None));
    }

    #[test]
    fn a_files_tests_are_in_the_binary_that_cargo_makes_of_it() {
        let check =
            |file, expected: &str| assert_eq!(Binary::of(file).map(|of| of.to_string()).as_deref(), Some(expected));
        check("core/src/mailbox.rs", "rusm-core --lib");
        check("core/tests/rules/links.rs", "rusm-core --test rules");
        check("core/tests/remote.rs", "rusm-core --test remote");
        check("tests/chaos/links.rs", "rusm-suites --test chaos");
        check("core/loom/tests/races.rs", "rusm-core-loom --test races");
        check("xtask/src/otp/tests.rs", "xtask --bins");
        assert_eq!(Binary::of("docs/otp-rules.md"), None);
        assert_eq!(Binary::of("core/examples/counter_server.rs"), None);
    }
}
