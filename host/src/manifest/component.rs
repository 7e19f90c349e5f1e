use super::grants::Grants;
use super::name::check_table_name;
use super::references::References;
use super::section::Section;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// The table `[component.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// Its name.
    pub name: String,
    /// Where its code comes from.
    pub code: Code,
    /// What it may do.
    pub grants: Grants,
}

/// Where a component's code comes from. Paths are below the app's directory, or absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// Source that `rusm build` makes `build/NAME.wasm` from.
    Source {
        /// A folder or a file.
        path: PathBuf,
        /// What it is written in.
        language: Language,
    },
    /// A ready component.
    Wasm(PathBuf),
}

/// What a component is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// A folder with a `Cargo.toml`.
    Rust,
    /// A `.ts` file.
    TypeScript,
}

impl Component {
    /// Where the compiled component lies, below the app's directory.
    pub fn wasm_path(&self) -> PathBuf {
        match &self.code {
            Code::Source { .. } => Path::new("build").join(&self.name).with_extension("wasm"),
            Code::Wasm(path) => path.clone(),
        }
    }

    /// A component with a problem is kept, so that what refers to it is no second problem.
    pub(super) fn read_all(
        root: &mut Section<'_, '_>,
        directory: &Path,
        references: &mut References,
    ) -> BTreeMap<String, Self> {
        let sections = root.named_sections("component");
        let read = |(name, section)| {
            let component = Self::read(name, section, directory, references);
            (component.name.clone(), component)
        };
        sections.into_iter().map(read).collect()
    }

    fn read(
        name: Spanned<String>,
        mut section: Section<'_, '_>,
        directory: &Path,
        references: &mut References,
    ) -> Self {
        check_table_name(&name, &section);
        let code = Code::read(&mut section, directory).unwrap_or_else(|| Code::Wasm(PathBuf::new()));
        let grants = section.section("grants").map(|grants| Grants::read(grants, directory, references));
        section.finish();
        Self { name: name.into_inner(), code, grants: grants.unwrap_or_default() }
    }
}

impl Code {
    fn read(section: &mut Section<'_, '_>, directory: &Path) -> Option<Self> {
        let remedy = "Give either source (a folder with a Cargo.toml, or a .ts file) or wasm (a ready component)";
        match (section.string("source"), section.string("wasm")) {
            (Some(source), None) => Self::source(section, &source, directory),
            (None, Some(wasm)) => {
                if !directory.join(wasm.get_ref()).is_file() {
                    let what = format!("there is no file {:?}", wasm.get_ref());
                    section.problem(wasm.span(), "wasm", what, "Put the component there, or name another file");
                }
                Some(Self::Wasm(wasm.into_inner().into()))
            }
            (Some(_), Some(wasm)) => {
                section.problem(wasm.span(), "wasm", "there is a source as well", remedy);
                None
            }
            (None, None) => {
                section.problem(section.span.clone(), "", "has no code", remedy);
                None
            }
        }
    }

    fn source(section: &Section<'_, '_>, source: &Spanned<String>, directory: &Path) -> Option<Self> {
        let path = PathBuf::from(source.get_ref());
        let on_disk = directory.join(&path);
        let problem = |what: String, remedy: &str| {
            section.problem(source.span(), "source", what, remedy);
            None
        };
        let language = if on_disk.is_dir() {
            if !on_disk.join("Cargo.toml").is_file() {
                let what = format!("the folder {:?} has no Cargo.toml", source.get_ref());
                return problem(what, "Name the folder of a Rust crate, or a .ts file");
            }
            Language::Rust
        } else if !on_disk.exists() {
            let what = format!("there is no file or folder {:?}", source.get_ref());
            return problem(what, "Name a folder with a Cargo.toml, or a .ts file");
        } else if path.extension().is_some_and(|extension| extension == "ts") {
            Language::TypeScript
        } else {
            let what = format!("{:?} is in no language that is known", source.get_ref());
            return problem(what, "Name a folder with a Cargo.toml, or a .ts file");
        };
        Some(Self::Source { path, language })
    }
}
