//! Wing and Gong's search with Lowe's memory, as porcupine and knossos do it: an operation that is first in some order
//! is taken off, applied to the model, and the rest searched; a pair of what was taken and the state that came of it is
//! not searched twice. Source: Lowe, "Testing for linearizability" (2017).

use super::history::{Model, Operation, Returned};
use super::values::always;
use super::{Checker, History};
use crate::Seen;
use rusm_core::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Of the operations at odds, how many are shown.
const SHOWN: usize = 8;

/// A checker that judges a history at the end of the run.
pub fn linearizable<M: Model>(property: impl Into<String>, initial: M, history: History<M>) -> impl Checker {
    Linearizable { nothing: always(property, |_| Ok(())), initial, history }
}

struct Linearizable<M: Model, C> {
    nothing: C,
    initial: M,
    history: History<M>,
}

impl<M: Model, C: Checker> Checker for Linearizable<M, C> {
    fn property(&self) -> &str {
        self.nothing.property()
    }

    fn see(&mut self, _: &Seen<'_>) -> Result<(), String> {
        Ok(())
    }

    fn end(&mut self, _: Timestamp) -> Result<(), String> {
        self.history.linearizable(&self.initial)
    }
}

/// # Errors
/// A part of the history has no order that the model agrees with.
pub(super) fn check_history<M: Model>(initial: &M, operations: &[Operation<M>]) -> Result<(), String> {
    let mut parts: BTreeMap<u64, Vec<&Operation<M>>> = BTreeMap::new();
    for operation in operations.iter().filter(|operation| operation.returned != Returned::Failed) {
        parts.entry(M::part(&operation.request)).or_default().push(operation);
    }
    parts.values().try_for_each(|part| Search::new(part).run(initial))
}

/// A set of operations, by index.
type Taken = Vec<u64>;

struct Search<'a, M: Model> {
    operations: &'a [&'a Operation<M>],
    seen: BTreeSet<(Taken, M)>,
    /// The most known operations that any order had.
    longest: (usize, Taken),
}

impl<'a, M: Model> Search<'a, M> {
    fn new(operations: &'a [&'a Operation<M>]) -> Self {
        Self { operations, seen: BTreeSet::new(), longest: (0, vec![0; operations.len().div_ceil(64)]) }
    }

    /// A stack of its own: histories are longer than stacks are deep.
    fn run(mut self, initial: &M) -> Result<(), String> {
        let known = self.operations.iter().filter(|operation| operation.returned != Returned::Unknown).count();
        let mut stack = vec![(self.longest.1.clone(), initial.clone(), 0)];
        while let Some((taken, state, count)) = stack.pop() {
            if count == known {
                return Ok(());
            }
            if count > self.longest.0 {
                self.longest = (count, taken.clone());
            }
            for index in self.candidates(&taken) {
                let operation = self.operations[index];
                let mut next = state.clone();
                let response = next.apply(&operation.request);
                let count = match &operation.returned {
                    Returned::Ok(expected) if *expected == response => count + 1,
                    Returned::Ok(_) | Returned::Failed => continue,
                    Returned::Unknown => count,
                };
                let mut taken = taken.clone();
                taken[index / 64] |= 1 << (index % 64);
                if self.seen.insert((taken.clone(), next.clone())) {
                    stack.push((taken, next, count));
                }
            }
        }
        Err(self.at_odds())
    }

    /// What may come next: whatever was called before the first return of those that are left. Nobody was told of what
    /// is unknown: it returns never.
    fn candidates(&self, taken: &Taken) -> Vec<usize> {
        let left = (0..self.operations.len()).filter(|index| taken[index / 64] >> (index % 64) & 1 == 0);
        let left: Vec<usize> = left.collect();
        let known = left.iter().filter(|index| self.operations[**index].returned != Returned::Unknown);
        let first_return = known.map(|index| self.operations[*index].returned_at).min();
        let may = |index: &usize| first_return.is_none_or(|first| self.operations[*index].called_at <= first);
        left.into_iter().filter(may).collect()
    }

    fn at_odds(&self) -> String {
        let (count, taken) = &self.longest;
        let shown: Vec<String> = self
            .candidates(taken)
            .into_iter()
            .take(SHOWN)
            .map(|index| {
                let Operation { called_at, returned_at, request, returned } = self.operations[index];
                let (from, to) = (called_at.as_nanos() as f64 / 1e6, returned_at.as_nanos() as f64 / 1e6);
                match returned {
                    Returned::Ok(response) => format!("{request:?} gave {response:?} ({from:.3} to {to:.3} ms)"),
                    Returned::Failed | Returned::Unknown => format!("{request:?}, unknown (from {from:.3} ms)"),
                }
            })
            .collect();
        format!(
            "no order explains the history: after {count} operations none of these can be next: {}",
            shown.join("; ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A register with two cells: the text of a request is `0=5` or `0?`.
    #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
    struct Cells(BTreeMap<u64, u64>);

    #[derive(Clone, Copy, Debug)]
    enum Request {
        Write(u64, u64),
        Read(u64),
        /// Says whether the cell had the first and has the second now.
        Swap(u64, u64, u64),
    }

    impl Model for Cells {
        type Request = Request;
        type Response = u64;

        fn apply(&mut self, request: &Request) -> u64 {
            match *request {
                Request::Write(cell, value) => drop(self.0.insert(cell, value)),
                Request::Read(cell) => return self.0.get(&cell).copied().unwrap_or_default(),
                Request::Swap(cell, old, new) => {
                    let has = self.0.get(&cell).copied().unwrap_or_default() == old;
                    if has {
                        self.0.insert(cell, new);
                    }
                    return u64::from(has);
                }
            }
            0
        }

        fn part(request: &Request) -> u64 {
            match request {
                Request::Write(cell, _) | Request::Read(cell) | Request::Swap(cell, ..) => *cell,
            }
        }
    }

    fn operation(from: u64, to: u64, request: Request, returned: Returned<u64>) -> Operation<Cells> {
        let (called_at, returned_at) = (Timestamp::from_nanos(from), Timestamp::from_nanos(to));
        Operation { called_at, returned_at, request, returned }
    }

    fn check(operations: &[Operation<Cells>], expected: bool) {
        let verdict = check_history(&Cells::default(), operations);
        assert_eq!(verdict.is_ok(), expected, "{verdict:?}");
    }

    #[test]
    fn a_read_during_a_write_sees_either_value() {
        for seen in [0, 1] {
            check(
                &[
                    operation(0, 10, Request::Write(0, 1), Returned::Ok(0)),
                    operation(1, 9, Request::Read(0), Returned::Ok(seen)),
                ],
                true,
            );
        }
    }

    #[test]
    fn a_stale_read_is_found() {
        let history = |seen| {
            vec![
                operation(0, 1, Request::Write(0, 1), Returned::Ok(0)),
                operation(2, 3, Request::Read(0), Returned::Ok(seen)),
            ]
        };
        check(&history(1), true);
        check(&history(0), false);
    }

    #[test]
    fn reads_may_not_go_back() {
        check(
            &[
                operation(0, 10, Request::Write(0, 1), Returned::Ok(0)),
                operation(1, 2, Request::Read(0), Returned::Ok(1)),
                operation(3, 4, Request::Read(0), Returned::Ok(0)),
            ],
            false,
        );
    }

    #[test]
    fn what_is_unknown_may_have_happened_late_or_never_and_what_failed_did_not() {
        let write = |returned| operation(0, 1, Request::Write(0, 1), returned);
        let read = |from, seen| operation(from, from + 1, Request::Read(0), Returned::Ok(seen));
        check(&[write(Returned::Unknown), read(2, 0), read(4, 1)], true);
        check(&[write(Returned::Unknown), read(2, 1), read(4, 0)], false);
        check(&[write(Returned::Unknown), read(2, 0)], true);
        check(&[write(Returned::Failed), read(2, 1)], false);
        check(&[write(Returned::Failed), read(2, 0)], true);
    }

    #[test]
    fn other_parts_are_other_histories() {
        check(
            &[
                operation(0, 1, Request::Write(0, 1), Returned::Ok(0)),
                operation(0, 1, Request::Write(1, 2), Returned::Ok(0)),
                operation(2, 3, Request::Read(0), Returned::Ok(1)),
                operation(2, 3, Request::Read(1), Returned::Ok(2)),
            ],
            true,
        );
    }

    #[test]
    fn two_thousand_operations_of_ten_clients_are_judged() {
        let operations: Vec<_> = (0..2_000)
            .map(|number| {
                let (from, to) = (number * 10, number * 10 + 95);
                operation(from, to, Request::Write(0, number), Returned::Ok(0))
            })
            .collect();
        check(&operations, true);
    }

    /// Tries every order of a small history: slow and obvious.
    fn brute_force(operations: &[Operation<Cells>], state: &Cells, left: &mut Vec<usize>) -> bool {
        if left.iter().all(|index| operations[*index].returned == Returned::Unknown) {
            return true;
        }
        for place in 0..left.len() {
            let index = left[place];
            let returned = |of: &usize| match operations[*of].returned {
                Returned::Unknown => None,
                _ => Some(operations[*of].returned_at),
            };
            if left.iter().filter_map(returned).any(|at| at < operations[index].called_at) {
                continue;
            }
            let mut next = state.clone();
            let response = next.apply(&operations[index].request);
            if matches!(operations[index].returned, Returned::Ok(expected) if expected != response) {
                continue;
            }
            left.remove(place);
            let found = brute_force(operations, &next, left);
            left.insert(place, index);
            if found {
                return true;
            }
        }
        false
    }

    fn request() -> impl Strategy<Value = Request> {
        prop_oneof![
            (0..3_u64).prop_map(|value| Request::Write(0, value)),
            Just(Request::Read(0)),
            (0..3_u64, 0..3_u64).prop_map(|(old, new)| Request::Swap(0, old, new)),
        ]
    }

    fn random_operation() -> impl Strategy<Value = Operation<Cells>> {
        let returned = prop_oneof![
            4 => (0..3_u64).prop_map(Returned::Ok),
            1 => Just(Returned::Unknown),
        ];
        (0..12_u64, 0..6_u64, request(), returned).prop_map(|(from, len, request, returned)| {
            let returned = match (request, returned) {
                (Request::Write(..), Returned::Ok(_)) => Returned::Ok(0),
                (Request::Swap(..), Returned::Ok(value)) => Returned::Ok(value % 2),
                (_, returned) => returned,
            };
            operation(from, from + len, request, returned)
        })
    }

    proptest! {
        #[test]
        fn it_agrees_with_trying_every_order(operations in prop::collection::vec(random_operation(), 0..7)) {
            let expected = brute_force(&operations, &Cells::default(), &mut (0..operations.len()).collect());
            prop_assert_eq!(check_history(&Cells::default(), &operations).is_ok(), expected);
        }
    }
}
