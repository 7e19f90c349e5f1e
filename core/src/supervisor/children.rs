use super::{ChildArgs, ChildSpec};
use crate::{ExitReason, Pid};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Names a child within its supervisor's table; the order of keys is the start order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ChildKey(u64);

/// One child: its spec, and the process if there is one.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) spec: Arc<ChildSpec>,
    /// Arguments of an instance of a template.
    pub(super) args: ChildArgs,
    pub(super) run: Run,
    /// How often the supervisor started it again.
    pub(super) restarts: u32,
}

/// Whether a child has a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// OTP's `undefined`.
    Stopped,
    Running(Pid),
    /// A restart failed with `reason` and is about to be tried again. `old` is the last process, when the end of that
    /// one is why the child is restarted.
    Restarting {
        old: Option<Pid>,
        reason: ExitReason,
    },
}

impl Run {
    pub(super) fn pid(&self) -> Option<Pid> {
        match self {
            Self::Running(pid) => Some(*pid),
            Self::Stopped | Self::Restarting { .. } => None,
        }
    }

    /// The process by which the child can be found: the last one, while it is about to be restarted.
    fn known_as(&self) -> Option<Pid> {
        match self {
            Self::Running(pid) => Some(*pid),
            Self::Restarting { old, .. } => *old,
            Self::Stopped => None,
        }
    }
}

/// The children of one supervisor, found by id, by pid and in start order at the same cost however many there are.
#[derive(Debug, Default)]
pub(super) struct Children {
    next_key: u64,
    by_key: BTreeMap<ChildKey, Child>,
    /// Not for instances of a template, which share its id.
    by_id: BTreeMap<String, ChildKey>,
    by_pid: BTreeMap<Pid, ChildKey>,
    running: usize,
}

impl Children {
    /// Adds a child that does not run, last in start order.
    pub(super) fn add(&mut self, spec: Arc<ChildSpec>) -> ChildKey {
        let id = spec.id.clone();
        let key = self.add_instance(spec, ChildArgs::None);
        let before = self.by_id.insert(id, key);
        assert!(before.is_none(), "two children of one supervisor have the same id");
        key
    }

    /// Adds an instance of a template that does not run.
    pub(super) fn add_instance(&mut self, spec: Arc<ChildSpec>, args: ChildArgs) -> ChildKey {
        let key = ChildKey(self.next_key);
        self.next_key += 1;
        self.by_key.insert(key, Child { spec, args, run: Run::Stopped, restarts: 0 });
        key
    }

    pub(super) fn remove(&mut self, key: ChildKey) -> Option<Child> {
        self.set_run(key, Run::Stopped);
        let child = self.by_key.remove(&key)?;
        if self.by_id.get(&child.spec.id) == Some(&key) {
            self.by_id.remove(&child.spec.id);
        }
        Some(child)
    }

    pub(super) fn set_run(&mut self, key: ChildKey, run: Run) {
        let Some(child) = self.by_key.get_mut(&key) else { return };
        if let Some(pid) = child.run.known_as() {
            self.by_pid.remove(&pid);
        }
        if let Some(pid) = run.known_as() {
            self.by_pid.insert(pid, key);
        }
        self.running -= usize::from(child.run.pid().is_some());
        self.running += usize::from(run.pid().is_some());
        child.run = run;
    }

    pub(super) fn get(&self, key: ChildKey) -> Option<&Child> {
        self.by_key.get(&key)
    }

    pub(super) fn get_mut(&mut self, key: ChildKey) -> Option<&mut Child> {
        self.by_key.get_mut(&key)
    }

    pub(super) fn by_id(&self, id: &str) -> Option<ChildKey> {
        self.by_id.get(id).copied()
    }

    pub(super) fn by_pid(&self, pid: Pid) -> Option<ChildKey> {
        self.by_pid.get(&pid).copied()
    }

    /// All children in start order.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (ChildKey, &Child)> {
        self.by_key.iter().map(|(key, child)| (*key, child))
    }

    /// That child and those after it, in start order.
    pub(super) fn from(&self, key: ChildKey) -> impl DoubleEndedIterator<Item = ChildKey> {
        self.by_key.range(key..).map(|(key, _)| *key)
    }

    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// How many have a process.
    pub(super) fn running(&self) -> usize {
        self.running
    }

    /// All instances are restarted from this template from now on.
    pub(super) fn set_template(&mut self, template: &Arc<ChildSpec>) {
        for child in self.by_key.values_mut() {
            child.spec = template.clone();
        }
    }

    /// New specs in start order: a child that had one of that id keeps its process, others do not run, and children
    /// without a new spec stay as they are, behind all others. Source: OTP `supervisor:update_childspec/2`.
    pub(super) fn change(&mut self, specs: impl Iterator<Item = Arc<ChildSpec>>) {
        let mut old = std::mem::take(self);
        for spec in specs {
            let before = old.by_id(&spec.id).and_then(|key| old.remove_keeping_run(key));
            let key = self.add(spec);
            if let Some(before) = before {
                self.put_back(key, before.run, before.restarts);
            }
        }
        for (_, kept) in std::mem::take(&mut old.by_key) {
            let key = self.add(kept.spec);
            self.put_back(key, kept.run, kept.restarts);
        }
    }

    fn remove_keeping_run(&mut self, key: ChildKey) -> Option<Child> {
        let child = self.by_key.remove(&key)?;
        self.by_id.remove(&child.spec.id);
        Some(child)
    }

    fn put_back(&mut self, key: ChildKey, run: Run, restarts: u32) {
        self.set_run(key, run);
        if let Some(child) = self.by_key.get_mut(&key) {
            child.restarts = restarts;
        }
    }
}
