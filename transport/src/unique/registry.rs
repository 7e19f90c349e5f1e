//! Unique names as an app's host asks for them.

use super::lease::Lease;
use super::names::{UniqueNameError, UniqueNames};
use super::singleton::Singleton;
use rusm_core::{
    BoxFuture, ChildSpec, Context, Registered, SingletonProcess, UniqueError, UniqueHolder, UniqueLease, UniqueRegistry,
};
use std::sync::Arc;
use std::time::Duration;

impl From<UniqueNameError> for UniqueError {
    fn from(error: UniqueNameError) -> Self {
        match error {
            UniqueNameError::Taken(pid, token) => Self::Taken(UniqueHolder { pid, token: token.as_u64() }),
            UniqueNameError::NoMajority => Self::NoMajority,
            UniqueNameError::Refused(_) | UniqueNameError::Call(_) => Self::Refused(error.to_string()),
        }
    }
}

impl UniqueRegistry for UniqueNames {
    fn register(&self, context: Arc<Context>, name: String, timeout: Duration) -> BoxFuture<Registered> {
        let names = self.clone();
        Box::pin(async move {
            let lease = Self::register(&names, &context, &name, timeout).await?;
            Ok(Arc::new(lease) as Arc<dyn UniqueLease>)
        })
    }

    fn whereis(
        &self,
        context: Arc<Context>,
        name: String,
        timeout: Duration,
    ) -> BoxFuture<Result<Option<UniqueHolder>, UniqueError>> {
        let names = self.clone();
        Box::pin(async move {
            let holder = Self::whereis(&names, &*context, &name, timeout).await?;
            Ok(holder.map(|(pid, token)| UniqueHolder { pid, token: token.as_u64() }))
        })
    }

    fn singleton(&self, name: &str, stop: Duration, process: SingletonProcess) -> ChildSpec {
        Singleton::child_spec(self, name, stop, move |lease| process(Arc::new(lease)))
    }
}

impl UniqueLease for Lease {
    fn token(&self) -> u64 {
        Self::token(self).as_u64()
    }

    fn is_held(&self) -> bool {
        Self::is_held(self)
    }

    fn release(&self, context: Arc<Context>, timeout: Duration) -> BoxFuture<Result<(), UniqueError>> {
        let lease = self.clone();
        Box::pin(async move { Ok(Self::release(lease, &context, timeout).await?) })
    }
}
