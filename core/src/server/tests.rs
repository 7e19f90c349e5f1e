//! The server on the production seams. OTP's facts, one by one, are held in the simulator: `sim/tests/behaviours`.

use super::{Called, Init, Next, Server, ServerRef};
use crate::seam::Seams;
use crate::{
    CallError, CallFrom, Context, ExitReason, Message, Node, NodeOptions, Payload, Pid, SpawnOptions, Started,
    StopError,
};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);

/// What the callbacks of a [`Probe`] saw, in order.
type Log = Arc<Mutex<Vec<String>>>;

struct Probe(Log);

enum Ask {
    Echo(u32),
    Later(u32),
    Never,
    StopWithReply(u32),
    Panic,
    Log(&'static str, Next<Probe>),
}

impl Server for Probe {
    type Args = (Log, fn(Log) -> Init<Probe>);
    type Call = Ask;
    type Reply = u32;
    type Cast = Ask;
    type Continue = &'static str;

    async fn init(context: &Context, (log, init): Self::Args) -> Init<Self> {
        context.trap_exit(log.lock().first().is_some_and(|first| first == "trap"));
        init(log)
    }

    async fn handle_call(&mut self, context: &Context, request: Ask, from: CallFrom<u32>) -> Called<Self> {
        match request {
            Ask::Echo(n) => Called::Reply(n, Next::Receive),
            Ask::Later(n) => {
                from.reply(context, n);
                Called::NoReply(Next::Receive)
            }
            Ask::Never => Called::NoReply(Next::Receive),
            Ask::StopWithReply(n) => Called::Reply(n, Next::Stop(ExitReason::new("done"))),
            Ask::Panic => panic!("asked to"),
            Ask::Log(text, next) => {
                self.0.lock().push(text.to_owned());
                Called::Reply(0, next)
            }
        }
    }

    async fn handle_cast(&mut self, _: &Context, message: Ask) -> Next<Self> {
        match message {
            Ask::Log(text, next) => {
                self.0.lock().push(text.to_owned());
                next
            }
            _ => panic!("not a cast"),
        }
    }

    async fn handle_info(&mut self, _: &Context, message: Message) -> Next<Self> {
        let text = match message {
            Message::Exit { reason, .. } => format!("exit {reason}"),
            Message::Plain(_) => "plain".to_owned(),
            other => format!("{other:?}"),
        };
        self.0.lock().push(format!("info {text}"));
        Next::Receive
    }

    async fn handle_timeout(&mut self, _: &Context) -> Next<Self> {
        self.0.lock().push("timeout".to_owned());
        Next::Receive
    }

    async fn handle_continue(&mut self, _: &Context, todo: &'static str) -> Next<Self> {
        self.0.lock().push(format!("continue {todo}"));
        Next::Receive
    }

    async fn terminate(&mut self, _: &Context, reason: &ExitReason) {
        self.0.lock().push(format!("terminate {reason}"));
    }
}

fn up(log: Log) -> Init<Probe> {
    Init::Up(Probe(log), Next::Receive)
}

struct World {
    node: Node,
    log: Log,
}

impl World {
    fn seen(&self) -> Vec<String> {
        self.log.lock().clone()
    }

    async fn start(&self, init: fn(Log) -> Init<Probe>) -> Started {
        self.node.start_process(SpawnOptions::default(), Probe::body((self.log.clone(), init))).await
    }

    async fn probe(&self) -> (Pid, ServerRef<Probe>) {
        match self.start(up).await {
            Started::Up(pid) => (pid, pid.into()),
            other => panic!("not up: {other:?}"),
        }
    }
}

fn check<F: Future<Output = ()>>(test: impl FnOnce(World) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
        test(World { node, log: Log::default() }).await;
    });
}

#[test]
fn a_call_is_answered_at_once_or_later() {
    check(|world| async move {
        let (_, probe) = world.probe().await;
        assert_eq!(probe.call(&world.node, Ask::Echo(1), LONG).await, Ok(1));
        assert_eq!(probe.call(&world.node, Ask::Later(2), LONG).await, Ok(2));
    });
}

#[test]
fn a_call_that_fails_says_why() {
    check(|world| async move {
        let (pid, probe) = world.probe().await;
        assert_eq!(probe.call(&world.node, Ask::Never, Duration::ZERO).await, Err(CallError::Timeout));
        let dies = probe.call(&world.node, Ask::Panic, LONG).await;
        assert_eq!(dies, Err(CallError::Down(ExitReason::PANIC.with_detail("asked to"))));
        assert_eq!(probe.call(&world.node, Ask::Echo(1), LONG).await, Err(CallError::Down(ExitReason::NOPROC)));
        assert_eq!(world.node.process_info(pid).map(|info| info.pid), None);
    });
}

#[test]
fn a_stop_with_an_answer_terminates_first() {
    check(|world| async move {
        let (pid, probe) = world.probe().await;
        assert_eq!(probe.call(&world.node, Ask::StopWithReply(7), LONG).await, Ok(7));
        assert_eq!(world.seen(), ["terminate done"]);
        let reason = world.node.await_exit(pid).await;
        assert!([ExitReason::new("done"), ExitReason::NOPROC].contains(&reason));
    });
}

#[test]
fn a_stop_terminates_and_says_why_not() {
    check(|world| async move {
        let (_, probe) = world.probe().await;
        assert_eq!(probe.stop(&world.node, ExitReason::new("enough"), LONG).await, Ok(()));
        assert_eq!(world.seen(), ["terminate enough"]);
        let again = probe.stop(&world.node, ExitReason::NORMAL, LONG).await;
        assert_eq!(again, Err(StopError::Call(CallError::Down(ExitReason::NOPROC))));
    });
}

#[test]
fn a_panic_terminates() {
    check(|world| async move {
        let (_, probe) = world.probe().await;
        let _ = probe.call(&world.node, Ask::Panic, LONG).await;
        assert_eq!(world.seen(), ["terminate panic(asked to)"]);
    });
}

#[test]
fn an_exit_signal_that_is_not_trapped_does_not_terminate() {
    check(|world| async move {
        let (pid, _) = world.probe().await;
        world.node.exit_signal(pid, ExitReason::new("boom"));
        world.node.await_exit(pid).await;
        assert_eq!(world.seen(), [""; 0]);
    });
}

#[test]
fn a_continuation_comes_first() {
    check(|world| async move {
        let (_, probe) = world.probe().await;
        probe.cast(&world.node, Ask::Log("first", Next::Continue("now")));
        probe.cast(&world.node, Ask::Log("second", Next::Receive));
        probe.call(&world.node, Ask::Echo(0), LONG).await.expect("an answer");
        assert_eq!(world.seen(), ["first", "continue now", "second"]);
    });
}

#[test]
fn a_timeout_of_zero_comes_behind_the_mailbox_and_a_message_cancels_it() {
    check(|world| async move {
        let (_, probe) = world.probe().await;
        probe.cast(&world.node, Ask::Log("first", Next::Timeout(Duration::ZERO)));
        probe.cast(&world.node, Ask::Log("second", Next::Timeout(Duration::ZERO)));
        // On one thread the server runs until its mailbox is empty before the test goes on.
        while world.seen().len() < 3 {
            tokio::task::yield_now().await;
        }
        assert_eq!(world.seen(), ["first", "second", "timeout"]);
    });
}

#[test]
fn what_init_says_is_what_start_returns() {
    check(|world| async move {
        assert_eq!(world.start(|_| Init::Ignore).await, Started::Ignored);
        let failed = world.start(|_| Init::Stop(ExitReason::new("bad"))).await;
        assert_eq!(failed, Started::Failed(ExitReason::new("bad")));
        let panicked = world.start(|_| panic!("in init")).await;
        assert_eq!(panicked, Started::Failed(ExitReason::PANIC.with_detail("in init")));
    });
}

#[test]
fn the_parents_exit_terminates_and_any_other_is_info() {
    check(|world| async move {
        let log = world.log.clone();
        log.lock().push("trap".to_owned());
        let (answer, pid) = tokio::sync::oneshot::channel();
        let parent = world.node.spawn(move |context| async move {
            let started = Probe::start_link(&context, SpawnOptions::default(), (log, up)).await;
            let Started::Up(pid) = started else { panic!("not up") };
            answer.send(pid).expect("the test waits");
            context.receive().await;
        });
        let pid = pid.await.expect("a pid");
        world.node.exit_signal(pid, ExitReason::new("stranger"));
        world.node.send(parent, Payload::local(())).expect("a pid");
        world.node.await_exit(pid).await;
        assert_eq!(world.seen(), ["trap", "info exit stranger", "terminate normal"]);
    });
}

#[test]
fn a_message_of_another_kind_is_info() {
    check(|world| async move {
        let (pid, probe) = world.probe().await;
        world.node.send(pid, Payload::local("hello")).expect("a pid");
        probe.call(&world.node, Ask::Echo(0), LONG).await.expect("an answer");
        assert_eq!(world.seen(), ["info plain"]);
    });
}
