use super::tree::supervisor_name;
use crate::manifest::Manifest;
use futures_util::future::{Either, select};
use rusm_core::{ChildInfo, Node, Pid, ProcessInfo, SupervisorRef};
use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

/// How long all supervisors together may take to list their children: one that starts a child answers nobody meanwhile.
const SUPERVISORS_TIME_MAX: Duration = Duration::from_secs(1);

/// What the label of every supervisor says: its name stands in its registered name.
const SUPERVISOR_LABEL: &str = "supervisor";

/// A live process as those see it who watch an app.
#[derive(Clone, Debug)]
pub struct AppProcess {
    /// What the node knows of it.
    pub info: ProcessInfo,
    /// Who supervises it; nobody supervises the root, or a process that serves a connection.
    pub supervised: Option<Supervised>,
}

/// A process's place in the supervision tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supervised {
    /// The manifest's name of its supervisor.
    pub supervisor: String,
    /// The manifest's name of the child; for a dynamic supervisor the component's.
    pub child: String,
    /// How often its supervisor has started it again; nothing while the supervisor is too busy to say.
    pub restarts: Option<u32>,
}

/// All processes of a node that live, by pid.
pub(super) async fn processes(node: &Node, manifest: &Manifest) -> Vec<AppProcess> {
    let mut pids = node.processes();
    pids.sort_unstable();
    // Looked at before anybody is asked anything: the questions themselves are processes and messages.
    let infos: Vec<ProcessInfo> = pids.into_iter().filter_map(|pid| node.process_info(pid)).collect();
    let supervisors = supervisors(node, manifest);
    let children = children(node, &supervisors).await;
    let process = |mut info: ProcessInfo| {
        let parent = info.parent.and_then(|parent| supervisors.get(&parent));
        let supervised = children
            .get(&info.pid)
            .cloned()
            .or_else(|| Some(Supervised { supervisor: parent?.clone(), child: info.label.clone(), restarts: None }));
        if supervisors.contains_key(&info.pid) {
            info.label = SUPERVISOR_LABEL.to_owned();
        }
        AppProcess { info, supervised }
    };
    infos.into_iter().map(process).collect()
}

fn supervisors(node: &Node, manifest: &Manifest) -> BTreeMap<Pid, String> {
    let names = manifest.supervisors.keys().map(String::as_str).chain(["root"]);
    names.filter_map(|name| Some((node.whereis(&supervisor_name(name))?, name.to_owned()))).collect()
}

/// What the supervisors say in the time that they have.
async fn children(node: &Node, supervisors: &BTreeMap<Pid, String>) -> BTreeMap<Pid, Supervised> {
    let clock = &node.seams().clock;
    let mut deadline = clock.sleep_until(clock.now() + SUPERVISORS_TIME_MAX);
    let mut children = BTreeMap::new();
    for (pid, supervisor) in supervisors {
        let supervisor_ref = SupervisorRef::from(*pid);
        let listed = pin!(supervisor_ref.which_children(node));
        match select(listed, &mut deadline).await {
            Either::Left((Ok(listed), _)) => {
                children.extend(listed.into_iter().filter_map(|child| place(supervisor, child)));
            }
            // It has ended: so have its children, or they soon will.
            Either::Left((Err(_), _)) => {}
            Either::Right(_) => break,
        }
    }
    children
}

fn place(supervisor: &str, child: ChildInfo) -> Option<(Pid, Supervised)> {
    let supervised = Supervised { supervisor: supervisor.to_owned(), child: child.id, restarts: Some(child.restarts) };
    Some((child.pid?, supervised))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusm_core::seam::Seams;
    use rusm_core::{ChildSpec, NodeOptions, Started, Strategy, Supervisor, SupervisorSpec};
    use std::path::Path;

    #[tokio::test]
    async fn processes_know_their_supervisor_and_restarts() {
        let manifest = Manifest::parse(Path::new("rusm.toml"), "app.name = \"a\"").expect("it is sound");
        let directory = tempfile::tempdir().expect("a temporary directory");
        let node = Node::start(NodeOptions::new("a", Seams::production(directory.path())));
        let worker = ChildSpec::worker("patient", |context, _| async move { drop(context.receive().await) });
        let root = SupervisorSpec::new(Strategy::OneForOne).name(supervisor_name("root")).child(worker);
        let Started::Up(root) = Supervisor::start(&node, root).await else { panic!("it did not start") };
        let stranger = node.spawn(|context| async move { drop(context.receive().await) });
        let found = processes(&node, &manifest).await;
        assert_eq!(found.len(), 3, "nothing of the question is seen");
        let of = |pid: Pid| found.iter().find(|process| process.info.pid == pid).expect("it lives");
        assert_eq!(of(root).supervised, None);
        assert_eq!(of(root).info.label, "supervisor");
        assert_eq!(of(root).info.mailbox_len, 0);
        assert_eq!(of(stranger).supervised, None);
        let children: Vec<_> = found.iter().filter_map(|process| process.supervised.as_ref()).collect();
        let patient = Supervised { supervisor: "root".to_owned(), child: "patient".to_owned(), restarts: Some(0) };
        assert_eq!(children, [&patient]);
    }
}
