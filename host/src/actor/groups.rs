//! `rusm:actor/groups`: groups of processes that are known in the whole cluster.

use super::bindings::rusm::actor::groups as wit;
use super::bindings::rusm::actor::types::{self, Refusal};
use crate::limits::{MEMBERSHIPS_MAX, NAME_BYTES_MAX};
use crate::state::ProcessState;
use rusm_core::{CallError, GroupChange, GroupEvent, GroupsRef, LeaveError, Pid, Reference};

impl From<GroupEvent> for types::GroupEvent {
    fn from(event: GroupEvent) -> Self {
        let GroupEvent { monitor, group, change, members } = event;
        let change = match change {
            GroupChange::Join => types::GroupChange::Join,
            GroupChange::Leave => types::GroupChange::Leave,
        };
        Self { monitor: monitor.into(), group, change, members: pids(members) }
    }
}

fn pids(members: Vec<Pid>) -> Vec<types::Pid> {
    members.into_iter().map(Into::into).collect()
}

fn refusal(error: &impl ToString) -> Refusal {
    Refusal::Badarg(error.to_string())
}

impl ProcessState {
    fn join_group(&self, group: &str) -> Result<(), Refusal> {
        self.component.allow_join_group(group).map_err(|denied| self.refuse(&denied))
    }

    fn reach_group(&self, group: &str) -> Result<(), Refusal> {
        self.component.allow_reach_group(group).map_err(|denied| self.refuse(&denied))?;
        if group.len() > NAME_BYTES_MAX {
            return Err(Refusal::Badarg(format!("a group's name has at most {NAME_BYTES_MAX} bytes")));
        }
        Ok(())
    }

    async fn join_once_more(&mut self, group: &str) -> Result<(), Refusal> {
        self.join_group(group)?;
        if self.memberships == MEMBERSHIPS_MAX {
            return Err(Refusal::Badarg(format!("a process has at most {MEMBERSHIPS_MAX} memberships in groups")));
        }
        let joined = GroupsRef::default().join(&*self.context, group, &[self.context.pid()]).await;
        joined.map_err(|error| refusal(&error))?;
        self.memberships += 1;
        Ok(())
    }

    async fn leave_once(&mut self, group: &str) -> Result<(), Refusal> {
        self.join_group(group)?;
        let left = GroupsRef::default().leave(&*self.context, group, &[self.context.pid()]).await;
        left.map_err(|error: LeaveError| refusal(&error))?;
        // The scope forgets all when it is started again, and this process does not hear of it.
        self.memberships = self.memberships.saturating_sub(1);
        Ok(())
    }

    async fn members_of(&mut self, group: &str, local: bool) -> Result<Vec<types::Pid>, Refusal> {
        self.reach_group(group)?;
        let (scope, context) = (GroupsRef::default(), &*self.context);
        let members: Result<_, CallError> =
            if local { scope.local_members(context, group).await } else { scope.members(context, group).await };
        members.map(pids).map_err(|error| refusal(&error))
    }
}

impl wit::Host for ProcessState {
    async fn join(&mut self, group: String) -> wasmtime::Result<Result<(), Refusal>> {
        Ok(self.join_once_more(&group).await)
    }

    async fn leave(&mut self, group: String) -> wasmtime::Result<Result<(), Refusal>> {
        Ok(self.leave_once(&group).await)
    }

    async fn members(&mut self, group: String) -> wasmtime::Result<Result<Vec<types::Pid>, Refusal>> {
        Ok(self.members_of(&group, false).await)
    }

    async fn local_members(&mut self, group: String) -> wasmtime::Result<Result<Vec<types::Pid>, Refusal>> {
        Ok(self.members_of(&group, true).await)
    }

    async fn which_groups(&mut self) -> wasmtime::Result<Result<Vec<String>, Refusal>> {
        let groups = GroupsRef::default().which_groups(&*self.context).await;
        Ok(groups.map_err(|error| refusal(&error)).map(|mut groups| {
            groups.retain(|group| self.component.allow_reach_group(group).is_ok());
            groups
        }))
    }

    async fn monitor(&mut self, group: String) -> wasmtime::Result<Result<wit::Watched, Refusal>> {
        if let Err(refusal) = self.reach_group(&group) {
            return Ok(Err(refusal));
        }
        let watched = GroupsRef::default().monitor(&self.context, &group).await;
        Ok(watched
            .map(|(monitor, members)| wit::Watched { monitor: monitor.into(), members: pids(members) })
            .map_err(|error| refusal(&error)))
    }

    async fn demonitor(&mut self, monitor: types::Reference) -> wasmtime::Result<()> {
        let monitor = Reference::from(monitor);
        // A scope that does not run tells nobody anything.
        let _ = GroupsRef::default().demonitor(&self.context, monitor).await;
        Ok(())
    }
}
