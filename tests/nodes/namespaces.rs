//! A network namespace of the kernel for each node, all on one bridge, and the kernel's own weather: `tc` with netem, or, where the
//! kernel has none, a link that is too narrow.
//!
//! Whoever starts this is in a namespace of its own already (`unshare --net --mount`), which takes all of it along at its end.

use crate::relay::Weather;
use crate::support::Site;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;

/// The bridge, and the name of its place on it.
const BRIDGE: &str = "rusm";
const BRIDGE_ADDRESS: &str = "10.77.0.254/24";

/// Where `ip` keeps the names of namespaces.
const NAMES: &str = "/run/netns";

/// How narrow a link is where the kernel has no netem: letters wait on it, and are lost.
const NARROW: [&str; 7] = ["tbf", "rate", "256kbit", "burst", "4kb", "latency", "50ms"];

pub(crate) struct Namespaces {
    addresses: BTreeMap<String, IpAddr>,
    /// Where the nodes listen that run.
    places: BTreeMap<String, SocketAddr>,
    has_netem: bool,
    /// Nodes whose links are not as good as new.
    weather: BTreeMap<String, Weather>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    /// Links that were taken down.
    cuts: u64,
    /// Packets through links in bad weather, and those that the kernel dropped there.
    sent: u64,
    dropped: u64,
}

impl Namespaces {
    /// Nodes of these names. `machines` is the machine's own network namespace, which is left alone.
    pub(crate) fn new(names: &[&str], machines: &str) -> Self {
        let own = std::fs::read_link("/proc/self/ns/net").expect("Linux");
        let is_inside = machines.starts_with("net:[") && own.to_str() != Some(machines);
        assert!(is_inside, "this is the machine's own namespace: start it by `cargo xtask soak --namespaces`");
        // Their names are for nobody else.
        std::fs::create_dir_all(NAMES).expect("root");
        run("mount", &["-t", "tmpfs", "tmpfs", NAMES]);
        run("ip", &["link", "set", "lo", "up"]);
        run("ip", &["link", "add", BRIDGE, "type", "bridge"]);
        run("ip", &["addr", "add", BRIDGE_ADDRESS, "dev", BRIDGE]);
        run("ip", &["link", "set", BRIDGE, "up"]);
        let mut addresses = BTreeMap::new();
        for (name, number) in names.iter().zip(1..) {
            let address = Ipv4Addr::new(10, 77, 0, number);
            let (link, with_mask) = (link(name), format!("{address}/24"));
            run("ip", &["netns", "add", name]);
            run("ip", &["link", "add", &link, "type", "veth", "peer", "name", "eth0", "netns", name]);
            run("ip", &["link", "set", &link, "master", BRIDGE, "up"]);
            run("ip", &["-n", name, "addr", "add", &with_mask, "dev", "eth0"]);
            run("ip", &["-n", name, "link", "set", "eth0", "up"]);
            run("ip", &["-n", name, "link", "set", "lo", "up"]);
            addresses.insert((*name).to_owned(), IpAddr::V4(address));
        }
        let has_netem = try_run("tc", &["qdisc", "add", "dev", BRIDGE, "root", "netem", "delay", "1ms"]).is_ok();
        if has_netem {
            run("tc", &["qdisc", "del", "dev", BRIDGE, "root"]);
        } else {
            println!("this kernel has no netem: bad weather is a link of 256 kbit/s");
        }
        let (places, weather) = (BTreeMap::new(), BTreeMap::new());
        Self { addresses, places, has_netem, weather, counts: Counts::default() }
    }

    pub(crate) fn site(&self, node: &str) -> Site {
        Site { namespace: Some(node.to_owned()), address: self.addresses[node] }
    }

    pub(crate) fn is_at(&mut self, node: &str, address: SocketAddr) {
        self.places.insert(node.to_owned(), address);
    }

    pub(crate) fn place(&self, node: &str) -> SocketAddr {
        self.places[node]
    }

    pub(crate) fn set_around(&mut self, node: &str, weather: Weather) {
        self.weather.insert(node.to_owned(), weather);
        if weather.cut {
            self.counts.cuts += 1;
            run("ip", &["link", "set", &link(node), "down"]);
            return;
        }
        let shape = if self.has_netem { netem(&weather) } else { NARROW.map(str::to_owned).into() };
        let shape: Vec<&str> = shape.iter().map(String::as_str).collect();
        for end in ends(node) {
            end.qdisc("replace", &shape);
        }
    }

    pub(crate) fn heal(&mut self) {
        for (node, weather) in std::mem::take(&mut self.weather) {
            if weather.cut {
                run("ip", &["link", "set", &link(&node), "up"]);
                continue;
            }
            for end in ends(&node) {
                let shown: serde_json::Value = serde_json::from_str(&end.qdisc("show", &[])).expect("JSON");
                let number = |key: &str| shown[0][key].as_u64().expect("a count");
                self.counts.sent += number("packets");
                self.counts.dropped += number("drops");
                end.qdisc("del", &[]);
            }
        }
    }

    pub(crate) fn summary(&self) -> String {
        let weather = if self.has_netem { "netem" } else { "no netem: narrow links" };
        format!("{:?}, {weather}", self.counts)
    }
}

/// The bridge's end of a node's link.
fn link(node: &str) -> String {
    format!("to-{node}")
}

/// One end of a node's link.
struct End {
    namespace: Option<String>,
    device: String,
}

fn ends(node: &str) -> [End; 2] {
    let inside = End { namespace: Some(node.to_owned()), device: "eth0".to_owned() };
    [End { namespace: None, device: link(node) }, inside]
}

impl End {
    /// Asks and tells the kernel how packets leave here.
    fn qdisc(&self, verb: &str, rest: &[&str]) -> String {
        let mut words = vec!["-j", "-s"];
        if let Some(namespace) = &self.namespace {
            words.extend(["-n", namespace]);
        }
        words.extend(["qdisc", verb, "dev", &self.device, "root"]);
        words.extend(rest);
        run("tc", &words)
    }
}

/// What netem is told. It spreads a delay to both sides of its middle; packets that overtake each other come by that.
fn netem(weather: &Weather) -> Vec<String> {
    let spread = weather.jitter / 2;
    let tenths = |of_1000: u16| format!("{}.{}%", of_1000 / 10, of_1000 % 10);
    let us = |time: std::time::Duration| format!("{}us", time.as_micros());
    let middle = us(weather.delay + spread);
    let words =
        ["netem", "delay", &middle, &us(spread), "loss", &tenths(weather.lost), "duplicate", &tenths(weather.twice)];
    words.map(str::to_owned).into()
}

fn run(program: &str, arguments: &[&str]) -> String {
    try_run(program, arguments).unwrap_or_else(|why| panic!("{why}"))
}

/// What it prints; otherwise the command, and what it says.
fn try_run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let said =
        Command::new(program).args(arguments).output().map_err(|error| format!("starting {program}: {error}"))?;
    if said.status.success() {
        return Ok(String::from_utf8_lossy(&said.stdout).into_owned());
    }
    Err(format!("{program} {}: {}", arguments.join(" "), String::from_utf8_lossy(&said.stderr)))
}
