use crate::manifest::{Child, ChildName, Children, Manifest, Supervisor};
use rusm_core::{ChildSpec, NodeId, ProcessSpec, Strategy, SupervisorFlags, SupervisorSpec, Term};
use std::collections::BTreeMap;

/// The kind of [`ProcessSpec`] that a component is started from: its target is the component's name.
pub const COMPONENT_KIND: &str = "component";

/// The local name of the supervisor that the manifest calls so.
pub fn supervisor_name(name: &str) -> String {
    format!("supervisor:{name}")
}

/// A component to be started, with exactly that code.
pub(super) fn process_spec(component: &str, digests: &BTreeMap<String, [u8; 32]>, args: Term) -> ProcessSpec {
    let digest = digests.get(component).copied();
    ProcessSpec { kind: COMPONENT_KIND.to_owned(), target: component.to_owned(), digest, args, grants: None }
}

/// Makes the spec of a child that runs once in the cluster, while it has that unique name.
pub(super) type Singletons<'a> = &'a dyn Fn(&Child, &str) -> ChildSpec;

/// The manifest's tree, from the root down. An app without supervisors has a root without children.
pub(super) fn supervision_tree(
    manifest: &Manifest,
    digests: &BTreeMap<String, [u8; 32]>,
    singletons: Singletons<'_>,
) -> SupervisorSpec {
    match manifest.root() {
        Some(root) => Builder { manifest, digests, singletons }.supervisor(root),
        None => SupervisorSpec::new(Strategy::OneForOne).name(supervisor_name("root")),
    }
}

struct Builder<'m> {
    manifest: &'m Manifest,
    digests: &'m BTreeMap<String, [u8; 32]>,
    singletons: Singletons<'m>,
}

impl Builder<'_> {
    /// Ends, as the manifest's supervisors form a tree.
    fn supervisor(&self, supervisor: &Supervisor) -> SupervisorSpec {
        let (strategy, children) = match &supervisor.children {
            Children::Fixed { strategy, names } => {
                (*strategy, names.iter().filter_map(|name| self.child(name)).collect())
            }
            Children::Dynamic { component, restart, shutdown } => {
                let spec = process_spec(component, self.digests, Term::empty());
                let template = ChildSpec::process(component, spec).restart(*restart).shutdown(*shutdown);
                (Strategy::SimpleOneForOne, vec![template])
            }
        };
        let flags = SupervisorFlags {
            strategy,
            intensity: supervisor.intensity,
            period: supervisor.period,
            auto_shutdown: supervisor.auto_shutdown,
        };
        SupervisorSpec { name: Some(supervisor_name(&supervisor.name)), flags, children }
    }

    fn child(&self, name: &ChildName) -> Option<ChildSpec> {
        match name {
            ChildName::Supervisor(name) => {
                let supervisor = self.manifest.supervisors.get(name)?;
                Some(ChildSpec::supervisor(name, self.supervisor(supervisor)).restart(supervisor.as_child))
            }
            ChildName::Child(name) => Some(self.worker(self.manifest.children.get(name)?)),
        }
    }

    fn worker(&self, child: &Child) -> ChildSpec {
        if let Some(name) = &child.singleton {
            let spec = (self.singletons)(child, name).restart(child.restart).significant(child.significant);
            return ChildSpec { id: child.name.clone(), ..spec };
        }
        let spec = process_spec(&child.component, self.digests, child.args.clone());
        let worker = match &child.node {
            None => ChildSpec::process(&child.name, spec),
            Some(node) => {
                let grants = self.manifest.components.get(&child.component).map(|component| component.grants.to_term());
                ChildSpec::process_on(&child.name, NodeId::of_name(node), ProcessSpec { grants, ..spec })
            }
        };
        let worker = worker.restart(child.restart).shutdown(child.shutdown).significant(child.significant);
        match &child.register {
            Some(name) => worker.name(name),
            None => worker,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Grants;
    use rusm_core::{ChildStart, Restart};
    use std::path::Path;

    fn none(child: &Child, _: &str) -> ChildSpec {
        unreachable!("{child:?} is no singleton")
    }

    #[test]
    fn the_tree_is_the_manifests() {
        let text = r#"
            app.name = "a"
            [component]
            [supervisor.root]
            strategy = "rest_for_one"
            intensity = 7
            period = "9s"
            children = ["inner"]
            [supervisor.inner]
            as-child = "temporary"
        "#;
        let manifest = Manifest::parse(Path::new("rusm.toml"), text).expect("it is sound");
        let tree = supervision_tree(&manifest, &BTreeMap::new(), &none);
        assert_eq!(tree.name.as_deref(), Some("supervisor:root"));
        assert_eq!(tree.flags.strategy, Strategy::RestForOne);
        assert_eq!((tree.flags.intensity, tree.flags.period.as_secs()), (7, 9));
        assert_eq!(tree.children.len(), 1);
        assert_eq!(tree.children[0].name.as_deref(), Some("supervisor:inner"));
        assert_eq!(tree.children[0].restart, Restart::Temporary);
        tree.check().expect("it can be started");
    }

    #[test]
    fn a_child_with_a_node_is_started_there_with_its_grants() {
        let text = r#"
            app.name = "a"
            [component.web]
            wasm = "Cargo.toml"
            grants = { env = ["LANG"] }
            [supervisor.root]
            children = ["web"]
            [child.web]
            component = "web"
            node = "b"
        "#;
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("rusm.toml");
        let manifest = Manifest::parse(&file, text).expect("it is sound");
        let tree = supervision_tree(&manifest, &[("web".to_owned(), [7; 32])].into(), &none);
        let ChildStart::SpecOn { node, spec } = &tree.children[0].start else { panic!("it is started here") };
        assert_eq!((*node, spec.digest), (NodeId::of_name("b"), Some([7; 32])));
        let grants = Grants::from_term(spec.grants.as_ref().expect("they travel along")).expect("they can be read");
        assert_eq!(&grants, &manifest.components["web"].grants);
    }

    #[test]
    fn an_app_without_supervisors_has_an_empty_root() {
        let manifest = Manifest::parse(Path::new("rusm.toml"), "app.name = \"a\"").expect("it is sound");
        let tree = supervision_tree(&manifest, &BTreeMap::new(), &none);
        assert_eq!(tree.name.as_deref(), Some("supervisor:root"));
        assert!(tree.children.is_empty());
        tree.check().expect("it can be started");
    }
}
