//! TLS whose random bytes come from the seed. Production's draws from the machine in two places that no setting reaches: the
//! generator of its key exchange, and the one for everything else.

use crate::seed::generator;
use parking_lot::Mutex;
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;
use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, GetRandomFailed, SecureRandom, SharedSecret, SupportedKxGroup,
};
use rustls::{Error, NamedGroup, PeerMisbehaved};
use std::sync::Arc;
use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};

/// One node's generator. TLS keeps references that never end: it is used again by a later run.
#[derive(Debug)]
struct Slot(Mutex<ChaCha8Rng>);

/// Those that no run uses.
static FREE: Mutex<Vec<&'static Slot>> = Mutex::new(Vec::new());

/// What the nodes of one run have taken: given back when the run is over, and with it everything that may draw.
#[derive(Default)]
pub(super) struct Slots(Vec<&'static Slot>);

impl Slots {
    /// What TLS is made of on a node, with a stream of its own.
    pub(super) fn provider(&mut self, seed: u64, purpose: &str) -> Arc<CryptoProvider> {
        let random = generator(seed, purpose);
        let free = FREE.lock().pop();
        let slot = match free {
            Some(slot) => {
                *slot.0.lock() = random;
                slot
            }
            None => Box::leak(Box::new(Slot(Mutex::new(random)))),
        };
        self.0.push(slot);
        let provider = rustls::crypto::ring::default_provider();
        Arc::new(CryptoProvider { kx_groups: vec![slot], secure_random: slot, ..provider })
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        FREE.lock().append(&mut self.0);
    }
}

impl SecureRandom for Slot {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        self.0.lock().fill_bytes(bytes);
        Ok(())
    }
}

impl SupportedKxGroup for Slot {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut secret = [0; 32];
        self.fill(&mut secret)?;
        Ok(Box::new(Exchange { secret, public: x25519(secret, X25519_BASEPOINT_BYTES) }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

/// One side of a key exchange.
struct Exchange {
    secret: [u8; 32],
    public: [u8; 32],
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let wrong = Error::PeerMisbehaved(PeerMisbehaved::InvalidKeyShare);
        let peer = <[u8; 32]>::try_from(peer).map_err(|_| wrong.clone())?;
        let shared = x25519(self.secret, peer);
        // RFC 7748, section 6.1: the other side's key takes no part in it.
        if shared == [0; 32] { Err(wrong) } else { Ok(SharedSecret::from(&shared[..])) }
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sides_share_a_secret_that_the_seed_decides_also_in_a_slot_that_was_used() {
        let shared = |seed| {
            let mut slots = Slots::default();
            let [one, other] = ["one", "other"].map(|name| slots.provider(seed, name).kx_groups[0].start());
            let (one, other) = (one.expect("a key"), other.expect("a key"));
            let (of_one, of_other) = (one.pub_key().to_vec(), other.pub_key().to_vec());
            let [one, other] = [one.complete(&of_other), other.complete(&of_one)].map(|secret| secret.expect("shared"));
            assert_eq!(one.secret_bytes(), other.secret_bytes());
            one.secret_bytes().to_vec()
        };
        assert_eq!(shared(1), shared(1));
        assert_ne!(shared(1), shared(2));
    }

    #[test]
    fn a_key_that_gives_nothing_away_is_refused() {
        let start = || Slots::default().provider(1, "one").kx_groups[0].start().expect("a key");
        assert!(start().complete(&[0; 32]).is_err());
        assert!(start().complete(&[1; 31]).is_err());
    }
}
