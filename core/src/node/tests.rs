use super::{Node, NodeOptions};
use crate::seam::Seams;
use crate::signal::Signal;
use crate::{Payload, Pid};
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

/// On one thread the process does not run meanwhile.
#[tokio::test]
async fn the_memory_of_a_process_has_the_room_of_its_queue_in_it() {
    let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
    let pid = node.spawn(|context| async move { drop(context.receive().await) });
    let memory = || node.process_info(pid).expect("it lives").memory_bytes;
    let before = memory();
    for _ in 0..1000 {
        node.send(pid, Payload::local(())).expect("a pid");
    }
    let grown = usize::try_from(memory() - before).expect("a little");
    let (signals, room) = node.table().queue_size(pid);
    assert_eq!((signals, grown), (1000, room * size_of::<(Pid, Signal)>()));
}
