//! `rusm:actor/supervisor`: the supervisors that the manifest names.

use super::bindings::rusm::actor::supervisor as wit;
use super::bindings::rusm::actor::types;
use crate::app::supervisor_name;
use crate::state::ProcessState;
use rusm_core::{Context, ExitReason, SupervisorError, SupervisorRef, Term};
use wit::StartChildError;

impl From<SupervisorError> for StartChildError {
    /// Whatever else a supervisor answers means that it is not one that does this.
    fn from(error: SupervisorError) -> Self {
        match error {
            SupervisorError::StartFailed(reason) => Self::Failed(reason.into()),
            _ => Self::Noproc,
        }
    }
}

impl ProcessState {
    fn supervisor(&self, name: String) -> Result<SupervisorRef, StartChildError> {
        let allowed = self.component.allow_supervise(&name);
        allowed.map_err(|denied| StartChildError::Refused(self.refuse(&denied)))?;
        Ok(SupervisorRef::from(supervisor_name(&name)))
    }
}

async fn start_child(
    context: &Context,
    supervisor: SupervisorRef,
    args: types::Term,
) -> Result<types::Pid, StartChildError> {
    match supervisor.start_child_with(context, Term::from(args)).await? {
        Some(pid) => Ok(pid.into()),
        None => Err(StartChildError::Failed(ExitReason::new("ignore").into())),
    }
}

async fn which_children(context: &Context, supervisor: SupervisorRef) -> Result<Vec<wit::Child>, StartChildError> {
    let children = supervisor.which_children(context).await?;
    let children = children.into_iter().rev().map(|child| wit::Child {
        id: child.id,
        pid: child.pid.map(Into::into),
        restarts: child.restarts,
    });
    Ok(children.collect())
}

impl wit::Host for ProcessState {
    async fn start_child(
        &mut self,
        supervisor: String,
        args: types::Term,
    ) -> wasmtime::Result<Result<types::Pid, StartChildError>> {
        Ok(match self.supervisor(supervisor) {
            Ok(supervisor) => start_child(&self.context, supervisor, args).await,
            Err(refused) => Err(refused),
        })
    }

    async fn which_children(
        &mut self,
        supervisor: String,
    ) -> wasmtime::Result<Result<Vec<wit::Child>, StartChildError>> {
        Ok(match self.supervisor(supervisor) {
            Ok(supervisor) => which_children(&self.context, supervisor).await,
            Err(refused) => Err(refused),
        })
    }
}
