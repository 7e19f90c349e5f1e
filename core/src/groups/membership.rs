use crate::Pid;
use std::collections::BTreeMap;

/// Which processes are under which keys, each as often as it was put there, with a value. A key without processes does not
/// exist. What a process costs when it ends does not depend on how many others there are.
#[derive(Debug)]
pub(super) struct Membership<V> {
    /// By key; the number tells the entries of one process apart, older ones first.
    entries: BTreeMap<String, BTreeMap<(Pid, u64), V>>,
    /// The other way round: how many entries a process has under each of its keys.
    keys: BTreeMap<Pid, BTreeMap<String, usize>>,
    next: u64,
}

impl<V> Default for Membership<V> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), keys: BTreeMap::new(), next: 0 }
    }
}

impl<V> Membership<V> {
    pub(super) fn add(&mut self, key: &str, pid: Pid, value: V) {
        let number = self.next;
        self.next += 1;
        self.entries.entry(key.to_owned()).or_default().insert((pid, number), value);
        *self.keys.entry(pid).or_default().entry(key.to_owned()).or_default() += 1;
    }

    /// Takes the oldest entry of that process under that key away. False when there is none.
    pub(super) fn remove(&mut self, key: &str, pid: Pid) -> bool {
        let Some(entries) = self.entries.get_mut(key) else { return false };
        let Some(entry) = entries.range((pid, 0)..=(pid, u64::MAX)).next().map(|(entry, _)| *entry) else {
            return false;
        };
        entries.remove(&entry);
        if entries.is_empty() {
            self.entries.remove(key);
        }
        if let Some(keys) = self.keys.get_mut(&pid)
            && let Some(count) = keys.get_mut(key)
        {
            *count -= 1;
            if *count == 0 {
                keys.remove(key);
            }
            if keys.is_empty() {
                self.keys.remove(&pid);
            }
        }
        true
    }

    /// Takes all entries of a process away: its keys, and how many it had under each.
    pub(super) fn remove_all(&mut self, pid: Pid) -> BTreeMap<String, usize> {
        let keys = self.keys.remove(&pid).unwrap_or_default();
        for (key, count) in &keys {
            let Some(entries) = self.entries.get_mut(key) else { continue };
            let own: Vec<_> = entries.range((pid, 0)..=(pid, u64::MAX)).map(|(entry, _)| *entry).collect();
            debug_assert_eq!(own.len(), *count, "both sides know the same entries");
            for entry in own {
                entries.remove(&entry);
            }
            if entries.is_empty() {
                self.entries.remove(key);
            }
        }
        keys
    }

    /// The entries under a key: by process, and of one process in the order in which they came.
    pub(super) fn under(&self, key: &str) -> impl Iterator<Item = (Pid, &V)> {
        self.entries.get(key).into_iter().flatten().map(|((pid, _), value)| (*pid, value))
    }

    /// All keys, sorted.
    pub(super) fn keys(&self) -> impl Iterator<Item = &String> {
        self.entries.keys()
    }

    /// The keys of a process, sorted, each once.
    pub(super) fn keys_of(&self, pid: Pid) -> impl Iterator<Item = &String> {
        self.keys.get(&pid).into_iter().flat_map(BTreeMap::keys)
    }

    /// How often a process is under a key.
    pub(super) fn count(&self, key: &str, pid: Pid) -> usize {
        self.keys.get(&pid).and_then(|keys| keys.get(key)).copied().unwrap_or_default()
    }

    pub(super) fn has(&self, pid: Pid) -> bool {
        self.keys.contains_key(&pid)
    }
}
