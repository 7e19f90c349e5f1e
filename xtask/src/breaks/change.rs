use super::binary::Binary;
use anyhow::{Context, bail};
use std::fmt;
use std::path::{Path, PathBuf};

/// One way to break something, as its file says. The patch is in the file's second half, as `git diff` writes it; the first
/// says what it is:
/// ```text
/// Rule: 1.13
/// Breaks: an untrapped `normal` over a link ends
/// Noticed-by: some_test in core/tests/rules/exits.rs
/// ```
/// There may be more than one `Noticed-by`: each of these tests notices. Where a judge counts seeds, `Seeds: N` says how many.
#[derive(Debug)]
pub(super) struct Change {
    /// The file's name without its ending.
    pub(super) name: String,
    pub(super) path: PathBuf,
    /// What is broken: the number of a rule, or a word.
    pub(super) rule: String,
    /// What is different with it.
    pub(super) breaks: String,
    pub(super) noticed_by: Vec<NamedTest>,
    /// How many seeds it took the last time, where that counts.
    pub(super) seeds: Option<u64>,
    /// The files that it changes.
    pub(super) files: Vec<PathBuf>,
}

/// A test, by its function's name and its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamedTest {
    pub(super) name: String,
    pub(super) file: String,
}

impl Change {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        Self::parse(path, &text).with_context(|| format!("reading {}", path.display()))
    }

    fn parse(path: &Path, text: &str) -> anyhow::Result<Self> {
        let name = path.file_stem().context("it has no name")?.to_string_lossy().into_owned();
        let (mut rule, mut breaks, mut noticed_by, mut seeds) = (None, None, Vec::new(), None);
        for line in text.lines().take_while(|line| !line.starts_with("diff --git ")).filter(|line| !line.is_empty()) {
            match line.split_once(": ") {
                Some(("Rule", value)) => rule = Some(value.to_owned()),
                Some(("Breaks", value)) => breaks = Some(value.to_owned()),
                Some(("Seeds", value)) => seeds = Some(value.parse().context("expected `Seeds: NUMBER`")?),
                Some(("Noticed-by", value)) => {
                    let (name, file) = value.split_once(" in ").context("expected `Noticed-by: TEST in FILE`")?;
                    noticed_by.push(NamedTest { name: name.to_owned(), file: file.to_owned() });
                }
                _ => bail!("unknown line {line:?}: expected `Rule:`, `Breaks:`, `Noticed-by:` and then the patch"),
            }
        }
        let files = text.lines().filter_map(|line| line.strip_prefix("+++ b/")).map(PathBuf::from).collect::<Vec<_>>();
        if files.is_empty() {
            bail!("it changes no file");
        }
        let (rule, breaks) = (rule.context("no line `Rule:`")?, breaks.context("no line `Breaks:`")?);
        Ok(Self { name, path: path.to_owned(), rule, breaks, noticed_by, seeds, files })
    }

    /// Writes how many seeds it took into its file.
    pub(super) fn keep_seeds(&self, seeds: u64) -> anyhow::Result<()> {
        let text = std::fs::read_to_string(&self.path).with_context(|| format!("reading {}", self.path.display()))?;
        std::fs::write(&self.path, with_seeds(&text, seeds)).with_context(|| format!("writing {}", self.path.display()))
    }

    /// What is wrong with what it says, as far as that shows without running anything.
    pub(super) fn problems(&self, source: impl Fn(&str) -> Option<String>) -> Vec<String> {
        let mut problems = Vec::new();
        if self.noticed_by.is_empty() {
            problems.push(format!("{}: no test notices", self.name));
        }
        for test in &self.noticed_by {
            let function = format!("fn {}(", test.name);
            if !source(&test.file).is_some_and(|source| source.contains(&function)) {
                problems.push(format!("{}: there is no test {test}", self.name));
            } else if Binary::of(&test.file).is_none() {
                problems.push(format!("{}: no test binary is made of {}", self.name, test.file));
            }
        }
        problems
    }
}

/// The text of a patch with that `Seeds:` as the last line of its head.
fn with_seeds(text: &str, seeds: u64) -> String {
    let (head, patch) = text.split_at(text.find("diff --git ").unwrap_or(text.len()));
    let lines = head.lines().filter(|line| !line.is_empty() && !line.starts_with("Seeds: "));
    let head: String = lines.flat_map(|line| [line, "\n"]).collect();
    format!("{head}Seeds: {seeds}\n\n{patch}")
}

impl fmt::Display for NamedTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.name, self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "diff --git a/a.rs b/a.rs\n--- a/a.rs\n+++ b/a.rs\n@@ -1 +1 @@\n-1\n+2\n";

    fn parse(head: &str) -> anyhow::Result<Change> {
        Change::parse(Path::new("breaks/01-some.patch"), &format!("{head}{PATCH}"))
    }

    #[test]
    fn a_change_says_its_rule_what_it_breaks_and_who_notices() {
        let change = parse(
            "Rule: 1.1\nBreaks: all: of it\nNoticed-by: one in core/src/a.rs\nNoticed-by: two in core/src/b.rs\n\n",
        );
        let change = change.expect("it is one");
        assert_eq!((&*change.name, &*change.rule, &*change.breaks), ("01-some", "1.1", "all: of it"));
        assert_eq!(
            change.noticed_by.iter().map(NamedTest::to_string).collect::<Vec<_>>(),
            ["one in core/src/a.rs", "two in core/src/b.rs"]
        );
        assert_eq!(change.files, [PathBuf::from("a.rs")]);
    }

    #[test]
    fn the_seeds_that_it_took_are_kept_in_its_head() {
        let head = "Rule: 1.1\nBreaks: it\nNoticed-by: one in core/src/a.rs\n";
        let kept = with_seeds(&format!("{head}\n{PATCH}"), 12);
        assert_eq!(kept, format!("{head}Seeds: 12\n\n{PATCH}"));
        assert_eq!(with_seeds(&kept, 7), format!("{head}Seeds: 7\n\n{PATCH}"));
    }

    #[test]
    fn a_change_without_a_rule_or_with_an_unknown_line_is_an_error() {
        let check = |head, expected| assert_eq!(parse(head).expect_err("not a change").to_string(), expected);
        check("Breaks: b\n", "no line `Rule:`");
        check("Rule: 1\n", "no line `Breaks:`");
        check("Rule: 1\nNoticed-by: one\n", "expected `Noticed-by: TEST in FILE`");
        check("Of: 1\n", "unknown line \"Of: 1\": expected `Rule:`, `Breaks:`, `Noticed-by:` and then the patch");
    }

    #[test]
    fn a_test_that_does_not_exist_is_a_problem() {
        let change =
            parse("Rule: 1\nBreaks: b\nNoticed-by: there in core/src/a.rs\nNoticed-by: gone in core/src/a.rs\n")
                .expect("it is one");
        let problems = change.problems(|_| Some("#[test]\nfn there() {}".to_owned()));
        assert_eq!(problems, ["01-some: there is no test gone in core/src/a.rs"]);
        let change = parse("Rule: 1\nBreaks: b\n").expect("it is one");
        assert_eq!(change.problems(|_| None), ["01-some: no test notices"]);
    }
}
