//! A planted bug that needs three faults at the same time, in a plan of forty: shrinking leaves those three.

#![expect(clippy::disallowed_methods, reason = "measures how long shrinking takes")]

use rusm_core::{Context, Encoding, Message, Node, Payload, Term};
use rusm_sim::suite::{Suite, shrink};
use rusm_sim::{Case, Fault, FaultKind, Field, Outcome, Plan, Report, SimHandle, Test};
use std::time::{Duration, Instant};

const NODES: [&str; 3] = ["a", "b", "c"];

/// The three outages that overlap.
const NEEDED: &str = "\
4000ms crash a all for 2000ms
4500ms crash b sectors for 2000ms
5s crash c tail for 700ms
heal 12s
";

/// Keeps one number in memory, and has no disk: the bug.
async fn keeper(context: Context, mut value: u64) {
    context.register("keeper", context.pid()).expect("the name is free");
    loop {
        let Message::Call { from, payload } = context.receive().await else { continue };
        if let Payload::Term(term) = payload
            && let Ok(bytes) = term.bytes.as_ref().try_into()
        {
            value = value.max(u64::from_le_bytes(bytes));
        }
        context.reply(from, number(value));
    }
}

fn number(value: u64) -> Term {
    Term::new(Encoding::Raw, value.to_le_bytes().to_vec())
}

/// Tells a keeper of a value, and is told the greatest that it knows.
async fn exchange(node: &Node, value: u64) -> Option<u64> {
    let keeper = node.whereis("keeper")?;
    let Payload::Term(term) = node.call(keeper, number(value), Duration::from_secs(1)).await.ok()? else { return None };
    Some(u64::from_le_bytes(term.bytes.as_ref().try_into().ok()?))
}

/// What any other node that is up knows.
async fn ask_the_others(sim: &SimHandle, own: &str) -> u64 {
    let mut value = 0;
    for node in NODES.into_iter().filter(|name| *name != own).filter_map(|name| sim.node(name)) {
        value = value.max(exchange(&node, 0).await.unwrap_or_default());
    }
    value
}

fn scenario(test: &mut Test) {
    let sim = test.sim();
    for name in NODES {
        let sim = sim.clone();
        test.node(name, move |node| {
            let sim = sim.clone();
            async move {
                let value = ask_the_others(&sim, name).await;
                node.spawn(move |context| keeper(context, value));
            }
        });
    }
    let writes = test.size("writes", 1..=20);
    test.script("client", move |sim| async move {
        for value in 1..=writes {
            for node in NODES.into_iter().filter_map(|name| sim.node(name)) {
                exchange(&node, value).await;
            }
            sim.sleep(Duration::from_millis(50)).await;
        }
        while !sim.healed() {
            sim.sleep(Duration::from_millis(100)).await;
        }
        sim.sleep(Duration::from_secs(5)).await;
        if ask_the_others(&sim, "").await < writes {
            sim.fail(Outcome::broken("what-was-written-is-kept", format!("{writes} is lost")));
        }
    });
}

#[test]
fn of_forty_faults_the_three_that_are_needed_are_left() {
    let kinds: Vec<FaultKind> = FaultKind::survivable()
        .filter(|kind| !matches!(kind, FaultKind::Crash | FaultKind::Kill | FaultKind::Exit))
        .collect();
    for seed in [1, 2, 3] {
        let field =
            Field { count: 37..38, clients: vec!["client".to_owned()], ..Field::of_hosts(NODES, kinds.clone()) };
        let mut plan = Plan::draw(seed, &field);
        let needed: Plan = NEEDED.parse().expect("a plan");
        plan.faults.extend(needed.faults);
        plan.faults.sort_by_key(|planned| planned.at);
        plan.heal_at = needed.heal_at;
        assert_eq!(plan.faults.len(), 40);

        let suite = Suite::new("shrink", scenario);
        let case = Case { plan: Some(plan), ..Case::of_seed(seed) };
        let report = suite.run(&case);
        assert!(matches!(report.outcome, Outcome::Broken { .. }), "the planted bug does not show: {}", report.outcome);

        let start = Instant::now();
        let shrunk = shrink(&scenario, &case, Duration::from_secs(120));
        let left = shrunk.case.plan.clone().unwrap_or_default();
        println!("seed {seed}: {} runs, {:.1} s\n{}", shrunk.runs, start.elapsed().as_secs_f64(), shrunk.case);
        let mut hosts: Vec<&str> = left.faults.iter().flat_map(|planned| planned.fault.hosts()).collect();
        hosts.sort_unstable();
        assert_eq!(hosts, NODES);
        assert!(left.faults.iter().all(|planned| matches!(planned.fault, Fault::Crash { .. })));
        assert_eq!(shrunk.case.sizes["writes"], 1, "one write is enough");
        let again = Report { hash: None, ..suite.run(&shrunk.case) };
        assert_eq!(again, shrunk.report, "the case is what the shrinker ran, without a log");
    }
}
