use super::problem::Report;
use super::section::Section;
use super::suggest::suggestion;
use std::collections::BTreeSet;
use std::ops::Range;
use toml::Spanned;

/// What a name in the manifest refers to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Component,
    Supervisor,
}

/// Where the manifest names a component or a supervisor; they are looked up when all are known.
#[derive(Default)]
pub(super) struct References(Vec<Reference>);

struct Reference {
    kind: Kind,
    name: String,
    span: Range<usize>,
    key: String,
}

impl References {
    /// A name of a component.
    pub(super) fn component(&mut self, section: &Section<'_, '_>, key: &str, name: &Spanned<String>) {
        self.refer(Kind::Component, section, key, name);
    }

    /// A list of components, each of which may have a node behind `@`, or `@*`.
    pub(super) fn components_at(&mut self, section: &mut Section<'_, '_>, key: &'static str) -> BTreeSet<String> {
        let texts = section.strings(key).unwrap_or_default();
        for text in &texts {
            let (component, node) = text.get_ref().rsplit_once('@').unwrap_or((text.get_ref(), "*"));
            if node.is_empty() || node.contains('*') && node != "*" {
                let what = format!("{:?} cannot be granted", text.get_ref());
                section.problem(text.span(), key, what, "Name a node behind the `@`, or write `@*` for any");
            }
            let name = Spanned::new(text.span(), component.to_owned());
            self.refer(Kind::Component, section, key, &name);
        }
        texts.into_iter().map(Spanned::into_inner).collect()
    }

    /// A list of supervisors.
    pub(super) fn supervisors(&mut self, section: &mut Section<'_, '_>, key: &'static str) -> BTreeSet<String> {
        self.refer_all(Kind::Supervisor, section, key)
    }

    fn refer(&mut self, kind: Kind, section: &Section<'_, '_>, key: &str, name: &Spanned<String>) {
        let (name, span) = (name.get_ref().clone(), name.span());
        self.0.push(Reference { kind, name, span, key: section.key(key) });
    }

    fn refer_all(&mut self, kind: Kind, section: &mut Section<'_, '_>, key: &'static str) -> BTreeSet<String> {
        let names = section.strings(key).unwrap_or_default();
        for name in &names {
            self.refer(kind, section, key, name);
        }
        names.into_iter().map(Spanned::into_inner).collect()
    }

    /// Reports those that lead nowhere.
    pub(super) fn check(&self, report: &Report<'_>, components: &[&str], supervisors: &[&str]) {
        for Reference { kind, name, span, key } in &self.0 {
            let (noun, known) = match kind {
                Kind::Component => ("component", components),
                Kind::Supervisor => ("supervisor", supervisors),
            };
            if !known.contains(&name.as_str()) {
                let remedy = format!("{}, or add [{noun}.{name}]", unended(&suggestion(name, known.iter().copied())));
                report.add(span.clone(), key, format!("unknown {noun} {name:?}"), remedy);
            }
        }
    }
}

/// A suggestion that goes on: a question keeps its mark.
fn unended(suggestion: &str) -> String {
    match suggestion.strip_suffix('?') {
        Some(question) => format!("{question}? Correct it"),
        None => suggestion.to_owned(),
    }
}
