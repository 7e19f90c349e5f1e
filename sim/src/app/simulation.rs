use super::guest_faults::{ArmedFaults, SharedFaults};
use super::http::Server;
use super::node::{AppNode, PORT};
use super::run::{Run, Scenario};
use super::scenario::{self, Shared};
use crate::{Case, FaultKind, Field, Outcome, Plan, Report, RunError, Sim, SimOptions};
use parking_lot::Mutex;
use rusm_core::seam::Seams;
use rusm_host::app::{App, AppError};
use rusm_host::manifest::{Grants, Manifest};
use rusm_host::{Engine, Host, HostOptions, LoadError, World};
use std::io::{self, Write};
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
    /// What decides the run. Its size `clients` is how many of the scenario's clients there are at most.
    pub case: Case,
    /// Virtual time after which the run has stalled. Default one hour.
    pub time_limit: Duration,
    /// Where the event log goes. Default nowhere.
    pub record: Option<Box<dyn Write + Send>>,
}

impl AppRunOptions {
    /// That case, with the defaults for everything else.
    pub fn new(case: Case) -> Self {
        Self { case, time_limit: Duration::from_secs(3600), record: None }
    }
}

/// The size of a case that says how many clients there are.
const CLIENTS: &str = "clients";

/// What may go wrong in an app. Of the disk only that it is slow, and of the network not that it is cut in two: an app
/// may give up then, which is no fault of it.
const KINDS: [FaultKind; 16] = [
    FaultKind::Trap,
    FaultKind::Loop,
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

    /// The kinds of faults that a run may see, unless its plan was written by hand.
    pub fn kinds() -> &'static [FaultKind] {
        &KINDS
    }

    /// The plan of a seed.
    pub fn draw_plan(&self, seed: u64) -> Plan {
        Plan::draw(seed, &Field::of_hosts([self.host()], KINDS))
    }

    fn host(&self) -> &str {
        &self.app.manifest().app.name
    }

    /// Runs one case.
    pub fn run(&self, options: AppRunOptions) -> Report {
        let AppRunOptions { case, time_limit, record } = options;
        let plan = case.plan.clone().unwrap_or_else(|| self.draw_plan(case.seed));
        let sim = Sim::new(SimOptions { time_limit, record, ..case.options() });
        sim.record("options", &format!("seed {} {}", case.seed, case.profile));
        self.faults.begin(sim.handle());
        let node = Arc::new(AppNode::new(sim.handle(), self.app.clone(), self.faults.clone()));
        sim.set_tenant(self.host(), node.clone());
        let ip = sim.network().address(self.host()).unwrap_or_else(|| unreachable!("the host was made just now"));
        let server = Server { address: (ip, PORT).into(), authority: self.host().to_owned() };
        let shared = Arc::new(Shared::new(sim.handle(), server));
        let clients = case.sizes.get(CLIENTS).copied();
        let run = Run { scenario: self.scenario.clone(), shared: shared.clone(), node, plan: plan.clone(), clients };
        let outcome = match plan.check([self.host()]) {
            Err(error) => Outcome::Crashed(error.to_string()),
            Ok(()) => judge(&sim, run),
        };
        self.faults.disarm();
        sim.record("outcome", &outcome.to_string());
        Report {
            seed: case.seed,
            profile: case.profile,
            plan,
            sizes: [(CLIENTS.to_owned(), shared.clients())].into(),
            outcome,
            hash: sim.hash(),
            events: sim.recorder().events(),
            virtual_time: Duration::from_nanos(sim.now().as_nanos()),
            counts: sim.recorder().counts(),
            reached: sim.recorder().reached(),
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
