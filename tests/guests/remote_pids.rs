//! Everything that takes a pid takes one of another node.

use crate::world::{NAMES, ask, faults, host_of_puppets, puppet, rest};
use rusm_core::{Node, Pid};
use rusm_host::Host;
use rusm_host::manifest::Grants;
use rusm_sim::{SimHandle, Test};
use rusm_transport::cluster::ClusterOptions;
use std::collections::BTreeMap;
use std::time::Duration;

async fn start(sim: &SimHandle, name: &str, host: &Host) -> (Node, Pid) {
    let nodes = NAMES.iter().map(|name| (*name).to_owned()).collect();
    let node = Node::start(sim.node_options(name));
    sim.join(&node, ClusterOptions { nodes, ..ClusterOptions::default() });
    let puppet = puppet(&node, host).await;
    (node, puppet)
}

/// A puppet of `a` and one of `b`, which know each other.
struct Pair<'s> {
    sim: &'s SimHandle,
    host: Host,
    a: (Node, Pid),
    b: (Node, Pid),
    /// The pid of that of `b`, as puppets write it.
    there: String,
}

impl<'s> Pair<'s> {
    async fn new(sim: &'s SimHandle) -> Self {
        let host = host_of_puppets(Grants::default());
        let (a, b) = (start(sim, "a", &host).await, start(sim, "b", &host).await);
        sim.until_joined(&[a.0.clone(), b.0.clone()]).await;
        let there = ask(&b.0, b.1, "self").await.expect("it lives");
        let pair = Self { sim, host, a, b, there };
        pair.here("trap-exit on").await;
        pair
    }

    /// Another puppet on `b`.
    async fn renew(&mut self) {
        self.b.1 = puppet(&self.b.0, &self.host).await;
        self.there = ask(&self.b.0, self.b.1, "self").await.expect("it lives");
    }

    /// Tells the puppet of `a` to do something with that of `b`, whose pid stands for `PID`.
    async fn here(&self, what: &str) -> String {
        ask(&self.a.0, self.a.1, &what.replace("PID", &self.there)).await.expect("it lives")
    }

    async fn b(&self, what: &str) -> Option<String> {
        ask(&self.b.0, self.b.1, what).await
    }

    /// What the puppet of `a` has seen since it was asked the last time.
    async fn news(&self, seen: &mut usize) -> String {
        self.sim.sleep(Duration::from_secs(5)).await;
        let all = self.here("seen").await;
        let entries: Vec<&str> = all.split("; ").collect();
        let news = entries[*seen..].join("; ");
        *seen = entries.len();
        news
    }
}

#[rusm_sim::test(seeds = 20)]
async fn a_component_does_with_a_pid_of_another_node_what_it_does_with_its_own(sim: SimHandle) {
    let mut pair = Pair::new(&sim).await;
    let mut seen = 1;
    assert_eq!(pair.here("send-pid PID hello").await, "ok");
    assert_eq!(pair.here("call-for 10000 PID seen").await, "init ; message hello");
    assert_eq!(pair.here("is-alive PID").await, "true");

    // A link carries the reason; one that was taken away carries nothing.
    pair.here("link PID").await;
    assert_eq!(pair.here("call-for 10000 PID exit boom twice").await, "down boom(twice)");
    assert_eq!(pair.news(&mut seen).await, "exit boom(twice)");
    assert_eq!(pair.here("is-alive PID").await, "false");
    assert_eq!(pair.here("call-for 10000 PID echo x").await, "down noproc");
    pair.renew().await;
    pair.here("link PID").await;
    pair.here("unlink PID").await;
    assert_eq!(pair.here("call-for 10000 PID exit boom").await, "down boom()");
    assert_eq!(pair.news(&mut seen).await, "");

    // A link to the dead is noproc.
    pair.here("link PID").await;
    assert_eq!(pair.news(&mut seen).await, "exit noproc");

    // A monitor says why; one that was ended says nothing; one of the dead says noproc.
    pair.renew().await;
    let ended = pair.here("monitor-pid PID").await;
    pair.here("monitor-pid PID").await;
    assert_eq!(pair.here(&format!("demonitor {ended}")).await, "ok");
    pair.here("send-pid PID stop enough").await;
    assert_eq!(pair.news(&mut seen).await, "down pid enough");
    pair.here("monitor-pid PID").await;
    assert_eq!(pair.news(&mut seen).await, "down pid noproc");

    // An exit signal: kill ends anybody, another one may be trapped.
    pair.renew().await;
    assert_eq!(pair.b("trap-exit on").await.as_deref(), Some("ok"));
    pair.here("kill nudge PID").await;
    pair.here("monitor-pid PID").await;
    sim.sleep(Duration::from_secs(5)).await;
    assert_eq!(pair.b("seen").await.as_deref(), Some("init ; exit nudge"));
    pair.here("kill kill PID").await;
    assert_eq!(pair.news(&mut seen).await, "down pid killed");
}

#[rusm_sim::test(seeds = 20)]
async fn a_lost_node_is_noconnection_to_a_component(sim: SimHandle) {
    let mut pair = Pair::new(&sim).await;
    let mut seen = 1;
    pair.here("link PID").await;
    // Behind the link: it has arrived.
    assert_eq!(pair.here("call-for 10000 PID echo x").await, "x");
    let linked = pair.there.clone();
    pair.renew().await;
    pair.here("monitor-pid PID").await;
    sim.network().cut("a", "b");
    sim.network().cut("b", "a");
    sim.sleep(Duration::from_secs(30)).await;
    let lost = pair.news(&mut seen).await;
    let mut lost: Vec<&str> = lost.split("; ").collect();
    lost.sort_unstable();
    assert_eq!(lost, ["down pid noconnection", "exit noconnection"]);
    assert_eq!(pair.here("is-alive PID").await, "false");
    assert_eq!(pair.here("call-for 10000 PID echo x").await, "down noconnection");
    sim.network().mend("a", "b");
    sim.network().mend("b", "a");
    sim.until_joined(&[pair.a.0.clone(), pair.b.0.clone()]).await;
    // The same pid answers again, but who was linked and does not trap exits has gone with the connection.
    assert_eq!(pair.here("is-alive PID").await, "true");
    assert_eq!(pair.here("call-for 10000 PID echo x").await, "x");
    assert_eq!(pair.here(&format!("is-alive {linked}")).await, "false");
    assert_eq!(pair.here(&format!("call-for 10000 {linked} echo x")).await, "down noproc");
}

/// Each monitor has one `down`, whatever happens.
#[rusm_sim::test(seeds = 30, sometimes = ["down noconnection", "a monitor is open", "network: partition", "node: crash"])]
fn each_monitor_of_a_component_has_one_down(test: &mut Test) {
    faults(test);
    let host = host_of_puppets(Grants::default());
    test.cluster(&NAMES, move |node| {
        let host = host.clone();
        async move {
            let puppet = puppet(&node, &host).await;
            node.register("puppet", puppet).expect("it is free");
        }
    });
    test.script("outside", |sim| async move {
        let mut made: BTreeMap<Pid, usize> = BTreeMap::new();
        for _ in 0..12 {
            sim.sleep(Duration::from_secs(3)).await;
            for (from, to) in [("a", "b"), ("b", "c"), ("c", "a")] {
                let (Some(from), Some(to)) = (sim.node(from), sim.node(to)) else { continue };
                let (Some(watcher), Some(watched)) = (from.whereis("puppet"), to.whereis("puppet")) else { continue };
                let Some(pid) = ask(&to, watched, "self").await else { continue };
                if ask(&from, watcher, &format!("monitor-pid {pid}")).await.is_some() {
                    *made.entry(watcher).or_default() += 1;
                }
            }
        }
        rest(&sim).await;
        for name in NAMES {
            let node = sim.node(name).expect("it is up");
            let watcher = node.whereis("puppet").expect("it is up");
            let told = ask(&node, watcher, "seen").await.expect("it lives");
            let downs: Vec<&str> = told.split("; ").skip(1).collect();
            assert!(downs.iter().all(|entry| entry.starts_with("down pid no")), "{told}");
            let open = node.process_info(watcher).expect("it lives").monitors.len();
            assert_eq!(downs.len() + open, made.get(&watcher).copied().unwrap_or_default(), "{name}: {told}");
            if downs.contains(&"down pid noconnection") {
                sim.sometimes("down noconnection");
            }
            if open > 0 {
                sim.sometimes("a monitor is open");
            }
        }
    });
}
