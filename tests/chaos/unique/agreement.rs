//! What the voters say is what one register for each name would say, whatever happens to networks, nodes, clocks and disks.

use super::world::{NODES, names, of_machines, start_voter};
use crate::support::below;
use parking_lot::Mutex;
use rusm_core::{Context, Node, Pid};
use rusm_sim::check::{History, Model, linearizable};
use rusm_sim::{SimHandle, Test};
use rusm_transport::unique::{Lease, UniqueNameError, UniqueNames};
use std::sync::Arc;
use std::time::Duration;

const NAMES: u64 = 6;
const ASKERS: u64 = 2;
const TIMEOUT: Duration = Duration::from_secs(5);

/// Who holds a name, and by which of the requests for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Register(Option<(Pid, u64)>);

#[derive(Clone, Debug)]
enum Request {
    Acquire(u64, Pid, u64),
    Release(u64, Pid, u64),
    Whereis(u64),
}

impl Model for Register {
    type Request = Request;
    /// Whose the name is, or was already when it was asked for.
    type Response = Option<Pid>;

    fn apply(&mut self, request: &Request) -> Option<Pid> {
        let owner = self.0.map(|(pid, _)| pid);
        match *request {
            Request::Acquire(_, pid, number) if owner.is_none() => self.0 = Some((pid, number)),
            Request::Release(_, pid, number) => {
                if self.0 == Some((pid, number)) {
                    self.0 = None;
                }
                return None;
            }
            Request::Acquire(..) | Request::Whereis(_) => {}
        }
        owner
    }

    fn part(request: &Request) -> u64 {
        match *request {
            Request::Acquire(name, ..) | Request::Release(name, ..) | Request::Whereis(name) => name,
        }
    }
}

#[derive(Clone)]
struct Asking {
    sim: SimHandle,
    history: History<Register>,
    /// How many requests for names there were, and on how many nodes one was answered after the last fault.
    requests: Arc<Mutex<u64>>,
    answered: Arc<Mutex<Vec<String>>>,
}

#[rusm_sim::test(
    seeds = 60,
    sometimes = [
        "a name was taken", "a name was another's", "a name was given back", "no majority answered",
        "node: crash", "node: power cut within a commit", "time: drift", "disk: I/O error"
    ]
)]
fn unique_names_are_linearizable(test: &mut Test) {
    let history = History::new(test.sim());
    let asking =
        Asking { sim: test.sim(), history: history.clone(), requests: Arc::default(), answered: Arc::default() };
    let answered = asking.answered.clone();
    test.cluster(&NODES, move |node| boot(node, asking.clone()));
    test.faults(of_machines());
    test.watch(linearizable("a unique name has one holder", Register::default(), history));
    test.eventually("each node is answered", move || {
        let answered = answered.lock();
        let missing = NODES.iter().find(|name| !answered.iter().any(|node| node == *name));
        missing.map_or(Ok(()), |name| Err(format!("{name} is not")))
    });
}

async fn boot(node: Node, asking: Asking) {
    start_voter(&node).await;
    for _ in 0..ASKERS {
        let asking = asking.clone();
        node.spawn(move |context| asker(context, asking));
    }
}

async fn asker(context: Context, asking: Asking) {
    let Asking { sim, history, requests, answered } = asking;
    let mut rng = sim.random(&format!("asker {}", context.random()));
    // Longer than the run: leases only end when they are given up.
    let names = names().ttl(Duration::from_secs(3_600));
    let mut held: Vec<(u64, u64, Lease)> = Vec::new();
    loop {
        context.sleep(Duration::from_millis(below(&mut rng, 1_500))).await;
        let number = below(&mut rng, NAMES);
        let name = format!("name {number}");
        let was_answered = match below(&mut rng, 4) {
            0 => whereis(&context, &names, &history, number).await,
            1 if !held.is_empty() => {
                let (number, request, lease) = held.swap_remove(below(&mut rng, held.len() as u64) as usize);
                let call = history.call(Request::Release(number, context.pid(), request));
                let released = lease.release(&context, TIMEOUT).await.is_ok();
                if released {
                    sim.sometimes("a name was given back");
                    call.ok(None);
                }
                released
            }
            _ => {
                let request = {
                    let mut requests = requests.lock();
                    *requests += 1;
                    *requests
                };
                let call = history.call(Request::Acquire(number, context.pid(), request));
                match names.register(&context, &name, TIMEOUT).await {
                    Ok(lease) => {
                        sim.sometimes("a name was taken");
                        call.ok(None);
                        held.push((number, request, lease));
                        true
                    }
                    Err(UniqueNameError::Taken(owner, _)) => {
                        sim.sometimes("a name was another's");
                        call.ok(Some(owner));
                        true
                    }
                    Err(UniqueNameError::NoMajority) => {
                        sim.sometimes("no majority answered");
                        false
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        };
        if was_answered && sim.healed() {
            answered.lock().push(context.node().name().to_owned());
        }
    }
}

async fn whereis(context: &Context, names: &UniqueNames, history: &History<Register>, number: u64) -> bool {
    let call = history.call(Request::Whereis(number));
    match names.whereis(context, &format!("name {number}"), TIMEOUT).await {
        Ok(owner) => {
            call.ok(owner.map(|(pid, _)| pid));
            true
        }
        Err(UniqueNameError::NoMajority) => false,
        Err(error) => panic!("{error}"),
    }
}
