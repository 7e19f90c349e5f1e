//! What is drawn from the seed, and how: every consumer from a place of its own, so that one draw never shifts another.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// A generator that depends on the seed and the purpose alone.
pub(crate) fn generator(seed: u64, purpose: &str) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(purpose.as_bytes());
    ChaCha8Rng::from_seed(hash.finalize().into())
}

/// A number that depends on the parts alone (SplitMix64's finaliser over each).
pub(crate) fn mix(parts: &[u64]) -> u64 {
    mix_more(0x9e37_79b9_7f4a_7c15, parts)
}

/// The same, of parts that come behind those of which `mix` made that.
pub(crate) fn mix_more(mut hash: u64, parts: &[u64]) -> u64 {
    for part in parts {
        hash = (hash ^ part).wrapping_add(0x9e37_79b9_7f4a_7c15);
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        hash ^= hash >> 31;
    }
    hash
}

/// A number below `bound`, which is not 0. The bias is below one in 2^32.
pub(crate) fn below(random: u64, bound: u64) -> u64 {
    ((u128::from(random) * u128::from(bound)) >> 64) as u64
}

/// One of these.
pub(crate) fn pick<T: Copy>(rng: &mut impl Rng, choices: &[T]) -> T {
    choices[below(rng.next_u64(), choices.len() as u64) as usize]
}
