//! A process that does what it is told by calls, and leaves everything else in its mailbox until it is told to look.

use rusm_core::{
    AliasMode, BoxFuture, CallError, Caller, Context, Destination, Encoding, ExitReason, Message, Monitored, Payload,
    Pid, Reference, SpawnOptions, Term, process_body,
};
use std::time::Duration;

pub(super) enum Order {
    Link(Pid),
    Unlink(Pid),
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
    Register(&'static str, Pid),
    Unregister(&'static str),
    Spawn {
        link: bool,
        monitor: bool,
    },
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

#[derive(Debug)]
pub(super) enum Told {
    Nothing,
    Reference(Reference),
    Flag(bool),
    Spawned(Pid, Option<Reference>),
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

async fn perform(context: &Context, order: Order) -> Told {
    match order {
        Order::Link(pid) => context.link(pid),
        Order::Unlink(pid) => context.unlink(pid),
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
        Order::Register(name, pid) => return Told::Flag(context.register(name, pid).is_ok()),
        Order::Unregister(name) => return Told::Flag(context.unregister(name).is_ok()),
        Order::Spawn { link, monitor } => {
            let options = SpawnOptions { link, monitor, ..SpawnOptions::default() };
            let spawned = context.spawn_with(options, process_body(puppet));
            return Told::Spawned(spawned.pid, spawned.monitor);
        }
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
        Order::Return(_) | Order::Mute(_) | Order::AnswerLate => unreachable!("the puppet itself does that"),
    }
    Told::Nothing
}
