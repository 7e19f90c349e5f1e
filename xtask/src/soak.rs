//! `cargo xtask soak`: faults on three real nodes for as long as one likes, while their memory and open files are watched; on loopback
//! with a relay between them, or each in a network namespace of its own.

use crate::steps::command_with;
use anyhow::Context;

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
    /// Each node in a network namespace of its own, and the kernel's own weather between them (tc netem): for root, with iproute2.
    #[arg(long)]
    namespaces: bool,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let of_day = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    let variables = [
        ("RUSM_MINUTES", options.minutes.to_string()),
        ("RUSM_WARM_UP", options.warm_up.to_string()),
        ("RUSM_SEED", options.seed.unwrap_or(of_day).to_string()),
    ];
    let build = ["test", "--workspace", "--features", "sim,apps", "--test", "nodes"];
    let of_test = ["--", "--ignored", "--exact", "--nocapture", "soak::soak"];
    let test = [&build[..], &of_test[..]].concat();
    if !options.namespaces {
        return command_with("cargo", &test, &variables);
    }
    anyhow::ensure!(
        rustix::process::geteuid().is_root(),
        "--namespaces is for root: it makes network namespaces and links"
    );
    for program in ["ip", "tc", "unshare"] {
        let there = std::process::Command::new(program).arg("-V").output().is_ok();
        anyhow::ensure!(there, "--namespaces needs `{program}`: install iproute2 and util-linux");
    }
    // The namespace in which the rest of it is has no way to a registry.
    command_with("cargo", &[&build[..], &["--no-run"]].concat(), &[])?;
    let machines = std::fs::read_link("/proc/self/ns/net").context("which network namespace this is")?;
    let variables = [&variables[..], &[("RUSM_NAMESPACES", machines.display().to_string())]].concat();
    command_with("unshare", &[&["--net", "--mount", "cargo"], &test[..]].concat(), &variables)
}
