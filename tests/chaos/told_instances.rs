//! A supervisor of instances is told what to do at random, and they end at random, or do not start: after each step it has
//! done exactly what `simple_one_for_one` means, and nobody is left over.

use crate::support::below;
use rand_core::Rng;
use rusm_core::{
    ChildArgs, ChildKind, ChildSpec, ChildStart, Context, ExitReason, Message, Node, Pid, Restart, Shutdown, Started,
    Supervisor, SupervisorError, SupervisorRef, SupervisorSpec,
};
use rusm_sim::SimHandle;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const REST: Duration = Duration::from_secs(4);

/// How long an instance takes to end when it is told to.
const TAKES: Duration = Duration::from_millis(100);

#[derive(Clone, Default)]
struct Nursery(Arc<Mutex<Inside>>);

/// What instances have seen, and how they behave.
#[derive(Default)]
struct Inside {
    log: Vec<String>,
    /// How many of the next starts fail.
    fails: u64,
    /// Whether they end of nothing but a kill.
    stubborn: bool,
}

impl Nursery {
    fn note(&self, line: String) {
        self.0.lock().expect("nobody panics with it").log.push(line);
    }

    fn fail_next(&self, times: u64) {
        self.0.lock().expect("nobody panics with it").fails = times;
    }

    fn is_stubborn(&self) -> bool {
        self.0.lock().expect("nobody panics with it").stubborn
    }

    fn fails(&self) -> bool {
        let mut inside = self.0.lock().expect("nobody panics with it");
        let fails = inside.fails > 0;
        inside.fails -= u64::from(fails);
        fails
    }

    fn template(&self, like: &Like) -> ChildSpec {
        let nursery = self.clone();
        let start = ChildStart::native_with_init(move |context, args| run(context, args, nursery.clone()));
        let mut spec = ChildSpec::new("instance", start).restart(like.restart).shutdown(like.shutdown);
        spec.kind = like.kind;
        spec
    }

    fn spec(&self, like: &Like) -> SupervisorSpec {
        SupervisorSpec::dynamic(self.template(like)).intensity(like.intensity, Duration::from_secs(1_000_000))
    }
}

async fn run(context: Context, args: ChildArgs, nursery: Nursery) -> ExitReason {
    let number = args.downcast::<u64>().expect("an instance has a number");
    if nursery.fails() {
        nursery.note(format!("fail {number}"));
        context.init_fail(ExitReason::new("no_start"));
        return ExitReason::new("no_start");
    }
    context.trap_exit(true);
    nursery.note(format!("start {number}"));
    context.init_ack();
    let Message::Exit { from, reason } = context.receive().await else { panic!("nobody sends messages") };
    if Some(from) == context.parent() {
        nursery.note(format!("stop {number} {}", reason.word()));
        context.sleep(if nursery.is_stubborn() { Duration::MAX } else { TAKES }).await;
    }
    reason
}

/// What the template says.
struct Like {
    restart: Restart,
    shutdown: Shutdown,
    kind: ChildKind,
    intensity: u32,
}

impl Like {
    fn some(rng: &mut impl Rng) -> Self {
        let restart = [Restart::Permanent, Restart::Transient, Restart::Temporary][below(rng, 3) as usize];
        let shutdown =
            [Shutdown::BrutalKill, Shutdown::Infinity, Shutdown::Timeout(TAKES / 2), Shutdown::Timeout(REST)];
        let kind = if below(rng, 2) == 0 { ChildKind::Worker } else { ChildKind::Supervisor };
        Self { restart, shutdown: shutdown[below(rng, 4) as usize], kind, intensity: [2, 1000][below(rng, 2) as usize] }
    }
}

struct Operator {
    sim: SimHandle,
    node: Node,
    nursery: Nursery,
    supervisor: SupervisorRef,
    like: Like,
    /// What must have been noted.
    log: Vec<String>,
    /// Those that run, in start order.
    instances: Vec<(u64, Pid)>,
    started: u64,
    restarts: u32,
    ended: bool,
}

#[rusm_sim::test(seeds = 200, sometimes = ["it gave up", "a restart failed"])]
async fn instances_are_started_stopped_and_restarted(sim: SimHandle) {
    let mut rng = sim.random("operator");
    let (node, nursery, like) = (Node::start(sim.node_options("a")), Nursery::default(), Like::some(&mut rng));
    let Started::Up(pid) = Supervisor::start(&node, nursery.spec(&like)).await else { panic!("it did not start") };
    let mut operator = Operator {
        sim,
        node,
        nursery,
        supervisor: pid.into(),
        like,
        log: Vec::new(),
        instances: Vec::new(),
        started: 0,
        restarts: 0,
        ended: false,
    };
    for _ in 0..25 {
        operator.step(&mut rng).await;
        operator.compare().await;
        if operator.ended {
            return;
        }
    }
    assert_eq!(operator.supervisor.stop(&operator.node, ExitReason::SHUTDOWN).await, Ok(()));
    operator.end();
    operator.compare().await;
}

impl Operator {
    async fn step(&mut self, rng: &mut impl Rng) {
        let one = (!self.instances.is_empty()).then(|| below(rng, self.instances.len() as u64) as usize);
        match (below(rng, 10), one) {
            (0, Some(one)) => {
                let (number, pid) = self.instances.remove(one);
                self.stopped(number);
                assert_eq!(self.supervisor.terminate_child(&self.node, pid).await, Ok(()));
                assert_eq!(self.supervisor.terminate_child(&self.node, pid).await, Ok(()), "the dead are no error");
            }
            (1, _) => {
                let like = Like { intensity: self.like.intensity, ..Like::some(rng) };
                assert_eq!(self.supervisor.change(&self.node, self.nursery.spec(&like)).await, Ok(()));
                self.like = like;
            }
            (2, _) => self.ask_nonsense().await,
            (3..6, Some(one)) => self.end_one(rng, one),
            _ => self.start(rng).await,
        }
    }

    async fn start(&mut self, rng: &mut impl Rng) {
        self.started += 1;
        let (number, fails) = (self.started, below(rng, 4) == 0);
        self.nursery.fail_next(u64::from(fails));
        let found = self.supervisor.start_child_with(&self.node, ChildArgs::local(number)).await;
        if fails {
            self.log.push(format!("fail {number}"));
            assert!(matches!(&found, Err(SupervisorError::StartFailed(why)) if why.word() == "no_start"), "{found:?}");
        } else {
            self.log.push(format!("start {number}"));
            self.instances.push((number, found.expect("it starts").expect("it runs")));
        }
    }

    /// What only a supervisor of children with specs can do, and what is said of a stranger.
    async fn ask_nonsense(&self) {
        let (supervisor, node) = (&self.supervisor, &self.node);
        let refused = Err(SupervisorError::SimpleOneForOne);
        assert_eq!(supervisor.start_child(node, self.nursery.template(&self.like)).await, refused);
        assert_eq!(supervisor.restart_child(node, "instance").await, refused);
        let refused = Err(SupervisorError::SimpleOneForOne);
        assert_eq!(supervisor.delete_child(node, "instance").await, refused);
        assert_eq!(supervisor.terminate_child(node, "instance").await, refused);
        let stranger = node.spawn(crate::support::idle);
        assert_eq!(supervisor.terminate_child(node, stranger).await, Err(SupervisorError::NotFound));
        node.exit_signal(stranger, ExitReason::KILL);
    }

    fn end_one(&mut self, rng: &mut impl Rng, one: usize) {
        let reason = [ExitReason::NORMAL, ExitReason::SHUTDOWN, ExitReason::KILL, ExitReason::new("boom")];
        let reason = reason[below(rng, 4) as usize].clone();
        let (number, pid) = self.instances[one];
        let restarts = match self.like.restart {
            Restart::Permanent => true,
            Restart::Transient => !reason.is_orderly(),
            Restart::Temporary => false,
        };
        let fails = below(rng, 3) / 2 * (1 + below(rng, 2));
        self.nursery.fail_next(if restarts { fails } else { 0 });
        self.node.exit_signal(pid, reason);
        if !restarts {
            self.instances.remove(one);
            return;
        }
        for attempt in 0..=fails {
            self.restarts += 1;
            if self.restarts > self.like.intensity {
                self.sim.sometimes("it gave up");
                self.instances.remove(one);
                return self.end();
            }
            if attempt < fails {
                self.sim.sometimes("a restart failed");
                self.log.push(format!("fail {number}"));
            }
        }
        self.log.push(format!("start {number}"));
    }

    fn stopped(&mut self, number: u64) {
        if self.like.shutdown != Shutdown::BrutalKill {
            self.log.push(format!("stop {number} shutdown"));
        }
    }

    fn end(&mut self) {
        self.ended = true;
        for (number, _) in std::mem::take(&mut self.instances) {
            self.stopped(number);
        }
    }

    async fn compare(&mut self) {
        self.sim.sleep(REST).await;
        // Who has not the time to end will be killed.
        let stubborn = self.like.shutdown == Shutdown::Timeout(TAKES / 2);
        self.nursery.0.lock().expect("nobody panics with it").stubborn = stubborn;
        let mut log = std::mem::take(&mut self.nursery.0.lock().expect("nobody panics with it").log);
        if self.ended {
            // They are stopped all at once.
            log.sort_unstable();
            self.log.sort_unstable();
        }
        assert_eq!(log, std::mem::take(&mut self.log), "what was done, and what should be");
        if self.ended {
            return assert_eq!(self.node.process_count(), 0, "it has left {:?}", self.node.processes());
        }
        let children = self.supervisor.which_children(&self.node).await.expect("the supervisor lives");
        let pids: Vec<Pid> = children.iter().rev().filter_map(|child| child.pid).collect();
        assert_eq!(pids.len(), self.instances.len(), "{children:?}");
        for ((number, pid), found) in self.instances.iter_mut().zip(pids) {
            // One that was restarted has another.
            *pid = found;
            assert!(self.node.process_info(found).is_some(), "{number} is dead and its supervisor does not know");
        }
        assert!(children.iter().all(|child| child.id == "instance" && child.kind == self.like.kind), "{children:?}");
        let counts = self.supervisor.count_children(&self.node).await.expect("the supervisor lives");
        let all = self.instances.len();
        let (supervisors, workers) = if self.like.kind == ChildKind::Supervisor { (all, 0) } else { (0, all) };
        let found = (counts.specs, counts.active, counts.supervisors, counts.workers);
        assert_eq!(found, (1, all, supervisors, workers));
        assert_eq!(self.node.process_count(), 1 + all, "somebody is left over: {:?}", self.node.processes());
    }
}
