//! Components and native processes of all nodes join and leave one group, and end, while nodes and networks fail: when it is over, all
//! nodes see all that are members, and nobody else; and what each component was told adds up to that.

use crate::world::{NAMES, ask, below, faults, host_of_puppets, lives, millis, names, pids, puppet, rest};
use parking_lot::Mutex;
use rusm_core::{Context, ExitReason, GroupsRef, Node, Pid, ProcessGroups, Started};
use rusm_host::Host;
use rusm_host::manifest::Grants;
use rusm_sim::{SimHandle, Test};
use std::collections::BTreeMap;
use std::sync::Arc;

const STEPS: usize = 30;

#[derive(Clone)]
struct Club {
    sim: SimHandle,
    host: Host,
    /// How often each process, of whatever node and life, is a member.
    members: Arc<Mutex<BTreeMap<Pid, usize>>>,
    /// The puppets that watch, and the members when each began to.
    watchers: Arc<Mutex<BTreeMap<Pid, Vec<Pid>>>>,
}

#[rusm_sim::test(
    seeds = 30,
    sometimes = [
        "a component joined twice", "a component left", "a component ended", "a native process joined",
        "a component was told that others left all at once", "network: partition", "node: crash"
    ]
)]
fn everyones_view_of_a_group_comes_together(test: &mut Test) {
    faults(test);
    let groups = names(&["club"]);
    let grants = Grants { join_groups: groups.clone(), reach_groups: groups, ..Grants::default() };
    let club =
        Club { sim: test.sim(), host: host_of_puppets(grants), members: Arc::default(), watchers: Arc::default() };
    test.cluster(&NAMES, {
        let club = club.clone();
        move |node| open(node, club.clone())
    });
    test.script("outside", move |_| judge(club));
}

async fn open(node: Node, club: Club) {
    let scope = ProcessGroups::start(&node, ProcessGroups::DEFAULT_SCOPE).await;
    assert!(matches!(scope, Started::Up(_)), "{scope:?}");
    node.spawn(move |context| drive(context, club));
}

/// Has the processes of its node do things, as the seed says.
async fn drive(context: Context, club: Club) {
    let Club { sim, host, members, watchers } = club;
    let node = context.node().clone();
    let mut rng = sim.random(&format!("driver {} {}", node.name(), node.incarnation()));
    let mut puppets = Vec::new();
    for step in 0..STEPS {
        while puppets.len() < 2 {
            let new = puppet(&node, &host).await;
            let watched = ask(&node, new, "monitor-group club").await.expect("it lives");
            let (_, there) = watched.split_once("} ").unwrap_or_else(|| panic!("{watched}"));
            watchers.lock().insert(new, pids(there));
            puppets.push(new);
        }
        context.sleep(millis(&mut rng, 3_000)).await;
        if step == STEPS / 2 {
            let native = node.spawn(|context| async move { drop(context.receive().await) });
            GroupsRef::default().join(&node, "club", &[native]).await.expect("the scope runs");
            members.lock().insert(native, 1);
            sim.sometimes("a native process joined");
        }
        let which = below(&mut rng, 2) as usize;
        let puppet = puppets[which];
        match below(&mut rng, 12) {
            0 => {
                assert_eq!(ask(&node, puppet, "exit normal").await, None);
                puppets.remove(which);
                sim.sometimes("a component ended");
            }
            1..5 => {
                let left = ask(&node, puppet, "leave club").await.expect("it lives");
                let members = &mut *members.lock();
                let joined = members.entry(puppet).or_default();
                assert_eq!(left == "ok", *joined > 0, "{left}");
                if *joined > 0 {
                    *joined -= 1;
                    sim.sometimes("a component left");
                }
            }
            _ => {
                assert_eq!(ask(&node, puppet, "join club").await.as_deref(), Some("ok"));
                let members = &mut *members.lock();
                *members.entry(puppet).or_default() += 1;
                if members[&puppet] == 2 {
                    sim.sometimes("a component joined twice");
                }
            }
        }
    }
    // Its children are not linked to it.
    context.receive_match(|_| false).await;
}

async fn judge(club: Club) {
    let sim = &club.sim;
    rest(sim).await;
    // The last lives have done their steps, and everybody has heard of it.
    sim.sleep(std::time::Duration::from_secs(3 * STEPS as u64 + 60)).await;
    let mut expected: Vec<Pid> = Vec::new();
    for (pid, count) in &*club.members.lock() {
        if lives(sim, *pid) {
            expected.extend(std::iter::repeat_n(*pid, *count));
        }
    }
    let watchers = club.watchers.lock().clone();
    for node in NAMES.map(|name| sim.node(name).expect("it is up")) {
        let native = GroupsRef::default().members(&node, "club").await.expect("the scope runs");
        assert_eq!(native, expected, "as {} sees it", node.name());
        for (watcher, before) in watchers.iter().filter(|(pid, _)| pid.node == node.id() && lives(sim, **pid)) {
            let members = pids(&ask(&node, *watcher, "members club").await.expect("it lives"));
            assert_eq!(members, expected, "as a component of {} sees it", node.name());
            let local = pids(&ask(&node, *watcher, "local-members club").await.expect("it lives"));
            assert!(local.iter().all(|pid| pid.node == node.id()), "{local:?}");
            let told = ask(&node, *watcher, "seen").await.expect("it lives");
            assert_eq!(adds_up_to(sim, node.id(), before, &told), expected, "was told {told}");
        }
    }
    for pid in club.members.lock().keys() {
        if let Some(node) = NAMES.iter().filter_map(|name| sim.node(name)).find(|node| node.id() == pid.node) {
            node.exit_signal(*pid, ExitReason::KILL);
        }
    }
}

/// The members after what a component says it was told.
fn adds_up_to(sim: &SimHandle, own: rusm_core::NodeId, before: &[Pid], told: &str) -> Vec<Pid> {
    let mut members = before.to_vec();
    for event in told.split("; ").filter_map(|entry| entry.strip_prefix("group club ")) {
        let (what, who) = event.split_once(' ').expect("what, and who");
        let who = pids(who);
        if what == "joins" {
            members.extend(who);
            continue;
        }
        for pid in who {
            let place = members.iter().position(|member| *member == pid);
            members.swap_remove(place.unwrap_or_else(|| panic!("{pid:?} leaves, and was not there: {told}")));
        }
        if !members.is_empty() && members.iter().all(|pid| pid.node == own) {
            sim.sometimes("a component was told that others left all at once");
        }
    }
    members.sort_unstable();
    members
}
