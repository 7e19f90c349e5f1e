use rand_core::Rng as RngCore;

/// A consumer's own stream of random numbers.
pub type RandomStream = Box<dyn RngCore + Send>;

/// Random bytes.
pub trait Entropy: Send + Sync + 'static {
    /// A new stream for the consumer of that name.
    ///
    /// In the simulator a stream depends on the seed, the name and how many streams of that name came before, so that
    /// one consumer's draws never shift another's.
    fn stream(&self, consumer: &str) -> RandomStream;
}
