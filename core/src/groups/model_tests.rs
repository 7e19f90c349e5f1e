//! Membership, compared with a list of entries.

use super::membership::Membership;
use crate::{NodeId, Pid};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Operation {
    Add(u8, u32),
    Remove(u8, u32),
    RemoveAll(u32),
}

fn pid(index: u32) -> Pid {
    Pid { node: NodeId::from_u32(1), incarnation: 1, index, serial: 0, random: 0 }
}

fn key(key: u8) -> String {
    format!("key {key}")
}

proptest! {
    #[test]
    fn membership_is_a_list_of_entries(operations in prop::collection::vec(prop_oneof![
        3 => (0u8..4, 0u32..4).prop_map(|(key, pid)| Operation::Add(key, pid)),
        2 => (0u8..4, 0u32..4).prop_map(|(key, pid)| Operation::Remove(key, pid)),
        1 => (0u32..4).prop_map(Operation::RemoveAll),
    ], 0..80)) {
        let mut membership = Membership::default();
        let mut model: Vec<(String, Pid, usize)> = Vec::new();
        for (value, operation) in operations.into_iter().enumerate() {
            match operation {
                Operation::Add(k, p) => {
                    membership.add(&key(k), pid(p), value);
                    model.push((key(k), pid(p), value));
                }
                Operation::Remove(k, p) => {
                    let oldest = model.iter().position(|(of, who, _)| *of == key(k) && *who == pid(p));
                    prop_assert_eq!(membership.remove(&key(k), pid(p)), oldest.is_some());
                    if let Some(oldest) = oldest {
                        model.remove(oldest);
                    }
                }
                Operation::RemoveAll(p) => {
                    let removed = membership.remove_all(pid(p));
                    let count = |k: &String| model.iter().filter(|(of, who, _)| of == k && *who == pid(p)).count();
                    prop_assert!(removed.iter().all(|(k, n)| count(k) == *n && *n > 0));
                    prop_assert_eq!(removed.values().sum::<usize>(), (0..4).map(|k| count(&key(k))).sum::<usize>());
                    model.retain(|(_, who, _)| *who != pid(p));
                }
            }
            for k in (0..4).map(key) {
                let mut expected: Vec<(Pid, usize)> =
                    model.iter().filter(|(of, ..)| *of == k).map(|(_, who, value)| (*who, *value)).collect();
                expected.sort_by_key(|(who, _)| *who);
                let under: Vec<(Pid, usize)> = membership.under(&k).map(|(who, value)| (who, *value)).collect();
                prop_assert_eq!(under, expected);
                prop_assert_eq!(membership.keys().any(|of| *of == k), model.iter().any(|(of, ..)| *of == k));
            }
            for p in (0..4).map(pid) {
                let mut expected: Vec<&String> = model.iter().filter(|(_, who, _)| *who == p).map(|(of, ..)| of).collect();
                expected.sort();
                expected.dedup();
                prop_assert!(membership.keys_of(p).eq(expected));
                prop_assert_eq!(membership.has(p), model.iter().any(|(_, who, _)| *who == p));
            }
        }
    }
}
