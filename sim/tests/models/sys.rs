use crate::run;
use crate::sys_reference::{Kind, Seen, Step, Then, What, expected};
use proptest::prelude::*;
use rusm_core::{
    BehaviourRef, CallError, CallFrom, Called, Context, Event, ExitReason, Init, Initial, MachineInit, Message, Next,
    Payload, Pid, ProcessBody, Server, SpawnOptions, Standing, Started, StateMachine, StopError, Transition,
    sys::{self, SysError},
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What both behaviours are asked and told: a number to keep, and what is next.
type Told = (usize, Then);
type Client = BehaviourRef<Told, Vec<usize>, Told>;

/// The state of the server, and the data of the state machine: the numbers that it was told.
struct Kept {
    numbers: Vec<usize>,
    /// The one that asked for a timeout.
    asked: usize,
    seen: Arc<Mutex<Seen>>,
}

impl Kept {
    fn keep(&mut self, (number, then): Told) -> Then {
        self.numbers.push(number);
        self.asked = number;
        assert!(then != Then::Panic, "as it was told");
        then
    }

    fn info(&mut self, message: Message) -> Then {
        match message {
            Message::Plain(payload) => self.keep(payload.downcast().expect("what it is told")),
            Message::Exit { reason, .. } => self.keep((reason.word().parse().expect("a number"), Then::Receive)),
            other => panic!("nothing else is sent: {other:?}"),
        }
    }

    fn times_out(&mut self, asked: usize) {
        self.numbers.push(1000 + asked);
    }

    fn ends(&self, reason: &ExitReason) {
        self.seen.lock().unwrap().terminated = Some(format!("{}: {:?}", reason.word(), self.numbers));
    }
}

fn next(then: Then) -> Next<Kept> {
    match then {
        Then::Receive => Next::Receive,
        Then::Timeout(time) => Next::Timeout(Duration::from_millis(time)),
        Then::Panic => unreachable!("it has panicked"),
    }
}

impl Server for Kept {
    type Args = Kept;
    type Call = Told;
    type Reply = Vec<usize>;
    type Cast = Told;
    type Continue = ();

    async fn init(context: &Context, kept: Kept) -> Init<Self> {
        context.trap_exit(true);
        Init::Up(kept, Next::Receive)
    }

    async fn handle_call(&mut self, _: &Context, told: Told, _: CallFrom<Vec<usize>>) -> Called<Self> {
        let then = self.keep(told);
        Called::Reply(self.numbers.clone(), next(then))
    }

    async fn handle_cast(&mut self, _: &Context, told: Told) -> Next<Self> {
        next(self.keep(told))
    }

    async fn handle_info(&mut self, _: &Context, message: Message) -> Next<Self> {
        next(self.info(message))
    }

    async fn handle_timeout(&mut self, _: &Context) -> Next<Self> {
        self.times_out(self.asked);
        Next::Receive
    }

    async fn terminate(&mut self, _: &Context, reason: &ExitReason) {
        self.ends(reason);
    }

    fn format_status(&self) -> String {
        format!("{:?}", self.numbers)
    }
}

struct Machine(Kept);

fn transition(then: Then, number: usize) -> Transition<Machine> {
    match then {
        Then::Receive => Transition::keep(),
        Then::Timeout(time) => Transition::keep().event_timeout(Duration::from_millis(time), number),
        Then::Panic => unreachable!("it has panicked"),
    }
}

impl StateMachine for Machine {
    type State = ();
    type Args = Kept;
    type Call = Told;
    type Reply = Vec<usize>;
    type Cast = Told;
    type Content = usize;

    async fn init(context: &Context, kept: Kept) -> MachineInit<Self> {
        context.trap_exit(true);
        MachineInit::Up(Machine(kept), Initial::state(()))
    }

    async fn handle_event(&mut self, _: &Context, (): &(), event: Event<Self>) -> Transition<Self> {
        match event {
            Event::Call(told, from) => {
                let then = self.0.keep(told);
                transition(then, told.0).reply(from, self.0.numbers.clone())
            }
            Event::Cast(told) => transition(self.0.keep(told), told.0),
            Event::Info(message) => transition(self.0.info(message), self.0.asked),
            Event::Timeout(asked) => {
                self.0.times_out(asked);
                Transition::keep()
            }
            other => panic!("nothing else comes: {other:?}"),
        }
    }

    async fn terminate(&mut self, _: &Context, (): &(), reason: &ExitReason) {
        self.0.ends(reason);
    }

    fn format_status(&self, (): &()) -> String {
        format!("{:?}", self.0.numbers)
    }
}

fn body(kind: Kind, kept: Kept) -> ProcessBody {
    match kind {
        Kind::Server => Kept::body(kept),
        Kind::StateMachine => Machine::body(kept),
    }
}

const LONG: Duration = Duration::from_secs(60);

/// Changes the numbers, in whichever behaviour it is.
async fn change<R: Send + 'static>(
    context: &Context,
    pid: Pid,
    kind: Kind,
    change: impl FnOnce(&mut Vec<usize>) -> R + Send + 'static,
) -> Result<R, SysError> {
    match kind {
        Kind::Server => sys::replace_state(context, pid, LONG, |kept: &mut Kept| change(&mut kept.numbers)).await,
        Kind::StateMachine => {
            let machine = |machine: &mut Standing<Machine>| change(&mut machine.data.0.numbers);
            sys::replace_state(context, pid, LONG, machine).await
        }
    }
}

async fn state(context: &Context, pid: Pid, kind: Kind) -> Result<Vec<usize>, SysError> {
    match kind {
        Kind::Server => sys::state(context, pid, LONG, |kept: &Kept| kept.numbers.clone()).await,
        Kind::StateMachine => {
            sys::state(context, pid, LONG, |machine: &Standing<Machine>| machine.data.0.numbers.clone()).await
        }
    }
}

fn said<T>(result: Result<T, SysError>, text: impl FnOnce(T) -> String) -> String {
    match result {
        Ok(value) => text(value),
        Err(SysError::Call(CallError::Down(reason))) => format!("down {}", reason.word()),
        Err(SysError::Panicked(why)) => format!("panicked: {why}"),
        Err(SysError::OtherState { .. }) => "another type".to_owned(),
        Err(other) => other.to_string(),
    }
}

/// Plays the script with a real process, whose parent is this one.
async fn play(context: Context, kind: Kind, script: Vec<Step>, seen: Arc<Mutex<Seen>>) {
    let kept = Kept { numbers: Vec::new(), asked: 0, seen: seen.clone() };
    let (Started::Up(pid), _) = context.start(SpawnOptions::default(), body(kind, kept)).await else {
        panic!("it starts");
    };
    let stranger = context.spawn(|context| async move { drop(context.receive_match(|_| false).await) });
    let origin = context.now();
    for Step { at, id, what } in script {
        let at = origin + Duration::from_millis(at);
        context.sleep(at.since(context.now())).await;
        let (client, seen) = (Client::from(pid), seen.clone());
        let text = match what {
            What::Cast(then) => {
                client.cast(&context, (id, then));
                continue;
            }
            What::Info(then) => {
                context.send(pid, Payload::local((id, then))).expect("a pid");
                continue;
            }
            What::Call { then, timeout, until } => {
                context.spawn(move |caller| async move {
                    let timeout = Duration::from_millis(timeout);
                    let outcome = match until {
                        true => client.call_until(&caller, (id, then), at + timeout).await,
                        false => client.call(&caller, (id, then), timeout).await,
                    };
                    let text = match outcome {
                        Ok(numbers) => format!("{numbers:?}"),
                        Err(CallError::Timeout) => "timeout".to_owned(),
                        Err(CallError::Down(reason)) => format!("down {}", reason.word()),
                        Err(other) => other.to_string(),
                    };
                    seen.lock().unwrap().calls.insert(id, text);
                });
                continue;
            }
            What::Stop => {
                context.spawn(move |caller| async move {
                    let text = match client.stop(&caller, ExitReason::new("stopped"), LONG).await {
                        Ok(()) => "stopped".to_owned(),
                        Err(StopError::Ended(reason)) => format!("down {}", reason.word()),
                        Err(StopError::Call(CallError::Down(reason))) => format!("down {}", reason.word()),
                        Err(other) => other.to_string(),
                    };
                    seen.lock().unwrap().calls.insert(id, text);
                });
                continue;
            }
            What::Kill => {
                context.exit_signal(pid, ExitReason::KILL);
                continue;
            }
            What::ParentExits => {
                context.exit_signal(pid, ExitReason::new("orphaned"));
                continue;
            }
            What::StrangerExits => {
                context.node().exit_signal(pid, ExitReason::new(id.to_string()));
                continue;
            }
            What::Suspend => said(sys::suspend(&context, pid, LONG).await, |()| "suspended".to_owned()),
            What::Resume => said(sys::resume(&context, pid, LONG).await, |()| "resumed".to_owned()),
            What::Status => said(sys::status(&context, pid, LONG).await, |status| {
                assert_eq!((status.info.pid, status.info.trap_exit), (pid, true));
                format!("{}: {}", if status.suspended { "suspended" } else { "runs" }, status.state)
            }),
            What::State => said(state(&context, pid, kind).await, |numbers| format!("{numbers:?}")),
            What::Replace => {
                let replaces = move |numbers: &mut Vec<usize>| {
                    numbers.push(id);
                    numbers.len()
                };
                said(change(&context, pid, kind, replaces).await, |len| format!("{len} are kept"))
            }
            What::ReplaceAndPanic => {
                let panics = move |numbers: &mut Vec<usize>| {
                    numbers.push(id);
                    panic!("no");
                };
                said(change::<()>(&context, pid, kind, panics).await, |()| unreachable!("it panics"))
            }
            What::OtherType => said(sys::state(&context, pid, LONG, |_: &u8| ()).await, |()| unreachable!("a u8")),
            What::Terminate => {
                let ended = sys::terminate(&context, pid, ExitReason::new("terminated"), LONG).await;
                said(ended, |()| "ends".to_owned())
            }
        };
        seen.lock().unwrap().said.push(format!("{id}: {text}"));
    }
    // Until the last call is given up.
    context.sleep(Duration::from_millis(2 * TIME_MAX)).await;
    context.exit_signal(stranger, ExitReason::KILL);
}

const TIME_MAX: u64 = 400;

fn what() -> impl Strategy<Value = What> {
    let then = || {
        let timeout = (2u64..TIME_MAX).prop_map(Then::Timeout);
        prop_oneof![12 => Just(Then::Receive), 8 => timeout, 1 => Just(Then::Panic)]
    };
    prop_oneof![
        4 => then().prop_map(What::Cast),
        1 => then().prop_map(What::Info),
        5 => (then(), 2u64..TIME_MAX, any::<bool>())
            .prop_map(|(then, timeout, until)| What::Call { then, timeout, until }),
        4 => Just(What::Suspend),
        4 => Just(What::Resume),
        2 => Just(What::Status),
        2 => Just(What::State),
        2 => Just(What::Replace),
        1 => Just(What::ReplaceAndPanic),
        1 => Just(What::OtherType),
        1 => Just(What::StrangerExits),
        1 => prop::sample::select(&[What::Stop, What::Kill, What::ParentExits, What::Terminate][..]),
    ]
}

/// Steps close to each other and far apart, and an end behind them.
fn script() -> impl Strategy<Value = Vec<Step>> {
    let gap = prop_oneof![2u64..20, 2u64..TIME_MAX];
    prop::collection::vec((gap, what()), 0..24).prop_map(|steps| {
        let mut at = 0;
        let mut script: Vec<Step> = Vec::new();
        for (gap, what) in steps.into_iter().chain([(TIME_MAX + 7, What::Terminate)]) {
            at += gap;
            script.push(Step { at, id: script.len(), what });
        }
        script
    })
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn a_process_that_is_looked_into_and_held_does_what_the_reference_does(
        script in script(),
        kind in prop::sample::select(&[Kind::Server, Kind::StateMachine][..]),
        seed in 0u64..1000,
    ) {
        let expected = expected(kind, &script);
        prop_assume!(expected.is_some());
        let seen = Arc::new(Mutex::new(Seen::default()));
        run(seed, { let seen = seen.clone(); move |context| play(context, kind, script, seen) });
        prop_assert_eq!(std::mem::take(&mut *seen.lock().unwrap()), expected.unwrap());
    }
}
