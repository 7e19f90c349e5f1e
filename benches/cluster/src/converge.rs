//! How long it takes until all nodes of a cluster know and reach all others. They are in one process, each with a socket of its own.

use crate::measure::Used;
use crate::meter::cpu_us;
use rusm_core::seam::Seams;
use rusm_core::{Node, NodeOptions};
use rusm_transport::proto::{Config, Identity, Role};
use rusm_transport::quic::{Authority, Credentials, MemberOptions, QuicMember};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const DAY: Duration = Duration::from_secs(86_400);

/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// So many nodes start at the same moment, and join the first.
pub fn job(nodes: u64) -> anyhow::Result<Used> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let authority = Authority::new(now, DAY)?;
    let mut members = Vec::new();
    for number in 0..nodes {
        let holder = Identity { name: format!("node-{number}"), role: Role::Node };
        let issued = authority.issue(&holder, now, DAY)?;
        let credentials = Credentials::of_pem(authority.certificate(), &issued.certificate, &issued.key)?;
        members.push((holder.name.clone(), credentials));
    }
    let used = runtime.block_on(async {
        let (cpu, begin) = (cpu_us(), Instant::now());
        let mut started: Vec<(Node, QuicMember)> = Vec::new();
        for (name, credentials) in members {
            let node = Node::start(NodeOptions::new(name, Seams::production(std::env::temp_dir())));
            let options = MemberOptions {
                listen: SocketAddr::from(([127, 0, 0, 1], 0)),
                credentials,
                join: started.first().map(|(_, first)| first.local_addr()).into_iter().collect(),
                config: Config::default(),
                advertise: None,
            };
            let member = QuicMember::start(&node, options)?;
            started.push((node, member));
        }
        for (node, _) in &started {
            while node.nodes().len() as u64 + 1 < nodes {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
        let wall_us = begin.elapsed().as_micros() as f64;
        anyhow::Ok(Used { cpu_us: (cpu_us() - cpu) as f64, wall_us, ..Used::default() })
    })?;
    // Nobody waits for the nodes to take leave of each other.
    runtime.shutdown_background();
    Ok(used)
}
