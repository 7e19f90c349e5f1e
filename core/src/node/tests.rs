use super::{Node, NodeOptions};
use crate::seam::Seams;
use std::collections::BTreeSet;

/// What a guest may hand back as a float, and still nobody guesses.
#[tokio::test]
async fn the_random_part_of_a_pid_or_reference_has_53_bits_and_all_of_them() {
    let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
    let pids = (0..64).map(|_| node.spawn(|context| async move { drop(context.receive().await) }).random);
    let references = (0..64).map(|_| node.reference(0).random);
    let parts: BTreeSet<u64> = pids.chain(references).collect();
    assert_eq!(parts.len(), 128, "one was given twice");
    let (all, any) = parts.iter().fold((u64::MAX, 0), |(all, any), part| (all & part, any | part));
    assert_eq!((all, any), (0, (1 << 53) - 1), "a bit is always the same");
}
