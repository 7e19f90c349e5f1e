//! One process per node: sends numbered letters to those of all other nodes, by name, by cluster name and by pid in turn, and
//! checks what comes from them.
//!
//! - Letters of one sender arrive in order, each once; one may be missing only behind a `DOWN` of its sender.
//! - Each monitor has one `DOWN`.
//! - What it is told of another node begins where the last news of that has ended.

mod peer;
mod seen;

use std::collections::BTreeMap;
use std::time::Duration;

use peer::{Letter, Peer};
use rusm_sdk::{
    Actor, Caller, ClusterName, Destination, Event, Monitored, Reference, RemoteName, Term, cluster, export_actor,
    process,
};
use seen::Seen;
use serde::{Deserialize, Serialize};

const EVERY: Duration = Duration::from_millis(20);
/// Which of its own letters are large: they cross in several pieces, and small ones of others pass them.
const LARGE_EVERY: u64 = 16;
const LARGE_LEN: usize = 100_000;

/// To itself, by timer.
#[derive(Serialize, Deserialize)]
struct Write;

struct Courier {
    node: String,
    peers: BTreeMap<String, Peer>,
    /// What it was told of the other nodes.
    nodes: BTreeMap<String, Seen>,
    /// Which node the monitor is of.
    monitors: BTreeMap<Reference, String>,
    monitors_made: u64,
    downs: u64,
    wrong: Vec<String>,
}

/// What it says of itself.
#[derive(Serialize)]
struct Report<'a> {
    node: &'a str,
    pid: String,
    /// The nodes that there is a connection with.
    connected: Vec<String>,
    peers: &'a BTreeMap<String, Peer>,
    nodes: &'a BTreeMap<String, Seen>,
    monitors_made: u64,
    monitors_open: usize,
    downs: u64,
    /// What must not happen and has.
    wrong: &'a [String],
}

impl Actor for Courier {
    fn init(_args: Term) -> Result<Self, String> {
        let node = cluster::node();
        cluster::register(&cluster_name(&node)).map_err(|refusal| refusal.text().to_owned())?;
        let known = cluster::monitor_nodes().map_err(|refusal| refusal.text().to_owned())?.nodes;
        let nodes = known.into_iter().map(|node| (node.name.clone(), Seen::known(&node))).collect();
        write_later();
        let (peers, monitors) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { node, peers, nodes, monitors, monitors_made: 0, downs: 0, wrong: Vec::new() })
    }

    fn message(&mut self, message: Term) {
        if let Ok(letter) = message.to_json::<Letter>() {
            let peer = self.peers.entry(letter.from.clone()).or_default();
            if let Err(wrong) = peer.receive(&letter) {
                self.blame(wrong);
            }
        } else if message.to_json::<Write>().is_ok() {
            self.write();
            write_later();
        }
    }

    fn call(&mut self, _request: Term, _caller: Caller) -> Option<Term> {
        let report = Report {
            node: &self.node,
            pid: process::self_pid().to_string(),
            connected: cluster::nodes(),
            peers: &self.peers,
            nodes: &self.nodes,
            monitors_made: self.monitors_made,
            monitors_open: self.monitors.len(),
            downs: self.downs,
            wrong: &self.wrong,
        };
        let json = Term::json(&report);
        Some(Term::text(String::from_utf8_lossy(&json.bytes)))
    }

    fn info(&mut self, event: Event) {
        let down = match event {
            Event::Down(down) => down,
            Event::Node(event) => {
                let told = self.nodes.entry(event.node.name.clone()).or_default().tell(&event);
                return told.unwrap_or_else(|wrong| self.blame(wrong));
            }
            _ => return,
        };
        self.downs += 1;
        match self.monitors.remove(&down.monitor) {
            Some(node) => self.peers.entry(node).or_default().lose(),
            None => self.blame(format!("a second DOWN of a monitor: {} {:?}", down.reason, down.object)),
        }
    }
}

impl Courier {
    fn blame(&mut self, wrong: String) {
        rusm_sdk::error!("WRONG: {wrong}");
        self.wrong.push(wrong);
    }

    fn write(&mut self) {
        for node in cluster::nodes() {
            let peer = self.peers.entry(node.clone()).or_default();
            if !peer.watched {
                peer.watched = true;
                if let Ok(monitor) = process::monitor(Monitored::NameAt(RemoteName::new("courier", node.as_str()))) {
                    self.monitors_made += 1;
                    self.monitors.insert(monitor, node.clone());
                }
            }
            let (number, letter) = peer.next(&self.node);
            let padding = if number % LARGE_EVERY == 0 { "x".repeat(LARGE_LEN) } else { String::new() };
            let letter = Term::json(&Letter { padding, ..letter });
            let by_node: Destination = RemoteName::new("courier", node.as_str()).into();
            let name = cluster_name(&node);
            let to = match number % 3 {
                1 => cluster::whereis(&name).ok().flatten().map_or(by_node.clone(), Destination::from),
                2 => ClusterName::new(name).into(),
                _ => by_node.clone(),
            };
            // Nobody has the cluster name yet, or any more.
            if process::send(to, letter.clone()).is_err() {
                let _ = process::send(by_node, letter);
            }
        }
    }
}

fn cluster_name(node: &str) -> String {
    format!("courier:{node}")
}

fn write_later() {
    let _ = process::send_after(EVERY, process::self_pid(), Term::json(&Write));
}

export_actor!(Courier);
