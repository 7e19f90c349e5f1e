use crate::run;
use crate::server_reference::{Answer, Job, Seen, Step, Then, What, expected};
use proptest::prelude::*;
use rusm_core::{
    CallError, CallFrom, Called, Context, ExitReason, Init, Message, Next, Payload, Server, ServerRef, SpawnOptions,
    Started, Timestamp,
};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A server that does what it is told.
struct Told {
    seen: Arc<Mutex<Seen>>,
    origin: Timestamp,
    later: VecDeque<(usize, CallFrom<usize>)>,
}

enum Tell {
    Do(Job),
    Answer,
}

impl Told {
    fn callback(&self, text: String) {
        self.seen.lock().unwrap().callbacks.push(text);
    }

    async fn works(&self, context: &Context, job: Job) -> Next<Self> {
        context.sleep(Duration::from_millis(job.busy)).await;
        match job.then {
            Then::Receive => Next::Receive,
            Then::Timeout(time) => Next::Timeout(Duration::from_millis(time)),
            Then::Hibernate => Next::Hibernate,
            Then::Continue(job) => Next::Continue(*job),
            Then::Stop => Next::Stop(ExitReason::new("done")),
            Then::Panic => panic!("as it was told"),
        }
    }
}

impl Server for Told {
    type Args = (Arc<Mutex<Seen>>, Timestamp);
    type Call = (Job, Answer);
    type Reply = usize;
    type Cast = Tell;
    type Continue = Job;

    async fn init(_: &Context, (seen, origin): Self::Args) -> Init<Self> {
        Init::Up(Told { seen, origin, later: VecDeque::new() }, Next::Receive)
    }

    async fn handle_call(
        &mut self,
        context: &Context,
        (job, answer): Self::Call,
        from: CallFrom<usize>,
    ) -> Called<Self> {
        let id = job.id;
        let until = context.deadline().map(|deadline| format!(" until {}", ms(deadline.since(self.origin))));
        self.callback(format!("call {id}{}", until.unwrap_or_default()));
        let next = self.works(context, job).await;
        match answer {
            Answer::Now => Called::Reply(id, next),
            Answer::Later => {
                self.later.push_back((id, from));
                Called::NoReply(next)
            }
        }
    }

    async fn handle_cast(&mut self, context: &Context, message: Tell) -> Next<Self> {
        match message {
            Tell::Do(job) => {
                self.callback(format!("cast {}", job.id));
                self.works(context, job).await
            }
            Tell::Answer => {
                let oldest = self.later.pop_front();
                self.callback(format!("answers {:?}", oldest.as_ref().map(|(id, _)| id)));
                if let Some((id, from)) = oldest {
                    from.reply(context, id);
                }
                Next::Receive
            }
        }
    }

    async fn handle_info(&mut self, context: &Context, message: Message) -> Next<Self> {
        let Message::Plain(payload) = message else { panic!("not info: {message:?}") };
        let job: Job = payload.downcast().expect("a job");
        self.callback(format!("info {}", job.id));
        self.works(context, job).await
    }

    async fn handle_timeout(&mut self, _: &Context) -> Next<Self> {
        self.callback("timeout".to_owned());
        Next::Receive
    }

    async fn handle_continue(&mut self, context: &Context, job: Job) -> Next<Self> {
        self.callback(format!("continue {}", job.id));
        self.works(context, job).await
    }

    async fn terminate(&mut self, _: &Context, reason: &ExitReason) {
        self.callback(format!("terminate {}", reason.word()));
    }
}

/// The nearest millisecond.
fn ms(time: Duration) -> u128 {
    (time.as_micros() + 500) / 1000
}

/// Plays the script with a real server.
async fn play(context: Context, script: Vec<Step>, seen: Arc<Mutex<Seen>>) {
    let origin = context.now();
    let body = Told::body((seen.clone(), origin));
    let (Started::Up(pid), _) = context.start(SpawnOptions::default(), body).await else { panic!("it starts") };
    for Step { at, what, job } in script {
        let at = origin + Duration::from_millis(at);
        context.sleep(at.since(context.now())).await;
        let server = ServerRef::<Told>::from(pid);
        match what {
            What::Call { answer, timeout } => {
                let seen = seen.clone();
                context.spawn(move |caller| async move {
                    let id = job.id;
                    let outcome = server.call(&caller, (job, answer), Duration::from_millis(timeout)).await;
                    seen.lock().unwrap().calls.insert(id, text(outcome));
                });
            }
            What::CallUntil { answer, within } => {
                let seen = seen.clone();
                context.spawn(move |caller| async move {
                    let id = job.id;
                    let outcome = server.call_until(&caller, (job, answer), at + Duration::from_millis(within)).await;
                    seen.lock().unwrap().calls.insert(id, text(outcome));
                });
            }
            What::Cast => server.cast(&context, Tell::Do(job)),
            What::Info => context.send(pid, Payload::local(job)).expect("a pid"),
            What::Answer => server.cast(&context, Tell::Answer),
            // How it ended is among what its callbacks say.
            What::Stop => drop(server.stop(&context, ExitReason::new("stopped"), Duration::MAX).await),
        }
    }
    // Until the last call is given up.
    context.sleep(Duration::from_millis(2 * TIME_MAX)).await;
}

fn text(outcome: Result<usize, CallError>) -> String {
    match outcome {
        Ok(id) => format!("answer {id}"),
        Err(CallError::Timeout) => "timeout".to_owned(),
        Err(CallError::Down(reason)) => format!("down {}", reason.word()),
        Err(other) => other.to_string(),
    }
}

/// The longest that anything takes.
const TIME_MAX: u64 = 400;

fn then() -> impl Strategy<Value = Then> {
    let simple = || {
        prop_oneof![
            4 => Just(Then::Receive),
            3 => (0u64..TIME_MAX).prop_map(Then::Timeout),
            1 => Just(Then::Timeout(0)),
            2 => Just(Then::Hibernate),
        ]
    };
    let continues =
        (0u64..TIME_MAX, simple()).prop_map(|(busy, then)| Then::Continue(Box::new(Job { id: 0, busy, then })));
    prop_oneof![12 => simple(), 4 => continues, 1 => Just(Then::Stop), 1 => Just(Then::Panic)]
}

fn what() -> impl Strategy<Value = What> {
    let answer = || prop::sample::select(&[Answer::Now, Answer::Now, Answer::Later][..]);
    prop_oneof![
        3 => (answer(), 1u64..TIME_MAX).prop_map(|(answer, timeout)| What::Call { answer, timeout }),
        2 => (answer(), 1u64..TIME_MAX).prop_map(|(answer, within)| What::CallUntil { answer, within }),
        2 => Just(What::Cast),
        1 => Just(What::Info),
        2 => Just(What::Answer),
    ]
}

/// Steps close to each other and far apart, and a stop behind them.
fn script() -> impl Strategy<Value = Vec<Step>> {
    let busy = prop_oneof![2 => Just(0), 1 => 2u64..TIME_MAX];
    let gap = prop_oneof![2u64..20, 2u64..TIME_MAX];
    prop::collection::vec((gap, what(), busy, then()), 0..20).prop_map(|steps| {
        let mut at = 0;
        let mut script: Vec<Step> = Vec::new();
        for (id, (gap, what, busy, mut then)) in steps.into_iter().enumerate() {
            at += gap;
            if let Then::Continue(job) = &mut then {
                job.id = id;
            }
            script.push(Step { at, what, job: Job { id, busy, then } });
        }
        let job = Job { id: script.len(), busy: 0, then: Then::Receive };
        script.push(Step { at: at + TIME_MAX + 7, what: What::Stop, job });
        script
    })
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn a_server_does_what_the_reference_does(script in script(), seed in 0u64..1000) {
        let expected = expected(&script);
        prop_assume!(expected.is_some());
        let seen = Arc::new(Mutex::new(Seen::default()));
        run(seed, { let seen = seen.clone(); move |context| play(context, script, seen) });
        prop_assert_eq!(std::mem::take(&mut *seen.lock().unwrap()), expected.unwrap());
    }
}
