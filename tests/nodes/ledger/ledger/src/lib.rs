//! Writes into the books of all nodes, marked with the token of its lease. It does not look whether it still has the name: what it writes
//! too late the books refuse.

use std::time::Duration;

use rusm_sdk::{Actor, Destination, RemoteName, Term, cluster, export_actor, process, unique};
use serde::{Deserialize, Serialize};

const EVERY: Duration = Duration::from_millis(20);

/// To itself, by timer.
#[derive(Serialize, Deserialize)]
struct Write;

#[derive(Serialize)]
struct Entry<'a> {
    node: &'a str,
    token: u64,
    number: u64,
}

struct Ledger {
    node: String,
    token: u64,
    number: u64,
}

impl Actor for Ledger {
    fn init(_args: Term) -> Result<Self, String> {
        let token = unique::held("ledger").ok_or("a singleton has its name from its beginning")?;
        write_later();
        Ok(Self { node: cluster::node(), token, number: 0 })
    }

    fn message(&mut self, _write: Term) {
        self.number += 1;
        let entry = Term::json(&Entry { node: &self.node, token: self.token, number: self.number });
        // A node that cannot be reached, or whose books are just started, misses it.
        let _ = process::send("books", entry.clone());
        for node in cluster::nodes() {
            let books: Destination = RemoteName::new("books", node).into();
            let _ = process::send(books, entry.clone());
        }
        write_later();
    }
}

fn write_later() {
    let _ = process::send_after(EVERY, process::self_pid(), Term::json(&Write));
}

export_actor!(Ledger);
