//! The state machine against a slow, obvious model: OTP's `supervisor.erl` written down function by function, where
//! starting and stopping a child is an ordinary call.

use super::request::{Reply, Request};
use super::test_world::{Driven, Ends, Outcome, World, child, instance, pid};
use super::*;
use crate::{ExitReason, Pid, Started, Timestamp};
use proptest::prelude::{Just, ProptestConfig, any, prop, prop_assert_eq, prop_oneof, proptest};
use proptest::strategy::Strategy as Generator;
use std::collections::VecDeque;
use std::time::Duration;

#[derive(Clone)]
struct ModelChild {
    spec: ChildSpec,
    args: ChildArgs,
    /// OTP's pid field: `undefined`, a pid, or `{restarting, _}`.
    at: At,
    restarts: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    Undefined,
    Pid(Pid),
    Restarting(Option<Pid>),
}

/// A list of children in start order, searched from the front.
struct Model {
    flags: SupervisorFlags,
    template: Option<ChildSpec>,
    children: Vec<ModelChild>,
    restarts: Vec<Timestamp>,
    retries: VecDeque<ChildRef>,
    world: World,
    ended: Option<ExitReason>,
}

enum Next {
    Ok,
    Shutdown,
}

impl Model {
    fn start(spec: SupervisorSpec, world: World) -> Self {
        let mut model = Self {
            flags: spec.flags,
            template: None,
            children: Vec::new(),
            restarts: Vec::new(),
            retries: VecDeque::new(),
            world,
            ended: None,
        };
        if spec.flags.strategy == Strategy::SimpleOneForOne {
            model.template = spec.children.into_iter().next();
        } else {
            let children = spec.children.into_iter().map(|spec| new_child(spec, ChildArgs::None)).collect();
            let (children, failed) = model.start_children(children, false);
            model.children = children;
            if let Some((id, reason)) = failed {
                model.terminate(ExitReason::SHUTDOWN.with_detail(format!("failed_to_start_child({id}, {reason})")));
            }
        }
        model
    }

    fn do_start(&mut self, child: &ModelChild) -> Started {
        self.world.start(&instance(&child.spec.id, &child.args))
    }

    fn start_children(
        &mut self,
        children: Vec<ModelChild>,
        again: bool,
    ) -> (Vec<ModelChild>, Option<(String, ExitReason)>) {
        let mut started = Vec::new();
        let mut rest = children.into_iter();
        while let Some(mut child) = rest.next() {
            match self.do_start(&child) {
                Started::Ignored if child.spec.restart == Restart::Temporary => {}
                Started::Ignored => {
                    child.at = At::Undefined;
                    child.restarts += u32::from(again);
                    started.push(child);
                }
                Started::Up(pid) => {
                    child.at = At::Pid(pid);
                    child.restarts += u32::from(again);
                    started.push(child);
                }
                Started::Failed(reason) => {
                    let failed = (child.spec.id.clone(), reason);
                    started.push(child);
                    started.extend(rest);
                    return (started, Some(failed));
                }
            }
        }
        (started, None)
    }

    fn do_terminate(&mut self, child: &ModelChild) {
        if let At::Pid(pid) = child.at {
            let signal = match child.spec.shutdown {
                Shutdown::BrutalKill => ExitReason::KILL,
                _ => ExitReason::SHUTDOWN,
            };
            self.world.end_of(pid, &signal, child.spec.shutdown);
        }
    }

    /// In reverse start order; what comes back is in start order.
    fn terminate_children(&mut self, children: Vec<ModelChild>) -> Vec<ModelChild> {
        let mut left = Vec::new();
        for mut child in children.into_iter().rev() {
            self.do_terminate(&child);
            if child.spec.restart != Restart::Temporary {
                child.at = At::Undefined;
                left.push(child);
            }
        }
        left.reverse();
        left
    }

    fn terminate(&mut self, reason: ExitReason) {
        let children = std::mem::take(&mut self.children);
        if self.template.is_some() {
            // Instances are told all at once; the world is asked in start order.
            for child in children {
                self.do_terminate(&child);
            }
        } else {
            self.children = self.terminate_children(children);
        }
        self.ended = Some(reason);
    }

    fn delete(&mut self, i: usize) {
        if self.template.is_some() || self.children[i].spec.restart == Restart::Temporary {
            self.children.remove(i);
        } else {
            self.children[i].at = At::Undefined;
        }
    }

    fn exit(&mut self, pid: Pid, reason: &ExitReason) {
        let Some(i) = self.children.iter().position(|child| child.at == At::Pid(pid)) else { return };
        let next = match self.children[i].spec.restart {
            Restart::Permanent => self.restart(i),
            Restart::Transient if !reason.is_orderly() => self.restart(i),
            _ => {
                let significant = self.children[i].spec.significant;
                self.delete(i);
                self.auto_shutdown(significant)
            }
        };
        if let Next::Shutdown = next {
            self.terminate(ExitReason::SHUTDOWN);
        }
    }

    fn auto_shutdown(&self, significant: bool) -> Next {
        let others = self.children.iter().any(|child| child.spec.significant && child.at != At::Undefined);
        match self.flags.auto_shutdown {
            AutoShutdown::AnySignificant if significant => Next::Shutdown,
            AutoShutdown::AllSignificant if significant && !others => Next::Shutdown,
            _ => Next::Ok,
        }
    }

    fn restart(&mut self, i: usize) -> Next {
        let now = self.world.now;
        self.restarts.push(now);
        self.restarts.retain(|at| now.since(*at) <= self.flags.period);
        if self.restarts.len() > self.flags.intensity as usize {
            self.delete(i);
            return Next::Shutdown;
        }
        let old = match self.children[i].at {
            At::Pid(pid) => Some(pid),
            At::Restarting(old) => old,
            At::Undefined => None,
        };
        match self.flags.strategy {
            Strategy::OneForOne | Strategy::SimpleOneForOne => {
                let child = self.children[i].clone();
                match self.do_start(&child) {
                    Started::Up(pid) => {
                        self.children[i].at = At::Pid(pid);
                        self.children[i].restarts += 1;
                    }
                    Started::Ignored => {
                        self.children[i].restarts += 1;
                        self.delete(i);
                    }
                    Started::Failed(_) => {
                        self.children[i].at = At::Restarting(old);
                        let retry = match (&self.template, old) {
                            (Some(_), Some(pid)) => ChildRef::Pid(pid),
                            _ => ChildRef::Id(child.spec.id),
                        };
                        self.retries.push_back(retry);
                    }
                }
            }
            Strategy::OneForAll => self.restart_multiple(i, 0, old),
            Strategy::RestForOne => self.restart_multiple(i, i, old),
        }
        Next::Ok
    }

    fn restart_multiple(&mut self, i: usize, first: usize, old: Option<Pid>) {
        let trigger = self.children[i].spec.id.clone();
        self.children[i].at = At::Undefined;
        let affected = self.children.split_off(first);
        let affected = self.terminate_children(affected);
        let (mut affected, failed) = self.start_children(affected, true);
        if let Some((id, _)) = failed {
            for child in affected.iter_mut().filter(|child| child.spec.id == id) {
                child.at = At::Restarting(if id == trigger { old } else { None });
            }
            self.retries.push_back(ChildRef::Id(id));
        }
        self.children.extend(affected);
    }

    fn find(&self, child: &ChildRef) -> Option<usize> {
        self.children.iter().position(|other| match child {
            ChildRef::Id(id) => self.template.is_none() && other.spec.id == *id,
            ChildRef::Pid(pid) => {
                self.template.is_some() && (other.at == At::Pid(*pid) || other.at == At::Restarting(Some(*pid)))
            }
        })
    }

    fn retry(&mut self) {
        let Some(child) = self.retries.pop_front() else { return };
        let Some(i) = self.find(&child) else { return };
        if matches!(self.children[i].at, At::Restarting(_))
            && let Next::Shutdown = self.restart(i)
        {
            self.terminate(ExitReason::SHUTDOWN);
        }
    }

    fn start_child(&mut self, spec: ChildSpec) -> Result<Option<Pid>, SupervisorError> {
        if let Some(i) = self.find(&ChildRef::Id(spec.id.clone())) {
            return Err(match self.children[i].at {
                At::Pid(pid) => SupervisorError::AlreadyStarted(pid),
                _ => SupervisorError::AlreadyPresent,
            });
        }
        self.start_new(new_child(spec, ChildArgs::None))
    }

    fn start_new(&mut self, mut child: ModelChild) -> Result<Option<Pid>, SupervisorError> {
        match self.do_start(&child) {
            Started::Failed(reason) => Err(SupervisorError::StartFailed(reason)),
            Started::Up(pid) => {
                child.at = At::Pid(pid);
                self.children.push(child);
                Ok(Some(pid))
            }
            Started::Ignored => {
                if self.template.is_none() && child.spec.restart != Restart::Temporary {
                    self.children.push(child);
                }
                Ok(None)
            }
        }
    }

    fn restart_child(&mut self, id: &str) -> Result<Option<Pid>, SupervisorError> {
        let i = self.find(&id.into()).ok_or(SupervisorError::NotFound)?;
        match self.children[i].at {
            At::Pid(_) => Err(SupervisorError::Running),
            At::Restarting(_) => Err(SupervisorError::Restarting),
            At::Undefined => {
                let child = self.children[i].clone();
                match self.do_start(&child) {
                    Started::Failed(reason) => Err(SupervisorError::StartFailed(reason)),
                    Started::Ignored => Ok(None),
                    Started::Up(pid) => {
                        self.children[i].at = At::Pid(pid);
                        Ok(Some(pid))
                    }
                }
            }
        }
    }

    fn terminate_child(&mut self, child: &ChildRef) -> Result<(), SupervisorError> {
        let i = match self.find(child) {
            Some(i) => i,
            // The tests' world says that processes with an even number are alive.
            None => match child {
                ChildRef::Pid(pid) if self.template.is_some() && pid.index % 2 == 1 => return Ok(()),
                _ => return Err(SupervisorError::NotFound),
            },
        };
        let child = self.children[i].clone();
        self.do_terminate(&child);
        self.delete(i);
        Ok(())
    }

    fn delete_child(&mut self, id: &str) -> Result<(), SupervisorError> {
        let i = self.find(&id.into()).ok_or(SupervisorError::NotFound)?;
        match self.children[i].at {
            At::Pid(_) => Err(SupervisorError::Running),
            At::Restarting(_) => Err(SupervisorError::Restarting),
            At::Undefined => {
                self.children.remove(i);
                Ok(())
            }
        }
    }

    fn which_children(&self) -> Vec<ChildInfo> {
        let info = |child: &ModelChild| ChildInfo {
            id: child.spec.id.clone(),
            pid: match child.at {
                At::Pid(pid) => Some(pid),
                _ => None,
            },
            restarting: matches!(child.at, At::Restarting(_)),
            restarts: child.restarts,
            kind: child.spec.kind,
        };
        self.children.iter().rev().map(info).collect()
    }

    fn count_children(&self) -> ChildCounts {
        let count = |holds: fn(&ModelChild) -> bool| self.children.iter().filter(|child| holds(child)).count();
        ChildCounts {
            specs: if self.template.is_some() { 1 } else { self.children.len() },
            active: count(|child| matches!(child.at, At::Pid(_))),
            supervisors: count(|child| child.spec.kind == ChildKind::Supervisor),
            workers: count(|child| child.spec.kind == ChildKind::Worker),
        }
    }

    /// OTP's `code_change`: new flags and specs; what runs goes on, and nothing is started.
    fn change(&mut self, spec: SupervisorSpec) -> Result<(), SpecError> {
        let dynamic = spec.flags.strategy == Strategy::SimpleOneForOne;
        if dynamic != self.template.is_some() {
            return Err(SpecError::OtherKindOfSupervisor);
        }
        self.flags = spec.flags;
        if dynamic {
            let template = spec.children.into_iter().next().expect("it has a template");
            self.children.iter_mut().for_each(|child| child.spec = template.clone());
            self.template = Some(template);
            return Ok(());
        }
        let mut old = std::mem::take(&mut self.children);
        for spec in spec.children {
            let before = old.iter().position(|child| child.spec.id == spec.id).map(|i| old.remove(i));
            self.children.push(match before {
                Some(child) => ModelChild { spec, ..child },
                None => new_child(spec, ChildArgs::None),
            });
        }
        self.children.append(&mut old);
        Ok(())
    }
}

fn new_child(spec: ChildSpec, args: ChildArgs) -> ModelChild {
    ModelChild { spec, args, at: At::Undefined, restarts: 0 }
}

#[derive(Clone, Debug)]
enum Op {
    /// The n-th running child, counted round, ends.
    Exit(usize, ExitReason),
    Retry,
    Start(ChildSpec),
    Terminate(usize),
    TerminateUnknown(u32),
    Restart(usize),
    Delete(usize),
    Change(SupervisorSpec),
    Advance(u64),
}

fn ops() -> impl Generator<Value = Vec<Op>> {
    let reason = prop_oneof![
        3 => Just(ExitReason::new("boom")),
        1 => Just(ExitReason::NORMAL),
        1 => Just(ExitReason::SHUTDOWN),
        1 => Just(ExitReason::SHUTDOWN.with_detail("x")),
    ];
    let op = prop_oneof![
        6 => (0..8usize, reason).prop_map(|(n, reason)| Op::Exit(n, reason)),
        4 => Just(Op::Retry),
        2 => specs("abcdef").prop_map(Op::Start),
        2 => (0..8usize).prop_map(Op::Terminate),
        1 => (50..60u32).prop_map(Op::TerminateUnknown),
        2 => (0..8usize).prop_map(Op::Restart),
        1 => (0..8usize).prop_map(Op::Delete),
        1 => supervisors().prop_map(Op::Change),
        1 => (1..4000u64).prop_map(Op::Advance),
    ];
    prop::collection::vec(op, 0..40)
}

fn specs(ids: &'static str) -> impl Generator<Value = ChildSpec> {
    let restart = prop_oneof![Just(Restart::Permanent), Just(Restart::Transient), Just(Restart::Temporary)];
    let shutdown = prop_oneof![
        Just(Shutdown::Timeout(Duration::from_millis(60))),
        Just(Shutdown::Infinity),
        Just(Shutdown::BrutalKill)
    ];
    let kind = prop_oneof![Just(ChildKind::Worker), Just(ChildKind::Supervisor)];
    (prop::sample::select(ids.chars().collect::<Vec<_>>()), restart, shutdown, any::<bool>(), kind).prop_map(
        |(id, restart, shutdown, significant, kind)| {
            let significant = significant && restart != Restart::Permanent;
            let spec = child(&id.to_string()).restart(restart).shutdown(shutdown).significant(significant);
            ChildSpec { kind, ..spec }
        },
    )
}

fn supervisors() -> impl Generator<Value = SupervisorSpec> {
    let strategy = prop_oneof![
        Just(Strategy::OneForOne),
        Just(Strategy::OneForAll),
        Just(Strategy::RestForOne),
        Just(Strategy::SimpleOneForOne)
    ];
    let auto = prop_oneof![Just(AutoShutdown::AnySignificant), Just(AutoShutdown::AllSignificant)];
    let children = prop::collection::vec(specs("abcdef"), 1..5);
    (strategy, 0..6u32, auto, children).prop_map(|(strategy, intensity, auto, mut children)| {
        children.sort_by(|a, b| a.id.cmp(&b.id));
        children.dedup_by(|a, b| a.id == b.id);
        if strategy == Strategy::SimpleOneForOne {
            children.truncate(1);
        }
        let mut spec = SupervisorSpec::new(strategy).intensity(intensity, Duration::from_secs(3)).auto_shutdown(auto);
        spec.children = children;
        spec
    })
}

/// How starts go: a number for each, taken round.
fn outcomes() -> impl Generator<Value = Vec<Outcome>> {
    let outcome = prop_oneof![
        2 => Just(Outcome::Fails),
        1 => Just(Outcome::Ignores),
        8 => Just(Outcome::Up(Ends::Obeys)),
        2 => Just(Outcome::Up(Ends::Otherwise)),
        2 => Just(Outcome::Up(Ends::Never)),
    ];
    prop::collection::vec(outcome, 1..30)
}

fn world(outcomes: &[Outcome]) -> World {
    let outcomes = outcomes.to_vec();
    World::new(move |n, _| outcomes[n as usize % outcomes.len()].clone())
}

/// Applies one operation to both sides; what they answer must be equal.
fn apply(model: &mut Model, driven: &mut Driven, op: Op, instances: &mut u32) {
    let children = model.which_children();
    let nth = |n: usize| children.get(n % children.len().max(1));
    let dynamic = model.template.is_some();
    match op {
        Op::Exit(n, reason) => {
            if let Some(pid) = nth(n).and_then(|child| child.pid) {
                model.exit(pid, &reason);
                driven.exit(pid.index, reason);
            }
        }
        Op::Retry => {
            model.retry();
            driven.retry();
        }
        Op::Start(_) if dynamic => {
            *instances += 1;
            let template = model.template.clone().expect("a dynamic supervisor has a template");
            let args = ChildArgs::local(*instances);
            let expected = model.start_new(new_child(template, args.clone()));
            assert_eq!(driven.ask(Request::StartInstance(args)), Some(Reply::Started(expected)));
        }
        Op::Start(spec) => {
            let expected = model.start_child(spec.clone());
            assert_eq!(driven.ask(Request::StartChild(spec)), Some(Reply::Started(expected)));
        }
        Op::Terminate(n) => {
            let Some(info) = nth(n) else { return };
            let child = match info.pid {
                Some(pid) if dynamic => ChildRef::Pid(pid),
                _ if dynamic => return,
                _ => ChildRef::Id(info.id.clone()),
            };
            let expected = model.terminate_child(&child);
            assert_eq!(driven.ask(Request::TerminateChild(child)), Some(Reply::Done(expected)));
        }
        Op::TerminateUnknown(index) => {
            let child = ChildRef::Pid(pid(index + 1000));
            let expected = model.terminate_child(&child);
            assert_eq!(driven.ask(Request::TerminateChild(child)), Some(Reply::Done(expected)));
        }
        Op::Restart(_) if dynamic => {
            let refused = Reply::Started(Err(SupervisorError::SimpleOneForOne));
            assert_eq!(driven.ask(Request::RestartChild("a".to_owned())), Some(refused));
        }
        Op::Delete(_) if dynamic => {
            let refused = || Some(Reply::Done(Err(SupervisorError::SimpleOneForOne)));
            assert_eq!(driven.ask(Request::DeleteChild("a".to_owned())), refused());
            assert_eq!(driven.ask(Request::TerminateChild("a".into())), refused());
        }
        Op::Change(spec) => {
            let expected = model.change(spec.clone()).map_err(SupervisorError::from);
            assert_eq!(driven.ask(Request::Change(spec)), Some(Reply::Done(expected)));
        }
        Op::Restart(n) => {
            let id = nth(n).map_or("unknown", |child| &child.id);
            let expected = model.restart_child(id);
            assert_eq!(driven.ask(Request::RestartChild(id.to_owned())), Some(Reply::Started(expected)));
        }
        Op::Delete(n) => {
            let id = nth(n).map_or("unknown", |child| &child.id);
            let expected = model.delete_child(id);
            assert_eq!(driven.ask(Request::DeleteChild(id.to_owned())), Some(Reply::Done(expected)));
        }
        Op::Advance(ms) => {
            let time = Duration::from_millis(ms);
            model.world.now = model.world.now + time;
            driven.advance(time);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_machine_does_what_the_model_does(spec in supervisors(), outcomes in outcomes(), ops in ops()) {
        let mut model = Model::start(spec.clone(), world(&outcomes));
        let mut driven = Driven::start(spec, world(&outcomes));
        let mut instances = 0;
        let mut ops = ops.into_iter();
        loop {
            prop_assert_eq!(&driven.take_log(), &std::mem::take(&mut model.world.log));
            prop_assert_eq!(&driven.ended, &model.ended);
            prop_assert_eq!(&driven.retries, &model.retries);
            if model.ended.is_some() {
                break;
            }
            let expected = Some(Reply::Children(model.which_children()));
            prop_assert_eq!(driven.ask(Request::WhichChildren), expected);
            prop_assert_eq!(driven.ask(Request::CountChildren), Some(Reply::Counts(model.count_children())));
            let Some(op) = ops.next() else { break };
            apply(&mut model, &mut driven, op, &mut instances);
        }
    }
}
