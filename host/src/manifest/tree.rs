use super::problem::Report;
use super::suggest::suggestion;
use super::supervisor::{Child, ChildName, Children, DraftChild, DraftSupervisor, Supervisor};
use rusm_core::AutoShutdown;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The root's name.
pub(super) const ROOT: &str = "root";

/// The supervision tree while it is checked: every name leads somewhere, every supervisor and child has one place, and
/// all are reached from the root.
pub(super) struct Tree<'r, 'i> {
    report: &'r Report<'i>,
    supervisors: Vec<DraftSupervisor>,
    children: Vec<DraftChild>,
    /// Who has a supervisor or child among its children: the first, others are a problem.
    parents: BTreeMap<String, String>,
}

impl<'r, 'i> Tree<'r, 'i> {
    pub(super) fn new(report: &'r Report<'i>, supervisors: Vec<DraftSupervisor>, children: Vec<DraftChild>) -> Self {
        Self { report, supervisors, children, parents: BTreeMap::new() }
    }

    /// Reports what is wrong, and resolves the names of the children.
    pub(super) fn check(mut self) -> (BTreeMap<String, Supervisor>, BTreeMap<String, Child>) {
        self.check_shared_names();
        for i in 0..self.supervisors.len() {
            self.resolve(i);
        }
        let in_cycles = self.check_cycles();
        self.check_reached(&in_cycles);
        self.check_significant();
        let supervisors = self.supervisors.into_iter().map(|draft| (draft.supervisor.name.clone(), draft.supervisor));
        let children = self.children.into_iter().map(|draft| (draft.child.name.clone(), draft.child));
        (supervisors.collect(), children.collect())
    }

    fn supervisor(&self, name: &str) -> Option<&DraftSupervisor> {
        self.supervisors.iter().find(|draft| draft.name.get_ref() == name)
    }

    fn child(&self, name: &str) -> Option<&DraftChild> {
        self.children.iter().find(|draft| draft.name.get_ref() == name)
    }

    fn check_shared_names(&self) {
        for DraftChild { name, .. } in &self.children {
            if self.supervisor(name.get_ref()).is_some() {
                let key = format!("child.{}", name.get_ref());
                self.report.add(name.span(), &key, "a supervisor has this name", "Choose another name for one of them");
            }
        }
        let mut singletons: BTreeMap<&str, &str> = BTreeMap::new();
        for DraftChild { name, child, .. } in &self.children {
            let Some(singleton) = &child.singleton else { continue };
            if let Some(first) = singletons.insert(singleton, name.get_ref()) {
                let key = format!("child.{}.singleton", name.get_ref());
                let what = format!("child.{first} has the unique name {singleton:?} as well");
                self.report.add(name.span(), &key, what, "Only one of them would ever run: choose another name");
            }
        }
        let mut registered: BTreeMap<&str, &str> = BTreeMap::new();
        for DraftChild { name, child, .. } in &self.children {
            let Some(register) = &child.register else { continue };
            if let Some(first) = registered.insert(register, name.get_ref()) {
                let key = format!("child.{}.register", name.get_ref());
                let what = format!("child.{first} registers the name {register:?} as well");
                self.report.add(name.span(), &key, what, "Two processes cannot have one name: choose another");
            }
        }
    }

    /// Looks the children of one supervisor up.
    fn resolve(&mut self, i: usize) {
        let parent = self.supervisors[i].name.get_ref().clone();
        let key = format!("supervisor.{parent}.children");
        let mut resolved = Vec::new();
        for name in self.supervisors[i].children.clone() {
            let (span, name) = (name.span(), name.into_inner());
            if name == ROOT && self.supervisor(ROOT).is_some() {
                self.report.add(span, &key, "the root cannot be a child", "Take it out of the list");
                continue;
            }
            if self.supervisor(&name).is_some() {
                resolved.push(ChildName::Supervisor(name.clone()));
            } else if self.child(&name).is_some() {
                resolved.push(ChildName::Child(name.clone()));
            } else {
                let known: Vec<&str> = self.names().collect();
                let nearest = suggestion(&name, known);
                let remedy = if nearest.ends_with('?') {
                    nearest
                } else {
                    format!("Add [child.{name}] or [supervisor.{name}], or take it out of the list")
                };
                self.report.add(span, &key, format!("unknown child {name:?}"), remedy);
                continue;
            }
            if let Some(first) = self.parents.get(&name) {
                let what = format!("{name:?} is a child of supervisor.{first} already");
                self.report.add(span, &key, what, "Give each child one supervisor, and name it once");
            } else {
                self.parents.insert(name, parent.clone());
            }
        }
        if let Children::Fixed { names, .. } = &mut self.supervisors[i].supervisor.children {
            *names = resolved;
        }
    }

    /// All but the root.
    fn names(&self) -> impl Iterator<Item = &str> {
        let supervisors = self.supervisors.iter().map(|draft| draft.name.get_ref().as_str());
        let children = self.children.iter().map(|draft| draft.name.get_ref().as_str());
        supervisors.filter(|name| *name != ROOT).chain(children)
    }

    /// As everything has at most one parent, going up from anywhere either ends or goes round.
    fn check_cycles(&self) -> BTreeSet<String> {
        let mut in_cycles = BTreeSet::new();
        for draft in &self.supervisors {
            let start = draft.name.get_ref();
            let mut path = vec![start.as_str()];
            let mut at = start;
            while let Some(parent) = self.parents.get(at) {
                if parent == start {
                    if !in_cycles.contains(start) {
                        self.report_cycle(draft.name.span(), &path);
                    }
                    in_cycles.extend(path.iter().map(|name| (*name).to_owned()));
                    break;
                }
                if path.contains(&parent.as_str()) {
                    break;
                }
                path.push(parent);
                at = parent;
            }
        }
        in_cycles
    }

    /// `path` goes from a supervisor up.
    fn report_cycle(&self, span: Range<usize>, path: &[&str]) {
        let start = path[0];
        let down: Vec<&str> = std::iter::once(start).chain(path.iter().rev().copied()).collect();
        let what = format!("the supervisors form a cycle: {}", down.join(" -> "));
        let remedy = "Take one of them out of the other's children";
        self.report.add(span, &format!("supervisor.{start}"), what, remedy);
    }

    fn check_reached(&self, in_cycles: &BTreeSet<String>) {
        let needed = !self.supervisors.is_empty() || !self.children.is_empty();
        let Some(_) = self.supervisor(ROOT) else {
            if needed {
                let first = self.supervisors.first().map(|draft| draft.name.span());
                let span = first.or_else(|| self.children.first().map(|draft| draft.name.span())).unwrap_or(0..0);
                let what = "there is no root supervisor";
                self.report.add(span, "supervisor.root", what, "Add [supervisor.root] with children = [\u{2026}]");
            }
            return;
        };
        let supervisors = self.supervisors.iter().map(|draft| ("supervisor", &draft.name));
        let children = self.children.iter().map(|draft| ("child", &draft.name));
        for (noun, name) in supervisors.chain(children) {
            let (span, name) = (name.span(), name.get_ref());
            if name == ROOT || self.parents.contains_key(name) || in_cycles.contains(name) {
                continue;
            }
            let remedy = "Name it in the children of one, for instance of supervisor.root, or remove it";
            self.report.add(span, &format!("{noun}.{name}"), "belongs to no supervisor", remedy);
        }
    }

    fn check_significant(&self) {
        for DraftChild { name, significant, .. } in &self.children {
            let Some(span) = significant else { continue };
            let parent = self.parents.get(name.get_ref()).and_then(|parent| self.supervisor(parent));
            if let Some(parent) = parent
                && parent.supervisor.auto_shutdown == AutoShutdown::Never
            {
                let key = format!("child.{}.significant", name.get_ref());
                let what = format!("supervisor.{} has no auto-shutdown", parent.name.get_ref());
                self.report.add(span.clone(), &key, what, "Give it auto-shutdown = \"any_significant\"");
            }
        }
    }
}
