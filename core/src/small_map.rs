use std::collections::BTreeMap;

/// Up to how many entries a [`SmallMap`] is a sorted vector.
const FEW: usize = 16;

/// An ordered map that is mostly empty or tiny: a process has few links and monitors, and makes and ends one monitor for
/// each call. A sorted vector, which keeps its memory, until it grows; a tree from then on.
#[expect(clippy::box_collection, reason = "each process has several of these maps, and a million have no tree")]
pub(crate) enum SmallMap<K, V> {
    Few(Vec<(K, V)>),
    Many(Box<BTreeMap<K, V>>),
}

impl<K, V> Default for SmallMap<K, V> {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl<K: Ord + Copy, V> SmallMap<K, V> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Few(few) => few.len(),
            Self::Many(many) => many.len(),
        }
    }

    /// Bytes that it holds, without what its entries point to: a vector's room, and of a tree its entries.
    pub(crate) fn bytes(&self) -> usize {
        let entries = match self {
            Self::Few(few) => few.capacity(),
            Self::Many(many) => many.len(),
        };
        entries * size_of::<(K, V)>()
    }

    /// Keeps no more memory than its entries need.
    pub(crate) fn shrink(&mut self) {
        if let Self::Few(few) = self {
            few.shrink_to_fit();
        }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        match self {
            Self::Few(few) => few.binary_search_by_key(key, |(k, _)| *k).ok().map(|i| &few[i].1),
            Self::Many(many) => many.get(key),
        }
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        match self {
            Self::Few(few) => few.binary_search_by_key(key, |(k, _)| *k).ok().map(|i| &mut few[i].1),
            Self::Many(many) => many.get_mut(key),
        }
    }

    /// Returns what was there.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let few = match self {
            Self::Many(many) => return many.insert(key, value),
            Self::Few(few) => few,
        };
        match few.binary_search_by_key(&key, |(k, _)| *k) {
            Ok(i) => Some(std::mem::replace(&mut few[i].1, value)),
            Err(i) if few.len() < FEW => {
                if few.capacity() == 0 {
                    // Most have one entry and no more.
                    few.reserve_exact(1);
                }
                few.insert(i, (key, value));
                None
            }
            Err(_) => {
                let mut many: BTreeMap<K, V> = few.drain(..).collect();
                many.insert(key, value);
                *self = Self::Many(Box::new(many));
                None
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        match self {
            Self::Few(few) => few.binary_search_by_key(key, |(k, _)| *k).ok().map(|i| few.remove(i).1),
            Self::Many(many) => {
                let removed = many.remove(key);
                if many.is_empty() {
                    *self = Self::default();
                }
                removed
            }
        }
    }

    /// By key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let (few, many) = match self {
            Self::Few(few) => (Some(few), None),
            Self::Many(many) => (None, Some(many)),
        };
        few.into_iter().flatten().map(|(k, v)| (k, v)).chain(many.into_iter().flat_map(|many| many.iter()))
    }

    /// All entries, by key; the map is empty afterwards.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = (K, V)> + use<K, V> {
        let (few, many) = match std::mem::take(self) {
            Self::Few(few) => (Some(few), None),
            Self::Many(many) => (None, Some(many)),
        };
        few.into_iter().flatten().chain(many.into_iter().flat_map(|many| *many))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn few_entries_are_a_vector_that_begins_with_room_for_one_and_more_are_a_tree() {
        let mut map = SmallMap::default();
        map.insert(0, ());
        assert!(matches!(&map, SmallMap::Few(few) if few.capacity() == 1));
        for key in 1..FEW {
            map.insert(key, ());
        }
        assert!(matches!(&map, SmallMap::Few(few) if few.len() == FEW));
        map.insert(FEW, ());
        assert!(matches!(&map, SmallMap::Many(many) if many.len() == FEW + 1));
    }

    #[test]
    fn its_bytes_are_its_room_and_of_a_tree_its_entries_and_a_shrunk_one_has_no_more_room_than_it_needs() {
        let mut map = SmallMap::<u64, u64>::default();
        let mut room = |key, insert| {
            if insert {
                map.insert(key, 0)
            } else {
                map.remove(&key)
            };
            map.bytes() / size_of::<(u64, u64)>()
        };
        assert_eq!((0..3).map(|key| room(key, true)).collect::<Vec<_>>(), [1, 4, 4]);
        assert_eq!((3..18).map(|key| room(key, true)).last(), Some(18));
        let mut map = SmallMap::<u64, u64>::default();
        for key in 0..5 {
            map.insert(key, 0);
        }
        for key in 1..5 {
            map.remove(&key);
        }
        map.shrink();
        assert_eq!(map.bytes(), size_of::<(u64, u64)>());
    }

    proptest! {
        #[test]
        fn behaves_as_a_tree(operations in prop::collection::vec((0u8..40, any::<bool>()), 0..200)) {
            let mut map = SmallMap::default();
            let mut model = BTreeMap::new();
            for (i, (key, insert)) in operations.into_iter().enumerate() {
                if insert {
                    prop_assert_eq!(map.insert(key, i), model.insert(key, i));
                } else {
                    prop_assert_eq!(map.remove(&key), model.remove(&key));
                }
                prop_assert_eq!(map.len(), model.len());
                prop_assert_eq!(map.get(&key), model.get(&key));
                prop_assert_eq!(map.get_mut(&key), model.get_mut(&key));
                prop_assert!(map.iter().eq(model.iter()));
            }
            prop_assert!(map.take().eq(model));
            prop_assert_eq!(map.len(), 0);
        }
    }
}
