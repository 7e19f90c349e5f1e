//! The seam `Peers`, as production has it.

use crate::certificates::list;
use crate::support::{authority, credentials, issue, loopback, within};
use rusm_core::seam::Seams;
use rusm_core::{Node, NodeOptions, conformance};
use rusm_transport::proto::Config;
use rusm_transport::quic::{Authority, Issued, MemberOptions, QuicMember};
use std::net::SocketAddr;

/// Short enough for many of the longest messages.
const SIGNAL_LEN_MAX: u32 = 256 << 10;

fn member(authority: &Authority, issued: &Issued, name: &str, join: Vec<SocketAddr>) -> (Node, QuicMember) {
    let node = Node::start(NodeOptions::new(name, Seams::production(std::env::temp_dir().join("rusm-no-storage"))));
    let config = Config { signal_len_max: SIGNAL_LEN_MAX, ..Config::default() };
    let credentials = credentials(authority, issued);
    let options = MemberOptions { listen: loopback(), credentials, advertise: None, join, config };
    let member = QuicMember::start(&node, options).expect("a free port");
    (node, member)
}

#[tokio::test(flavor = "multi_thread")]
async fn quic_keeps_what_peers_promise() {
    let own = authority();
    let [first, second] = ["b", "b"].map(|name| issue(&own, name));
    let (a, of_a) = member(&own, &issue(&own, "a"), "a", Vec::new());
    let (b, of_b) = member(&own, &first, "b", vec![of_a.local_addr()]);
    let lose = async || {
        of_b.renew(&credentials(&own, &second)).expect("it is the node's");
        assert_eq!(of_a.revoke(&list(&own, 1, &[&first])), Ok(true));
    };
    // What an envelope takes beside the message.
    within(conformance::peers(&a, &b, SIGNAL_LEN_MAX as usize - 1024, lose)).await;
}
