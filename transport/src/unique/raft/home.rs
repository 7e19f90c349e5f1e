use openraft_rt::task_local;
use rusm_core::seam::Clock;
use rusm_core::{Context, Node, Pid, SpawnOptions, process_body};
use std::future::Future;

/// Where a piece of openraft's code runs: on which node, for which voter.
///
/// openraft asks its runtime for the time, for randomness and for tasks by functions without a receiver, so that nothing says
/// which node's seams are meant: several nodes may share a process, and in the simulator always do. Therefore every task that runs
/// openraft's code is polled, and dropped, inside of [`Home::run`], which keeps its home in a slot of the task for that long.
#[derive(Clone)]
pub(crate) struct Home {
    node: Node,
    voter: Pid,
}

task_local! {
    static HOME: Home;
}

impl Home {
    pub(crate) fn of(context: &Context) -> Self {
        Self { node: context.node().clone(), voter: context.pid() }
    }

    /// The home of whoever calls.
    ///
    /// # Panics
    /// Outside of [`Home::run`]: no seam may be guessed.
    pub(super) fn here() -> Self {
        let home = HOME.try_with(Home::clone);
        home.unwrap_or_else(|_| panic!("openraft's code runs in a task without a home"))
    }

    /// Runs openraft's code there.
    pub(crate) fn run<F: Future>(self, code: F) -> impl Future<Output = F::Output> {
        HOME.scope(self, code)
    }

    pub(super) fn node(&self) -> &Node {
        &self.node
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.node.seams().clock
    }

    /// Runs a task of openraft's as a process that is linked to the voter: one ends with the other, and a panic ends both with
    /// its message, so that the voter's supervisor acts.
    pub(super) fn spawn(self, task: impl Future<Output = ()> + Send + 'static) {
        let options = SpawnOptions { parent: Some(self.voter), label: "raft".to_owned(), ..SpawnOptions::default() };
        let node = self.node.clone();
        node.spawn_with(
            options,
            process_body(move |context: Context| async move {
                context.link(self.voter);
                self.run(task).await;
            }),
        );
    }
}
