//! Faults that a seed draws, one after the other.

use crate::cluster::Cluster;
use crate::relay::{Random, Weather};
use std::time::Duration;

const ROUNDS: u64 = 6;

/// What happens in one round, on which node.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Killed, and started again when all others have lost it.
    Kill,
    /// Killed, and started again at once.
    KillBriefly,
    /// Stopped in order, and started again.
    Stop,
    /// Paused until all others have lost it.
    Pause,
    /// Paused for a moment.
    PauseBriefly(Duration),
    /// Cut off until all others have lost it.
    Cut,
    /// For a moment.
    CutBriefly(Duration),
    /// Its packets are lost, duplicated, delayed and reordered for so long.
    Weather(Weather, Duration),
}

impl Fault {
    /// Whether its node's life ends.
    fn kills(self) -> bool {
        matches!(self, Self::Kill | Self::KillBriefly | Self::Stop)
    }

    fn draw(random: &mut Random) -> Self {
        let mut millis = |limit| Duration::from_millis(random.below(limit));
        let (brief, delay, jitter) = (millis(3000), millis(20), millis(50));
        let weather =
            Weather { cut: false, lost: random.below(150) as u16, twice: random.below(100) as u16, delay, jitter };
        match random.below(8) {
            0 => Self::Kill,
            1 => Self::KillBriefly,
            2 => Self::Stop,
            3 => Self::Pause,
            4 => Self::PauseBriefly(brief),
            5 => Self::Cut,
            6 => Self::CutBriefly(brief),
            _ => Self::Weather(weather, brief),
        }
    }
}

/// Draws one fault, carries it out, and waits until all is well again and was all the time. Says what it was. Only those that
/// are `mortal` are killed or stopped.
pub(crate) async fn round(cluster: &mut Cluster, random: &mut Random, mortal: &[&str]) -> String {
    let fault = Fault::draw(random);
    let mut names = cluster.names();
    names.retain(|name| !fault.kills() || mortal.contains(&name.as_str()));
    let name = names[random.below(names.len() as u64) as usize].clone();
    match fault {
        Fault::Kill => {
            cluster.kill(&name).await;
            cluster.until_lost(&name).await;
            cluster.start(&name).await;
        }
        Fault::KillBriefly => {
            cluster.kill(&name).await;
            cluster.start(&name).await;
        }
        Fault::Stop => {
            cluster.stop(&name).await;
            cluster.start(&name).await;
        }
        Fault::Pause => {
            cluster.pause(&name);
            cluster.until_lost(&name).await;
            cluster.resume(&name);
        }
        Fault::PauseBriefly(time) => {
            cluster.pause(&name);
            tokio::time::sleep(time).await;
            cluster.resume(&name);
        }
        Fault::Cut => {
            cluster.network.set_around(&name, Weather { cut: true, ..Weather::default() });
            cluster.until_lost(&name).await;
            cluster.network.heal();
        }
        Fault::CutBriefly(time) => {
            cluster.network.set_around(&name, Weather { cut: true, ..Weather::default() });
            tokio::time::sleep(time).await;
            cluster.network.heal();
        }
        Fault::Weather(weather, time) => {
            cluster.network.set_around(&name, weather);
            tokio::time::sleep(time).await;
            cluster.network.heal();
        }
    }
    cluster.until_all_hear_all().await;
    cluster.check().await;
    format!("{name} {fault:?}")
}

/// A number that is given in the environment.
pub(crate) fn given(variable: &str, default: u64) -> u64 {
    let given = std::env::var(variable).ok();
    given.map_or(default, |given| given.parse().unwrap_or_else(|_| panic!("{variable} is no number: {given}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_find_each_other_again_after_each_of_many_faults() {
    let seed = given("RUSM_SEED", 7);
    println!("RUSM_SEED={seed}");
    let names = ["a", "b", "c"];
    let mut cluster = Cluster::started(seed, &names).await;
    let mut random = Random::new(seed);
    for number in 1..=given("RUSM_ROUNDS", ROUNDS) {
        println!("{number}: {}", round(&mut cluster, &mut random, &names).await);
    }
}
