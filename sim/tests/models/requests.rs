use crate::run;
use proptest::prelude::*;
use rusm_core::{
    CallError, CallFrom, Called, Context, ExitReason, Init, Message, Next, Payload, RequestId, RequestIds, Response,
    Server, ServerRef, SpawnOptions, Started, Timestamp,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What comes of a request, so long after it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Reply,
    /// The server answers and ends.
    ReplyAndEnd,
    End,
    Nothing,
    /// There is no server.
    NoServer,
}

/// One operation of the process that has requests under way: some alone, the others in a collection. `which` is one of
/// those alone.
#[derive(Clone, Debug)]
enum Step {
    Send {
        how: How,
        after: u64,
        collected: bool,
    },
    /// A message that answers nothing.
    Info,
    Wait {
        timeout: u64,
    },
    Receive {
        timeout: u64,
    },
    WaitOne {
        which: usize,
        timeout: u64,
    },
    ReceiveOne {
        which: usize,
        timeout: u64,
    },
    /// Takes the first message there is, and asks whose answer it is.
    Check,
    Abandon,
    AbandonOne(usize),
    Forget(usize),
    Collect(usize),
}

type Script = Vec<(u64, Step)>;

/// What lies in the mailbox, or will: an answer to the request of that number, or a message that answers none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Answer(usize),
    Info(usize),
}

/// One list of all that arrives, in order, with its time in milliseconds; it is walked from the front for everything.
#[derive(Default)]
struct Model {
    now: u64,
    sent: Vec<How>,
    arrivals: Vec<(u64, Item)>,
    alone: Vec<usize>,
    collected: Vec<usize>,
    said: Vec<String>,
}

/// What is said of that script; nothing, when two things happen at the same time.
fn expected(script: &Script) -> Option<Vec<String>> {
    let mut model = Model::default();
    for (number, (gap, step)) in script.iter().enumerate() {
        model.now += gap;
        model.step(number, step)?;
        model.said.push(format!("{} are awaited", model.collected.len()));
    }
    let left: Vec<Item> = model.arrivals.iter().map(|(_, item)| *item).collect();
    left.into_iter().for_each(|item| model.said.push(format!("left: {}", model.text(item))));
    Some(model.said)
}

/// Nothing, when they are the same to whoever looks.
fn is_before(one: u64, other: u64) -> Option<bool> {
    (one.abs_diff(other) > 1).then_some(one < other)
}

impl Model {
    fn arrives(&mut self, at: u64, item: Item) -> Option<()> {
        if self.arrivals.iter().any(|(other, _)| is_before(*other, at).is_none()) {
            return None;
        }
        self.arrivals.push((at, item));
        self.arrivals.sort_by_key(|(at, _)| *at);
        Some(())
    }

    fn text(&self, item: Item) -> String {
        match item {
            Item::Info(number) => format!("info {number}"),
            Item::Answer(id) => match self.sent[id] {
                How::Reply | How::ReplyAndEnd => format!("answer {id}"),
                How::End => "down boom".to_owned(),
                How::NoServer => "down noproc".to_owned(),
                How::Nothing => unreachable!("there is no answer"),
            },
        }
    }

    /// The first answer to any of these, if one comes in time.
    fn wait(&mut self, ids: &[usize], timeout: u64) -> Option<Option<usize>> {
        let first = self.arrivals.iter().position(|(_, item)| ids.iter().any(|id| *item == Item::Answer(*id)));
        let deadline = self.now + timeout;
        if let Some(first) = first
            && is_before(self.arrivals[first].0, deadline)?
        {
            let (at, item) = self.arrivals.remove(first);
            self.now = self.now.max(at);
            let Item::Answer(id) = item else { unreachable!("only answers were looked for") };
            return Some(Some(id));
        }
        self.now = deadline;
        Some(None)
    }

    fn wait_for_any(&mut self, timeout: u64, ends_all: bool) -> Option<()> {
        if self.collected.is_empty() {
            self.said.push("no request".to_owned());
            return Some(());
        }
        let ids = self.collected.clone();
        match self.wait(&ids, timeout)? {
            Some(id) => {
                self.collected.retain(|of| *of != id);
                self.said.push(format!("{}: {} at {}", id, self.text(Item::Answer(id)), self.now));
            }
            None => {
                self.said.push(format!("timeout at {}", self.now));
                if ends_all {
                    self.abandon_all();
                }
            }
        }
        Some(())
    }

    fn wait_for_one(&mut self, which: usize, timeout: u64, ends: bool) -> Option<()> {
        let Some(id) = self.pick(which) else { return Some(()) };
        let answered = self.wait(&[id], timeout)?;
        if answered.is_some() || ends {
            self.alone.retain(|of| *of != id);
            self.arrivals.retain(|(_, item)| *item != Item::Answer(id));
        }
        let text = answered.map_or("timeout".to_owned(), |id| self.text(Item::Answer(id)));
        self.said.push(format!("{id}: {text} at {}", self.now));
        Some(())
    }

    fn pick(&self, which: usize) -> Option<usize> {
        (!self.alone.is_empty()).then(|| self.alone[which % self.alone.len()])
    }

    fn abandon_all(&mut self) {
        let collected = std::mem::take(&mut self.collected);
        self.arrivals.retain(|(_, item)| !collected.iter().any(|id| *item == Item::Answer(*id)));
    }

    fn step(&mut self, number: usize, step: &Step) -> Option<()> {
        match *step {
            Step::Send { how, after, collected } => {
                let id = self.sent.len();
                self.sent.push(how);
                match how {
                    How::Nothing => {}
                    How::NoServer => self.arrives(self.now, Item::Answer(id))?,
                    How::Reply | How::ReplyAndEnd | How::End => self.arrives(self.now + after, Item::Answer(id))?,
                }
                if collected { &mut self.collected } else { &mut self.alone }.push(id);
            }
            Step::Info => self.arrives(self.now, Item::Info(number))?,
            Step::Wait { timeout } => self.wait_for_any(timeout, false)?,
            Step::Receive { timeout } => self.wait_for_any(timeout, true)?,
            Step::WaitOne { which, timeout } => self.wait_for_one(which, timeout, false)?,
            Step::ReceiveOne { which, timeout } => self.wait_for_one(which, timeout, true)?,
            Step::Check => match self.arrivals.first().copied() {
                Some((at, item)) if is_before(at, self.now)? => {
                    self.arrivals.remove(0);
                    let whose = match item {
                        Item::Answer(id) if self.collected.contains(&id) => "collected",
                        Item::Answer(id) if self.alone.contains(&id) => "alone",
                        Item::Answer(_) | Item::Info(_) => "nobody's",
                    };
                    if let Item::Answer(id) = item {
                        self.collected.retain(|of| *of != id);
                        self.alone.retain(|of| *of != id);
                    }
                    self.said.push(format!("{whose}: {}", self.text(item)));
                }
                _ => self.said.push("nothing there".to_owned()),
            },
            Step::Abandon => self.abandon_all(),
            Step::AbandonOne(which) => {
                let Some(id) = self.pick(which) else { return Some(()) };
                let lies_there = self.arrivals.iter().find(|(_, item)| *item == Item::Answer(id)).copied();
                let answer = match lies_there {
                    Some((at, item)) if is_before(at, self.now)? => self.text(item),
                    _ => "nothing".to_owned(),
                };
                self.said.push(format!("{id}: {answer} was there"));
                self.alone.retain(|of| *of != id);
                self.arrivals.retain(|(_, item)| *item != Item::Answer(id));
            }
            Step::Forget(which) => {
                if let Some(id) = self.pick(which) {
                    self.alone.retain(|of| *of != id);
                }
            }
            Step::Collect(which) => {
                if let Some(id) = self.pick(which) {
                    self.alone.retain(|of| *of != id);
                    self.collected.push(id);
                }
            }
        }
        Some(())
    }
}

/// A server that answers with the number of the request, as it was told when it started.
struct Answers {
    how: How,
    after: Duration,
}

impl Server for Answers {
    type Args = Self;
    type Call = usize;
    type Reply = usize;
    type Cast = ();
    type Continue = ();

    async fn init(_: &Context, told: Self) -> Init<Self> {
        Init::Up(told, Next::Receive)
    }

    async fn handle_call(&mut self, context: &Context, id: usize, _: CallFrom<usize>) -> Called<Self> {
        context.sleep(self.after).await;
        match self.how {
            How::Reply => Called::Reply(id, Next::Receive),
            How::ReplyAndEnd => Called::Reply(id, Next::Stop(ExitReason::new("boom"))),
            How::End => Called::NoReply(Next::Stop(ExitReason::new("boom"))),
            How::Nothing => Called::NoReply(Next::Receive),
            How::NoServer => unreachable!("it was stopped"),
        }
    }
}

async fn start(context: &Context, how: How, after: u64) -> ServerRef<Answers> {
    let told = Answers { how, after: Duration::from_millis(after) };
    let (Started::Up(pid), _) = context.start(SpawnOptions::default(), Answers::body(told)).await else {
        panic!("it starts");
    };
    let server = ServerRef::<Answers>::from(pid);
    if how == How::NoServer {
        server.stop(context, ExitReason::NORMAL, Duration::MAX).await.expect("it stops");
    }
    server
}

/// The nearest millisecond.
fn ms(context: &Context, origin: Timestamp) -> u64 {
    (context.now().since(origin).as_micros() as u64 + 500) / 1000
}

fn text(answer: Result<usize, CallError>) -> String {
    match answer {
        Ok(id) => format!("answer {id}"),
        Err(CallError::Down(reason)) => format!("down {}", reason.word()),
        Err(CallError::Timeout) => "timeout".to_owned(),
        Err(other) => other.to_string(),
    }
}

/// A message that no request took.
fn of_nobody(message: Message) -> String {
    match message {
        Message::Plain(payload) => format!("info {}", payload.downcast::<usize>().expect("a number")),
        Message::Reply { payload, .. } => format!("answer {}", payload.downcast::<usize>().expect("a number")),
        Message::Down { reason, .. } => format!("down {}", reason.word()),
        other => panic!("nothing else is sent: {other:?}"),
    }
}

fn pick(alone: &mut Vec<(usize, RequestId<usize>)>, which: usize) -> Option<(usize, RequestId<usize>)> {
    (!alone.is_empty()).then(|| alone.remove(which % alone.len()))
}

fn check(
    message: Message,
    collected: &mut RequestIds<usize, usize>,
    alone: &mut Vec<(usize, RequestId<usize>)>,
) -> String {
    let mut message = match collected.check_response(message) {
        Ok((answer, _)) => return format!("collected: {}", text(answer)),
        Err(message) => message,
    };
    for i in 0..alone.len() {
        message = match alone[i].1.check_response(message) {
            Ok(answer) => {
                drop(alone.remove(i));
                return format!("alone: {}", text(answer));
            }
            Err(message) => message,
        };
    }
    format!("nobody's: {}", of_nobody(message))
}

/// Plays the script with real requests.
async fn play(context: Context, script: Script, said: Arc<Mutex<Vec<String>>>) {
    let mut servers = Vec::new();
    for (_, step) in &script {
        if let Step::Send { how, after, .. } = step {
            servers.push(start(&context, *how, *after).await);
        }
    }
    let origin = context.now();
    let say = |text: String| said.lock().unwrap().push(text);
    let mut collected: RequestIds<usize, usize> = RequestIds::new();
    let mut alone: Vec<(usize, RequestId<usize>)> = Vec::new();
    let mut sent = 0;
    for (number, (gap, step)) in script.into_iter().enumerate() {
        let at = origin + Duration::from_millis(ms(&context, origin) + gap);
        context.sleep(at.since(context.now())).await;
        match step {
            Step::Send { collected: together, .. } => {
                let request = servers[sent].send_request(&context, sent).expect("a pid");
                match together {
                    true => collected.add(request, sent),
                    false => alone.push((sent, request)),
                }
                sent += 1;
            }
            Step::Info => context.send(context.pid(), Payload::local(number)).expect("a pid"),
            Step::Wait { timeout } | Step::Receive { timeout } => {
                let timeout = Duration::from_millis(timeout);
                let response = match step {
                    Step::Wait { .. } => collected.wait_response(&context, timeout).await,
                    _ => collected.receive_response(&context, timeout).await,
                };
                let now = ms(&context, origin);
                say(match response {
                    Response::Answer(answer, id) => format!("{id}: {} at {now}", text(answer)),
                    Response::Timeout => format!("timeout at {now}"),
                    Response::NoRequest => "no request".to_owned(),
                });
            }
            Step::WaitOne { which, timeout } => {
                if let Some((id, request)) = pick(&mut alone, which) {
                    // Its place among the others stays.
                    let place = which % (alone.len() + 1);
                    let outcome = match request.wait_response(&context, Duration::from_millis(timeout)).await {
                        Ok(answer) => text(answer),
                        Err(request) => {
                            alone.insert(place, (id, request));
                            "timeout".to_owned()
                        }
                    };
                    say(format!("{id}: {outcome} at {}", ms(&context, origin)));
                }
            }
            Step::ReceiveOne { which, timeout } => {
                if let Some((id, request)) = pick(&mut alone, which) {
                    let outcome = request.receive_response(&context, Duration::from_millis(timeout)).await;
                    say(format!("{id}: {} at {}", text(outcome), ms(&context, origin)));
                }
            }
            Step::Check => say(match context.try_receive(|_| true) {
                Some(message) => check(message, &mut collected, &mut alone),
                None => "nothing there".to_owned(),
            }),
            Step::Abandon => collected.abandon(&context),
            Step::AbandonOne(which) => {
                if let Some((id, request)) = pick(&mut alone, which) {
                    let answer = request.abandon(&context).map_or("nothing".to_owned(), text);
                    say(format!("{id}: {answer} was there"));
                }
            }
            Step::Forget(which) => drop(pick(&mut alone, which)),
            Step::Collect(which) => {
                if let Some((id, request)) = pick(&mut alone, which) {
                    collected.add(request, id);
                }
            }
        }
        let awaited = collected.len();
        assert_eq!(collected.is_empty(), awaited == 0);
        say(format!("{awaited} are awaited"));
    }
    context.sleep(Duration::from_millis(2 * TIME_MAX)).await;
    while let Some(message) = context.try_receive(|_| true) {
        say(format!("left: {}", of_nobody(message)));
    }
}

const TIME_MAX: u64 = 600;

fn how() -> impl Strategy<Value = How> {
    prop_oneof![
        6 => Just(How::Reply),
        2 => Just(How::ReplyAndEnd),
        2 => Just(How::End),
        1 => Just(How::Nothing),
        1 => Just(How::NoServer),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let timeout = || prop_oneof![1 => Just(0), 4 => 2u64..TIME_MAX / 2];
    prop_oneof![
        9 => (how(), 2u64..TIME_MAX, prop::bool::weighted(0.6))
            .prop_map(|(how, after, collected)| Step::Send { how, after, collected }),
        2 => Just(Step::Info),
        4 => timeout().prop_map(|timeout| Step::Wait { timeout }),
        2 => timeout().prop_map(|timeout| Step::Receive { timeout }),
        2 => (0usize..4, timeout()).prop_map(|(which, timeout)| Step::WaitOne { which, timeout }),
        1 => (0usize..4, timeout()).prop_map(|(which, timeout)| Step::ReceiveOne { which, timeout }),
        4 => Just(Step::Check),
        1 => Just(Step::Abandon),
        1 => (0usize..4).prop_map(Step::AbandonOne),
        1 => (0usize..4).prop_map(Step::Forget),
        2 => (0usize..4).prop_map(Step::Collect),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn requests_do_what_the_reference_does(
        script in prop::collection::vec((2u64..60, step()), 0..24),
        seed in 0u64..1000,
    ) {
        let expected = expected(&script);
        prop_assume!(expected.is_some());
        let said = Arc::new(Mutex::new(Vec::new()));
        run(seed, { let said = said.clone(); move |context| play(context, script, said) });
        prop_assert_eq!(std::mem::take(&mut *said.lock().unwrap()), expected.unwrap());
    }

    #[test]
    fn a_multi_call_has_the_answers_that_come_in_time(
        servers in prop::collection::vec((how(), 2u64..TIME_MAX), 0..8),
        timeout in 2u64..TIME_MAX,
        seed in 0u64..1000,
    ) {
        prop_assume!(servers.iter().all(|(_, after)| is_before(*after, timeout).is_some()));
        let in_time = |(how, after): &(How, u64)| matches!(how, How::Reply | How::ReplyAndEnd) && *after < timeout;
        let (answered, silent): (Vec<usize>, Vec<usize>) = (0..servers.len()).partition(|i| in_time(&servers[*i]));
        // It waits for nobody who has ended.
        let takes = servers.iter().map(|(how, after)| match how {
            How::NoServer => 0,
            How::Nothing => timeout,
            How::Reply | How::ReplyAndEnd | How::End => timeout.min(*after),
        });
        let expected = (answered, silent, takes.max().unwrap_or(0), 0);
        let found = Arc::new(Mutex::new(None));
        run(seed, {
            let found = found.clone();
            move |context| async move {
                let mut all = Vec::new();
                for (how, after) in servers {
                    all.push(start(&context, how, after).await);
                }
                let origin = context.now();
                let (answered, silent) = ServerRef::<Answers>::multi_call(&context, &all, 7, Duration::from_millis(timeout)).await;
                let took = ms(&context, origin);
                // No late answer comes.
                context.sleep(Duration::from_millis(2 * TIME_MAX)).await;
                let late = std::iter::from_fn(|| context.try_receive(|_| true)).count();
                let place = |server: &ServerRef<Answers>| {
                    all.iter().position(|other| other.destination() == server.destination()).expect("one of them")
                };
                let answers = answered.iter().map(|(server, answer)| {
                    assert_eq!(*answer, 7);
                    place(server)
                });
                *found.lock().unwrap() = Some((answers.collect(), silent.iter().map(place).collect(), took, late));
            }
        });
        prop_assert_eq!(found.lock().unwrap().take(), Some(expected));
    }
}
