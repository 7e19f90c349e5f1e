use super::guest_faults::{ArmedFaults, SharedFaults};
use super::http::Server;
use super::node::{AppNode, PORT};
use super::run::{Run, Scenario};
use super::scenario::{self, Shared};
use crate::{Case, EventLog, FaultKind, Field, Outcome, Plan, PlanError, Report, RunError, Sim, SimOptions};
use parking_lot::Mutex;
use rusm_core::seam::Seams;
use rusm_host::app::{App, AppError};
use rusm_host::manifest::{Grants, Manifest};
use rusm_host::{Engine, Host, HostOptions, LoadError, World};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The name of the scenario's component.
const SCENARIO: &str = "scenario";

/// An app and its scenario, compiled for the simulator: to be run once for each seed.
pub struct AppSimulation {
    app: App,
    scenario: Scenario,
    faults: Arc<ArmedFaults>,
}

/// Why an app cannot be simulated. Nothing ran.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulationError {
    /// The manifest names no scenario.
    #[error(
        "{}: there is no [sim]. Say which component is the scenario: [sim] scenario = \"FOLDER\"", file.display()
    )]
    NoScenario {
        /// The manifest.
        file: PathBuf,
    },
    /// The scenario has not been built, or cannot be read.
    #[error("the scenario cannot be read from {}: {error}. Run `rusm build {}`", file.display(), directory.display())]
    ReadScenario {
        /// Where its code should lie.
        file: PathBuf,
        /// The app's directory.
        directory: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The scenario is no component that can run here.
    #[error("{}: {error}", file.display())]
    LoadScenario {
        /// Its code.
        file: PathBuf,
        /// Why not.
        error: LoadError,
    },
    /// A component of the app cannot be loaded.
    #[error(transparent)]
    App(#[from] AppError),
    /// This machine cannot run the engine.
    #[error("this machine cannot run WebAssembly: {0:#}")]
    Machine(#[from] wasmtime::Error),
}

/// How to run an app once.
pub struct AppRunOptions {
    /// What decides the run. Its size `clients` is how many of the scenario's clients there are at most, `nodes` how many nodes
    /// run the app: 1, unless it says more, and at most [`NODES_MAX`].
    pub case: Case,
    /// Virtual time after which the run has stalled. Default one hour.
    pub time_limit: Duration,
    /// What becomes of the event log. Default its digest is taken.
    pub log: EventLog,
}

impl AppRunOptions {
    /// That case, with the defaults for everything else.
    pub fn new(case: Case) -> Self {
        Self { case, time_limit: Duration::from_secs(3600), log: EventLog::Digest }
    }
}

/// The size of a case that says how many clients there are.
const CLIENTS: &str = "clients";

/// The size of a case that says how many nodes run the app.
const NODES: &str = "nodes";

/// Nodes of a run at most.
pub const NODES_MAX: u64 = 1000;

/// What may go wrong in an app. Of the disk only that it is slow, and of the network not that it is cut in two: an app
/// may give up then, which is no fault of it.
const KINDS: [FaultKind; 19] = [
    FaultKind::Trap,
    FaultKind::Loop,
    FaultKind::Grow,
    FaultKind::GiantMessage,
    FaultKind::SlowGuest,
    FaultKind::Kill,
    FaultKind::Starve,
    FaultKind::SlowSignals,
    FaultKind::Reset,
    FaultKind::SlowConnection,
    FaultKind::Refuse,
    FaultKind::Loss,
    FaultKind::Delay,
    FaultKind::Crash,
    FaultKind::Pause,
    FaultKind::Slow,
    FaultKind::Drift,
    FaultKind::Jump,
    FaultKind::DiskSlow,
];

/// And between the nodes of a cluster: that it is cut in two, too.
const KINDS_BETWEEN_NODES: [FaultKind; 7] = [
    FaultKind::Cut,
    FaultKind::Partition,
    FaultKind::Ring,
    FaultKind::Clog,
    FaultKind::Swizzle,
    FaultKind::Reorder,
    FaultKind::Duplicate,
];

impl AppSimulation {
    /// Loads the app in that directory and its scenario. Compiled code is kept in `cache`, when given. `progress` is
    /// told each component's name before it is compiled.
    ///
    /// # Errors
    /// See [`SimulationError`].
    pub fn load(
        manifest: Manifest,
        cache: Option<PathBuf>,
        mut progress: impl FnMut(&str) + Send + 'static,
    ) -> Result<Self, SimulationError> {
        let directory = manifest.directory.clone();
        let Some(settings) = &manifest.sim else {
            return Err(SimulationError::NoScenario { file: directory.join(rusm_host::manifest::MANIFEST_FILE) });
        };
        let engine = Engine::new(rusm_host::Profile::Simulation, cache)?;
        let file = directory.join(settings.wasm_path());
        progress(SCENARIO);
        let scenario = load_scenario(&engine, &directory, file)?;

        let faults = Arc::new(ArmedFaults::default());
        let mut options = App::host_options(&manifest, engine, Default::default());
        options.faults = Some(Arc::new(SharedFaults(faults.clone())));
        let host = Host::new(options)?;
        // Compiling takes no virtual time; a run of its own is there for the seams alone.
        let sim = Sim::new(SimOptions::new(0));
        let seams = sim.seams("build");
        let loaded = sim.block_on(load_app(manifest, host, seams, progress));
        let app = loaded.unwrap_or_else(|error| unreachable!("loading waits for nothing but the compiler: {error}"))?;
        Ok(Self { app, scenario, faults })
    }

    /// The kinds of faults that a run with so many nodes may see, unless its plan was written by hand.
    pub fn kinds(nodes: u64) -> impl Iterator<Item = FaultKind> {
        let between = if nodes > 1 { &KINDS_BETWEEN_NODES[..] } else { &[] };
        KINDS.iter().chain(between).copied()
    }

    /// Whether the case fits the app: each host that its plan names is a node.
    ///
    /// # Errors
    /// One is not.
    pub fn check(&self, case: &Case) -> Result<(), PlanError> {
        let nodes = self.nodes(case);
        case.plan.as_ref().map_or(Ok(()), |plan| plan.check(nodes.iter().map(String::as_str)))
    }

    fn plan_of(&self, case: &Case, nodes: &[String]) -> Plan {
        let kinds = Self::kinds(nodes.len() as u64);
        let draw = || Plan::draw(case.seed, &Field::of_hosts(nodes.iter().map(String::as_str), kinds));
        case.plan.clone().unwrap_or_else(draw)
    }

    /// The names of the nodes, which are those of their hosts: the app's, and with a number from the second on.
    fn nodes(&self, case: &Case) -> Arc<[String]> {
        let app = &self.app.manifest().app.name;
        let count = case.sizes.get(NODES).copied().unwrap_or(1).clamp(1, NODES_MAX);
        (1..=count).map(|number| if number == 1 { app.clone() } else { format!("{app}-{number}") }).collect()
    }

    /// Runs one case.
    pub fn run(&self, options: AppRunOptions) -> Report {
        let AppRunOptions { case, time_limit, log } = options;
        let names = self.nodes(&case);
        let plan = self.plan_of(&case, &names);
        let sim = Sim::new(SimOptions { time_limit, log, ..case.options() });
        sim.record("options", &case.heading());
        self.faults.begin(sim.handle());
        let (mut nodes, mut servers) = (Vec::new(), Vec::new());
        for name in names.iter() {
            let (app, faults) = (self.app.clone(), self.faults.clone());
            let node = Arc::new(AppNode::new(sim.handle(), app, faults, names.clone(), name.clone()));
            sim.set_tenant(name, node.clone());
            let ip = sim.network().address(name).unwrap_or_else(|| unreachable!("the host was made just now"));
            servers.push(Server { address: (ip, PORT).into(), authority: name.clone() });
            nodes.push(node);
        }
        let shared = Arc::new(Shared::new(sim.handle(), servers));
        let clients = case.sizes.get(CLIENTS).copied();
        let run = Run { scenario: self.scenario.clone(), shared: shared.clone(), nodes, plan: plan.clone(), clients };
        let outcome = match self.check(&case) {
            Err(error) => Outcome::Crashed(error.to_string()),
            Ok(()) => judge(&sim, run),
        };
        self.faults.disarm();
        sim.record("outcome", &outcome.to_string());
        Report {
            seed: case.seed,
            profile: case.profile,
            plan,
            sizes: [(CLIENTS.to_owned(), shared.clients()), (NODES.to_owned(), names.len() as u64)].into(),
            outcome,
            hash: sim.hash(),
            events: sim.recorder().events(),
            virtual_time: Duration::from_nanos(sim.now().as_nanos()),
            counts: sim.recorder().counts(),
            reached: sim.recorder().reached(),
            unwritten: sim.recorder().finish().err().map(|error| error.to_string()),
        }
    }
}

fn judge(sim: &Sim, run: Run) -> Outcome {
    match sim.block_on(run.whole()) {
        Ok(Ok(())) if sim.panics() > 0 => Outcome::Crashed(format!("{} tasks panicked", sim.panics())),
        Ok(Ok(())) => Outcome::Passed,
        Ok(Err(outcome)) | Err(RunError::Failed(outcome)) => outcome,
        Err(error @ (RunError::Stalled(_) | RunError::OutOfTime(_))) => Outcome::Stalled(error.to_string()),
    }
}

/// The scenario runs on a host of its own: it is granted nothing, and nothing goes wrong inside it.
fn load_scenario(engine: &Engine, directory: &Path, file: PathBuf) -> Result<Scenario, SimulationError> {
    let wasm = read(&file).map_err(|error| SimulationError::ReadScenario {
        file: file.clone(),
        directory: directory.to_owned(),
        error,
    })?;
    let mut options = HostOptions::new(engine.clone());
    options.extensions = vec![Box::new(scenario::add_to_linker)];
    let host = Host::new(options)?;
    let loaded = host.load_here(SCENARIO, &wasm, Grants::default());
    let loaded = loaded.and_then(|component| Ok(component.require(World::Scenario).map(|()| component)?));
    let component = loaded.map_err(|error| SimulationError::LoadScenario { file, error })?;
    let indices = super::bindings::ScenarioIndices::new(component.instance_pre())?;
    Ok(Scenario { host, component, indices: Arc::new(indices) })
}

#[expect(clippy::disallowed_methods, reason = "the scenario's own file is read before its run")]
fn read(file: &Path) -> io::Result<Vec<u8>> {
    std::fs::read(file)
}

async fn load_app(
    manifest: Manifest,
    host: Host,
    seams: Seams,
    progress: impl FnMut(&str) + Send + 'static,
) -> Result<App, AppError> {
    let progress = Mutex::new(progress);
    App::load(manifest, host, &seams, |at| (progress.lock())(at.component)).await
}
