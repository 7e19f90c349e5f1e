use crate::run;
use proptest::prelude::*;
use rusm_core::{Context, Destination, ExitReason, Message, Payload, Pid, Reference, TimerFired};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The processes that timers go to, by number: the first has the name, when somebody has it.
const RECEIVERS: usize = 2;

#[derive(Clone, Debug)]
enum Step {
    /// A timer to a receiver, or to the name; with its reference around the message.
    Start {
        to: Option<usize>,
        after: u64,
        wrapped: bool,
    },
    /// By the number of a timer, as they were started.
    Cancel(usize),
    Read(usize),
    Kill(usize),
    Register(usize),
    Unregister,
}

/// What is seen: which timer's message came to which receiver when, and what was said of the others. In milliseconds.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    fired: Vec<(usize, usize, u64)>,
    said: Vec<String>,
}

/// All timers in one list, each with its deadline, and a look at all of them whenever time passes. Nothing, when two things
/// happen at the same time.
#[derive(Default)]
struct Model {
    timers: Vec<Timer>,
    dead: [bool; RECEIVERS],
    named: Option<usize>,
    seen: Seen,
}

struct Timer {
    to: Option<usize>,
    deadline: u64,
    runs: bool,
}

fn expected(script: &[(u64, Step)]) -> Option<Seen> {
    let mut reference = Model::default();
    for (at, step) in script {
        reference.pass(*at)?;
        reference.step(*at, step);
    }
    reference.pass(u64::MAX)?;
    Some(reference.seen)
}

impl Model {
    /// Everything that is due fires, the earliest first.
    fn pass(&mut self, now: u64) -> Option<()> {
        let mut running: Vec<usize> = (0..self.timers.len()).filter(|i| self.timers[*i].runs).collect();
        running.sort_by_key(|i| self.timers[*i].deadline);
        let mut times: Vec<u64> = running.iter().map(|i| self.timers[*i].deadline).chain([now]).collect();
        times.sort_unstable();
        if times.windows(2).any(|pair| pair[1] - pair[0] <= 1) {
            return None;
        }
        running.retain(|i| self.timers[*i].deadline < now);
        for i in running {
            self.timers[i].runs = false;
            let deadline = self.timers[i].deadline;
            // A name is looked up now; a timer to the dead does not run.
            if let Some(receiver) = self.timers[i].to.or(self.named) {
                self.seen.fired.push((i, receiver, deadline));
            }
        }
        Some(())
    }

    fn step(&mut self, now: u64, step: &Step) {
        match *step {
            Step::Start { to, after, .. } => {
                let runs = to.is_none_or(|receiver| !self.dead[receiver]);
                self.timers.push(Timer { to, deadline: now + after, runs });
            }
            Step::Cancel(i) => {
                let left = self.left(now, i);
                self.seen.said.push(format!("cancelled {i}, left {left:?}"));
                if let Some(timer) = self.timers.get_mut(i) {
                    timer.runs = false;
                }
            }
            Step::Read(i) => {
                let left = self.left(now, i);
                self.seen.said.push(format!("{i} has {left:?}"));
            }
            Step::Kill(receiver) => {
                self.dead[receiver] = true;
                self.timers.iter_mut().filter(|timer| timer.to == Some(receiver)).for_each(|timer| timer.runs = false);
                self.named = self.named.filter(|named| *named != receiver);
            }
            Step::Register(receiver) => {
                if self.named.is_none() && !self.dead[receiver] {
                    self.named = Some(receiver);
                }
            }
            Step::Unregister => self.named = None,
        }
    }

    fn left(&self, now: u64, i: usize) -> Option<u64> {
        self.timers.get(i).filter(|timer| timer.runs).map(|timer| timer.deadline - now)
    }
}

/// Plays the script with real timers.
async fn play(context: Context, script: Vec<(u64, Step)>, seen: Arc<Mutex<Seen>>) {
    let origin = context.now();
    let receivers: Vec<Pid> = (0..RECEIVERS).map(|receiver| listen(&context, receiver, seen.clone())).collect();
    let mut timers: Vec<Reference> = Vec::new();
    for (at, step) in script {
        context.sleep((origin + Duration::from_millis(at)).since(context.now())).await;
        match step {
            Step::Start { to, after, wrapped } => {
                let number = Payload::local(timers.len());
                let to = to.map_or(Destination::from("named"), |receiver| receivers[receiver].into());
                let after = Duration::from_millis(after);
                timers.push(match wrapped {
                    true => context.start_timer(after, to, number),
                    false => context.send_after(after, to, number),
                });
            }
            Step::Cancel(i) => {
                let left = timers.get(i).and_then(|timer| context.cancel_timer(*timer)).map(ms);
                seen.lock().unwrap().said.push(format!("cancelled {i}, left {left:?}"));
            }
            Step::Read(i) => {
                let left = timers.get(i).and_then(|timer| context.read_timer(*timer)).map(ms);
                seen.lock().unwrap().said.push(format!("{i} has {left:?}"));
            }
            Step::Kill(receiver) => context.exit_signal(receivers[receiver], ExitReason::KILL),
            // Refused where the reference refuses it.
            Step::Register(receiver) => drop(context.register("named", receivers[receiver])),
            Step::Unregister => drop(context.unregister("named")),
        }
    }
    context.sleep(Duration::from_millis(2 * TIME_MAX)).await;
    receivers.into_iter().for_each(|receiver| context.exit_signal(receiver, ExitReason::KILL));
}

/// A process that writes down what comes, and when.
fn listen(context: &Context, receiver: usize, seen: Arc<Mutex<Seen>>) -> Pid {
    let origin = context.now();
    context.spawn(move |context| async move {
        loop {
            let Message::Plain(payload) = context.receive().await else { panic!("nothing else is sent") };
            let number = match payload.downcast::<TimerFired>() {
                Ok(fired) => fired.payload.downcast().expect("a number"),
                Err(payload) => payload.downcast().expect("a number"),
            };
            let at = ms(context.now().since(origin));
            seen.lock().unwrap().fired.push((number, receiver, at));
        }
        #[expect(unreachable_code, reason = "says what the body returns")]
        ExitReason::NORMAL
    })
}

/// The nearest millisecond.
fn ms(time: Duration) -> u64 {
    (time.as_micros() as u64 + 500) / 1000
}

const TIME_MAX: u64 = 1_000;

fn step() -> impl Strategy<Value = Step> {
    let to = prop_oneof![2 => (0..RECEIVERS).prop_map(Some), 1 => Just(None)];
    prop_oneof![
        8 => (to, 0..TIME_MAX, any::<bool>()).prop_map(|(to, after, wrapped)| Step::Start { to, after, wrapped }),
        3 => (0usize..12).prop_map(Step::Cancel),
        2 => (0usize..12).prop_map(Step::Read),
        1 => (0..RECEIVERS).prop_map(Step::Kill),
        3 => (0..RECEIVERS).prop_map(Step::Register),
        1 => Just(Step::Unregister),
    ]
}

fn script() -> impl Strategy<Value = Vec<(u64, Step)>> {
    prop::collection::vec((2u64..60, step()), 0..24).prop_map(|steps| {
        let timed = steps.into_iter().scan(0, |at, (gap, step)| {
            *at += gap;
            Some((*at, step))
        });
        timed.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn timers_do_what_the_reference_does(script in script(), seed in 0u64..1000) {
        let expected = expected(&script);
        prop_assume!(expected.is_some());
        let seen = Arc::new(Mutex::new(Seen::default()));
        run(seed, { let seen = seen.clone(); move |context| play(context, script, seen) });
        prop_assert_eq!(std::mem::take(&mut *seen.lock().unwrap()), expected.unwrap());
    }
}
