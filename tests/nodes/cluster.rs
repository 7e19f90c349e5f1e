use crate::network::Network;
use crate::support::{Authority, Served, couriers, within};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// So soon a lost node is noticed: soon for these tests, and late enough for a busy machine.
const DOWN_AFTER: &str = "2s";
/// Between two looks at something that has no event of its own.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Nodes with couriers, and the network between them.
pub(crate) struct Cluster {
    authority: Authority,
    pub(crate) network: Network,
    /// Those that run, also when they are paused.
    nodes: BTreeMap<String, Served>,
}

impl Cluster {
    /// A cluster in which these may be nodes; none runs yet.
    pub(crate) async fn new(seed: u64, names: &[&str]) -> Self {
        Self { authority: Authority::new(names), network: Network::new(seed, names).await, nodes: BTreeMap::new() }
    }

    /// The same, and all of them run and hear each other.
    pub(crate) async fn started(seed: u64, names: &[&str]) -> Self {
        let mut cluster = Self::new(seed, names).await;
        for name in names {
            cluster.start(name).await;
        }
        cluster.until_all_hear_all().await;
        cluster
    }

    /// Starts a node, which joins those that run.
    pub(crate) async fn start(&mut self, name: &str) {
        let mut flags = vec!["--down-after".to_owned(), DOWN_AFTER.to_owned()];
        flags.extend(["--cert".to_owned(), self.authority.member(name).display().to_string()]);
        if let Some(place) = self.network.advertised(name) {
            flags.extend(["--advertise".to_owned(), place.to_string()]);
        }
        for other in self.nodes.keys() {
            flags.extend(["--join".to_owned(), self.network.place(other).to_string()]);
        }
        let node = Served::start_node_at(&self.network.site(name), couriers(), flags).await;
        self.network.is_at(name, node.cluster_address().await);
        self.nodes.insert(name.to_owned(), node);
    }

    /// Ends a node as a power failure would.
    pub(crate) async fn kill(&mut self, name: &str) {
        self.take(name).kill().await;
    }

    /// Ends a node as an operator does.
    pub(crate) async fn stop(&mut self, name: &str) {
        let node = self.take(name);
        node.terminate();
        assert_eq!(node.ended().await.0.code(), Some(0));
    }

    fn take(&mut self, name: &str) -> Served {
        self.nodes.remove(name).unwrap_or_else(|| panic!("{name} does not run"))
    }

    /// Stops a node in its tracks, as a machine that sleeps.
    pub(crate) fn pause(&self, name: &str) {
        self.nodes[name].signal("STOP");
    }

    pub(crate) fn resume(&self, name: &str) {
        self.nodes[name].signal("CONT");
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.nodes.keys().cloned().collect()
    }

    /// What a node's courier says.
    pub(crate) async fn report(&self, name: &str) -> Report {
        loop {
            let answer = self.nodes[name].get("/report").await;
            if answer.status == 200 {
                return Report(serde_json::from_str(&answer.text).expect("JSON"));
            }
        }
    }

    pub(crate) fn os_pid(&self, name: &str) -> u32 {
        self.nodes[name].os_pid()
    }

    /// Waits until that is so of what a node's courier says.
    pub(crate) async fn until(&self, name: &str, what: &str, is: impl Fn(&Report) -> bool) {
        let mut last = None;
        let waiting = async {
            loop {
                let report = self.report(name).await;
                let done = is(&report);
                last = Some(report);
                if done {
                    return;
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(120), waiting).await.is_err() {
            panic!("{name} never said {what}: {last:?}\n{}", self.nodes[name].log());
        }
    }

    /// Waits until each of them is connected with each other one, and letters come.
    pub(crate) async fn until_all_hear_all(&self) {
        let names = self.names();
        for name in &names {
            let before = self.report(name).await;
            for other in names.iter().filter(|other| *other != name) {
                let heard = before.received(other);
                let what = format!("that it hears {other}");
                let hears = |report: &Report| report.connected(other) && report.received(other) > heard;
                self.until(name, &what, |report| hears(report) && report.told_of(other).connected).await;
            }
        }
    }

    /// Waits until all others have lost a node.
    pub(crate) async fn until_lost(&self, lost: &str) {
        for name in self.names().iter().filter(|name| *name != lost) {
            let is_lost = |report: &Report| !report.connected(lost) && !report.told_of(lost).connected;
            self.until(name, &format!("that {lost} is lost"), is_lost).await;
        }
    }

    /// What must be so at any time.
    pub(crate) async fn check(&self) {
        for name in self.names() {
            let report = within(self.report(&name)).await;
            if !report.wrong().is_empty() {
                panic!("{name}: {:#?}\n{}", report.wrong(), self.nodes[&name].log());
            }
            let (made, open, downs) =
                (report.number("monitors_made"), report.number("monitors_open"), report.number("downs"));
            assert_eq!(made, open + downs, "{name}: each monitor is open or has had its DOWN: {report:?}");
        }
    }
}

/// What a courier was told of another node.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) connected: bool,
    pub(crate) incarnation: u64,
    pub(crate) nodeups: u64,
    pub(crate) nodedowns: u64,
    pub(crate) suspected: u64,
    /// Why the last connection ended.
    pub(crate) lost: String,
}

/// What a courier says of itself.
#[derive(Debug)]
pub(crate) struct Report(Value);

impl Report {
    pub(crate) fn connected(&self, node: &str) -> bool {
        self.0["connected"].as_array().is_some_and(|nodes| nodes.iter().any(|other| other == node))
    }

    pub(crate) fn pid(&self) -> &str {
        self.0["pid"].as_str().unwrap_or_default()
    }

    /// Letters from that node.
    pub(crate) fn received(&self, node: &str) -> u64 {
        self.0["peers"][node]["received"].as_u64().unwrap_or_default()
    }

    /// How often the `DOWN` of that node's courier has come.
    pub(crate) fn downs(&self, node: &str) -> u64 {
        self.0["peers"][node]["downs"].as_u64().unwrap_or_default()
    }

    /// What it was told of that node.
    pub(crate) fn told_of(&self, node: &str) -> Told {
        let told = &self.0["nodes"][node];
        let number = |key: &str| told[key].as_u64().unwrap_or_default();
        Told {
            connected: told["connected"] == true,
            incarnation: number("incarnation"),
            nodeups: number("nodeups"),
            nodedowns: number("nodedowns"),
            suspected: number("suspected"),
            lost: told["lost"].as_str().unwrap_or_default().to_owned(),
        }
    }

    fn number(&self, key: &str) -> u64 {
        self.0[key].as_u64().unwrap_or_else(|| panic!("no {key} in {self:?}"))
    }

    fn wrong(&self) -> Vec<String> {
        let wrong = self.0["wrong"].as_array().expect("a list");
        wrong.iter().map(|line| line.as_str().unwrap_or_default().to_owned()).collect()
    }
}
