//! The shop of `docs/simulation.md`: a till that forgets to sync, found, made smaller and mended.

use rusm_core::{ChildSpec, Context, ExitReason, Message, Payload, Strategy, Supervisor, SupervisorSpec};
use rusm_sim::suite::{Suite, shrink};
use rusm_sim::{Case, Fault, FaultKind, Outcome, SimHandle, Test};
use std::time::Duration;

/// What a till is asked.
enum Ask {
    Pay(u64),
    Knows(u64),
}

/// Keeps a list of what was paid in a file: eight bytes an order.
async fn till(context: Context, syncs: bool) -> Result<(), ExitReason> {
    let failed = |error: std::io::Error| ExitReason::new("disk").with_detail(error.to_string());
    let file = context.node().seams().storage.open("paid").map_err(failed)?;
    let mut content = vec![0; file.len().map_err(failed)? as usize];
    file.read(0, &mut content).map_err(failed)?;
    let mut paid: Vec<u64> =
        content.chunks_exact(8).map(|order| u64::from_le_bytes(order.try_into().unwrap())).collect();
    loop {
        let Message::Call { from, payload } = context.receive().await else { continue };
        let Ok(ask) = payload.downcast::<Ask>() else { continue };
        let answer = match ask {
            Ask::Knows(order) => paid.contains(&order),
            Ask::Pay(order) => {
                file.write(paid.len() as u64 * 8, &order.to_le_bytes()).map_err(failed)?;
                if syncs {
                    file.sync().map_err(failed)?;
                }
                paid.push(order);
                true
            }
        };
        context.reply(from, Payload::local(answer));
    }
}

/// What the till says; nothing, when there is no answer in time.
async fn ask(sim: &SimHandle, ask: Ask) -> Option<bool> {
    let node = sim.node("shop")?;
    let till = node.whereis("till")?;
    let answer = node.call(till, Payload::local(ask), Duration::from_secs(1)).await.ok()?;
    answer.downcast().ok()
}

fn shop(test: &mut Test, syncs: bool) {
    test.node("shop", move |node| async move {
        let till = ChildSpec::worker("till", move |context, _| till(context, syncs)).name("till");
        let spec = SupervisorSpec::new(Strategy::OneForOne).intensity(1000, Duration::from_secs(1));
        Supervisor::start(&node, spec.child(till)).await;
    });
    test.faults([FaultKind::Kill, FaultKind::Crash, FaultKind::Pause, FaultKind::Slow, FaultKind::DiskSlow]);
    let orders = test.size("orders", 1..=40);
    test.script("customer", move |sim| async move {
        let mut receipts = Vec::new();
        for order in 1..=orders {
            if ask(&sim, Ask::Pay(order)).await == Some(true) {
                sim.record("receipt", &order.to_string());
                receipts.push(order);
            }
            sim.sleep(Duration::from_millis(200)).await;
        }
        while !sim.healed() {
            sim.sleep(Duration::from_millis(200)).await;
        }
        sim.sleep(Duration::from_secs(1)).await;
        for order in receipts {
            if ask(&sim, Ask::Knows(order)).await != Some(true) {
                sim.fail(Outcome::broken("a receipt is kept", format!("order {order} was paid and is not known")));
            }
        }
    });
}

#[rusm_sim::test(seeds = 200, sometimes = ["node: crash", "process: killed"])]
fn a_receipt_is_kept(test: &mut Test) {
    shop(test, true);
}

#[test]
fn without_the_sync_it_is_found_and_one_crash_is_left_of_it() {
    let suite = Suite::new("shop", |test: &mut Test| shop(test, false));
    let failing = (1..=50).map(Case::of_seed).find(|case| suite.run(case).outcome != Outcome::Passed);
    let case = failing.expect("one of fifty seeds finds it");
    let report = suite.run(&case);
    println!("seed {}: {}\nprofile {}\n{}", case.seed, report.outcome, report.profile, report.plan);
    let shrunk = shrink(&|test: &mut Test| shop(test, false), &case, Duration::from_secs(60));
    println!("{} runs\n{}", shrunk.runs, shrunk.case);
    let left = shrunk.case.plan.clone().unwrap_or_default().faults;
    assert!(matches!(left.as_slice(), [planned] if matches!(planned.fault, Fault::Crash { .. })), "{left:?}");
    if let Some(file) = std::env::var_os("RUSM_TIMELINE_OF_THE_SHOP") {
        let (report, log) = suite.record(&shrunk.case);
        let page = rusm_sim::timeline::page(
            "tutorial::a_receipt_is_kept",
            "RUSM_CASE=a_receipt_is_kept.case cargo test",
            &report,
            &log,
        );
        #[expect(clippy::disallowed_methods, reason = "the picture of the documentation")]
        std::fs::write(file, page).expect("the file can be written");
    }
}
