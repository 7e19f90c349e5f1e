//! A soup of processes that do to each other whatever they can, at random: nothing that the runtime promises may break,
//! and every rare branch that the core marks must be reached.

use crate::support::{below, clear, micros};
use rand_core::Rng;
use rusm_core::{BoxFuture, ExitReason, Node, SpawnOptions, SupervisorRef, SupervisorSpec, Term, process_body};
use rusm_core::{ChildSpec, Context, Mark, Message, Payload, Pid, Restart, Shutdown, Started, Strategy, Supervisor};
use rusm_sim::check::{incarnations_grow, names_have_one_owner, signals_keep_their_order};
use rusm_sim::{Outcome, SimHandle, Test};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

/// Whom a process may turn to: those that were spawned, dead ones among them.
#[derive(Clone, Default)]
struct Known(Arc<Mutex<Vec<Pid>>>);

impl Known {
    fn add(&self, pid: Pid) {
        self.0.lock().expect("nobody panics with it").push(pid);
    }

    fn one(&self, rng: &mut impl Rng) -> Option<Pid> {
        let known = self.0.lock().expect("nobody panics with it");
        let latest = known.len().saturating_sub(4);
        let index = latest as u64 + below(rng, (known.len() - latest).max(1) as u64);
        known.get(index as usize).copied()
    }
}

/// As many seeds as the rarest branch needs, three times over.
#[rusm_sim::test(seeds = 150, sometimes = Mark::NAMES)]
fn the_soup_keeps_its_promises_and_reaches_every_rare_branch_of_the_core(test: &mut Test) {
    soup(test);
}

pub(crate) fn soup(test: &mut Test) {
    let processes = test.size("processes", 2..=8);
    let steps = test.size("steps", 10..=60);
    test.watch(signals_keep_their_order()).watch(names_have_one_owner()).watch(incarnations_grow());
    test.script("outside", move |sim| async move {
        let node = Node::start(sim.node_options("a"));
        let known = Known::default();
        start_family(&node, &sim, &known).await;
        start_twins(&node, &sim);
        for number in 0..processes {
            let (sim, spoon) = (sim.clone(), known.clone());
            known.add(node.spawn(move |context| stir(context, sim, number, steps, spoon)));
        }
        sim.sleep(Duration::from_secs(1)).await;
        if let Some(family) = node.whereis("family") {
            let _ = SupervisorRef::from(family).stop(&node, ExitReason::SHUTDOWN).await;
        }
        sim.sleep(Duration::from_secs(60)).await;
        links_are_symmetric(&sim, &node);
        clear(&sim, &node).await;
    });
}

/// A supervisor with children that trap exits: one of them does not end when it is told to.
async fn start_family(node: &Node, sim: &SimHandle, known: &Known) {
    let mut spec = SupervisorSpec::new(Strategy::OneForAll).name("family").intensity(1000, Duration::from_secs(1));
    for (number, name) in ["stubborn", "meek"].into_iter().enumerate() {
        let (sim, known) = (sim.clone(), known.clone());
        let child = ChildSpec::worker(name, move |context, _| {
            let (sim, known) = (sim.clone(), known.clone());
            known.add(context.pid());
            async move {
                context.trap_exit(number == 0);
                let mut rng = sim.random(&format!("{name} {}", context.pid().serial));
                loop {
                    let patience = micros(&mut rng, 2_000);
                    match context.receive_timeout(patience, |_| true).await {
                        Some(Message::Exit { reason, .. }) if number == 1 => return reason,
                        Some(Message::Call { from, payload }) => context.reply(from, payload),
                        Some(_) => {}
                        // Dies about when its sibling is stopped.
                        None if below(&mut rng, 12) == 0 => return ExitReason::new("tired"),
                        None => {}
                    }
                }
            }
        });
        spec = spec
            .child(child.name(name).restart(Restart::Permanent).shutdown(Shutdown::Timeout(Duration::from_millis(1))));
    }
    if let Started::Failed(why) = Supervisor::start(node, spec).await {
        sim.fail(Outcome::Crashed(format!("the family did not start: {why}")));
    }
}

/// Two that link and unlink each other, so fast that what the one does crosses what the other does.
fn start_twins(node: &Node, sim: &SimHandle) {
    let pair: Arc<OnceLock<[Pid; 2]>> = Arc::default();
    let spawn = |number: usize| {
        let (sim, pair) = (sim.clone(), pair.clone());
        node.spawn(move |context| async move {
            let mut rng = sim.random(&format!("twin {number}"));
            context.trap_exit(true);
            for _ in 0..40 {
                let Some(twins) = pair.get() else { break };
                if below(&mut rng, 2) == 0 {
                    context.link(twins[1 - number])
                } else {
                    context.unlink(twins[1 - number])
                }
                context.receive_timeout(micros(&mut rng, 20), |_| true).await;
            }
        })
    };
    pair.set([spawn(0), spawn(1)]).expect("it is set once");
}

/// Does so many things at random, to itself and others.
fn stir(context: Context, sim: SimHandle, number: u64, steps: u64, known: Known) -> BoxFuture<ExitReason> {
    Box::pin(async move {
        let mut rng = sim.random(&format!("spoon {number} {}", context.pid().serial));
        context.trap_exit(below(&mut rng, 3) > 0);
        let (mut monitors, mut timers) = (Vec::new(), Vec::new());
        for step in 0..steps {
            let Some(other) = known.one(&mut rng) else { continue };
            match below(&mut rng, 18) {
                0 | 1 => context.link(other),
                2 | 3 => context.unlink(other),
                4 | 5 => monitors.push(context.monitor(other)),
                6 => {
                    if let Some(monitor) = monitors.pop() {
                        context.demonitor(monitor);
                    }
                }
                7 => drop(context.call(other, Term::empty(), micros(&mut rng, 60)).await),
                8 => timers.push(context.send_after(micros(&mut rng, 400), other, Payload::local(step))),
                9 => drop(timers.pop().and_then(|timer| context.cancel_timer(timer))),
                10 => context.exit_signal(other, ExitReason::new("stirred")),
                11 if below(&mut rng, 3) == 0 => context.exit_signal(other, ExitReason::KILL),
                12 => drop(context.register(&format!("name {}", below(&mut rng, 3)), context.pid())),
                13 if below(&mut rng, 6) == 0 => return ExitReason::new("enough"),
                14 => {
                    let (sim, spoon) = (sim.clone(), known.clone());
                    known.add(context.spawn(move |context| stir(context, sim, number + 100, steps / 2, spoon)));
                }
                15 => {
                    let fails = process_body(|_| async { ExitReason::new("it does not start") });
                    drop(context.start_link(SpawnOptions::default(), fails).await);
                }
                16 if below(&mut rng, 6) == 0 => {
                    context.trap_exit(false);
                    context.exit_signal(context.pid(), ExitReason::new("by itself"));
                    context.link(other);
                    return ExitReason::NORMAL;
                }
                _ => drop(context.send(other, Payload::local(step))),
            }
            if let Some(Message::Call { from, payload }) =
                context.receive_timeout(micros(&mut rng, 100), |_| true).await
            {
                context.reply(from, payload);
            }
        }
        ExitReason::NORMAL
    })
}

/// At rest every link has two live ends.
fn links_are_symmetric(sim: &SimHandle, node: &Node) {
    for pid in node.processes() {
        let Some(info) = node.process_info(pid) else { continue };
        for other in info.links {
            let back = node.process_info(other).is_some_and(|other| other.links.contains(&pid));
            if !back {
                sim.fail(Outcome::broken(
                    "links-are-symmetric",
                    format!("{pid} is linked to {other}, which is not to it"),
                ));
            }
        }
    }
}
