use super::database::Databases;
use super::operation::{KeyValueError, Write, Written};
use parking_lot::Mutex;
use rusm_core::seam::Executor;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Writes that are carried out together in one transaction, at most.
const BATCH_MAX: usize = 256;

type Outcome = Result<Written, KeyValueError>;

/// Writes that wait for the one writer. What comes while it syncs goes into its next transaction: many processes that
/// write at once share one sync.
#[derive(Default)]
pub(super) struct WriteQueue(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: Vec<Waiting>,
    writing: bool,
}

struct Waiting {
    bucket: String,
    write: Write,
    outcome: oneshot::Sender<Outcome>,
}

impl WriteQueue {
    /// Queues a write and starts the writer when it does not run.
    pub(super) fn push(
        self: &Arc<Self>,
        databases: &Arc<Databases>,
        executor: &dyn Executor,
        bucket: String,
        write: Write,
    ) -> oneshot::Receiver<Outcome> {
        let (outcome, written) = oneshot::channel();
        let start = {
            let mut state = self.0.lock();
            state.waiting.push(Waiting { bucket, write, outcome });
            !std::mem::replace(&mut state.writing, true)
        };
        if start {
            let (queue, databases) = (self.clone(), databases.clone());
            executor.spawn_blocking(Box::new(move || queue.write_all(&databases)));
        }
        written
    }

    fn write_all(&self, databases: &Databases) {
        loop {
            let batch = {
                let mut state = self.0.lock();
                if state.waiting.is_empty() {
                    state.writing = false;
                    return;
                }
                let len = state.waiting.len().min(BATCH_MAX);
                state.waiting.drain(..len).collect::<Vec<_>>()
            };
            let written = databases.write(batch.iter().map(|waiting| (waiting.bucket.as_str(), &waiting.write)));
            match written {
                Ok(outcomes) => {
                    for (waiting, outcome) in batch.into_iter().zip(outcomes) {
                        // A process that has ended does not hear how its write went.
                        let _ = waiting.outcome.send(outcome);
                    }
                }
                Err(error) => {
                    for waiting in batch {
                        let _ = waiting.outcome.send(Err(error.clone()));
                    }
                }
            }
        }
    }
}
