use super::request::{Reply, Request};
use super::{ChildArgs, ChildCounts, ChildInfo, ChildRef, ChildSpec, SupervisorError, SupervisorSpec};
use crate::{Calls, Destination, ExitReason, Payload, Pid};
use std::time::Duration;

/// A supervisor, by pid or local name, as those see it who ask it something.
///
/// Every call waits for as long as the supervisor needs: while it starts or stops a child it answers nobody.
/// Source: OTP `supervisor`, whose calls have no timeout either.
///
/// ```
/// # use rusm_core::{Node, NodeOptions, Started, seam::Seams};
/// use rusm_core::{ChildRef, ChildSpec, Context, Restart, Strategy, Supervisor, SupervisorError, SupervisorRef, SupervisorSpec};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// let idle = |context: Context, _| async move { drop(context.receive().await) };
/// let spec = SupervisorSpec::new(Strategy::RestForOne).name("shop").child(ChildSpec::worker("till", idle));
/// # let Started::Up(_) = Supervisor::start(&node, spec.clone()).await else { panic!() };
/// let shop = SupervisorRef::from("shop");
///
/// let pid = shop.start_child(&node, ChildSpec::worker("clerk", idle).restart(Restart::Transient)).await.unwrap();
/// assert_eq!(shop.which_children(&node).await.unwrap()[0].pid, pid);
/// assert_eq!(shop.restart_child(&node, "clerk").await, Err(SupervisorError::Running));
/// shop.terminate_child(&node, "clerk").await.unwrap();
/// let counts = shop.count_children(&node).await.unwrap();
/// assert_eq!((counts.specs, counts.active), (2, 1));
/// shop.restart_child(&node, "clerk").await.unwrap();
/// shop.terminate_child(&node, ChildRef::from("clerk")).await.unwrap();
/// shop.delete_child(&node, "clerk").await.unwrap();
///
/// // As a code change: who runs, runs on, and is started anew by the new spec.
/// shop.change(&node, spec.child(ChildSpec::worker("guard", idle))).await.unwrap();
/// assert_eq!(shop.count_children(&node).await.unwrap().specs, 2);
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupervisorRef(Destination);

impl From<Pid> for SupervisorRef {
    fn from(pid: Pid) -> Self {
        Self(Destination::Pid(pid))
    }
}

impl From<&str> for SupervisorRef {
    fn from(name: &str) -> Self {
        Self(Destination::Name(name.to_owned()))
    }
}

impl From<String> for SupervisorRef {
    fn from(name: String) -> Self {
        Self(Destination::Name(name))
    }
}

impl SupervisorRef {
    /// Adds a child, last in start order, and starts it. `None` when its init said `ignore`: the spec is kept then,
    /// unless it is temporary.
    ///
    /// # Errors
    /// A child of that id is there already, the spec contradicts itself, or the child did not start.
    pub async fn start_child(&self, caller: &impl Calls, spec: ChildSpec) -> Result<Option<Pid>, SupervisorError> {
        self.start(caller, Request::StartChild(spec)).await
    }

    /// Starts an instance of a `simple_one_for_one` supervisor's template with arguments of its own, which it is
    /// started with again at every restart. `None` when its init said `ignore`.
    ///
    /// # Errors
    /// The instance did not start, or the supervisor has no template.
    pub async fn start_child_with(
        &self,
        caller: &impl Calls,
        args: impl Into<ChildArgs>,
    ) -> Result<Option<Pid>, SupervisorError> {
        self.start(caller, Request::StartInstance(args.into())).await
    }

    /// Stops a child as its spec says. The spec stays, unless it is temporary; an instance of a template, named by its
    /// pid, is forgotten. Stopping what does not run is no error.
    ///
    /// # Errors
    /// There is no such child.
    pub async fn terminate_child(
        &self,
        caller: &impl Calls,
        child: impl Into<ChildRef>,
    ) -> Result<(), SupervisorError> {
        self.done(caller, Request::TerminateChild(child.into())).await
    }

    /// Starts a child whose spec is there and which does not run.
    ///
    /// # Errors
    /// It runs, is about to be restarted, is not there, or did not start.
    pub async fn restart_child(
        &self,
        caller: &impl Calls,
        id: impl Into<String>,
    ) -> Result<Option<Pid>, SupervisorError> {
        self.start(caller, Request::RestartChild(id.into())).await
    }

    /// Forgets the spec of a child that does not run.
    ///
    /// # Errors
    /// It runs, is about to be restarted, or is not there.
    pub async fn delete_child(&self, caller: &impl Calls, id: impl Into<String>) -> Result<(), SupervisorError> {
        self.done(caller, Request::DeleteChild(id.into())).await
    }

    /// The children in reverse start order.
    ///
    /// # Errors
    /// The supervisor is not there.
    pub async fn which_children(&self, caller: &impl Calls) -> Result<Vec<ChildInfo>, SupervisorError> {
        match self.call(caller, Request::WhichChildren).await? {
            Reply::Children(children) => Ok(children),
            other => unreachable!("which_children was answered with {other:?}"),
        }
    }

    /// How many children there are.
    /// Divergence: OTP asks each child of a spec whether it lives; here a child is active until its supervisor has
    /// seen its end.
    ///
    /// # Errors
    /// The supervisor is not there.
    pub async fn count_children(&self, caller: &impl Calls) -> Result<ChildCounts, SupervisorError> {
        match self.call(caller, Request::CountChildren).await? {
            Reply::Counts(counts) => Ok(counts),
            other => unreachable!("count_children was answered with {other:?}"),
        }
    }

    /// Gives the supervisor new flags and specs. Running children stay, and nothing is started or stopped; a child that
    /// has no spec any more keeps its old one. Source: OTP `supervisor:code_change/3`.
    ///
    /// # Errors
    /// The spec contradicts itself; nothing has changed then.
    pub async fn change(&self, caller: &impl Calls, spec: SupervisorSpec) -> Result<(), SupervisorError> {
        self.done(caller, Request::Change(spec)).await
    }

    /// Has the supervisor stop its children and then end with `reason`, and returns when it begins to.
    /// Source: OTP `sys:terminate/2`.
    ///
    /// # Errors
    /// The supervisor is not there.
    pub async fn stop(&self, caller: &impl Calls, reason: ExitReason) -> Result<(), SupervisorError> {
        self.done(caller, Request::Stop(reason)).await
    }

    async fn start(&self, caller: &impl Calls, request: Request) -> Result<Option<Pid>, SupervisorError> {
        match self.call(caller, request).await? {
            Reply::Started(result) => result,
            other => unreachable!("a start was answered with {other:?}"),
        }
    }

    async fn done(&self, caller: &impl Calls, request: Request) -> Result<(), SupervisorError> {
        match self.call(caller, request).await? {
            Reply::Done(result) => result,
            other => unreachable!("a request was answered with {other:?}"),
        }
    }

    async fn call(&self, caller: &impl Calls, request: Request) -> Result<Reply, SupervisorError> {
        let reply = caller.call_process(self.0.clone(), Payload::local(request), Duration::MAX).await;
        let reply = reply.map_err(SupervisorError::Call)?;
        reply.downcast().map_err(|_| SupervisorError::NotASupervisor)
    }
}
