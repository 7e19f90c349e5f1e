use super::{Kernel, Life};
use rusm_core::BoxFuture;
use rusm_core::seam::Executor;
use std::sync::Arc;

/// The executor as one life of a host sees it: its tasks end with that life.
pub(crate) struct SimExecutor {
    kernel: Arc<Kernel>,
    life: Arc<Life>,
}

impl SimExecutor {
    pub(crate) fn new(kernel: Arc<Kernel>, life: Arc<Life>) -> Self {
        Self { kernel, life }
    }
}

impl Executor for SimExecutor {
    fn spawn(&self, task: BoxFuture<()>) {
        self.kernel.spawn(&self.life, task);
    }

    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
        self.kernel.spawn(&self.life, Box::pin(async move { job() }));
    }
}
