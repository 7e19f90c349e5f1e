//! What happens at the same time on different threads, in the order that matters.

use crate::support::*;
use parking_lot::Mutex;
use rusm_core::{
    Association, Context, ExitReason, Node, Pid, RemoteKind, RemoteSignal, RemoteTarget, TraceEvent, Tracer,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Semaphore;

/// Another thread's doing.
type Meanwhile = Box<dyn FnOnce(&Node) + Send>;

/// Does something once, at the moment at which a process has decided to send a signal of that kind and has not yet.
#[derive(Default)]
struct Between(Mutex<Option<(&'static str, Meanwhile)>>);

impl Tracer for Between {
    fn event(&self, node: &Node, event: &TraceEvent<'_>) {
        let TraceEvent::Sent { kind, .. } = event else { return };
        let meanwhile = self.0.lock().take_if(|(of, _)| of == kind);
        if let Some((_, meanwhile)) = meanwhile {
            meanwhile(node);
        }
    }
}

/// A process here links one there, over a new association, while on another thread a link that the other had made over the
/// old one arrives, and the old one ends.
#[test]
fn a_link_made_while_an_earlier_one_is_lost_with_its_association_stays_on_both_sides() {
    let between = Arc::new(Between::default());
    check_with(Some(between.clone()), move |context, pair, ends| {
        let between = between.clone();
        async move {
            context.trap_exit(true);
            let (here, there) = (context.pid(), pair.spawn_there(trapping));
            let world = pair.clone();
            let meanwhile: Meanwhile = Box::new(move |node| {
                let link = RemoteSignal { from: there, to: RemoteTarget::Pid(here), kind: RemoteKind::Link };
                ends[0].receive(node, link).expect("the other speaks for its own process");
                world.cut(&ends);
                world.connect();
            });
            *between.0.lock() = Some(("link", meanwhile));
            context.link(there);
            both_or_neither(&context, &pair, there, true).await;
            // And so does the end of this one.
            context.exit_signal(there, ExitReason::KILL);
            assert_eq!(exit_of(&context, there).await, ExitReason::KILLED);
            assert!(context.try_receive(|_| true).is_none(), "once");
        }
    });
}

/// The same with an unlink that is under way on the old one.
#[test]
fn a_link_made_behind_an_unlink_that_is_lost_stays_on_both_sides() {
    let between = Arc::new(Between::default());
    check_with(Some(between.clone()), move |context, pair, ends| {
        let between = between.clone();
        async move {
            let there = unlinked_in_vain(&context, &pair).await;
            let world = pair.clone();
            let meanwhile: Meanwhile = Box::new(move |_| {
                world.cut(&ends);
                world.connect();
            });
            *between.0.lock() = Some(("link", meanwhile));
            context.link(there);
            both_or_neither(&context, &pair, there, true).await;
            assert!(context.try_receive(|_| true).is_none(), "the link that ended was given up");
        }
    });
}

/// The same when both sides had unlinked.
#[test]
fn a_link_made_while_both_unlinks_are_lost_stays_on_both_sides() {
    let between = Arc::new(Between::default());
    check_with(Some(between.clone()), move |context, pair, ends| {
        let between = between.clone();
        async move {
            let (here, there) = (context.pid(), unlinked_in_vain(&context, &pair).await);
            let world = pair.clone();
            let meanwhile: Meanwhile = Box::new(move |node| {
                let unlink =
                    RemoteSignal { from: there, to: RemoteTarget::Pid(here), kind: RemoteKind::Unlink { id: 7 } };
                ends[0].receive(node, unlink).expect("the other speaks for its own process");
                world.cut(&ends);
                world.connect();
            });
            *between.0.lock() = Some(("link", meanwhile));
            context.link(there);
            both_or_neither(&context, &pair, there, true).await;
        }
    });
}

/// A link that the other made before it heard of the unlink: the unlink takes it away there as well.
#[test]
fn a_link_that_crosses_an_unlink_is_none() {
    check(|context, pair, ends| async move {
        let (here, there) = (context.pid(), unlinked_in_vain(&context, &pair).await);
        let link = RemoteSignal { from: there, to: RemoteTarget::Pid(here), kind: RemoteKind::Link };
        ends[0].receive(&pair.nodes[0], link).expect("the other speaks for its own process");
        settle(&context, here).await;
        assert_eq!(context.process_info(here).await.expect("alive").links, []);
    });
}

/// A process there that was linked, and is being unlinked: nothing of the unlink arrives, and nothing of its acknowledgement.
async fn unlinked_in_vain(context: &Context, pair: &Pair) -> Pid {
    context.trap_exit(true);
    let there = pair.spawn_there(trapping);
    context.link(there);
    settle(context, there).await;
    pair.mute();
    context.unlink(there);
    there
}

async fn both_or_neither(context: &Context, pair: &Pair, there: Pid, linked: bool) {
    settle(context, there).await;
    settle(context, context.pid()).await;
    let links = |node: &Node, pid| node.process_info(pid).expect("it traps exits").links;
    assert_eq!(links(&pair.nodes[0], context.pid()).contains(&there), linked, "this half");
    assert_eq!(links(&pair.nodes[1], there).contains(&context.pid()), linked, "the other half");
}

async fn trapping(context: Context) {
    context.trap_exit(true);
    idle(context).await;
}

/// Processes of two nodes link and unlink each other without a pause on two threads while associations come and go: when all is
/// quiet, both halves of each link are there or neither.
#[test]
fn links_are_symmetric_however_threads_interleave_with_the_ends_of_associations() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().expect("a runtime");
    for round in 0..100 {
        let round = runtime.spawn(async move {
            let pair = Pair::start();
            let mut ends = pair.connect();
            let soup = Arc::new(Soup::default());
            let pids = [0, 1].map(|node: usize| {
                let member = |_| {
                    let soup = soup.clone();
                    pair.nodes[node].spawn(move |context| member(context, 1 - node, soup))
                };
                (0..EACH).map(member).collect::<Vec<Pid>>()
            });
            // Nobody links one that would not live through it.
            let _ = soup.trapping.acquire_many(2 * EACH).await.expect("it is never closed");
            soup.pids.lock().clone_from(&pids);
            for _ in 0..20 {
                tokio::task::yield_now().await;
                pair.cut(&ends);
                ends = pair.connect();
            }
            soup.stop.store(true, Ordering::SeqCst);
            let _ = soup.rested.acquire_many(2 * EACH).await.expect("it is never closed");
            let links = |node: usize, pid| pair.nodes[node].process_info(pid).expect("it traps exits").links;
            let mut linked = 0;
            for here in &pids[0] {
                for there in &pids[1] {
                    let (one, other) = (links(0, *here).contains(there), links(1, *there).contains(here));
                    assert_eq!(one, other, "round {round}: half a link between {here:?} and {there:?}");
                    linked += usize::from(one);
                }
            }
            let known = ends.each_ref().map(Association::relations);
            assert_eq!(known, [linked; 2], "round {round}: what each side knows of what crosses");
        });
        runtime.block_on(round).expect("links are symmetric");
    }
}

const EACH: u32 = 4;

/// Who there is on each node, and when to stop.
struct Soup {
    pids: Mutex<[Vec<Pid>; 2]>,
    stop: AtomicBool,
    trapping: Semaphore,
    rested: Semaphore,
}

impl Default for Soup {
    fn default() -> Self {
        let [trapping, rested] = [0; 2].map(Semaphore::new);
        Self { pids: Mutex::default(), stop: AtomicBool::new(false), trapping, rested }
    }
}

async fn member(context: Context, other_node: usize, soup: Arc<Soup>) {
    context.trap_exit(true);
    soup.trapping.add_permits(1);
    while !soup.stop.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
        let others = soup.pids.lock()[other_node].clone();
        let random = context.random() as usize;
        let Some(other) = others.get(random % EACH as usize) else { continue };
        if random & 0x100 == 0 {
            context.link(*other)
        } else {
            context.unlink(*other)
        }
        while context.try_receive(|_| true).is_some() {}
    }
    let others = soup.pids.lock()[other_node].clone();
    for other in others {
        // The answer comes behind all that the other has done about this one's signals.
        assert!(context.is_alive(other).await);
    }
    soup.rested.add_permits(1);
    idle(context).await;
}
