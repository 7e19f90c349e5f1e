//! A node crashes between two writes: what it had acknowledged is there in its next life, and its old pids reach nobody.

use crate::support::{below, micros};
use rusm_core::{CallError, Context, ExitReason, Message, Node, Payload, Term};
use rusm_sim::{DiskFaults, Sim, SimHandle, SimOptions};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Four sectors, so that a crash can tear one record.
const RECORD_LEN: u64 = 2048;
const TIMEOUT: Duration = Duration::from_secs(1);

#[rusm_sim::test(
    seeds = 300,
    sometimes = ["disk: lost unsynced writes", "disk: torn writes", "an unacknowledged write is there"]
)]
async fn acknowledged_writes_survive_a_crash(sim: SimHandle) {
    let lost = lost_writes(&sim).await;
    assert_eq!(lost, 0, "acknowledged writes are gone");
}

/// The proof that the scenario above can fail: a disk that lies about syncs is found out.
#[test]
fn a_disk_that_lies_is_noticed() {
    let noticed = (1..=50).filter(|seed| {
        let sim = Sim::new(SimOptions::new(*seed));
        sim.disk("a").set_faults(DiskFaults { lost_syncs: true, ..DiskFaults::default() });
        let handle = sim.handle();
        sim.block_on(async move { lost_writes(&handle).await }) != Ok(0)
    });
    assert!(noticed.count() > 10);
}

/// How many acknowledged writes are gone after a few crashes.
async fn lost_writes(sim: &SimHandle) -> u64 {
    let mut rng = sim.random("client");
    let mut acknowledged = 0;
    let mut lost = 0;
    // The client dies with the node: what it heard is kept here.
    let most = Arc::new(AtomicU64::new(0));
    for _ in 0..4 {
        let node = Node::start(sim.node_options("a"));
        let store = node.spawn(store);
        let recovered = u64::from_le_bytes(ask(&node, store, "len").await.expect("nothing crashes yet"));
        lost += acknowledged - recovered.min(acknowledged);
        if recovered > acknowledged {
            sim.sometimes("an unacknowledged write is there");
        }
        acknowledged = recovered;

        let (crash, crashing) = (sim.clone(), micros(&mut rng, 500));
        sim.spawn("outside", async move {
            crash.sleep(crashing).await;
            crash.crash("a");
        });
        let writes = below(&mut rng, 40);
        sim.spawn("a", {
            let (node, sim, most) = (node.clone(), sim.clone(), most.clone());
            async move {
                for _ in 0..writes {
                    let answer = ask(&node, store, "append").await.expect("the store lives as long as this");
                    sim.record("acknowledged", &u64::from_le_bytes(answer).to_string());
                    most.fetch_max(u64::from_le_bytes(answer), Ordering::Relaxed);
                }
            }
        });
        sim.sleep(Duration::from_secs(5)).await;
        acknowledged = most.load(Ordering::Relaxed).max(acknowledged);

        let reborn = Node::start(sim.node_options("a"));
        assert!(reborn.incarnation() > node.incarnation(), "a new life has a greater incarnation");
        assert_eq!(reborn.await_exit(store).await, ExitReason::NOPROC, "a pid of a past life reaches nobody");
    }
    lost
}

async fn ask(node: &Node, store: rusm_core::Pid, what: &str) -> Result<[u8; 8], CallError> {
    let request = Term::new(rusm_core::Encoding::Text, what.to_owned());
    let Payload::Term(answer) = node.call(store, request, TIMEOUT).await? else { panic!("not a term") };
    Ok(answer.bytes.as_ref().try_into().expect("eight bytes"))
}

/// A log of numbered records, each full of its number, so that a torn one shows.
async fn store(context: Context) -> Result<(), ExitReason> {
    let failed = |error: std::io::Error| ExitReason::new("io").with_detail(error.to_string());
    let file = context.node().seams().storage.open("log").map_err(failed)?;
    let mut len = 0;
    let mut record = [0; RECORD_LEN as usize];
    while file.read(len * RECORD_LEN, &mut record).is_ok() && record == encoded(len) {
        len += 1;
    }
    loop {
        let Message::Call { from, payload } = context.receive().await else { continue };
        if payload.as_term().is_some_and(|term| term.bytes.as_ref() == b"append") {
            file.write(len * RECORD_LEN, &encoded(len)).map_err(failed)?;
            context.sleep(Duration::from_micros(5)).await;
            file.sync().map_err(failed)?;
            len += 1;
        }
        context.reply(from, Term::new(rusm_core::Encoding::Raw, len.to_le_bytes().to_vec()));
    }
}

fn encoded(number: u64) -> [u8; RECORD_LEN as usize] {
    let mut record = [0; RECORD_LEN as usize];
    for word in record.chunks_mut(8) {
        word.copy_from_slice(&(number + 1).to_le_bytes());
    }
    record
}
