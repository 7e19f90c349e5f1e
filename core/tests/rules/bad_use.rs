//! What nobody should do, and what comes of it.

use super::{STUCK_AFTER, agent, boom, check, down, mailbox, say, tell};
use rusm_core::seam::Seams;
use rusm_core::{Context, ExitReason, Message, Node, NodeOptions, Payload};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A message whose destructor panics, and counts how often it ran.
struct Bomb(Arc<AtomicUsize>);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        if !std::thread::panicking() {
            panic!("in the destructor of a message");
        }
    }
}

#[test]
fn a_message_whose_destructor_panics_harms_nobody_whom_it_does_not_reach() {
    check(|context| async move {
        let dropped = Arc::new(AtomicUsize::new(0));
        let bomb = || Payload::local(Bomb(dropped.clone()));
        // Whom it was sent to is dead, and so is who would have got it by a timer.
        let dead = super::dead(&context).await;
        assert_eq!(context.send(dead, bomb()), Ok(()));
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
        context.send_after(Duration::from_secs(3600), dead, bomb());
        assert_eq!(dropped.load(Ordering::SeqCst), 2);
        assert!(context.send("nobody", bomb()).is_err());
        assert_eq!(dropped.load(Ordering::SeqCst), 3);
        // An alias that is not active any more.
        let alias = context.alias();
        context.unalias(alias);
        tell(&context, agent(&context), {
            let bomb = bomb();
            move |other| assert_eq!(other.send(alias, bomb), Ok(()))
        })
        .await;
        super::settled(&context, &[]).await;
        assert!(mailbox(&context).is_empty());
        assert_eq!(dropped.load(Ordering::SeqCst), 4);
        // A timer that is cancelled.
        let timer = context.send_after(Duration::from_secs(3600), context.pid(), bomb());
        assert!(context.cancel_timer(timer).is_some());
        assert_eq!(dropped.load(Ordering::SeqCst), 5);
    });
}

#[test]
fn a_process_that_ends_with_such_messages_is_mourned_as_any_other() {
    check(|context| async move {
        context.trap_exit(true);
        let dropped = Arc::new(AtomicUsize::new(0));
        let bomb = || Payload::local(Bomb(dropped.clone()));
        let (pid, monitor) = context.spawn_monitor(|context: Context| async move {
            context.receive_match(|_| false).await;
        });
        context.link(pid);
        // In its mailbox.
        context.send(pid, bomb()).expect("a pid");
        assert!(context.is_alive(pid).await);
        // Behind the signal that ends it, before others that wait for an answer.
        context.exit_signal(pid, boom());
        context.send(pid, bomb()).expect("a pid");
        let second = context.monitor(pid);
        assert!(!context.is_alive(pid).await);
        assert_eq!(down(&context, monitor).await, boom());
        assert_eq!(down(&context, second).await, ExitReason::NOPROC);
        let is_exit = |message: &Message| matches!(message, Message::Exit { from, .. } if *from == pid);
        assert!(matches!(context.try_receive(is_exit), Some(Message::Exit { reason, .. }) if reason == boom()));
        assert_eq!(dropped.load(Ordering::SeqCst), 2);
        assert!(mailbox(&context).is_empty());
    });
}

#[test]
fn a_pattern_that_panics_ends_its_process() {
    check(|context| async move {
        let reason = super::ends_with(&context, |context: Context| async move {
            context.send(context.pid(), say("hello")).expect("a pid");
            context.try_receive(|_| panic!("in a pattern"));
        });
        assert_eq!(reason.await, ExitReason::PANIC.with_detail("in a pattern"));
    });
}

/// What was written to the log, a line for each event.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines(&self, word: &str) -> Vec<String> {
        let written = String::from_utf8(self.0.lock().unwrap().clone()).expect("a log is text");
        written.lines().filter(|line| line.contains(word)).map(str::to_owned).collect()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_process_that_does_not_yield_is_named_in_the_log_once() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).init();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let reason = runtime.block_on(async {
        let seams = Seams::production(std::env::temp_dir());
        let long_schedule = Some(Duration::from_millis(1));
        let node = Node::start(NodeOptions { long_schedule, ..NodeOptions::new("a", seams) });
        super::end_of(&node, move |context: Context| async move {
            context.set_label("spinner");
            let stuck_at = context.now() + STUCK_AFTER;
            while log.lines("process=\"spinner\"").is_empty() && context.now() < stuck_at {
                std::hint::spin_loop();
            }
            let named_at = context.now();
            while context.now() < named_at + Duration::from_millis(5) {
                std::hint::spin_loop();
            }
            assert_eq!(log.lines("process=\"spinner\"").len(), 1);
            assert!(log.lines("spinner")[0].contains("long schedule"), "{:?}", log.lines("spinner"));
        })
        .await
    });
    assert_eq!(reason, ExitReason::NORMAL);
}
