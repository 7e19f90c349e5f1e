use crate::Pid;
use crate::sync::Mutex;
use std::collections::BTreeMap;

/// An operation on a name was wrong: it is in use, is not registered, or its process is dead or has another name.
/// Nothing has changed. Source: OTP `erlang:register/2`, `badarg`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bad argument: {0}")]
pub struct Badarg(pub String);

/// A node's local names: OTP's `register`, exactly. A process has at most one.
#[derive(Default)]
pub(crate) struct Registry {
    names: Mutex<Names>,
}

#[derive(Default)]
struct Names {
    by_name: BTreeMap<String, Pid>,
    by_pid: BTreeMap<Pid, String>,
}

impl Registry {
    /// `alive` is asked under the registry's lock: a process that has lost its name by dying never gets one again.
    pub(crate) fn register(&self, name: &str, pid: Pid, alive: impl FnOnce() -> bool) -> Result<(), Badarg> {
        let mut names = self.names.lock();
        if let Some(owner) = names.by_name.get(name) {
            return Err(Badarg(format!("the name {name:?} is in use by {owner}")));
        }
        if let Some(other) = names.by_pid.get(&pid) {
            return Err(Badarg(format!("{pid} has the name {other:?} already")));
        }
        if !alive() {
            return Err(Badarg(format!("{pid} is not alive")));
        }
        names.by_name.insert(name.to_owned(), pid);
        names.by_pid.insert(pid, name.to_owned());
        Ok(())
    }

    pub(crate) fn unregister(&self, name: &str) -> Result<Pid, Badarg> {
        let mut names = self.names.lock();
        let pid = names.by_name.remove(name).ok_or_else(|| Badarg(format!("nobody has the name {name:?}")))?;
        names.by_pid.remove(&pid);
        Ok(pid)
    }

    /// Takes away the name of a process that ends.
    pub(crate) fn forget(&self, pid: Pid) -> Option<String> {
        let mut names = self.names.lock();
        let name = names.by_pid.remove(&pid)?;
        names.by_name.remove(&name);
        Some(name)
    }

    pub(crate) fn whereis(&self, name: &str) -> Option<Pid> {
        self.names.lock().by_name.get(name).copied()
    }

    pub(crate) fn name_of(&self, pid: Pid) -> Option<String> {
        self.names.lock().by_pid.get(&pid).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NodeId;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Operation {
        Register { name: usize, pid: u32, alive: bool },
        Unregister(usize),
        Forget(u32),
    }

    const NAMES: [&str; 3] = ["a", "b", "c"];

    fn pid(index: u32) -> Pid {
        Pid { node: NodeId::from_u32(1), incarnation: 1, index, serial: 0, random: 0 }
    }

    fn operation() -> impl Strategy<Value = Operation> {
        let alive = prop::bool::weighted(0.8);
        prop_oneof![
            4 => (0..NAMES.len(), 0u32..4, alive).prop_map(|(name, pid, alive)| Operation::Register { name, pid, alive }),
            2 => (0..NAMES.len()).prop_map(Operation::Unregister),
            1 => (0u32..4).prop_map(Operation::Forget),
        ]
    }

    proptest! {
        #[test]
        fn a_registry_is_a_list_of_pairs(operations in prop::collection::vec(operation(), 0..80)) {
            let registry = Registry::default();
            let mut model: Vec<(&str, Pid)> = Vec::new();
            for operation in operations {
                match operation {
                    Operation::Register { name, pid: index, alive } => {
                        let (name, pid) = (NAMES[name], pid(index));
                        let allowed = alive && model.iter().all(|(of, who)| *of != name && *who != pid);
                        prop_assert_eq!(registry.register(name, pid, || alive).is_ok(), allowed);
                        model.extend(allowed.then_some((name, pid)));
                    }
                    Operation::Unregister(name) => {
                        let had = model.iter().find(|(of, _)| *of == NAMES[name]).map(|(_, who)| *who);
                        prop_assert_eq!(registry.unregister(NAMES[name]).ok(), had);
                        model.retain(|(of, _)| *of != NAMES[name]);
                    }
                    Operation::Forget(index) => {
                        let had = model.iter().find(|(_, who)| *who == pid(index)).map(|(of, _)| (*of).to_owned());
                        prop_assert_eq!(registry.forget(pid(index)), had);
                        model.retain(|(_, who)| *who != pid(index));
                    }
                }
                for name in NAMES {
                    let who = model.iter().find(|(of, _)| *of == name).map(|(_, who)| *who);
                    prop_assert_eq!(registry.whereis(name), who);
                }
                for index in 0..4 {
                    let name = model.iter().find(|(_, who)| *who == pid(index)).map(|(of, _)| (*of).to_owned());
                    prop_assert_eq!(registry.name_of(pid(index)), name);
                }
            }
        }
    }
}
