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
