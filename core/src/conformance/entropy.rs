use crate::seam::Seams;
use std::collections::BTreeSet;

/// Asserts what [`Entropy`](crate::seam::Entropy) promises.
pub async fn entropy(seams: Seams) {
    let mut seen = BTreeSet::new();
    for consumer in ["a", "b", "a", "", "a"] {
        let mut stream = seams.entropy.stream(consumer);
        for _ in 0..100 {
            assert!(seen.insert(stream.next_u64()), "two streams, or two draws of one, gave the same number");
        }
    }
    let mut bytes = [0; 4096];
    seams.entropy.stream("bytes").fill_bytes(&mut bytes);
    let distinct: BTreeSet<u8> = bytes.into_iter().collect();
    assert!(distinct.len() > 200, "4096 bytes have only {} different values", distinct.len());
    let ones: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
    assert!((15_500..17_300).contains(&ones), "{ones} of 32768 bits are ones");
}
