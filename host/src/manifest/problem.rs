use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// One thing that is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// The key with the tables that it lies in, as in `component.web.grants.memory`. Empty for a syntax error.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

/// A manifest that cannot be used: everything that is wrong with it, in document order. Nothing was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    /// The manifest file.
    pub file: PathBuf,
    /// At least one.
    pub problems: Vec<Problem>,
}

impl std::error::Error for ManifestError {}

/// One line for each problem: `rusm.toml:3:1: app.nam: unknown key. Did you mean `name`?`
impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            let Problem { line, column, key, what, remedy } = problem;
            write!(f, "{}:{line}:{column}: ", self.file.display())?;
            if !key.is_empty() {
                write!(f, "{key}: ")?;
            }
            write!(f, "{what}. {remedy}")?;
        }
        Ok(())
    }
}

/// Collects problems while a manifest is read.
pub(super) struct Report<'i> {
    text: &'i str,
    problems: RefCell<Vec<(usize, Problem)>>,
}

impl<'i> Report<'i> {
    pub(super) fn new(text: &'i str) -> Self {
        Self { text, problems: RefCell::default() }
    }

    /// `span` is in bytes of the manifest's text.
    pub(super) fn add(&self, span: Range<usize>, key: &str, what: impl Into<String>, remedy: impl Into<String>) {
        let at = span.start.min(self.text.len());
        let before = self.text.get(..at).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let problem = Problem {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            key: key.to_owned(),
            what: what.into(),
            remedy: remedy.into(),
        };
        self.problems.borrow_mut().push((at, problem));
    }

    /// # Errors
    /// There was at least one problem.
    pub(super) fn finish(&self, file: &Path) -> Result<(), ManifestError> {
        let mut problems = self.problems.take();
        problems.sort_by_key(|(at, _)| *at);
        if problems.is_empty() {
            return Ok(());
        }
        let problems = problems.into_iter().map(|(_, problem)| problem).collect();
        Err(ManifestError { file: file.to_owned(), problems })
    }
}
