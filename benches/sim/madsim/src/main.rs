//! The workload of the comparison in madsim. Without `--cfg madsim`, madsim is no simulator: then this says so.

#[cfg(madsim)]
#[path = "../../src/gossip.rs"]
mod gossip;
#[cfg(madsim)]
mod simulated;
#[cfg(madsim)]
#[path = "../../src/used.rs"]
mod used;

#[cfg(madsim)]
fn main() {
    let seconds = std::env::args().nth(1).and_then(|seconds| seconds.parse().ok()).expect("how many seconds");
    println!("{}", serde_json::to_string(&simulated::sockets(seconds)).expect("figures"));
}

#[cfg(not(madsim))]
fn main() {
    eprintln!("build it with RUSTFLAGS=\"--cfg madsim\", as `cargo xtask bench sim` does");
    std::process::exit(1);
}
