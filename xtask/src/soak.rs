//! `cargo xtask soak`: faults on three real nodes for as long as one likes, while their memory and open files are watched.

use crate::steps::command_with;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// How long.
    #[arg(long, value_name = "MINUTES", default_value_t = 30)]
    minutes: u64,
    /// Of these, how long each node may gather what it keeps before growth counts.
    #[arg(long, value_name = "MINUTES", default_value_t = 3)]
    warm_up: u64,
    /// What the faults are drawn from [default: from the time of day]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let of_day = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    let variables = [
        ("RUSM_MINUTES", options.minutes.to_string()),
        ("RUSM_WARM_UP", options.warm_up.to_string()),
        ("RUSM_SEED", options.seed.unwrap_or(of_day).to_string()),
    ];
    let arguments = ["test", "--workspace", "--features", "sim,apps", "--test", "nodes", "--"];
    let of_test = ["--ignored", "--exact", "--nocapture", "soak::soak"];
    command_with("cargo", &[&arguments[..], &of_test[..]].concat(), &variables)
}
