use super::app::{AppSettings, SimSettings};
use super::component::Component;
use super::foreign_code::ForeignCode;
use super::limits::Limits;
use super::problem::{ManifestError, Problem, Report};
use super::references::References;
use super::route::Route;
use super::section::Section;
use super::supervisor::{Child, Supervisor};
use super::tree::{ROOT, Tree};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// The manifest's file name.
pub const MANIFEST_FILE: &str = "rusm.toml";

/// An app as `rusm.toml` describes it. Everything in it has been checked: names lead somewhere, the supervisors form a
/// tree, no two routes are alike, source files exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The app's directory: what paths in the manifest are relative to.
    pub directory: PathBuf,
    /// `[app]`
    pub app: AppSettings,
    /// `[component.NAME]`
    pub components: BTreeMap<String, Component>,
    /// `[supervisor.NAME]`: a tree below `root`, or none at all.
    pub supervisors: BTreeMap<String, Supervisor>,
    /// `[child.NAME]`
    pub children: BTreeMap<String, Child>,
    /// `[[route]]`, in document order.
    pub routes: Vec<Route>,
    /// `[limits]`
    pub limits: Limits,
    /// `[foreign-code]`
    pub foreign_code: ForeignCode,
    /// `[sim]`
    pub sim: Option<SimSettings>,
}

impl Manifest {
    /// Reads `rusm.toml` of a directory.
    ///
    /// # Errors
    /// Everything that is wrong with it, or why it cannot be read.
    pub fn load(directory: impl AsRef<Path>) -> Result<Self, ManifestError> {
        let directory = directory.as_ref();
        let file = directory.join(MANIFEST_FILE);
        #[expect(clippy::disallowed_methods, reason = "an app's own files are read before its node runs")]
        match std::fs::read_to_string(&file) {
            Ok(text) => Self::parse(&file, &text),
            Err(error) => {
                let remedy = if error.kind() == std::io::ErrorKind::NotFound {
                    "Name the directory of an app: the one that holds its rusm.toml"
                } else {
                    "Make it a readable file in UTF-8"
                };
                let what = format!("cannot be read: {error}");
                let problem = Problem { line: 1, column: 1, key: String::new(), what, remedy: remedy.to_owned() };
                Err(ManifestError { file, problems: vec![problem] })
            }
        }
    }

    /// Reads a manifest's text. Paths in it are relative to where `file` lies.
    ///
    /// # Errors
    /// Everything that is wrong with it. With a syntax error, only those are reported.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ManifestError> {
        let directory = file.parent().unwrap_or(Path::new("")).to_owned();
        let report = Report::new(text);
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            for error in errors {
                let what = format!("this is no TOML: {}", error.message().replace('\n', ", "));
                report.add(error.span().unwrap_or(0..0), "", what, "See https://toml.io for how to write it");
            }
            report.finish(file)?;
        }
        let mut root = Section::new(&report, String::new(), 0..0, table.into_inner());
        let mut references = References::default();
        let app = AppSettings::read(&mut root);
        let components = Component::read_all(&mut root, &directory, &mut references);
        let supervisors = Supervisor::read_all(&mut root, &mut references);
        let children = Child::read_all(&mut root, &mut references);
        let routes = Route::read_all(&mut root, &mut references);
        let limits = Limits::read(&mut root);
        let foreign_code = ForeignCode::read(&mut root, &directory, &mut references);
        let sim = SimSettings::read(&mut root, &directory);
        root.finish();
        let (supervisors, children) = Tree::new(&report, supervisors, children).check();
        let component_names: Vec<&str> = components.keys().map(String::as_str).collect();
        let supervisor_names: Vec<&str> = supervisors.keys().map(String::as_str).collect();
        references.check(&report, &component_names, &supervisor_names);
        report.finish(file)?;
        Ok(Self { directory, app, components, supervisors, children, routes, limits, foreign_code, sim })
    }

    /// The root of the supervision tree; none when the app has no supervisors.
    pub fn root(&self) -> Option<&Supervisor> {
        self.supervisors.get(ROOT)
    }
}
