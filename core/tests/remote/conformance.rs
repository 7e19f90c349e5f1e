//! The pipes of these tests are associations too.

use crate::support::Pair;
use rusm_core::seam::Peers;

#[tokio::test(flavor = "multi_thread")]
async fn pipes_keep_what_peers_promise() {
    let pair = Pair::start();
    let ends = pair.connect();
    let [a, b] = &pair.nodes;
    let len_max = pair.others[0].message_len_max();
    rusm_core::conformance::peers(a, b, len_max, async || {
        pair.cut(&ends);
        pair.connect();
    })
    .await;
}
