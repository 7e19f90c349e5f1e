//! The server as production runs it, hyper and the WebSocket library on tokio, over turmoil's network with the faults that it
//! has. `RUSM_SEED=7` runs one seed, `RUSM_SEEDS=50` more of them, from `RUSM_FROM` on.
#![expect(clippy::disallowed_methods, reason = "tokio and turmoil are what it runs on")]

mod clients;
mod faults;
mod server;

use clients::Kind;
use faults::Faults;
use server::World;
use std::time::Duration;

const SERVER: &str = "server";
const CLIENTS: [&str; 3] = ["ann", "bob", "cat"];

const FAULTS: Duration = Duration::from_secs(90);
/// After that everybody is served again: that a connection is no more is known, and a new one was tried.
const SERVED_AGAIN: Duration = Duration::from_secs(20);
/// After that nothing is left of clients that are gone: a WebSocket is pinged twice within it, and a write has been waited for.
const FORGOTTEN: Duration = Duration::from_secs(120);

/// What went wrong, and how much was served.
fn run(seed: u64) -> (Faults, u64) {
    let world = World::default();
    let mut builder = turmoil::Builder::new();
    builder.rng_seed(seed).simulation_duration(Duration::from_secs(3_600));
    let latency = [Duration::from_millis(1), Duration::from_millis(1 + seed % 40)];
    builder.min_message_latency(latency[0]).max_message_latency(latency[1]);
    let mut sim = builder.build();
    sim.host(SERVER, {
        let world = world.clone();
        move || world.clone().serve()
    });
    for name in CLIENTS {
        let world = world.clone();
        sim.host(name, move || clients::run(world.clone(), name));
    }
    faults::pass(&mut sim, Duration::from_secs(5));
    let faults = faults::carry_out(&mut sim, seed, FAULTS);
    let said = || format!("seed {seed}, {faults:?}");
    faults::pass(&mut sim, SERVED_AGAIN);
    let before = world.done();
    faults::pass(&mut sim, Duration::from_secs(2));
    let after = world.done();
    assert_eq!(world.broken(), Vec::<String>::new(), "{}", said());
    for client in CLIENTS {
        for kind in Kind::ALL {
            let [before, after] = [&before, &after].map(|done| done.get(&(client, kind)).copied().unwrap_or_default());
            assert!(after > before, "{}: {client} is not served: {kind:?}, {before} and no more", said());
        }
    }
    // Half of them crash, and cannot say that they go; nothing comes from the others any more.
    for client in CLIENTS {
        if seed.is_multiple_of(2) {
            sim.crash(client);
        } else {
            sim.partition(SERVER, client);
        }
    }
    faults::pass(&mut sim, FORGOTTEN);
    assert_eq!(world.left(), (0, 0), "{}: connections and processes are left", said());
    (faults, after.values().sum())
}

#[test]
fn every_client_is_served_in_order_and_none_is_remembered() {
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().expect("a number"));
    let seeds = match number("RUSM_SEED") {
        Some(seed) => seed..=seed,
        None => {
            let from = number("RUSM_FROM").unwrap_or(1);
            from..=from.saturating_add(number("RUSM_SEEDS").unwrap_or(4)) - 1
        }
    };
    let mut all = Faults::new();
    for seed in seeds.clone() {
        let (faults, served) = run(seed);
        println!("seed {seed}: {faults:?}, {served} served");
        faults.into_iter().for_each(|(what, count)| *all.entry(what).or_default() += count);
    }
    assert!(seeds.count() < 4 || all.len() == faults::KINDS.len(), "some never happened: {all:?}");
}
