use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// A consumer's own stream of random numbers.
pub type RandomStream = Box<dyn Rng + Send>;

/// Random bytes.
///
/// ```
/// use rand_chacha::ChaCha20Rng;
/// use rand_core::SeedableRng;
/// use rusm_core::seam::{Entropy, RandomStream, Seams};
/// use rusm_core::{Node, NodeOptions};
/// use std::sync::Arc;
///
/// /// The same numbers in every run: for tests only, as anybody can guess them.
/// struct Always(u64);
///
/// impl Entropy for Always {
///     fn stream(&self, _consumer: &str) -> RandomStream {
///         Box::new(ChaCha20Rng::seed_from_u64(self.0))
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let first_pid = |seed: u64| {
///     let seams = Seams { entropy: Arc::new(Always(seed)), ..Seams::production(std::env::temp_dir()) };
///     Node::start(NodeOptions::new("a", seams)).spawn(|_| async {})
/// };
/// assert_eq!(first_pid(1), first_pid(1));
/// assert_ne!(first_pid(1), first_pid(2));
/// # });
/// ```
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
