//! Whole endpoints that gossip: they learn of each other, and say how they see each other.

mod support;

use rusm_core::{MemberStatus, NodeReason, NodeStatus};
use rusm_transport::proto::{Config, Endpoint, Event, MembershipConfig, NodeNews};
use std::time::Duration;
use support::{CLUSTER, World};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

#[track_caller]
fn check(world: &World, node: usize, other: &str, expected: (NodeStatus, NodeReason, Option<MemberStatus>)) {
    let seen = world.sees(node, other).map(|info| (info.status, info.reason, info.member));
    assert_eq!(seen, Some(expected), "{other} as {} sees it", world.names[node]);
}

const UP: (NodeStatus, NodeReason, Option<MemberStatus>) = (NodeStatus::Up, NodeReason::Heard, Some(MemberStatus::Up));

#[test]
fn nodes_that_join_one_are_associated_with_all() {
    for seed in 0..10 {
        let mut world = World::joined(&NAMES, false, seed, &Config::default());
        world.pass(Duration::from_secs(5));
        for (node, name) in NAMES.iter().enumerate() {
            NAMES.iter().filter(|other| *other != name).for_each(|other| check(&world, node, other, UP));
        }
    }
}

#[test]
fn a_node_that_stops_is_down_for_all_others_because_it_said_so() {
    for seed in 0..10 {
        let mut world = World::joined(&NAMES, false, seed, &Config::default());
        world.pass(Duration::from_secs(5));
        let now = world.now;
        world.nodes[2].stop(now);
        world.drain();
        world.pass(Duration::from_secs(2));
        for node in [0, 1, 3] {
            let gone = (NodeStatus::Down, NodeReason::Shutdown, Some(MemberStatus::Down));
            check(&world, node, "c", gone);
            let before =
                |news: &&NodeNews| matches!(news, NodeNews::Changed(info) if info.status == NodeStatus::Suspect);
            assert_eq!(world.news[node].iter().find(before), None, "nobody was suspected");
        }
        let (alone, reason) = (NodeStatus::Unreachable, NodeReason::Disconnect);
        NAMES.iter().filter(|other| **other != "c").for_each(|other| {
            check(&world, 2, other, (alone, reason, Some(MemberStatus::Up)));
        });
    }
}

/// As a node of the version before: its handshake says no gossip, so it is sent none, and everything else works.
#[test]
fn a_node_that_knows_no_gossip_is_associated_with_all_the_same() {
    for seed in 0..10 {
        let mut world = World::joined(&NAMES, true, seed, &Config::default());
        world.pass(Duration::from_secs(60));
        check(&world, 0, "d", (NodeStatus::Up, NodeReason::Heard, None));
        check(&world, 3, "a", (NodeStatus::Up, NodeReason::Heard, None));
        check(&world, 0, "b", UP);
        assert_eq!(world.sees(1, "d"), None, "nobody tells of it");
        let ended = |event: &Event| matches!(event, Event::Ended { .. });
        assert!(!world.events.iter().flatten().any(ended), "{:?}", world.events);
    }
}

#[test]
fn a_node_that_nobody_speaks_of_any_more_is_forgotten_whole_and_met_again_when_it_comes_back() {
    let membership = MembershipConfig { forget_after: Duration::from_secs(60), ..MembershipConfig::default() };
    let config = Config { membership, ..Config::default() };
    for seed in 0..10 {
        let mut world = World::joined(&NAMES, false, seed, &config);
        world.pass(Duration::from_secs(5));
        let now = world.now;
        world.nodes[2].stop(now);
        world.drain();
        world.gone.insert(2);
        world.pass(Duration::from_secs(200));
        for node in [0, 1, 3] {
            assert_eq!(world.news[node].last(), Some(&NodeNews::Forgotten(world.id(2))), "seed {seed}");
            assert_eq!(world.associate(node, 2), None, "nobody knows where it is");
        }
        world.gone.clear();
        let now = world.now;
        world.replace(2, Endpoint::new("c", 2, CLUSTER, config.clone()).with_membership(now, "c", [7; 32]));
        assert!(world.nodes[2].join(now, "a"));
        world.associate(2, 0);
        world.pass(Duration::from_secs(10));
        for node in [0, 1, 3] {
            check(&world, node, "c", UP);
        }
    }
}
