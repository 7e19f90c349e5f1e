use super::{Registered, SingletonProcess, UniqueError, UniqueHolder, UniqueRegistry};
use crate::{BoxFuture, ChildSpec, Context, ExitReason};
use std::sync::Arc;
use std::time::Duration;

/// Nobody grants unique names: every request is refused with this text, which says what to do. For a node of a cluster without voters:
/// alone it must not decide what is unique in all of it.
#[derive(Clone, Debug)]
pub struct NoUniqueNames(pub String);

impl UniqueRegistry for NoUniqueNames {
    fn register(&self, _: Arc<Context>, _: String, _: Duration) -> BoxFuture<Registered> {
        let why = self.0.clone();
        Box::pin(async { Err(UniqueError::Refused(why)) })
    }

    fn whereis(&self, _: Arc<Context>, _: String, _: Duration) -> BoxFuture<Result<Option<UniqueHolder>, UniqueError>> {
        let why = self.0.clone();
        Box::pin(async { Err(UniqueError::Refused(why)) })
    }

    /// It ends as soon as it is started.
    fn singleton(&self, name: &str, _: Duration, _: SingletonProcess) -> ChildSpec {
        let why = self.0.clone();
        ChildSpec::worker(name, move |_, _| {
            let reason = ExitReason::new("unique_name").with_detail(why.clone());
            async move { reason }
        })
    }
}
