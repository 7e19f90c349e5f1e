use super::linearizable::check_history;
use crate::SimHandle;
use parking_lot::Mutex;
use rusm_core::Timestamp;
use std::fmt::Debug;
use std::sync::Arc;

/// What a service should be: a state, and what each operation makes of it. Deterministic.
pub trait Model: Clone + Debug + Ord + Send + 'static {
    /// What a client may ask for.
    type Request: Clone + Debug + Send + 'static;
    /// What it is told.
    type Response: Clone + Debug + PartialEq + Send + 'static;

    /// Carries out a request.
    fn apply(&mut self, request: &Self::Request) -> Self::Response;

    /// Which part of the state it is about. Parts are checked one by one, which is much faster. Default: there is one.
    fn part(_request: &Self::Request) -> u64 {
        0
    }
}

/// How an operation ended, as its client knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Returned<R> {
    /// It happened, and this was the answer.
    Ok(R),
    /// It did not happen, and never will.
    Failed,
    /// It may have happened, or may happen later: a timeout, a crash.
    Unknown,
}

/// One operation of a history.
#[derive(Clone, Debug)]
pub struct Operation<M: Model> {
    /// When the client asked.
    pub called_at: Timestamp,
    /// When it was told; nobody was told of what is unknown.
    pub returned_at: Timestamp,
    /// What it asked for.
    pub request: M::Request,
    /// How it ended.
    pub returned: Returned<M::Response>,
}

/// What clients asked for and were told, to be checked against a [`Model`]. Cheap to clone.
pub struct History<M: Model> {
    sim: SimHandle,
    operations: Arc<Mutex<Vec<Operation<M>>>>,
}

impl<M: Model> Clone for History<M> {
    fn clone(&self) -> Self {
        Self { sim: self.sim.clone(), operations: self.operations.clone() }
    }
}

/// An operation that has not returned. Dropped, it is one whose outcome is unknown.
pub struct Invocation<M: Model> {
    history: History<M>,
    index: usize,
}

impl<M: Model> History<M> {
    /// Nothing has happened yet.
    pub fn new(sim: SimHandle) -> Self {
        Self { sim, operations: Arc::default() }
    }

    /// A client asks.
    pub fn call(&self, request: M::Request) -> Invocation<M> {
        self.sim.record("call", &format!("{request:?}"));
        let now = self.sim.now();
        let mut operations = self.operations.lock();
        let operation = Operation { called_at: now, returned_at: now, request, returned: Returned::Unknown };
        operations.push(operation);
        Invocation { history: self.clone(), index: operations.len() - 1 }
    }

    /// All operations, in the order in which they were called.
    pub fn operations(&self) -> Vec<Operation<M>> {
        self.operations.lock().clone()
    }

    /// Whether there is an order of the operations that the model agrees with, in which none stands before one that had
    /// returned when it was called: Herlihy and Wing's linearizability.
    ///
    /// # Errors
    /// There is none: which operations are at odds.
    pub fn linearizable(&self, initial: &M) -> Result<(), String> {
        check_history(initial, &self.operations())
    }
}

impl<M: Model> Invocation<M> {
    /// It happened.
    pub fn ok(self, response: M::Response) {
        self.end(Returned::Ok(response));
    }

    /// It did not happen.
    pub fn failed(self) {
        self.end(Returned::Failed);
    }

    fn end(self, returned: Returned<M::Response>) {
        let sim = &self.history.sim;
        sim.record("returned", &format!("{} {returned:?}", self.index));
        let operation = &mut self.history.operations.lock()[self.index];
        operation.returned = returned;
        operation.returned_at = sim.now();
    }
}
