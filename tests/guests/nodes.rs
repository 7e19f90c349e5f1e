//! What components are told of other nodes, while nodes and networks fail.

use crate::world::{NAMES, ask, faults, host_of_puppets, puppet, rest};
use parking_lot::Mutex;
use rusm_core::{Node, Pid};
use rusm_host::Host;
use rusm_host::manifest::Grants;
use rusm_sim::{SimHandle, Test};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// One `node` event, as a puppet writes it.
#[derive(Debug)]
struct Told<'t> {
    node: &'t str,
    incarnation: u32,
    before: &'t str,
    status: &'t str,
    reason: &'t str,
    /// `nodeup`, `nodedown` or `-`.
    turn: &'t str,
}

fn told(entry: &str) -> Option<Told<'_>> {
    let words: Vec<&str> = entry.strip_prefix("node ")?.split(' ').collect();
    let [node, incarnation, before, status, reason, _, turn] = words[..] else { panic!("{entry}") };
    Some(Told { node, incarnation: incarnation.parse().expect("a number"), before, status, reason, turn })
}

/// What was known when a monitor began: each node's status.
fn known(answer: &str) -> BTreeMap<String, String> {
    let (_, listed) = answer.split_once(" [").unwrap_or_else(|| panic!("{answer}"));
    let entries = listed.trim_end_matches(']').split(", ").filter(|entry| !entry.is_empty());
    let status = |entry: &str| {
        let mut words = entry.split(' ').map(str::to_owned);
        (words.next().expect("a name"), words.next().expect("a status"))
    };
    entries.map(status).collect()
}

type Watchers = Arc<Mutex<BTreeMap<Pid, BTreeMap<String, String>>>>;

/// Starts a puppet that watches the other nodes.
async fn watcher(node: &Node, host: &Host, watchers: &Watchers) -> Pid {
    let puppet = puppet(node, host).await;
    let answer = ask(node, puppet, "monitor-nodes").await.expect("it lives");
    watchers.lock().insert(puppet, known(&answer));
    node.register("watcher", puppet).expect("it is free");
    puppet
}

#[rusm_sim::test(
    seeds = 30,
    sometimes = [
        "suspect silent", "nodedown net_tick_timeout", "nodedown connection_closed", "nodedown replaced",
        "nodeup in the same life", "nodeup in another life", "network: partition", "node: crash"
    ]
)]
fn what_components_are_told_of_nodes_fits_together_and_ends_with_all_of_them_up(test: &mut Test) {
    faults(test);
    let (host, watchers) = (host_of_puppets(Grants::default()), Watchers::default());
    test.cluster(&NAMES, {
        let watchers = watchers.clone();
        move |node| {
            let (host, watchers) = (host.clone(), watchers.clone());
            async move {
                watcher(&node, &host, &watchers).await;
            }
        }
    });
    test.script("outside", move |sim| async move {
        rest(&sim).await;
        for name in NAMES {
            judge(&sim, &sim.node(name).expect("it is up"), &watchers).await;
        }
    });
}

/// Each event begins where the one before has ended, no life comes back, and in the end everybody is up.
async fn judge(sim: &SimHandle, node: &Node, watchers: &Watchers) {
    let watcher = node.whereis("watcher").expect("it is up");
    let mut seen = watchers.lock()[&watcher].clone();
    let mut lives: BTreeMap<String, u32> = BTreeMap::new();
    let all = ask(node, watcher, "seen").await.expect("it lives");
    for event in all.split("; ").filter_map(told) {
        let Told { node: other, incarnation, before, status, reason, turn } = event;
        let known = seen.insert(other.to_owned(), status.to_owned());
        assert_eq!(known.as_deref().unwrap_or("-"), before, "a change that was not told: {event:?} in {all}");
        let connected = |status: &str| ["up", "suspect"].contains(&status);
        let expected = match (connected(before), connected(status)) {
            (false, true) => "nodeup",
            (true, false) => "nodedown",
            _ => "-",
        };
        assert_eq!(turn, expected, "{event:?}");
        let life = lives.insert(other.to_owned(), incarnation);
        assert!(life.is_none_or(|life| incarnation >= life), "an earlier life: {event:?} in {all}");
        match turn {
            "nodeup" if life.is_some_and(|life| life == incarnation) => sim.sometimes("nodeup in the same life"),
            "nodeup" if life.is_some() => sim.sometimes("nodeup in another life"),
            "nodedown" => sim.sometimes(&format!("nodedown {reason}")),
            _ => sim.sometimes(&format!("{status} {reason}")),
        }
        assert!(turn != "nodedown" || reason != "net_tick_timeout" || before == "suspect", "not suspected: {event:?}");
    }
    let listed = ask(node, watcher, "known-nodes").await.expect("it lives");
    for other in NAMES.iter().filter(|name| **name != node.name()) {
        assert_eq!(seen.get(*other).map(String::as_str), Some("up"), "{other} as {} was told: {all}", node.name());
        assert!(listed.contains(&format!("{other} up heard")), "{listed}");
    }
    assert_eq!(known(&format!("- {listed}")), seen, "as {} lists them", node.name());
}

#[rusm_sim::test(seeds = 20)]
async fn a_component_is_told_of_a_silent_node_first_and_of_the_loss_behind_its_noconnections(sim: SimHandle) {
    let host = host_of_puppets(Grants::default());
    let (nodes, watchers) = (["a", "b"], Watchers::default());
    let start = async |name: &str| {
        let node = Node::start(sim.node_options(name));
        let nodes = nodes.iter().map(|name| (*name).to_owned()).collect();
        sim.join(&node, rusm_transport::cluster::ClusterOptions { nodes, ..Default::default() });
        let watcher = watcher(&node, &host, &watchers).await;
        (node, watcher)
    };
    let (a, watcher) = start("a").await;
    let (b, watched) = start("b").await;
    sim.until_joined(&[a.clone(), b.clone()]).await;
    let there = ask(&b, watched, "self").await.expect("it lives");
    ask(&a, watcher, &format!("monitor-pid {there}")).await.expect("it lives");
    for (from, to) in [("a", "b"), ("b", "a")] {
        sim.network().cut(from, to);
    }
    sim.sleep(Duration::from_secs(60)).await;
    for (from, to) in [("a", "b"), ("b", "a")] {
        sim.network().mend(from, to);
    }
    sim.until_joined(&[a.clone(), b.clone()]).await;
    sim.sleep(Duration::from_secs(5)).await;
    let all = ask(&a, watcher, "seen").await.expect("it lives");
    let about = |entry: &&str| entry.starts_with("down") || told(entry).is_some_and(|told| told.before != told.status);
    let brief = |entry: &str| match told(entry) {
        Some(Told { before, status, reason, turn, .. }) => format!("{before} {status} {reason} {turn}"),
        None => entry.to_owned(),
    };
    let story: Vec<String> = all.split("; ").filter(about).map(brief).collect();
    let lost: Vec<&str> = story.iter().skip_while(|entry| !entry.contains("silent")).map(String::as_str).collect();
    let [silent, down, nodedown, rest @ ..] = &lost[..] else { panic!("{all}") };
    assert_eq!([*silent, *down], ["up suspect silent -", "down pid noconnection"], "{all}");
    // The members may have said first that it is gone.
    let lost = ["suspect unreachable net_tick_timeout nodedown", "suspect down given_up nodedown"];
    assert!(lost.contains(nodedown), "{all}");
    let up = rest.last().unwrap_or_else(|| panic!("{all}"));
    assert!(up.ends_with("up heard nodeup"), "{all}");
    assert_eq!(story.iter().filter(|entry| entry.ends_with("nodeup")).count(), 2, "{all}");
}
