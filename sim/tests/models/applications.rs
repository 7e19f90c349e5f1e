//! The controller of applications, compared with a list of what is loaded, of what runs, and of what was said meanwhile.

use crate::{run, script_ending_with};
use proptest::prelude::*;
use rusm_core::{
    ApplicationError, ApplicationSpec, Applications, ApplicationsRef, ChildSpec, Context, ExitReason, Message, Moment,
    Pid, StartType, Strategy as Restarts, SupervisorSpec, sys,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// What an application needs, and what its only start phase does.
#[derive(Clone, Debug)]
struct Plan {
    needs: Vec<usize>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Works,
    Fails,
    Panics,
}

#[derive(Clone, Debug)]
enum Step {
    Load(usize, Plan),
    Unload(usize),
    Start(usize, StartType),
    StartAll(usize, StartType),
    Stop(usize),
    /// Its worker crashes, which its supervisor does not bear.
    Crash(usize),
    /// Its supervisor ends, as it should.
    End(usize),
    StopAll,
}

type Said = Arc<Mutex<Vec<String>>>;

/// A tree with one worker, which has the application's name.
fn spec(name: &'static str, plan: &Plan, said: &Said) -> ApplicationSpec {
    let say = |what: &'static str| {
        let said = said.clone();
        move || said.lock().unwrap().push(format!("{name} {what}"))
    };
    let (phase_runs, prepares, stops, phase) = (say("phase"), say("prep_stop"), say("stop"), plan.phase);
    let idle = |context: Context, _| async move { drop(context.receive_match(|_| false).await) };
    let tree = SupervisorSpec::new(Restarts::OneForOne)
        .intensity(0, Duration::from_secs(1))
        .child(ChildSpec::worker("worker", idle).name(name));
    let spec = ApplicationSpec::new(name, tree)
        .start_phase("only", move |moment: Moment| {
            phase_runs();
            async move {
                assert!(phase != Phase::Panics && moment.node.whereis(name).is_some(), "as it was told");
                if phase == Phase::Works { Ok(()) } else { Err(ExitReason::new("fails")) }
            }
        })
        .prep_stop(move |_| {
            prepares();
            async {}
        })
        .stop(move |_| {
            stops();
            async {}
        });
    plan.needs.iter().fold(spec, |spec, need| spec.depends_on(NAMES[*need]))
}

#[derive(Default)]
struct Model {
    loaded: BTreeMap<usize, Plan>,
    running: Vec<(usize, StartType)>,
    said: Vec<String>,
}

fn name(app: usize) -> String {
    NAMES[app].to_owned()
}

impl Model {
    fn runs(&self, app: usize) -> bool {
        self.running.iter().any(|(of, _)| *of == app)
    }

    fn say(&mut self, app: usize, what: &str) {
        self.said.push(format!("{} {what}", NAMES[app]));
    }

    fn load(&mut self, app: usize, plan: Plan) -> Result<(), ApplicationError> {
        if self.loaded.contains_key(&app) {
            return Err(ApplicationError::AlreadyLoaded(name(app)));
        }
        self.loaded.insert(app, plan);
        Ok(())
    }

    fn unload(&mut self, app: usize) -> Result<(), ApplicationError> {
        if self.runs(app) {
            return Err(ApplicationError::Running(name(app)));
        }
        self.loaded.remove(&app).map(drop).ok_or(ApplicationError::NotLoaded(name(app)))
    }

    fn start(&mut self, app: usize, start_type: StartType) -> Result<(), ApplicationError> {
        if self.runs(app) {
            return Err(ApplicationError::AlreadyStarted(name(app)));
        }
        let plan = self.loaded.get(&app).ok_or(ApplicationError::NotLoaded(name(app)))?.clone();
        if let Some(missing) = plan.needs.iter().find(|need| !self.runs(**need)) {
            return Err(ApplicationError::NotStarted(name(*missing)));
        }
        self.say(app, "phase");
        let why = match plan.phase {
            Phase::Works => {
                self.running.push((app, start_type));
                return Ok(());
            }
            Phase::Fails => "only: fails",
            Phase::Panics => "only: panic(as it was told)",
        };
        self.say(app, "stop");
        Err(ApplicationError::StartFailed(name(app), ExitReason::new("start_phase").with_detail(why)))
    }

    /// What has to be started for it, what is needed first.
    fn order(&self, app: usize, for_whom: &[usize], order: &mut Vec<usize>) -> Result<(), ApplicationError> {
        if self.runs(app) || order.contains(&app) {
            return Ok(());
        }
        if for_whom.contains(&app) {
            return Err(ApplicationError::Circle(name(app)));
        }
        let plan = self.loaded.get(&app).ok_or(ApplicationError::NotLoaded(name(app)))?;
        for need in &plan.needs {
            self.order(*need, &[for_whom, &[app]].concat(), order)?;
        }
        order.push(app);
        Ok(())
    }

    fn start_all(&mut self, app: usize, start_type: StartType) -> Result<Vec<String>, ApplicationError> {
        let (mut order, before) = (Vec::new(), self.running.len());
        self.order(app, &[], &mut order)?;
        for app in &order {
            if let Err(error) = self.start(*app, start_type) {
                self.stop_down_to(before);
                return Err(error);
            }
        }
        Ok(order.into_iter().map(name).collect())
    }

    fn stop(&mut self, app: usize) -> Result<(), ApplicationError> {
        if !self.runs(app) {
            return Err(ApplicationError::NotStarted(name(app)));
        }
        self.running.retain(|(of, _)| *of != app);
        self.say(app, "prep_stop");
        self.say(app, "stop");
        Ok(())
    }

    fn stop_down_to(&mut self, number: usize) {
        while self.running.len() > number {
            let (last, _) = self.running[self.running.len() - 1];
            self.stop(last).expect("it runs");
        }
    }

    /// Whether the controller ends by it.
    fn ended(&mut self, app: usize, normally: bool) -> bool {
        let Some(place) = self.running.iter().position(|(of, _)| *of == app) else { return false };
        let (_, start_type) = self.running.remove(place);
        self.say(app, "stop");
        let ends = match start_type {
            StartType::Permanent => true,
            StartType::Transient => !normally,
            StartType::Temporary => false,
        };
        if ends {
            self.stop_down_to(0);
            self.loaded.clear();
        }
        ends
    }
}

async fn play(context: Context, script: Vec<Step>) {
    let said = Said::default();
    let mut model = Model::default();
    let mut applications = start(&context).await;
    for step in script {
        match step {
            Step::Load(app, plan) => {
                let loaded = applications.load(&context, spec(NAMES[app], &plan, &said)).await;
                assert_eq!(loaded, model.load(app, plan));
            }
            Step::Unload(app) => {
                assert_eq!(applications.unload(&context, NAMES[app]).await, model.unload(app));
            }
            Step::Start(app, start_type) => {
                let started = applications.start(&context, NAMES[app], start_type).await;
                assert_eq!(started, model.start(app, start_type));
            }
            Step::StartAll(app, start_type) => {
                let started = applications.start_all(&context, NAMES[app], start_type).await;
                assert_eq!(started, model.start_all(app, start_type));
            }
            Step::Stop(app) => assert_eq!(applications.stop(&context, NAMES[app]).await, model.stop(app)),
            Step::Crash(app) | Step::End(app) => {
                let normally = matches!(step, Step::End(_));
                if let Some(worker) = context.whereis(NAMES[app]) {
                    end(&context, worker, normally).await;
                }
                if model.ended(app, normally) {
                    let why = if normally { "normal" } else { "shutdown" };
                    let expected = format!("application_terminated({}: {why})", NAMES[app]);
                    assert_eq!(controller_end(&context).await.to_string(), expected);
                    applications = start(&context).await;
                }
            }
            Step::StopAll => {
                applications.stop_all(&context, ExitReason::SHUTDOWN).await.expect("it stops");
                model.stop_down_to(0);
                model.loaded.clear();
                assert_eq!(controller_end(&context).await, ExitReason::SHUTDOWN);
                applications = start(&context).await;
            }
        }
        assert_eq!(*said.lock().unwrap(), model.said);
        assert_eq!(applications.loaded(&context).await, Ok(model.loaded.keys().copied().map(name).collect()));
        let running = applications.running(&context).await.expect("it answers");
        let running = running.into_iter().map(|application| (application.name, application.start_type));
        assert_eq!(
            running.collect::<Vec<_>>(),
            model.running.iter().map(|(app, t)| (name(*app), *t)).collect::<Vec<_>>()
        );
        for (app, name) in NAMES.iter().enumerate() {
            assert_eq!(context.whereis(name).is_some(), model.runs(app), "the tree of {name}");
        }
    }
}

async fn start(context: &Context) -> ApplicationsRef {
    let (controller, applications) = Applications::start(context.node()).await.expect("the only one");
    context.monitor(controller);
    applications
}

async fn end(context: &Context, worker: Pid, normally: bool) {
    if normally {
        let root = context.process_info(worker).await.and_then(|info| info.parent).expect("its supervisor");
        sys::terminate(context, root, ExitReason::NORMAL, Duration::MAX).await.expect("it ends");
    } else {
        context.exit_signal(worker, ExitReason::new("boom"));
    }
    // Until all have heard of it.
    context.sleep(Duration::from_millis(1)).await;
}

async fn controller_end(context: &Context) -> ExitReason {
    match context.receive_match(|message| matches!(message, Message::Down { .. })).await {
        Message::Down { reason, .. } => reason,
        _ => unreachable!("only that was asked for"),
    }
}

fn script() -> impl Strategy<Value = Vec<Step>> {
    let app = || 0..NAMES.len();
    let phase = prop_oneof![6 => Just(Phase::Works), 1 => Just(Phase::Fails), 1 => Just(Phase::Panics)];
    let start_type = || prop_oneof![4 => Just(StartType::Temporary), 1 => Just(StartType::Transient), 1 => Just(StartType::Permanent)];
    // Mostly of those before them, so that circles are rare.
    let needs = prop::collection::vec(app(), 0..3);
    let plan = (needs, phase).prop_map(|(needs, phase)| Plan { needs, phase });
    let load = (app(), plan, 0..4).prop_map(|(app, mut plan, circles)| {
        plan.needs.retain(|need| circles == 0 || *need < app);
        Step::Load(app, plan)
    });
    let step = prop_oneof![
        6 => load,
        1 => app().prop_map(Step::Unload),
        3 => (app(), start_type()).prop_map(|(app, start_type)| Step::Start(app, start_type)),
        6 => (app(), start_type()).prop_map(|(app, start_type)| Step::StartAll(app, start_type)),
        2 => app().prop_map(Step::Stop),
        2 => app().prop_map(Step::Crash),
        2 => app().prop_map(Step::End),
    ];
    script_ending_with(Step::StopAll, step)
}

proptest! {
    #[test]
    fn applications_start_and_stop_as_the_model_says(script in script(), seed: u64) {
        run(seed, move |context| play(context, script));
    }
}
