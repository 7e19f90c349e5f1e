use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// A consumer's own stream of random numbers.
pub type RandomStream = Box<dyn Rng + Send>;

/// Random bytes.
pub trait Entropy: Send + Sync + 'static {
    /// A new stream for the consumer of that name.
    ///
    /// In the simulator a stream depends on the seed, the name and how many streams of that name came before, so that
    /// one consumer's draws never shift another's.
    fn stream(&self, consumer: &str) -> RandomStream;
}

/// The operating system's generator, through a ChaCha20 of its own for each stream.
pub struct OsEntropy;

impl Entropy for OsEntropy {
    /// # Panics
    /// When the operating system has no random bytes to give: nothing could be kept safe then.
    #[expect(clippy::disallowed_methods, reason = "the production half of the seam")]
    fn stream(&self, _consumer: &str) -> RandomStream {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the operating system gives random bytes");
        Box::new(ChaCha20Rng::from_seed(seed))
    }
}
