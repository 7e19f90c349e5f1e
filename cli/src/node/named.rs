//! Processes as people name them.

use rusm_core::{Monitored, Node, NodeId, Pid};
use std::collections::BTreeMap;

/// A pid as OTP writes it, of whichever life of its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    index: u32,
    serial: u32,
}

impl Written {
    /// Reads `<5.0>` or `5.0`; `None` when it is a name.
    pub(super) fn read(text: &str) -> Option<Self> {
        let inner = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(text);
        let (index, serial) = inner.split_once('.')?;
        Some(Self { index: index.parse().ok()?, serial: serial.parse().ok()? })
    }
}

impl std::fmt::Display for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<{}.{}>", self.index, self.serial)
    }
}

/// The live process that is meant by that pid or registered name.
///
/// # Errors
/// There is none, for people.
pub(super) fn find(node: &Node, text: &str) -> Result<Pid, String> {
    let Some(written) = Written::read(text) else { return whereis(node, text) };
    let in_place = node.processes().into_iter().find(|pid| pid.index == written.index);
    match in_place {
        Some(pid) if pid.serial == written.serial => Ok(pid),
        Some(pid) if pid.serial > written.serial => {
            Err(format!("{written} is a stale pid: that process has ended, and {pid} has its place now"))
        }
        Some(_) | None => Err(format!("there is no process {written}: it has ended, or there never was one")),
    }
}

/// Whoever has that registered name.
///
/// # Errors
/// Nobody has it, for people.
pub(super) fn whereis(node: &Node, name: &str) -> Result<Pid, String> {
    node.whereis(name).ok_or_else(|| format!("nobody has the name {name:?}: `rusm ps` shows who has which"))
}

/// Writes pids of several nodes: which node it is of follows a pid of another one.
pub(super) struct Names {
    own: NodeId,
    others: BTreeMap<NodeId, String>,
}

impl Names {
    /// As `own` sees them; it knows the names of the others.
    pub(super) fn new(own: NodeId, others: impl IntoIterator<Item = String>) -> Self {
        Self { own, others: others.into_iter().map(|name| (NodeId::of_name(&name), name)).collect() }
    }

    pub(super) fn pid(&self, pid: Pid) -> String {
        if pid.node == self.own { pid.to_string() } else { format!("{pid}@{}", self.node(pid.node)) }
    }

    pub(super) fn monitored(&self, monitored: &Monitored) -> String {
        match monitored {
            Monitored::Pid(pid) => self.pid(*pid),
            Monitored::Name(name) => name.clone(),
            Monitored::NameAt { name, node } => format!("{name}@{}", self.node(*node)),
            Monitored::ClusterName(name) => format!("{name} of the cluster"),
        }
    }

    pub(super) fn node(&self, node: NodeId) -> String {
        self.others.get(&node).cloned().unwrap_or_else(|| format!("{node:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusm_core::NodeOptions;
    use rusm_core::seam::Seams;

    #[test]
    fn a_pid_is_read_with_and_without_its_brackets() {
        let check = |text: &str, expected: Option<(u32, u32)>| {
            let read = Written::read(text).map(|Written { index, serial }| (index, serial));
            assert_eq!(read, expected, "{text}");
        };
        check("<5.0>", Some((5, 0)));
        check("17.3", Some((17, 3)));
        for name in ["room", "room:1.0", "<5.0", "5", "-1.0", "5.0.0", "1.99999999999", ""] {
            check(name, None);
        }
    }

    #[tokio::test]
    async fn a_process_is_found_or_it_is_said_why_not() {
        let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
        let pid = node.spawn(|context| async move { drop(context.receive().await) });
        node.register("patient", pid).expect("the name is free");
        let check = |text: &str, expected: Result<Pid, &str>| match (find(&node, text), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
            (found, _) => panic!("{text}: {found:?}"),
        };
        check("patient", Ok(pid));
        check(&pid.to_string(), Ok(pid));
        check("nobody", Err("nobody has the name \"nobody\""));
        check("99.0", Err("there is no process <99.0>"));
        check(&format!("{}.{}", pid.index, pid.serial + 1), Err("or there never was one"));
        let ended = node.await_exit(node.spawn(|_| async {})).await;
        assert!(["normal", "noproc"].contains(&ended.word()));
        // Places are used again: until one is, what has ended is only gone.
        let mut later = pid;
        while later.serial == 0 {
            later = node.spawn(|context| async move { drop(context.receive().await) });
            if later.serial == 0 {
                node.exit_signal(later, rusm_core::ExitReason::KILL);
                node.await_exit(later).await;
            }
        }
        check(&format!("<{}.0>", later.index), Err(&format!("is a stale pid: that process has ended, and {later}")));
    }

    #[test]
    fn pids_of_other_nodes_say_of_which() {
        let names = Names::new(NodeId::of_name("a"), ["b".to_owned()]);
        let pid = |node: &str| Pid { node: NodeId::of_name(node), incarnation: 1, index: 5, serial: 0, random: 1 };
        assert_eq!(names.pid(pid("a")), "<5.0>");
        assert_eq!(names.pid(pid("b")), "<5.0>@b");
        assert_eq!(names.pid(pid("c")), format!("<5.0>@{:?}", NodeId::of_name("c")));
        let at = Monitored::NameAt { name: "room".to_owned(), node: NodeId::of_name("b") };
        assert_eq!(names.monitored(&at), "room@b");
    }
}
