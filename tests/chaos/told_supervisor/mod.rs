//! A supervisor is told what to do at random, and its children end at random, or do not start: after each step it has
//! done exactly what an obvious model says, in the same order, and nobody is left over.

mod model;

use crate::support::below;
use model::{Answer, Child, Model, Request, Start, Starts, TOO_SHORT, next_start};
use rand_core::Rng;
use rusm_core::{
    AutoShutdown, CallError, ChildKind, ChildSpec, ChildStart, Context, Decision, ExitReason, Message, Node, Pid,
    Restart, Shutdown, Started, Strategy, Supervisor, SupervisorError, SupervisorRef, SupervisorReport, SupervisorSpec,
    TraceEvent,
};
use rusm_sim::check::always;
use rusm_sim::{SeenEvent, SimHandle, Test};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const IDS: [&str; 5] = ["a", "b", "c", "d", "e"];

const STEPS: u32 = 25;

/// How long a child takes to end when it is told to, and to find out that it cannot start.
const TAKES: Duration = Duration::from_millis(100);

/// Longer than anything takes that a step leads to.
const REST: Duration = Duration::from_secs(20);

/// What children have seen and what was said of them, and how their next starts go.
#[derive(Clone, Default)]
struct Nursery {
    log: Arc<Mutex<Vec<String>>>,
    starts: Arc<Mutex<Starts>>,
    /// Those who end of nothing but a kill.
    stubborn: Arc<Mutex<BTreeSet<String>>>,
}

impl Nursery {
    fn note(&self, line: String) {
        self.log.lock().expect("nobody panics with it").push(line);
    }

    /// How long that child takes to end.
    fn takes(&self, id: &str) -> Duration {
        let is_stubborn = self.stubborn.lock().expect("nobody panics with it").contains(id);
        if is_stubborn { Duration::MAX } else { TAKES }
    }

    fn spec(&self, child: &Child) -> ChildSpec {
        let (nursery, id) = (self.clone(), child.id.clone());
        let start = ChildStart::native_with_init(move |context, _| run(context, id.clone(), nursery.clone()));
        let mut spec = ChildSpec::new(&child.id, start).name(&child.id).restart(child.restart);
        spec.kind = if child.is_supervisor { ChildKind::Supervisor } else { ChildKind::Worker };
        spec.shutdown(child.shutdown).significant(child.significant)
    }

    fn tree(&self, strategy: Strategy, model: &Model, children: &[Child]) -> SupervisorSpec {
        let period = match model.window {
            Some(steps) => REST * steps - REST / 3,
            // A restart never leaves it.
            None => Duration::from_secs(1_000_000),
        };
        let spec = SupervisorSpec::new(strategy).intensity(model.intensity, period);
        let spec = spec.auto_shutdown(model.auto_shutdown);
        children.iter().fold(spec, |spec, child| spec.child(self.spec(child)))
    }
}

/// A child that says what it sees.
async fn run(context: Context, id: String, nursery: Nursery) -> ExitReason {
    let start = next_start(&mut nursery.starts.lock().expect("nobody panics with it"), &id);
    match start {
        Some(Start::Fails(_)) => {
            context.sleep(TAKES).await;
            nursery.note(format!("fail {id}"));
            let reason = ExitReason::new("no_start");
            context.init_fail(reason.clone());
            return reason;
        }
        Some(Start::Ignored) => {
            nursery.note(format!("ignore {id}"));
            context.init_ignore();
            return ExitReason::NORMAL;
        }
        None => {}
    }
    context.trap_exit(true);
    nursery.note(format!("start {id}"));
    context.init_ack();
    match context.receive().await {
        Message::Exit { from, reason } => {
            if Some(from) == context.parent() {
                nursery.note(format!("stop {id} {}", reason.word()));
                context.sleep(nursery.takes(&id)).await;
            }
            reason
        }
        other => panic!("{id} was sent {other:?}"),
    }
}

fn one<T: Copy>(rng: &mut impl Rng, of: &[T]) -> T {
    of[below(rng, of.len() as u64) as usize]
}

fn some_reason(rng: &mut impl Rng) -> ExitReason {
    match below(rng, 4) {
        0 => ExitReason::NORMAL,
        1 => ExitReason::SHUTDOWN,
        2 => ExitReason::KILL,
        _ => ExitReason::new("boom"),
    }
}

fn some_child(rng: &mut impl Rng, id: &str, auto_shutdown: AutoShutdown) -> Child {
    let restart = one(rng, &[Restart::Permanent, Restart::Permanent, Restart::Transient, Restart::Temporary]);
    let may_be_significant = auto_shutdown != AutoShutdown::Never && restart != Restart::Permanent;
    let shutdown = match below(rng, 4) {
        0 => Shutdown::BrutalKill,
        // It hears of it, and is killed.
        1 => TOO_SHORT,
        2 => Shutdown::Infinity,
        _ => Shutdown::Timeout(TAKES * 4),
    };
    let (significant, is_supervisor) = (may_be_significant && below(rng, 2) == 0, below(rng, 4) == 0);
    Child {
        id: id.to_owned(),
        restart,
        significant,
        shutdown,
        is_supervisor,
        runs: false,
        restarting: false,
        restarts: 0,
    }
}

fn some_supervisor(rng: &mut impl Rng) -> Model {
    let auto_shutdown = one(rng, &[AutoShutdown::Never, AutoShutdown::AnySignificant, AutoShutdown::AllSignificant]);
    let children = IDS[..below(rng, 5) as usize].iter().map(|id| some_child(rng, id, auto_shutdown)).collect();
    Model {
        strategy: one(rng, &[Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne]),
        auto_shutdown,
        intensity: one(rng, &[0, 1, 2, 6, 1000]),
        children,
        window: one(rng, &[Some(1), Some(2), None]),
        step: 0,
        attempts: Vec::new(),
        ended: false,
        log: Vec::new(),
        starts: Starts::new(),
        waiting: None,
        answer: None,
        met_restarting: false,
    }
}

#[rusm_sim::test(
    seeds = 300,
    sometimes = [
        "it gave up", "a start failed", "a restart failed", "it was told to stop", "it shut down by itself",
        "a restart was forgotten", "one ended while another was stopped", "one was asked for while it was restarted"
    ]
)]
fn a_supervisor_does_what_the_model_says(test: &mut Test) {
    test.bound(REST * (STEPS + 10));
    let nursery = Nursery::default();
    let heard = nursery.clone();
    test.watch(always("reports", move |seen| {
        if let SeenEvent::Node(TraceEvent::Supervisor { report, .. }) = seen.event {
            heard.note(said(report));
        }
        Ok(())
    }));
    test.script("outside", |sim| told(sim, nursery));
}

/// What a supervisor says of a child.
fn said(report: &SupervisorReport) -> String {
    let decision = match &report.decision {
        Decision::Restarted { count, .. } => format!("restarted, {count}"),
        Decision::RestartFailed { count, .. } => format!("restart failed, {count}"),
        Decision::GaveUp { count, .. } => format!("gave up after {count}"),
        Decision::LetGo => "let go".to_owned(),
        Decision::AutoShutdown => "shuts down".to_owned(),
        Decision::StoppedOtherwise => "was stopping it".to_owned(),
        other => other.to_string(),
    };
    format!("{}: {decision}", report.child)
}

async fn told(sim: SimHandle, nursery: Nursery) {
    let mut rng = sim.random("operator");
    let node = Node::start(sim.node_options("a"));
    let mut model = some_supervisor(&mut rng);
    let spec = nursery.tree(model.strategy, &model, &model.children);
    let Started::Up(supervisor) = Supervisor::start(&node, spec).await else { panic!("it did not start") };
    model.init();
    let end = Arc::new(Mutex::new(None));
    sim.spawn("outside", {
        let (node, end) = (node.clone(), end.clone());
        async move { *end.lock().expect("nobody panics with it") = Some(node.await_exit(supervisor).await) }
    });
    let mut operator = Operator { sim, node, nursery, supervisor, end, model };
    operator.compare("init").await;
    for _ in 0..STEPS {
        let step = operator.step(&mut rng).await;
        operator.compare(&step).await;
        if operator.model.ended {
            let end = operator.end.lock().expect("nobody panics with it").take().expect("it has ended");
            return assert_eq!(end.word(), "shutdown", "{step}");
        }
    }
    operator.stop().await;
}

struct Operator {
    sim: SimHandle,
    node: Node,
    nursery: Nursery,
    supervisor: Pid,
    /// Why the supervisor has ended.
    end: Arc<Mutex<Option<ExitReason>>>,
    model: Model,
}

impl Operator {
    /// Does one thing to both, and says what.
    async fn step(&mut self, rng: &mut impl Rng) -> String {
        let id = one(rng, &IDS);
        if below(rng, 3) == 0 {
            let start = one(rng, &[Start::Fails(1), Start::Fails(2), Start::Ignored]);
            self.next_start(id, start);
        }
        match below(rng, 10) {
            2 if below(rng, 2) == 0 => self.end_another_while_one_stops(rng, id).await,
            0..5 => {
                let request = self.some_request(rng, id);
                let step = format!("{request:?}");
                let found = self.ask(&request).await;
                if found == Answer::Refused("start_failed") {
                    self.sim.sometimes("a start failed");
                }
                assert_eq!(found, self.model.serve(request), "{step}");
                step
            }
            5 if below(rng, 2) == 0 => self.change(rng).await,
            6 | 7 => self.ask_while_one_is_restarted(rng, id).await,
            _ => self.end_child(rng, id),
        }
    }

    fn next_start(&mut self, id: &str, start: Start) {
        self.model.starts.insert(id.to_owned(), start);
        self.nursery.starts.lock().expect("nobody panics with it").insert(id.to_owned(), start);
    }

    fn some_request(&self, rng: &mut impl Rng, id: &str) -> Request {
        match below(rng, 5) {
            0 | 1 => Request::Start(some_child(rng, id, self.model.auto_shutdown)),
            2 => Request::Terminate(id.to_owned()),
            3 => Request::Restart(id.to_owned()),
            _ => Request::Delete(id.to_owned()),
        }
    }

    async fn ask(&self, request: &Request) -> Answer {
        let (node, supervisor) = (&self.node, SupervisorRef::from(self.supervisor));
        match request {
            Request::Start(child) => started(supervisor.start_child(node, self.nursery.spec(child)).await),
            Request::Terminate(id) => done(supervisor.terminate_child(node, id.as_str()).await),
            Request::Restart(id) => started(supervisor.restart_child(node, id).await),
            Request::Delete(id) => done(supervisor.delete_child(node, id).await),
        }
    }

    async fn change(&mut self, rng: &mut impl Rng) -> String {
        let strategy = one(rng, &[Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne]);
        let mut ids: Vec<&str> = IDS.into_iter().filter(|_| below(rng, 2) == 0).collect();
        ids.reverse();
        let children: Vec<Child> = ids.iter().map(|id| some_child(rng, id, self.model.auto_shutdown)).collect();
        let tree = self.nursery.tree(strategy, &self.model, &children);
        let found = SupervisorRef::from(self.supervisor).change(&self.node, tree).await;
        self.model.change(strategy, children);
        let step = format!("change {strategy:?} {ids:?}");
        assert_eq!(done(found), Answer::Done, "{step}");
        step
    }

    /// A child ends and cannot be started again at first; meanwhile an operator asks for something, mostly about that child.
    async fn ask_while_one_is_restarted(&mut self, rng: &mut impl Rng, id: &str) -> String {
        let start = one(rng, &[Start::Fails(1), Start::Fails(2)]);
        self.next_start(id, start);
        let about = if below(rng, 3) == 0 { one(rng, &IDS) } else { id };
        let (reason, request) = (some_reason(rng), self.some_request(rng, about));
        let step = format!("{id} ends, starts again after {start:?}: {reason}; meanwhile {request:?}");
        let ends = self.node.whereis(id);
        if let Some(pid) = ends {
            self.node.exit_signal(pid, reason.clone());
        }
        self.sim.sleep(TAKES / 2).await;
        let found = self.ask(&request).await;
        self.model.waiting = Some(request);
        if ends.is_some() {
            self.ended(id, &reason);
        }
        if let Some(request) = self.model.waiting.take() {
            self.model.answer = Some(self.model.serve(request));
        }
        assert_eq!(Some(found), self.model.answer.take(), "{step}");
        if self.model.met_restarting {
            self.sim.sometimes("one was asked for while it was restarted");
        }
        step
    }

    /// A child ends, in a way that its supervisor did not ask for.
    fn end_child(&mut self, rng: &mut impl Rng, id: &str) -> String {
        let reason = some_reason(rng);
        let step = format!("{id} ends: {reason}");
        if let Some(pid) = self.node.whereis(id) {
            self.node.exit_signal(pid, reason.clone());
            self.ended(id, &reason);
        }
        step
    }

    /// A child is stopped, which takes its time, and another one ends meanwhile: that comes next.
    async fn end_another_while_one_stops(&mut self, rng: &mut impl Rng, id: &str) -> String {
        let (other, reason) = (one(rng, &IDS), some_reason(rng));
        let step = format!("terminate {id}, and {other} ends: {reason}");
        let ends = self.node.whereis(other).filter(|_| other != id);
        let meanwhile = async {
            self.sim.sleep(TAKES / 10).await;
            if let Some(pid) = ends {
                self.node.exit_signal(pid, reason.clone());
            }
        };
        let supervisor = SupervisorRef::from(self.supervisor);
        let (found, ()) = futures_util::join!(supervisor.terminate_child(&self.node, id), meanwhile);
        assert_eq!(done(found), self.model.serve(Request::Terminate(id.to_owned())), "{step}");
        if ends.is_some() {
            self.sim.sometimes("one ended while another was stopped");
            self.ended(other, &reason);
        }
        step
    }

    fn ended(&mut self, id: &str, reason: &ExitReason) {
        let (fails, attempts) = (self.model.starts.contains_key(id), self.model.attempts.len());
        self.model.child_ended(id, reason.is_orderly());
        if fails && self.model.attempts.len() > attempts + 1 {
            self.sim.sometimes("a restart failed");
        }
        if !self.model.ended && self.model.attempts.len() > self.model.intensity as usize {
            self.sim.sometimes("a restart was forgotten");
        }
        if self.model.ended {
            let gave_up = self.model.is_too_often();
            self.sim.sometimes(if gave_up { "it gave up" } else { "it shut down by itself" });
        }
    }

    /// At rest both must be the same.
    async fn compare(&mut self, step: &str) {
        self.sim.sleep(REST).await;
        self.model.step += 1;
        // Who has not the time to end will be killed.
        let stubborn = self.model.children.iter().filter(|child| child.shutdown == TOO_SHORT);
        let stubborn = stubborn.map(|child| child.id.clone()).collect();
        *self.nursery.stubborn.lock().expect("nobody panics with it") = stubborn;
        let log = std::mem::take(&mut *self.nursery.log.lock().expect("nobody panics with it"));
        assert_eq!(log, std::mem::take(&mut self.model.log), "{step}: what was done, and what should be");
        let (node, model) = (&self.node, &self.model);
        if model.ended {
            assert_eq!(node.process_count(), 0, "{step}: it has ended and left {:?}", node.processes());
            return;
        }
        let supervisor = SupervisorRef::from(self.supervisor);
        let children = supervisor.which_children(node).await.expect("the supervisor lives");
        let found: Vec<_> =
            children.iter().map(|child| (child.id.as_str(), child.pid.is_some(), child.restarts)).collect();
        let expected = model.children.iter().rev().map(|child| (child.id.as_str(), child.runs, child.restarts));
        assert_eq!(found, expected.collect::<Vec<_>>(), "{step}: its children, and what they should be");
        for child in &children {
            assert_eq!(node.whereis(&child.id), child.pid, "{step}: the name of {}", child.id);
            assert!(!child.restarting, "{step}: {} is not at rest", child.id);
        }
        let counts = supervisor.count_children(node).await.expect("the supervisor lives");
        let supervisors = model.children.iter().filter(|child| child.is_supervisor).count();
        let runs = model.children.iter().filter(|child| child.runs).count();
        let (specs, workers) = (model.children.len(), model.children.len() - supervisors);
        assert_eq!(
            (counts.specs, counts.active, counts.supervisors, counts.workers),
            (specs, runs, supervisors, workers),
            "{step}"
        );
        // Whoever waits for its end is one more.
        assert_eq!(node.process_count(), 2 + runs, "{step}: somebody is left over: {:?}", node.processes());
    }

    async fn stop(mut self) {
        self.sim.sometimes("it was told to stop");
        let reason = ExitReason::SHUTDOWN.with_detail("told so");
        let stopped = SupervisorRef::from(self.supervisor).stop(&self.node, reason.clone()).await;
        assert_eq!(stopped, Ok(()));
        self.model.end();
        self.compare("stop").await;
        let end = self.end.lock().expect("nobody panics with it").take().expect("it has ended");
        assert_eq!((end.word(), end.detail()), (reason.word(), reason.detail()));
    }
}

fn started(found: Result<Option<Pid>, SupervisorError>) -> Answer {
    match found {
        Ok(Some(_)) => Answer::Started,
        Ok(None) => Answer::NotStarted,
        Err(error) => refused(&error),
    }
}

fn done(found: Result<(), SupervisorError>) -> Answer {
    found.map_or_else(|error| refused(&error), |()| Answer::Done)
}

fn refused(error: &SupervisorError) -> Answer {
    Answer::Refused(match error {
        SupervisorError::NotFound => "not_found",
        SupervisorError::Running => "running",
        SupervisorError::AlreadyStarted(_) => "already_started",
        SupervisorError::AlreadyPresent => "already_present",
        SupervisorError::Restarting => "restarting",
        SupervisorError::StartFailed(_) => "start_failed",
        SupervisorError::Call(CallError::Down(_)) => "gone",
        other => panic!("{other}"),
    })
}
