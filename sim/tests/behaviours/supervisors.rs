//! What a supervisor makes of its children's specs: names, labels, bounds, arguments.

use crate::{LONG, boom, check, ms, next, tell, wait};
use rusm_core::{
    AutoShutdown, Behaviour, ChildSpec, Context, Encoding, ExitReason, MailboxBound, Node, Overflow, Pid, ProcessInfo,
    ProcessSpec, Restart, Started, Strategy, Supervisor, SupervisorError, SupervisorRef, SupervisorSpec, Term,
    process_body,
};
use std::sync::Arc;
use std::time::Duration;

fn info(context: &Context, pid: Pid) -> ProcessInfo {
    context.node().process_info(pid).expect("it lives")
}

async fn start(context: &Context, spec: SupervisorSpec) -> Pid {
    match Supervisor::start_link(context, spec).await {
        Started::Up(pid) => pid,
        other => panic!("not up: {other:?}"),
    }
}

fn idle(id: &str) -> ChildSpec {
    ChildSpec::worker(id, |context: Context, _| async move { drop(context.receive_match(|_| false).await) })
}

#[test]
fn each_process_of_a_tree_has_the_name_and_the_label_of_its_spec() {
    check(|context| async move {
        let branch = SupervisorSpec::new(Strategy::OneForOne).name("branch").child(idle("leaf").name("the leaf"));
        let tree = SupervisorSpec::new(Strategy::OneForOne).child(ChildSpec::supervisor("left", branch.clone()));
        let root = start(&context, tree.child(idle("nameless"))).await;
        let (branch_pid, leaf) =
            (context.whereis("branch").expect("a name"), context.whereis("the leaf").expect("a name"));
        let children = SupervisorRef::from(root).which_children(&context).await.expect("children");
        let nameless = children.iter().find(|child| child.id == "nameless").and_then(|child| child.pid);
        let shown = [Some(root), Some(branch_pid), Some(leaf), nameless].map(|pid| {
            let info = info(&context, pid.expect("it runs"));
            (info.label, info.name, info.behaviour)
        });
        let name = |name: &str| Some(name.to_owned());
        let expected = [
            ("supervisor", None, Behaviour::Supervisor),
            ("left", name("branch"), Behaviour::Supervisor),
            ("leaf", name("the leaf"), Behaviour::Plain),
            ("nameless", None, Behaviour::Plain),
        ];
        assert_eq!(shown, expected.map(|(label, name, behaviour)| (label.to_owned(), name, behaviour)));
        assert_eq!(info(&context, leaf).links, [branch_pid]);

        // From outside, with a name: nobody has it twice.
        let other = Supervisor::start(context.node(), SupervisorSpec::new(Strategy::OneForOne).name("other")).await;
        let Started::Up(other) = other else { panic!("not up: {other:?}") };
        assert_eq!((info(&context, other).label, info(&context, other).name), ("other".to_owned(), name("other")));
        let again = Supervisor::start(context.node(), branch).await;
        let Started::Failed(reason) = again else { panic!("a second one: {again:?}") };
        assert_eq!(reason.word(), "already_started");
    });
}

#[test]
fn a_child_has_the_bound_of_its_spec_also_after_a_restart() {
    check(|context| async move {
        let bound = MailboxBound { messages: 2, overflow: Overflow::End };
        let spec = SupervisorSpec::new(Strategy::OneForOne).intensity(10, ms(60_000));
        let root = start(&context, spec.child(idle("child").name("child").mailbox(bound))).await;
        for restarts in 1..=3 {
            let child = context.whereis("child").expect("it runs");
            (0..3).for_each(|_| tell(&context, child, "flood"));
            wait(&context, || context.whereis("child").is_some_and(|now| now != child)).await;
            let children = SupervisorRef::from(root).which_children(&context).await.expect("children");
            assert_eq!(children[0].restarts, restarts);
        }
    });
}

#[test]
fn an_instance_of_a_factorys_process_is_started_with_its_own_arguments_each_time() {
    check(|context| async move {
        let own = context.pid();
        let factory = move |_: &Node, spec: &ProcessSpec| {
            let args = String::from_utf8(spec.args.bytes.to_vec()).expect("text");
            Ok(process_body(move |context: Context| async move {
                tell(&context, own, args);
                context.init_ack();
                drop(context.receive_match(|_| false).await);
            }))
        };
        context.node().register_factory("greeter", Arc::new(factory));
        let process = |kind: &str| ProcessSpec {
            kind: kind.to_owned(),
            target: "the greeter".to_owned(),
            digest: None,
            args: Term::new(Encoding::Text, "of the template".to_owned()),
            grants: None,
        };
        let spec = SupervisorSpec::dynamic(ChildSpec::process("greeter", process("greeter")));
        let root = SupervisorRef::from(start(&context, spec.intensity(10, ms(60_000))).await);
        let mine = || Term::new(Encoding::Text, "mine".to_owned());
        let instance = root.start_child_with(&context, mine()).await.expect("it starts").expect("it runs");
        assert_eq!(crate::next(&context).await, "mine");
        assert_eq!(info(&context, instance).label, "the greeter");
        context.exit_signal(instance, boom());
        assert_eq!(crate::next(&context).await, "mine");

        let unknown =
            SupervisorSpec::new(Strategy::OneForOne).child(ChildSpec::process("stranger", process("nobody's")));
        let started = Supervisor::start(context.node(), unknown).await;
        let Started::Failed(reason) = started else { panic!("nobody makes such processes: {started:?}") };
        assert!(reason.to_string().contains("undef"), "{reason}");
    });
}

#[test]
fn a_supervisor_that_ends_takes_its_children_along_with_the_reason_shutdown() {
    check(|context| async move {
        let own = context.pid();
        let tells = move |id: &'static str| {
            ChildSpec::worker(id, move |context: Context, _| async move {
                context.trap_exit(true);
                tell(&context, own, format!("{id} {}", crate::next(&context).await));
            })
        };
        let spec = SupervisorSpec::new(Strategy::OneForOne).child(tells("first")).child(tells("second"));
        context.trap_exit(true);
        let root = start(&context, spec).await;
        context.sleep(ms(10)).await;
        context.exit_signal(root, ExitReason::SHUTDOWN);
        // In any order: they are of three senders.
        let mut heard = [crate::next(&context).await, crate::next(&context).await, crate::next(&context).await];
        heard.sort();
        assert_eq!(heard, ["exit shutdown", "first exit shutdown", "second exit shutdown"]);
        assert_eq!(context.node().processes().len(), 2);
    });
}

#[test]
fn a_spec_that_contradicts_itself_starts_nothing() {
    check(|context| async move {
        let tree = || SupervisorSpec::new(Strategy::OneForOne).name("tree");
        let template = SupervisorSpec { children: vec![], ..SupervisorSpec::dynamic(idle("one")) };
        let significant = || idle("one").significant(true);
        let specs = [
            (tree().child(idle("one")).child(idle("one")), "duplicate_child_name: two children have the id one"),
            (tree().intensity(1, Duration::ZERO), "invalid_period: the period is zero"),
            (template, "bad_start_spec"),
            (
                tree().child(significant().restart(Restart::Transient)),
                "bad_combination: child one is significant and its",
            ),
            (
                tree().auto_shutdown(AutoShutdown::AnySignificant).child(significant()),
                "bad_combination: child one is significant and permanent",
            ),
        ];
        for (spec, why) in specs {
            let started = Supervisor::start(context.node(), spec).await;
            let Started::Failed(reason) = started else { panic!("{started:?} in spite of {why}") };
            assert!(reason.word() == "start_spec" && reason.detail().is_some_and(|d| d.starts_with(why)), "{reason}");
            assert_eq!(context.whereis("tree"), None);
        }
    });
}

#[test]
fn a_supervisor_is_asked_for_a_child_by_its_id() {
    check(|context| async move {
        let root =
            SupervisorRef::from(start(&context, SupervisorSpec::new(Strategy::OneForOne).child(idle("one"))).await);
        let child = root.which_children(&context).await.expect("children")[0].pid.expect("it runs");
        let dead = context.spawn(|_| async {});
        context.sleep(ms(100)).await;
        for pid in [child, dead] {
            assert_eq!(root.terminate_child(&context, pid).await, Err(SupervisorError::NotFound));
        }
        assert!(context.is_alive(child).await);
    });
}

#[test]
fn a_supervisor_that_is_changed_counts_restarts_by_its_new_limits() {
    check(|context| async move {
        context.trap_exit(true);
        let tree = |intensity| SupervisorSpec::new(Strategy::OneForOne).intensity(intensity, LONG).child(idle("one"));
        let pid = start(&context, tree(5)).await;
        let root = SupervisorRef::from(pid);
        for changes in [5, 1] {
            root.change(&context, tree(changes)).await.expect("the same children");
            let child = root.which_children(&context).await.expect("children")[0].pid.expect("it runs");
            context.exit_signal(child, boom());
            context.sleep(ms(100)).await;
        }
        assert_eq!(next(&context).await, "exit shutdown", "two restarts, of which it may make one now");
    });
}
