use crate::seed::generator;
use parking_lot::Mutex;
use rusm_core::seam::{Entropy, RandomStream};
use std::collections::BTreeMap;

/// The random streams of one host, through all its lives: each depends on the seed, the host, the consumer and how many
/// streams that consumer had before.
pub(crate) struct SimEntropy {
    seed: u64,
    host: String,
    streams: Mutex<BTreeMap<String, u64>>,
}

impl SimEntropy {
    pub(crate) fn new(seed: u64, host: &str) -> Self {
        Self { seed, host: host.to_owned(), streams: Mutex::default() }
    }
}

impl Entropy for SimEntropy {
    fn stream(&self, consumer: &str) -> RandomStream {
        let number = {
            let mut streams = self.streams.lock();
            let count = streams.entry(consumer.to_owned()).or_default();
            *count += 1;
            *count
        };
        let purpose = format!("entropy {:?} {consumer:?} {number}", self.host);
        Box::new(generator(self.seed, &purpose))
    }
}
