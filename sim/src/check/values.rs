use super::Checker;
use crate::Seen;
use rusm_core::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::time::Duration;

/// See [`always`].
pub struct Always<F> {
    property: String,
    check: F,
}

/// The closure says of everything that happens whether it may.
pub fn always<F>(property: impl Into<String>, check: F) -> Always<F>
where
    F: FnMut(&Seen<'_>) -> Result<(), String> + Send,
{
    Always { property: property.into(), check }
}

impl<F: FnMut(&Seen<'_>) -> Result<(), String> + Send> Checker for Always<F> {
    fn property(&self) -> &str {
        &self.property
    }

    fn see(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        (self.check)(seen)
    }
}

/// See [`eventually_within`].
pub struct EventuallyWithin<K, A, B> {
    property: String,
    within: Duration,
    asked: A,
    answered: B,
    waiting: BTreeMap<K, Timestamp>,
    deadlines: BTreeSet<(Timestamp, K)>,
}

/// Whatever `asked` picks must be picked by `answered` within that much virtual time; what is still open at the end of
/// the run counts as unanswered.
pub fn eventually_within<K, A, B>(
    property: impl Into<String>,
    within: Duration,
    asked: A,
    answered: B,
) -> EventuallyWithin<K, A, B>
where
    K: Ord + Clone + Debug + Send,
    A: FnMut(&Seen<'_>) -> Option<K> + Send,
    B: FnMut(&Seen<'_>) -> Option<K> + Send,
{
    let (waiting, deadlines) = (BTreeMap::new(), BTreeSet::new());
    EventuallyWithin { property: property.into(), within, asked, answered, waiting, deadlines }
}

impl<K, A, B> EventuallyWithin<K, A, B>
where
    K: Ord + Clone + Debug + Send,
{
    fn late(&self, now: Timestamp) -> Result<(), String> {
        match self.deadlines.first() {
            Some((deadline, key)) if *deadline < now => Err(format!("{key:?} had no answer after {:?}", self.within)),
            _ => Ok(()),
        }
    }
}

impl<K, A, B> Checker for EventuallyWithin<K, A, B>
where
    K: Ord + Clone + Debug + Send,
    A: FnMut(&Seen<'_>) -> Option<K> + Send,
    B: FnMut(&Seen<'_>) -> Option<K> + Send,
{
    fn property(&self) -> &str {
        &self.property
    }

    fn see(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        self.late(seen.at)?;
        if let Some(key) = (self.answered)(seen)
            && let Some(deadline) = self.waiting.remove(&key)
        {
            self.deadlines.remove(&(deadline, key));
        }
        if let Some(key) = (self.asked)(seen)
            && !self.waiting.contains_key(&key)
        {
            let deadline = seen.at + self.within;
            self.waiting.insert(key.clone(), deadline);
            self.deadlines.insert((deadline, key));
        }
        Ok(())
    }

    fn end(&mut self, at: Timestamp) -> Result<(), String> {
        self.late(at)?;
        match self.deadlines.first() {
            Some((_, key)) => Err(format!("{key:?} had no answer when the run was over")),
            None => Ok(()),
        }
    }
}

/// See [`exactly_once`].
pub struct ExactlyOnce<K, F> {
    property: String,
    pick: F,
    seen: BTreeSet<K>,
    expected: BTreeSet<K>,
}

/// What the closure picks happens once for each key; for each [expected](ExactlyOnce::of) one it does happen.
pub fn exactly_once<K, F>(property: impl Into<String>, pick: F) -> ExactlyOnce<K, F>
where
    K: Ord + Debug + Send,
    F: FnMut(&Seen<'_>) -> Option<K> + Send,
{
    ExactlyOnce { property: property.into(), pick, seen: BTreeSet::new(), expected: BTreeSet::new() }
}

impl<K: Ord, F> ExactlyOnce<K, F> {
    /// The keys that must have happened by the end of the run.
    #[must_use]
    pub fn of(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.expected.extend(keys);
        self
    }
}

impl<K, F> Checker for ExactlyOnce<K, F>
where
    K: Ord + Debug + Send,
    F: FnMut(&Seen<'_>) -> Option<K> + Send,
{
    fn property(&self) -> &str {
        &self.property
    }

    fn see(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        match (self.pick)(seen) {
            Some(key) if self.seen.contains(&key) => Err(format!("{key:?} happened a second time")),
            Some(key) => {
                self.expected.remove(&key);
                self.seen.insert(key);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn end(&mut self, _: Timestamp) -> Result<(), String> {
        match self.expected.first() {
            Some(key) => Err(format!("{key:?} never happened")),
            None => Ok(()),
        }
    }
}

/// See [`ordered_by_key`].
pub struct OrderedByKey<K, N, F> {
    property: String,
    pick: F,
    last: BTreeMap<K, N>,
}

/// Of what the closure picks, a key and a place, the places of one key only grow.
pub fn ordered_by_key<K, N, F>(property: impl Into<String>, pick: F) -> OrderedByKey<K, N, F>
where
    K: Ord + Debug + Send,
    N: PartialOrd + Debug + Send,
    F: FnMut(&Seen<'_>) -> Option<(K, N)> + Send,
{
    OrderedByKey { property: property.into(), pick, last: BTreeMap::new() }
}

impl<K, N, F> Checker for OrderedByKey<K, N, F>
where
    K: Ord + Debug + Send,
    N: PartialOrd + Debug + Send,
    F: FnMut(&Seen<'_>) -> Option<(K, N)> + Send,
{
    fn property(&self) -> &str {
        &self.property
    }

    fn see(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let Some((key, place)) = (self.pick)(seen) else { return Ok(()) };
        match self.last.get(&key) {
            Some(last) if *last >= place => Err(format!("of {key:?}, {place:?} came behind {last:?}")),
            _ => {
                self.last.insert(key, place);
                Ok(())
            }
        }
    }
}

/// See [`model`].
pub struct ModelComparison<M, F> {
    property: String,
    model: M,
    step: F,
}

/// A model that goes along: the closure changes it with what happens, and says where the two differ.
pub fn model<M, F>(property: impl Into<String>, model: M, step: F) -> ModelComparison<M, F>
where
    M: Send,
    F: FnMut(&mut M, &Seen<'_>) -> Result<(), String> + Send,
{
    ModelComparison { property: property.into(), model, step }
}

impl<M, F> Checker for ModelComparison<M, F>
where
    M: Send,
    F: FnMut(&mut M, &Seen<'_>) -> Result<(), String> + Send,
{
    fn property(&self) -> &str {
        &self.property
    }

    fn see(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        (self.step)(&mut self.model, seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeenEvent;

    /// What happened: when, in milliseconds, its kind and its text.
    type Story = [(u64, &'static str, &'static str)];

    fn check(mut checker: impl Checker, story: &Story, expected: Result<(), &str>) {
        let mut at = Timestamp::default();
        let told = story.iter().try_for_each(|(ms, kind, text)| {
            at = Timestamp::from_nanos(ms * 1_000_000);
            checker.see(&Seen { at, host: "a", life: 1, event: SeenEvent::Recorded { kind, text } })
        });
        let verdict = told.and_then(|()| checker.end(at));
        assert_eq!(verdict, expected.map_err(str::to_owned));
    }

    fn text_of(wanted: &'static str) -> impl FnMut(&Seen<'_>) -> Option<String> + Send {
        move |seen| match seen.event {
            SeenEvent::Recorded { kind, text } if kind == wanted => Some(text.to_owned()),
            _ => None,
        }
    }

    #[test]
    fn always_looks_at_everything() {
        let never_three = || {
            let mut pick = text_of("n");
            always("p", move |seen| if pick(seen).as_deref() == Some("3") { Err("3".to_owned()) } else { Ok(()) })
        };
        check(never_three(), &[(1, "n", "1"), (2, "m", "3")], Ok(()));
        check(never_three(), &[(1, "n", "1"), (2, "n", "3")], Err("3"));
    }

    #[test]
    fn an_answer_must_come_in_time() {
        let answers = || eventually_within("p", Duration::from_millis(10), text_of("ask"), text_of("answer"));
        check(answers(), &[(1, "ask", "x"), (11, "answer", "x"), (99, "other", "")], Ok(()));
        let late = Err("\"x\" had no answer after 10ms");
        check(answers(), &[(1, "ask", "x"), (12, "answer", "x")], late);
        check(answers(), &[(1, "ask", "x"), (2, "answer", "y"), (12, "other", "")], late);
        check(answers(), &[(1, "ask", "x")], Err("\"x\" had no answer when the run was over"));
        check(answers(), &[(1, "ask", "x"), (2, "ask", "x"), (3, "answer", "x"), (99, "other", "")], Ok(()));
    }

    #[test]
    fn once_is_neither_twice_nor_never() {
        let once = || exactly_once("p", text_of("paid")).of(["a".to_owned(), "b".to_owned()]);
        check(once(), &[(1, "paid", "a"), (2, "paid", "b"), (3, "paid", "c")], Ok(()));
        check(once(), &[(1, "paid", "a"), (2, "paid", "a")], Err("\"a\" happened a second time"));
        check(once(), &[(1, "paid", "a")], Err("\"b\" never happened"));
    }

    #[test]
    fn order_is_by_key() {
        let ordered = || {
            let mut pick = text_of("read");
            ordered_by_key("p", move |seen| {
                let text = pick(seen)?;
                let (key, place) = text.split_once(' ')?;
                Some((key.to_owned(), place.parse::<u64>().ok()?))
            })
        };
        check(ordered(), &[(1, "read", "a 1"), (2, "read", "b 1"), (3, "read", "a 2")], Ok(()));
        check(ordered(), &[(1, "read", "a 2"), (2, "read", "a 1")], Err("of \"a\", 1 came behind 2"));
        check(ordered(), &[(1, "read", "a 2"), (2, "read", "a 2")], Err("of \"a\", 2 came behind 2"));
    }

    #[test]
    fn a_model_goes_along() {
        let balance = || {
            model("p", 0_i64, |balance, seen| {
                let SeenEvent::Recorded { kind, text } = seen.event else { return Ok(()) };
                let number: i64 = text.parse().unwrap_or_default();
                match kind {
                    "add" => *balance += number,
                    "read" if *balance != number => return Err(format!("{number} was read of {balance}")),
                    _ => {}
                }
                Ok(())
            })
        };
        check(balance(), &[(1, "add", "3"), (2, "read", "3")], Ok(()));
        check(balance(), &[(1, "add", "3"), (2, "read", "4")], Err("4 was read of 3"));
    }
}
