//! One run of a scenario, from its start to its judgement.

use super::Case;
use super::scenario::{Script, Test};
use crate::check::Checker;
use crate::plan::carry_out;
use crate::tenant::Tenant;
use crate::{EventLog, Outcome, Plan, Report, RunError, Seen, Sim, SimHandle, SimOptions};
use futures_util::FutureExt;
use futures_util::future::{Either, select};
use parking_lot::Mutex;
use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How often a condition that must hold eventually is asked.
const ASK_EVERY: Duration = Duration::from_millis(10);

/// A run with more turns goes round and round. The suites here need a tenth of that at most.
const TURNS_MAX: u64 = 20_000_000;

/// The property that a panic in a script breaks.
const ASSERTION: &str = "assertion";

type Checkers = Arc<Mutex<Vec<Box<dyn Checker>>>>;

/// Runs that case of a scenario.
pub(crate) fn run_case(scenario: &(dyn Fn(&mut Test) + Send + Sync), case: &Case, log: EventLog) -> Report {
    let sim = Sim::new(SimOptions { log, turns_max: TURNS_MAX, ..case.options() });
    let mut test = Test::new(sim.handle(), case);
    let built = catch_unwind(AssertUnwindSafe(|| scenario(&mut test)));
    let plan = case.plan.clone().unwrap_or_else(|| test.draw_plan());
    let sizes = test.drawn_sizes.clone();
    sim.record("options", &case.heading());
    let hosts = sim.host_names();
    let outcome = match (built, plan.check(hosts.iter().map(String::as_str))) {
        (Err(panic), _) => Outcome::Crashed(format!("the scenario panicked: {}", message(&*panic))),
        (_, Err(error)) => Outcome::Crashed(error.to_string()),
        (Ok(()), Ok(())) => judge(&sim, test, plan.clone()),
    };
    sim.record("outcome", &outcome.to_string());
    report(&sim, case, plan, sizes, outcome)
}

fn report(sim: &Sim, case: &Case, plan: Plan, sizes: BTreeMap<String, u64>, outcome: Outcome) -> Report {
    Report {
        seed: case.seed,
        profile: case.profile,
        plan,
        sizes,
        outcome,
        hash: sim.hash(),
        events: sim.recorder().events(),
        virtual_time: Duration::from_nanos(sim.now().as_nanos()),
        counts: sim.recorder().counts(),
        reached: sim.recorder().reached(),
        unwritten: sim.recorder().finish().err().map(|error| error.to_string()),
    }
}

fn judge(sim: &Sim, test: Test, plan: Plan) -> Outcome {
    let outcome = match sim.block_on(conduct(sim.handle(), test, plan)) {
        Ok(outcome) => outcome,
        // What ends a run comes before what else it has caused.
        Err(RunError::Failed(outcome)) => return outcome,
        Err(error) => Outcome::Stalled(error.to_string()),
    };
    // A node makes an exit reason of a panic: an assertion in a process would fail in silence.
    let panicked = sim.process_panics();
    match (outcome, panicked.first()) {
        (outcome @ (Outcome::Broken { .. } | Outcome::Crashed(_)), _) => outcome,
        (_, Some(panic)) => Outcome::Crashed(format!("a process panicked: {panic}")),
        (_, None) if sim.panics() > 0 => Outcome::Crashed(format!("{} tasks panicked", sim.panics())),
        (outcome, None) => outcome,
    }
}

async fn conduct(sim: SimHandle, mut test: Test, plan: Plan) -> Outcome {
    let checkers: Checkers = Arc::new(Mutex::new(std::mem::take(&mut test.checkers)));
    if !checkers.lock().is_empty() {
        let watching = checkers.clone();
        sim.watch(Box::new(move |seen| show(&mut watching.lock(), seen)));
    }
    for (name, node) in &test.nodes {
        if let Err(why) = node.clone().boot().await {
            return Outcome::Crashed(format!("{name} did not start: {why}"));
        }
    }
    let running: Vec<_> = std::mem::take(&mut test.scripts).into_iter().map(|script| start(&sim, script)).collect();
    carry_out(&sim, &plan).await;
    let deadline = sim.now() + test.bound;
    for (host, returned) in running {
        let left = deadline.since(sim.now());
        if let Either::Right(_) = select(returned, pin!(sim.sleep(left))).await {
            let bound = test.bound.as_secs_f64();
            return Outcome::Stalled(format!("the script on {host} has not returned {bound} s after the heal"));
        }
    }
    for (property, condition) in &mut test.eventually {
        while let Err(why) = condition() {
            if sim.now() >= deadline {
                let bound = test.bound.as_secs_f64();
                return Outcome::broken(property.as_str(), format!("{bound} s after the heal: {why}"));
            }
            sim.sleep(ASK_EVERY).await;
        }
    }
    for (property, condition) in &mut test.finally {
        if let Err(why) = condition() {
            return Outcome::broken(property.as_str(), why);
        }
    }
    for checker in checkers.lock().iter_mut() {
        if let Err(why) = checker.end(sim.now()) {
            return Outcome::broken(checker.property(), why);
        }
    }
    Outcome::Passed
}

fn show(checkers: &mut [Box<dyn Checker>], seen: &Seen<'_>) -> Result<(), Outcome> {
    for checker in checkers {
        checker.see(seen).map_err(|why| Outcome::broken(checker.property(), why))?;
    }
    Ok(())
}

/// Starts a script on its host; what is returned is done when it is, or when its host has crashed.
fn start(sim: &SimHandle, script: Script) -> (String, oneshot::Receiver<()>) {
    let (done, is_done) = oneshot::channel();
    let (failing, host) = (sim.clone(), script.host.clone());
    sim.spawn(&script.host, async move {
        if let Err(panic) = AssertUnwindSafe(script.run).catch_unwind().await {
            failing.fail(Outcome::broken(ASSERTION, message(&*panic)));
        }
        // Nobody waits any more when the run has ended.
        let _ = done.send(());
    });
    (host, is_done)
}

/// What a panic says.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message").to_owned()
}
