//! One run of an app: faults while the clients work, then the heal, then rest, then the judgement.

use super::bindings::ScenarioIndices;
use super::bindings::rusm::scenario::run::Observation;
use super::node::AppNode;
use super::scenario::{Instance, Shared};
use crate::plan::carry_out;
use crate::tenant::Tenant;
use crate::{Outcome, Plan};
use futures_util::future::{Either, select};
use parking_lot::Mutex;
use rusm_core::{Context, ExitReason, Node, NodeOptions, SpawnOptions, process_body};
use rusm_host::{Component, Host, InstanceOptions, ProcessInstance, ProcessState};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot::{self, error::RecvError};
use wasmtime::Store;

/// After the heal, all clients must have returned this soon.
const REST: Duration = Duration::from_secs(300);

/// After the last client is gone, so must be what served it; and after a stop everything.
const QUIET: Duration = Duration::from_secs(30);

/// The scenario: its code and what runs it.
#[derive(Clone)]
pub(super) struct Scenario {
    pub(super) host: Host,
    pub(super) component: Component,
    pub(super) indices: Arc<ScenarioIndices>,
}

/// What an instance of the scenario is for.
enum Job {
    Clients,
    Client(u32),
    Check(Vec<Observation>),
}

impl Scenario {
    async fn carry_out(&self, context: Context, state: Instance, job: Job) -> Result<u32, ExitReason> {
        let (options, component) = (InstanceOptions::default(), &self.component);
        let mut instance =
            ProcessInstance::new_with(&self.host, component, context, options, |into| into.set_extension(state))
                .await?;
        let inner = instance.instance();
        let indices = self.indices.clone();
        let entry = match &job {
            Job::Clients => "clients",
            Job::Client(_) => "client",
            Job::Check(_) => "check",
        };
        let code = async move |store: &mut Store<ProcessState>| {
            let scenario = indices.load(&mut *store, &inner)?;
            let workload = scenario.rusm_scenario_workload();
            match job {
                Job::Clients => workload.call_clients(store).await,
                Job::Client(client) => workload.call_client(store, client).await.map(|()| 0),
                Job::Check(observations) => workload.call_check(store, &observations).await.map(|()| 0),
            }
        };
        instance.enter(entry, code).await
    }
}

/// One run.
pub(super) struct Run {
    pub(super) scenario: Scenario,
    pub(super) shared: Arc<Shared>,
    pub(super) nodes: Vec<Arc<AppNode>>,
    pub(super) plan: Plan,
    /// Clients at most.
    pub(super) clients: Option<u64>,
}

impl Run {
    /// # Errors
    /// What went wrong.
    pub(super) async fn whole(self) -> Result<(), Outcome> {
        let sim = self.shared.sim.clone();
        let stopping = Arc::new(Mutex::new(false));
        for node in &self.nodes {
            node.clone().boot().await.map_err(Outcome::Crashed)?;
            let (node, sim, stopping) = (node.clone(), sim.clone(), stopping.clone());
            self.shared.sim.spawn("outside", async move {
                let reason = node.gives_up().await;
                if !*stopping.lock() {
                    sim.fail(Outcome::broken("the-app-runs", format!("its root supervisor gave up: {reason}")));
                }
            });
        }
        let clients = self.count_clients().await?;
        self.shared.set_clients(clients);
        let running: Vec<_> = (0..clients).map(|client| self.start_job(Job::Client(client))).collect();
        carry_out(&sim, &self.plan).await;
        self.clients_return(running).await?;
        self.nothing_serves().await?;
        self.judge().await?;
        *stopping.lock() = true;
        self.stops().await
    }

    async fn count_clients(&self) -> Result<u32, Outcome> {
        let counted = self.start_job(Job::Clients).await;
        let counted = self.succeeded("clients()", counted)?;
        let most = self.clients.and_then(|most| u32::try_from(most).ok());
        Ok(most.map_or(counted, |most| counted.min(most.max(1))))
    }

    async fn judge(&self) -> Result<(), Outcome> {
        let judged = self.start_job(Job::Check(self.shared.observations())).await;
        self.succeeded("check()", judged).map(drop)
    }

    /// Every job has an instance of its own, in a process of its own, on a host of its own.
    fn start_job(&self, job: Job) -> oneshot::Receiver<Result<u32, ExitReason>> {
        let (client, name) = match &job {
            Job::Clients => (u32::MAX, "counter".to_owned()),
            Job::Client(client) => (*client, format!("client-{client}")),
            Job::Check(_) => (u32::MAX, "judge".to_owned()),
        };
        let instance = Instance { client, shared: self.shared.clone() };
        let scenario = self.scenario.clone();
        let (done, is_done) = oneshot::channel();
        let body = process_body(move |context| async move {
            let result = scenario.carry_out(context, instance, job).await;
            let reason = result.as_ref().err().cloned().unwrap_or(ExitReason::NORMAL);
            // Nobody waits any more when the run has ended otherwise.
            let _ = done.send(result);
            reason
        });
        let node = Node::start(NodeOptions::new(&name, self.shared.sim.seams(&name)));
        node.spawn_with(SpawnOptions { label: "scenario".to_owned(), ..SpawnOptions::default() }, body);
        is_done
    }

    async fn clients_return(&self, running: Vec<oneshot::Receiver<Result<u32, ExitReason>>>) -> Result<(), Outcome> {
        let deadline = self.shared.sim.now() + REST;
        for (client, returned) in running.into_iter().enumerate() {
            let left = deadline.since(self.shared.sim.now());
            match select(returned, pin!(self.shared.sim.sleep(left))).await {
                Either::Left((returned, _)) => drop(self.succeeded(&format!("client({client})"), returned)?),
                Either::Right(_) => {
                    let detail = format!("client {client} has not returned {} s after the heal", REST.as_secs());
                    return Err(Outcome::broken("clients-return", detail));
                }
            }
        }
        Ok(())
    }

    async fn nothing_serves(&self) -> Result<(), Outcome> {
        let deadline = self.shared.sim.now() + QUIET;
        loop {
            let mut left = Vec::new();
            for node in &self.nodes {
                left.extend(node.serving().await);
            }
            if left.is_empty() {
                return Ok(());
            }
            if self.shared.sim.now() > deadline {
                let detail = format!("{} s after the last client: {}", QUIET.as_secs(), left.join(", "));
                return Err(Outcome::broken("no-process-left-over", detail));
            }
            self.shared.sim.sleep(Duration::from_millis(100)).await;
        }
    }

    async fn stops(&self) -> Result<(), Outcome> {
        let stopped = async {
            let mut left = Vec::new();
            for node in &self.nodes {
                left.extend(node.stop().await);
            }
            left
        };
        let left = match select(pin!(stopped), pin!(self.shared.sim.sleep(QUIET))).await {
            Either::Left((left, _)) => left,
            Either::Right(_) => {
                let detail = format!("it still runs {} s after it was told to stop", QUIET.as_secs());
                return Err(Outcome::broken("the-app-stops", detail));
            }
        };
        if left.is_empty() {
            return Ok(());
        }
        Err(Outcome::broken("no-process-left-over", format!("after the app was stopped: {}", left.join(", "))))
    }

    fn succeeded(&self, what: &str, result: Result<Result<u32, ExitReason>, RecvError>) -> Result<u32, Outcome> {
        let failed = |reason: ExitReason| {
            let backtrace = reason.backtrace().map(|trace| format!("\n{trace}")).unwrap_or_default();
            Outcome::Crashed(format!("the scenario's {what} ended: {reason}{backtrace}"))
        };
        result.unwrap_or(Err(ExitReason::KILLED)).map_err(failed)
    }
}
