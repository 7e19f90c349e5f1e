//! `rusm-core` beside bare tokio, ractor, kameo and hydra: what one operation costs in CPU time, all peers in one
//! interleaved run, with the same allocator and profile, each in its obvious idiomatic code.
//!
//! `cargo run --release --manifest-path benches/otp/Cargo.toml -- [--threads N] [--rounds N] [--json FILE]`

mod bare_tokio;
mod hydra_peer;
mod kameo_peer;
mod measure;
mod ractor_peer;
mod rusm_peer;

use measure::{Options, Peer, print_table};

fn main() {
    let options = Options::from_arguments();
    let peers: [&dyn Peer; 5] =
        [&rusm_peer::Rusm, &bare_tokio::BareTokio, &hydra_peer::Hydra, &ractor_peer::Ractor, &kameo_peer::Kameo];
    print_table(&options, &measure::run(&options, &peers));
}
