//! Processes of all nodes join and leave groups, and die, while nodes and networks fail: nobody is a member whose node cannot be
//! reached; when it is over, all nodes see all that are members, and nobody else; and what those who watch were told adds up to
//! that.

use super::world::{CONVERGED, World, millis};
use crate::support::below;
use parking_lot::Mutex;
use rusm_core::{Context, GroupChange, GroupEvent, GroupsRef, Message, Node, NodeEvent, Pid, ProcessGroups, Started};
use rusm_sim::SimHandle;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const GROUPS: [&str; 2] = ["lobby", "attic"];
const JOINERS: u64 = 4;

/// How often each process is a member.
type Members = BTreeMap<String, BTreeMap<Pid, usize>>;

#[derive(Clone)]
struct Club {
    sim: SimHandle,
    members: Arc<Mutex<Members>>,
    /// What each watcher was told, all together.
    told: Arc<Mutex<BTreeMap<Pid, Members>>>,
    over: Arc<AtomicBool>,
}

#[rusm_sim::test(seeds = 60, sometimes = ["joined again", "left", "died", "others left all at once", "looked for the lost"])]
async fn groups_come_together_with_all_that_live(sim: SimHandle) {
    let number = 3 + below(&mut sim.random("number"), 3) as usize;
    let club = Club { sim: sim.clone(), members: Arc::default(), told: Arc::default(), over: Arc::default() };
    let world = World::start(&sim, number, {
        let club = club.clone();
        move |node: &Node| {
            let club = club.clone();
            node.spawn(move |context| open(context, club));
        }
    });
    world.chaos(5).await;
    club.over.store(true, Ordering::Relaxed);
    sim.sleep(CONVERGED).await;
    assert_eq!(world.discord(), None);
    let mut expected = club.members.lock().clone();
    for members in expected.values_mut() {
        members.retain(|pid, _| world.lives(*pid));
    }
    expected.retain(|_, members| !members.is_empty());
    let rooms = GroupsRef::from("rooms");
    for node in world.nodes() {
        let mut seen = Members::new();
        for group in rooms.which_groups(&node).await.expect("it runs") {
            for pid in rooms.members(&node, &group).await.expect("it runs") {
                *seen.entry(group.clone()).or_default().entry(pid).or_default() += 1;
            }
        }
        assert_eq!(seen, expected, "as {} sees it", node.name());
    }
    for (watcher, told) in &*club.told.lock() {
        assert!(
            !world.lives(*watcher) || *told == expected,
            "{watcher:?} was told {told:#?}, and there are {expected:#?}"
        );
    }
}

async fn open(context: Context, club: Club) {
    let started = ProcessGroups::start_link(&context, "rooms").await;
    assert!(matches!(started, Started::Up(_)), "{started:?}");
    for number in 0..JOINERS {
        let club = club.clone();
        context.spawn(move |context| joiner(context, club, number));
    }
    let sim = club.sim.clone();
    context.spawn(move |context| look_for_the_lost(context, sim));
    watch(context, club).await;
}

/// Who is of a node that there is no association with is no member.
async fn look_for_the_lost(context: Context, sim: SimHandle) {
    context.monitor_nodes();
    let rooms = GroupsRef::from("rooms");
    loop {
        let Message::Plain(payload) = context.receive().await else { panic!("not an event") };
        let event: NodeEvent = payload.downcast().expect("an event");
        if !event.is_nodedown() {
            continue;
        }
        let lost = event.node.id;
        let is_back = |message: &Message| match message {
            Message::Plain(payload) => {
                payload.downcast_ref::<NodeEvent>().is_some_and(|event| event.node.id == lost && event.is_nodeup())
            }
            _ => false,
        };
        let mut members = Vec::new();
        for group in GROUPS {
            members.extend(rooms.members(&context, group).await.expect("it runs"));
        }
        if context.try_receive(is_back).is_none() {
            sim.sometimes("looked for the lost");
            assert!(members.iter().all(|pid| pid.node != lost), "members of {:?}: {members:?}", event.node);
        }
    }
}

async fn joiner(context: Context, club: Club, number: u64) {
    let Club { sim, members, over, .. } = club;
    let mut rng = sim.random(&format!("joiner {number} {}", context.random()));
    let rooms = GroupsRef::from("rooms");
    let own = context.pid();
    loop {
        context.sleep(millis(&mut rng, 4_000)).await;
        if over.load(Ordering::Relaxed) {
            continue;
        }
        let group = GROUPS[below(&mut rng, GROUPS.len() as u64) as usize];
        match below(&mut rng, 10) {
            0 => {
                sim.sometimes("died");
                return;
            }
            1..4 => {
                if rooms.leave(&context, group, &[own]).await.is_ok() {
                    sim.sometimes("left");
                    change(&mut members.lock(), group, own, GroupChange::Leave);
                }
            }
            _ => {
                rooms.join(&context, group, &[own]).await.expect("it runs");
                let members = &mut *members.lock();
                change(members, group, own, GroupChange::Join);
                if members[group][&own] > 1 {
                    sim.sometimes("joined again");
                }
            }
        }
    }
}

async fn watch(context: Context, club: Club) {
    let rooms = GroupsRef::from("rooms");
    let (monitor, groups) = rooms.monitor_scope(&context).await.expect("it runs");
    let mut there = Members::new();
    for (group, pids) in groups {
        pids.into_iter().for_each(|pid| change(&mut there, &group, pid, GroupChange::Join));
    }
    loop {
        club.told.lock().insert(context.pid(), there.clone());
        let Message::Plain(payload) = context.receive().await else { panic!("not an event") };
        let event: GroupEvent = payload.downcast().expect("an event");
        assert_eq!(event.monitor, monitor);
        for pid in &event.members {
            change(&mut there, &event.group, *pid, event.change);
        }
        let others = |pid: &Pid| pid.node != context.node().id();
        let nobody = !there.values().flat_map(BTreeMap::keys).any(others);
        if event.change == GroupChange::Leave && nobody && event.members.iter().all(others) {
            club.sim.sometimes("others left all at once");
        }
    }
}

fn change(members: &mut Members, group: &str, pid: Pid, change: GroupChange) {
    let of_group = members.entry(group.to_owned()).or_default();
    let count = of_group.entry(pid).or_default();
    match change {
        GroupChange::Join => *count += 1,
        GroupChange::Leave => *count = count.checked_sub(1).expect("nobody leaves more often than it has joined"),
    }
    of_group.retain(|_, count| *count > 0);
    members.retain(|_, pids| !pids.is_empty());
}
