//! A singleton and unique names on nodes that are killed and paused: `tests/nodes/ledger`.

use crate::relay::Relay;
use crate::support::{Authority, Killed, Served, ledgers, within};
use serde_json::Value;
use std::collections::BTreeMap;

const VOTERS: [&str; 3] = ["a", "b", "c"];

/// Nodes that vote, each behind a relay, so that one that is started again is found where it was.
struct Ledgers {
    /// The folders that a node reads again when it is started again.
    _authority: Authority,
    relay: Relay,
    nodes: BTreeMap<&'static str, Served>,
}

/// One holder of the ledger, as the books of a node have it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Chapter {
    node: String,
    token: u64,
    entries: u64,
}

impl Ledgers {
    async fn start(seed: u64) -> Self {
        let authority = Authority::new(&VOTERS);
        let relay = Relay::start(seed, &VOTERS).await;
        let mut nodes = BTreeMap::new();
        for name in VOTERS {
            let mut flags: Vec<String> =
                ["--voters", "a,b,c", "--lease-time", "4s", "--down-after", "2s"].map(str::to_owned).into();
            flags.extend(["--cert".to_owned(), authority.member(name).display().to_string()]);
            flags.extend(["--advertise".to_owned(), relay.place(name).to_string()]);
            for other in VOTERS.iter().filter(|other| **other != name) {
                flags.extend(["--join".to_owned(), relay.place(other).to_string()]);
            }
            let node = Served::start_node(ledgers(), flags).await;
            relay.is_at(name, node.cluster_address().await);
            nodes.insert(name, node);
        }
        Self { _authority: authority, relay, nodes }
    }

    fn take(&mut self, name: &str) -> (&'static str, Served) {
        self.nodes.remove_entry(name).unwrap_or_else(|| panic!("{name} does not run"))
    }

    /// Starts it on the same data.
    async fn start_again(&mut self, name: &'static str, killed: Killed) {
        let node = killed.start_again().await;
        self.relay.is_at(name, node.cluster_address().await);
        self.nodes.insert(name, node);
    }

    /// What the books of a node have, which nobody has written into out of turn.
    async fn books(&self, name: &str) -> Vec<Chapter> {
        let answer = within(async {
            loop {
                let answer = self.nodes[name].get("/books").await;
                if answer.status == 200 {
                    return answer.text;
                }
            }
        });
        let books: Value = serde_json::from_str(&answer.await).expect("JSON");
        assert_eq!(books["wrong"], Value::Array(Vec::new()), "{name}: {books}");
        let chapters = books["chapters"].as_array().expect("a list");
        let chapter = |chapter: &Value| Chapter {
            node: chapter["node"].as_str().expect("a text").to_owned(),
            token: chapter["token"].as_u64().expect("a number"),
            entries: chapter["entries"].as_u64().expect("a number"),
        };
        let chapters: Vec<Chapter> = chapters.iter().map(chapter).collect();
        assert!(chapters.is_sorted_by(|a, b| a.token < b.token), "{name}: {chapters:?}");
        chapters
    }

    /// Waits until the books of a node are written into by a later holder than that of this token.
    async fn until_later(&self, name: &str, token: u64) -> Chapter {
        within(async {
            loop {
                let last = self.books(name).await.pop();
                if let Some(last) = last.filter(|last| last.token > token && last.entries > 2) {
                    return last;
                }
            }
        })
        .await
    }

    /// What the component in TypeScript was told of the other nodes, of which this is so.
    async fn watched(&self, name: &str, is: impl Fn(&Value) -> bool) -> Value {
        within(async {
            loop {
                let answer = self.nodes[name].get("/ask/watch").await;
                let told: Value = serde_json::from_str(&answer.text).unwrap_or_default();
                assert!(answer.status != 200 || told["wrong"] == Value::Array(Vec::new()), "{name}: {told}");
                if is(&told) {
                    return told;
                }
            }
        })
        .await
    }

    /// All books agree on who had which token.
    async fn check(&self) {
        let mut holders: BTreeMap<u64, String> = BTreeMap::new();
        for name in self.nodes.keys() {
            for Chapter { node, token, .. } in self.books(name).await {
                let holder = holders.entry(token).or_insert_with(|| node.clone());
                assert_eq!(*holder, node, "two nodes have written by token {token}");
            }
        }
    }

    /// Has a process of that node take a name, give it back and take it again: by which tokens.
    async fn register(&self, node: &str, name: &str) -> Vec<u64> {
        let path = format!("/register/{name}");
        let answer = within(async {
            loop {
                let answer = self.nodes[node].get(&path).await;
                if answer.status == 200 {
                    return answer;
                }
                // Whoever had it has ended, and it is given back in a moment.
                assert!(answer.text.starts_with("the name is <"), "{answer:?}");
            }
        });
        answer.await.text.split(' ').map(|token| token.parse().expect("a number")).collect()
    }

    /// `rusm unique --json` through that node, and its exit code.
    async fn unique(&self, name: &str) -> (Value, i32, String) {
        let output = self.nodes[name].rusm(&["unique", "--json"]).await;
        let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (report, output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_singleton_moves_when_its_node_is_killed_or_stands_still_and_no_two_write() {
    let mut ledgers = Ledgers::start(1).await;
    let first = ledgers.until_later("a", 0).await;
    for name in VOTERS {
        assert_eq!(ledgers.until_later(name, 0).await.node, first.node, "it runs once");
    }
    let (report, code, said) = ledgers.unique("a").await;
    assert_eq!(code, 0, "{said}");
    let voters = report["voters"].as_array().expect("a list");
    assert_eq!((voters.len(), voters.iter().filter(|voter| voter["leads"] == true).count()), (3, 1), "{report}");
    let names = report["names"].as_array().expect("a list");
    let name = names.iter().find(|name| name["name"] == "ledger").unwrap_or_else(|| panic!("{report}"));
    assert_eq!((&name["name"], &name["node"]), (&"ledger".into(), &first.node.as_str().into()), "{report}");
    assert_eq!(name["token"], first.token, "{report}");

    // Unique names of components, on several nodes: each lease has a greater token.
    let mut tokens = Vec::new();
    for name in VOTERS {
        tokens.extend(ledgers.register(name, "mark:1").await);
    }
    assert!(tokens.len() == 6 && tokens.is_sorted_by(|a, b| a < b), "{tokens:?}");
    let denied = ledgers.nodes["a"].get("/register/other").await;
    assert!(denied.text.contains("grants.register-unique = [\"other\"] of component web is missing"), "{denied:?}");

    // A singleton in TypeScript is called by its name from every node.
    for name in VOTERS {
        let answer = within(async {
            loop {
                let answer = ledgers.nodes[name].get("/call/clock").await;
                if answer.status == 200 {
                    return answer.text;
                }
            }
        });
        let clock: Value = serde_json::from_str(&answer.await).expect("JSON");
        assert_eq!((&clock["token"], &clock["mark"]), (&clock["held"], &clock["heldFirst"]), "{clock}");
        assert!(clock["mark"].as_u64() > clock["token"].as_u64() && clock["isOwn"] == true, "{clock}");
        assert!(clock["heldLast"].is_null() && clock["nobody"].is_null(), "{clock}");
        assert!(clock["taken"].as_str().is_some_and(|taken| taken.contains("taken")), "{clock}");
    }

    let (killed, node) = ledgers.take(&first.node);
    let killed_node = node.killed().await;
    let survivors: Vec<&str> = ledgers.nodes.keys().copied().collect();
    let second = ledgers.until_later(survivors[0], first.token).await;
    assert_ne!(second.node, first.node);
    assert_eq!(ledgers.until_later(survivors[1], first.token).await.node, second.node);
    ledgers.check().await;
    let last = |told: &Value, what: &str| {
        told[what].as_array().and_then(|nodes| nodes.iter().rfind(|node| node["name"] == killed).cloned())
    };
    let told = ledgers.watched(survivors[0], |told| last(told, "downs").is_some()).await;
    let down = last(&told, "downs").expect("it was awaited");
    assert!(["net_tick_timeout", "given_up"].contains(&down["reason"].as_str().expect("a text")), "{told}");
    let holder = ledgers.nodes[survivors[0]].get("/whereis/ledger").await;
    assert!(holder.text.ends_with(&format!(" {}", second.token)), "{holder:?}");

    ledgers.start_again(killed, killed_node).await;
    assert_eq!(ledgers.until_later(killed, first.token).await.node, second.node, "who comes back does not take it");
    ledgers.check().await;
    let is_later = |node: Value| node["incarnation"].as_u64() > down["incarnation"].as_u64();
    let told = ledgers.watched(survivors[0], |told| last(told, "ups").is_some_and(is_later)).await;
    let up = last(&told, "known").expect("it is known");
    assert_eq!((&up["status"], &up["reason"]), (&"up".into(), &"heard".into()), "{told}");

    // It stands still for longer than its lease, and then goes on.
    ledgers.nodes[second.node.as_str()].signal("STOP");
    let other = VOTERS.into_iter().find(|name| *name != second.node).expect("there are three");
    let third = ledgers.until_later(other, second.token).await;
    assert_ne!(third.node, second.node);
    ledgers.nodes[second.node.as_str()].signal("CONT");
    assert_eq!(ledgers.until_later(&second.node, second.token).await.token, third.token);
    ledgers.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_majority_nobody_has_a_name_and_operators_are_told_what_to_do() {
    let mut ledgers = Ledgers::start(2).await;
    let first = ledgers.until_later("a", 0).await;
    let mut killed = Vec::new();
    for name in ["b", "c"] {
        let (name, node) = ledgers.take(name);
        killed.push((name, node.killed().await));
    }
    let (report, code, said) = within(async {
        loop {
            let asked = ledgers.unique("a").await;
            if asked.1 != 0 {
                return asked;
            }
        }
    })
    .await;
    assert_eq!(code, 7, "{said}");
    assert!(said.contains("1 of 3 voters answer, and 2 must") && said.contains("start the others"), "{said}");
    assert_eq!(report["names"], Value::Array(Vec::new()));
    assert_eq!(report["voters"][0]["error"], Value::Null, "{report}");
    let answer = ledgers.nodes["a"].get("/register/mark:1").await;
    assert_eq!((answer.status, answer.text.as_str()), (503, "no majority of the voters has answered in time"));
    // Whoever had the ledger has it no more: nothing is written.
    within(async {
        loop {
            let before = ledgers.books("a").await;
            let answer = ledgers.nodes["a"].get("/register/mark:1").await;
            assert_eq!(answer.status, 503);
            if ledgers.books("a").await == before {
                return;
            }
        }
    })
    .await;

    let (name, node) = killed.remove(0);
    ledgers.start_again(name, node).await;
    let later = ledgers.until_later("a", first.token).await;
    assert!(later.token > first.token);
    ledgers.check().await;
}
