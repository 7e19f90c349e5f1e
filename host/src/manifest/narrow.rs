//! What is left of grants that are handed on: never more than they were.

use super::grants::{FileGrant, Grants, NamePattern};
use std::collections::BTreeSet;

impl Grants {
    /// What both these and `cap` allow.
    ///
    /// A folder stays when both have it at the same place; it may be changed when both say so.
    #[must_use]
    pub fn narrowed(&self, cap: &Self) -> Self {
        Self {
            reach: patterns(&self.reach, &cap.reach),
            register: patterns(&self.register, &cap.register),
            reach_cluster: patterns(&self.reach_cluster, &cap.reach_cluster),
            register_cluster: patterns(&self.register_cluster, &cap.register_cluster),
            join_groups: patterns(&self.join_groups, &cap.join_groups),
            reach_groups: patterns(&self.reach_groups, &cap.reach_groups),
            reach_unique: patterns(&self.reach_unique, &cap.reach_unique),
            register_unique: patterns(&self.register_unique, &cap.register_unique),
            spawn: in_both(self.spawn.iter(), cap.spawn.iter(), |one, other| meet_at(one, other)),
            supervise: common(&self.supervise, &cap.supervise),
            key_value: common(&self.key_value, &cap.key_value),
            files: in_both(self.files.iter(), cap.files.iter(), FileGrant::meet),
            env: common(&self.env, &cap.env),
            http: common(&self.http, &cap.http),
            sockets: common(&self.sockets, &cap.sockets),
            memory_bytes: self.memory_bytes.min(cap.memory_bytes),
        }
    }
}

impl FileGrant {
    fn meet(&self, other: &Self) -> Option<Self> {
        let same = (&self.host, &self.guest) == (&other.host, &other.guest);
        same.then(|| Self { write: self.write && other.write, ..self.clone() })
    }
}

fn common<T: Ord + Clone>(one: &BTreeSet<T>, other: &BTreeSet<T>) -> BTreeSet<T> {
    one.intersection(other).cloned().collect()
}

/// What any of the one and any of the other have in common.
fn in_both<'a, T: 'a, M, C: FromIterator<M>>(
    one: impl Iterator<Item = &'a T>,
    other: impl Iterator<Item = &'a T> + Clone,
    meet: impl Fn(&T, &T) -> Option<M>,
) -> C {
    let meet = &meet;
    one.flat_map(|one| other.clone().filter_map(move |other| meet(one, other))).collect()
}

fn patterns(one: &[NamePattern], other: &[NamePattern]) -> Vec<NamePattern> {
    let met: BTreeSet<NamePattern> =
        in_both(one.iter(), other.iter(), |one, other| meet_at(one.as_str(), other.as_str()).map(NamePattern::new));
    met.into_iter().collect()
}

/// What two patterns have in common that may have a node behind `@`: those on the node itself and those on others have nothing.
fn meet_at(one: &str, other: &str) -> Option<String> {
    match (one.rsplit_once('@'), other.rsplit_once('@')) {
        (None, None) => meet(one, other).map(str::to_owned),
        (Some((names, nodes)), Some((other_names, other_nodes))) => {
            Some(format!("{}@{}", meet(names, other_names)?, meet(nodes, other_nodes)?))
        }
        (None, Some(_)) | (Some(_), None) => None,
    }
}

/// The narrower of two patterns, when it lies within the other.
fn meet<'a>(one: &'a str, other: &'a str) -> Option<&'a str> {
    let within = |narrow: &str, wide: &str| match wide.strip_suffix('*') {
        Some(prefix) => narrow.starts_with(prefix),
        None => narrow == wide,
    };
    if within(one, other) {
        return Some(one);
    }
    within(other, one).then_some(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pattern() -> impl Strategy<Value = String> {
        ("[ab]{0,2}", any::<bool>(), prop::option::of(prop::sample::select(vec!["a", "b", "*"]))).prop_map(
            |(prefix, star, node)| {
                let star = if star || prefix.is_empty() { "*" } else { "" };
                let at = node.map(|node| format!("@{node}")).unwrap_or_default();
                format!("{prefix}{star}{at}")
            },
        )
    }

    fn grants() -> impl Strategy<Value = Grants> {
        let names = || prop::collection::vec(pattern(), 0..4);
        let files = prop::collection::vec(("[ab]", "[ab]", any::<bool>()), 0..3);
        (names(), names(), files, 0_u64..9).prop_map(|(reach, spawn, files, memory_bytes)| Grants {
            reach: reach.into_iter().map(NamePattern::new).collect(),
            spawn: spawn.into_iter().collect(),
            files: files
                .into_iter()
                .map(|(host, guest, write)| FileGrant { host: host.into(), guest, write })
                .collect(),
            memory_bytes,
            ..Grants::default()
        })
    }

    fn reaches(grants: &Grants, name: &str, node: Option<&str>) -> bool {
        grants.reach.iter().any(|pattern| match node {
            None => pattern.matches(name),
            Some(node) => pattern.matches_at(name, node),
        })
    }

    proptest! {
        /// Whatever both allow is allowed, and nothing else.
        #[test]
        fn narrowed_grants_allow_what_both_do(one in grants(), other in grants()) {
            let narrowed = one.narrowed(&other);
            for name in ["a", "b", "ab", "ba", "aab", "abb", "c"] {
                for node in [None, Some("a"), Some("b"), Some("c")] {
                    let both = reaches(&one, name, node) && reaches(&other, name, node);
                    prop_assert_eq!(reaches(&narrowed, name, node), both, "{} {:?} {:?}", name, node, narrowed.reach);
                }
            }
            prop_assert_eq!(narrowed.memory_bytes, one.memory_bytes.min(other.memory_bytes));
            for file in &narrowed.files {
                let has = |grants: &Grants| grants.files.iter().any(|of| {
                    (&of.host, &of.guest) == (&file.host, &file.guest) && (of.write || !file.write)
                });
                prop_assert!(has(&one) && has(&other), "{:?}", file);
            }
        }

        #[test]
        fn grants_are_read_as_they_were_written(grants in grants()) {
            prop_assert_eq!(Grants::from_term(&grants.to_term()), Ok(grants));
        }
    }

    #[test]
    fn nothing_is_left_of_what_only_one_has() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<BTreeSet<_>>();
        let one = Grants {
            supervise: texts(&["a", "b"]),
            key_value: texts(&["a"]),
            env: texts(&["a"]),
            http: texts(&["a"]),
            spawn: texts(&["a@*", "b"]),
            ..Grants::default()
        };
        let other = Grants { supervise: texts(&["b", "c"]), spawn: texts(&["a@x", "b@x"]), ..Grants::default() };
        let narrowed = one.narrowed(&other);
        assert_eq!(narrowed, Grants { supervise: texts(&["b"]), spawn: texts(&["a@x"]), ..Grants::default() });
        assert_eq!(one.narrowed(&one), one);
    }
}
