//! A process that does what it is told by calls, and leaves everything else in its mailbox until it is told to look.

use rusm_core::{
    AliasMode, BoxFuture, CallError, Caller, Context, Destination, Encoding, ExitReason, Message, Monitored, NodeId,
    Payload, Pid, ProcessBody, ProcessSpec, Reference, SpawnOptions, Started, Term, process_body,
};
use std::time::Duration;

pub(super) enum Order {
    Link(Pid),
    Unlink(Pid),
    /// Takes a link away and makes it again, before anything is acknowledged.
    Relink(Pid),
    Monitor(Monitored, Option<AliasMode>),
    Demonitor(Reference, bool),
    Alias,
    Unalias(Reference),
    Trap(bool),
    Send(Destination, u64),
    /// As a value, not as a term.
    SendValue(Pid, u64),
    Exit(Pid, ExitReason),
    Return(ExitReason),
    /// Sends itself exit signals of these reasons, and returns, all in one turn.
    Depart(Vec<ExitReason>, ExitReason),
    Label(String),
    Register(&'static str, Pid),
    Unregister(&'static str),
    Spawn {
        link: bool,
        monitor: bool,
        name: Option<&'static str>,
    },
    SpawnOn {
        node: NodeId,
        link: bool,
        monitor: bool,
    },
    /// Asks that node to start one that is linked, and gives up when it has not come by then.
    SpawnOrGiveUp(NodeId, Duration),
    Start {
        link: bool,
        monitor: bool,
        how: Start,
    },
    /// All of that at once.
    Burst(Vec<Said>),
    Call(Destination),
    /// Calls, and forgets about it when something else comes first.
    GiveUp(Destination),
    /// Whether it keeps its callers waiting.
    Mute(bool),
    /// Answers them all, too late.
    AnswerLate,
    IsAlive(Pid),
    /// Sends so later, or starts to and thinks better of it.
    After(Duration, Destination, u64, bool),
    Look,
}

/// How a start goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Start {
    Up,
    Fails,
    Ignored,
}

pub(super) enum Said {
    Message(Destination, u64),
    /// An exit signal with that number.
    Exit(Pid, u64),
}

#[derive(Debug)]
pub(super) enum Told {
    Nothing,
    Reference(Reference),
    Flag(bool),
    Spawned(Pid, Option<Reference>),
    NotStarted,
    Call(&'static str),
    Seen(Vec<Message>),
}

pub(super) fn number(number: u64) -> Term {
    Term::new(Encoding::Raw, number.to_le_bytes().to_vec())
}

pub(super) fn number_of(payload: &Payload) -> Option<u64> {
    if let Some(value) = payload.downcast_ref() {
        return Some(*value);
    }
    let bytes = payload.as_term()?.bytes.as_ref().try_into().ok()?;
    Some(u64::from_le_bytes(bytes))
}

/// A reason that is known again by its number.
pub(super) fn numbered(word: &'static str, number: u64) -> ExitReason {
    ExitReason::new(word).with_detail(number.to_string())
}

/// How a node starts a puppet for another one.
pub(super) const KIND: &str = "puppet";

pub(super) fn puppet(context: Context) -> BoxFuture<ExitReason> {
    Box::pin(obey(context))
}

async fn obey(context: Context) -> ExitReason {
    let (mut waiting, mut mute): (Vec<Caller>, bool) = (Vec::new(), false);
    loop {
        let call = context.receive_match(|message| matches!(message, Message::Call { .. })).await;
        let Message::Call { from, payload } = call else { continue };
        match payload.downcast::<Order>() {
            Ok(Order::Return(reason)) => return reason,
            Ok(Order::Depart(signals, reason)) => {
                signals.into_iter().for_each(|signal| context.exit_signal(context.pid(), signal));
                return reason;
            }
            Ok(Order::Mute(on)) => {
                mute = on;
                context.reply(from, Payload::local(Told::Nothing));
            }
            Ok(Order::AnswerLate) => {
                waiting.drain(..).for_each(|caller| context.reply(caller, number(0)));
                context.reply(from, Payload::local(Told::Nothing));
            }
            Ok(order) => {
                let told = perform(&context, order).await;
                context.reply(from, Payload::local(told));
            }
            Err(_) if mute => waiting.push(from),
            Err(question) => context.reply(from, question),
        }
    }
}

fn starts(how: Start) -> ProcessBody {
    process_body(move |context: Context| async move {
        match how {
            Start::Up => {
                context.init_ack();
                obey(context).await
            }
            Start::Fails => {
                context.init_fail(ExitReason::new("no_start"));
                ExitReason::new("no_start")
            }
            Start::Ignored => {
                context.init_ignore();
                ExitReason::NORMAL
            }
        }
    })
}

fn spec() -> ProcessSpec {
    ProcessSpec { kind: KIND.to_owned(), target: KIND.to_owned(), digest: None, args: Term::empty(), grants: None }
}

async fn perform(context: &Context, order: Order) -> Told {
    match order {
        Order::Link(pid) => context.link(pid),
        Order::Unlink(pid) => context.unlink(pid),
        Order::Relink(pid) => {
            context.unlink(pid);
            let info = context.node().process_info(context.pid()).expect("it lives");
            assert!(!info.links.contains(&pid), "a link that was taken away is none any more");
            context.link(pid);
        }
        Order::Monitor(object, None) => return Told::Reference(context.monitor(object)),
        Order::Monitor(object, Some(mode)) => return Told::Reference(context.monitor_alias(object, mode)),
        Order::Demonitor(monitor, false) => return Told::Flag(context.demonitor(monitor)),
        Order::Demonitor(monitor, true) => return Told::Flag(context.demonitor_flush(monitor)),
        Order::Alias => return Told::Reference(context.alias()),
        Order::Unalias(alias) => return Told::Flag(context.unalias(alias)),
        Order::Trap(on) => return Told::Flag(context.trap_exit(on)),
        Order::Send(to, what) => return Told::Flag(context.send(to, number(what)).is_ok()),
        Order::SendValue(pid, what) => return Told::Flag(context.send(pid, Payload::local(what)).is_ok()),
        Order::Exit(pid, reason) => context.exit_signal(pid, reason),
        Order::Label(label) => context.set_label(label),
        Order::Register(name, pid) => return Told::Flag(context.register(name, pid).is_ok()),
        Order::Unregister(name) => return Told::Flag(context.unregister(name).is_ok()),
        Order::Spawn { link, monitor, name } => {
            let name = name.map(str::to_owned);
            let options = SpawnOptions { link, monitor, name, ..SpawnOptions::default() };
            let spawned = context.spawn_with(options, process_body(puppet));
            return Told::Spawned(spawned.pid, spawned.monitor);
        }
        Order::SpawnOn { node, link, monitor } => {
            let options = SpawnOptions { link, monitor, ..SpawnOptions::default() };
            let spawned = context.spawn_on(node, spec(), options).await.expect("the node can be reached");
            return Told::Spawned(spawned.pid, spawned.monitor);
        }
        Order::SpawnOrGiveUp(node, patience) => {
            let options = SpawnOptions { link: true, ..SpawnOptions::default() };
            return tokio::select! {
                biased;
                spawned = context.spawn_on(node, spec(), options) => {
                    Told::Spawned(spawned.expect("the node can be reached").pid, None)
                }
                () = context.sleep(patience) => Told::NotStarted,
            };
        }
        Order::Start { link, monitor, how } => {
            let options = SpawnOptions { link, monitor, ..SpawnOptions::default() };
            return match context.start(options, starts(how)).await {
                (Started::Up(pid), monitor) => Told::Spawned(pid, monitor),
                (_, None) => Told::NotStarted,
                (started, Some(_)) => panic!("{started:?}, and a monitor"),
            };
        }
        Order::Burst(all) => all.into_iter().for_each(|said| match said {
            Said::Message(to, what) => context.send(to, number(what)).expect("somebody's address"),
            Said::Exit(pid, number) => context.exit_signal(pid, numbered("burst", number)),
        }),
        Order::Call(to) => {
            return Told::Call(match context.call(to, number(7), Duration::from_secs(1)).await {
                Ok(answer) if number_of(&answer) == Some(7) => "answer",
                Ok(_) => "something else",
                Err(CallError::Timeout) => "timeout",
                Err(CallError::Badarg(_)) => "badarg",
                Err(CallError::CallingSelf) => "itself",
                Err(CallError::Down(reason)) if reason.word() == "noproc" => "noproc",
                Err(_) => "an error",
            });
        }
        Order::GiveUp(to) => {
            tokio::select! {
                biased;
                _ = context.call(to, number(7), Duration::from_secs(5)) => {}
                () = context.sleep(Duration::from_millis(500)) => {}
            }
        }
        Order::IsAlive(pid) => return Told::Flag(context.is_alive(pid).await),
        Order::After(delay, to, what, cancel) => {
            let timer = context.send_after(delay, to, number(what));
            let left = if cancel { context.cancel_timer(timer) } else { context.read_timer(timer) };
            assert!(left.is_none_or(|left| left <= delay), "a timer of {delay:?} has {left:?} left");
            return Told::Flag(left.is_some());
        }
        Order::Look => {
            let seen = std::iter::from_fn(|| context.try_receive(|message| !matches!(message, Message::Call { .. })));
            return Told::Seen(seen.collect());
        }
        Order::Return(_) | Order::Depart(..) | Order::Mute(_) | Order::AnswerLate => {
            unreachable!("the puppet itself does that")
        }
    }
    Told::Nothing
}
