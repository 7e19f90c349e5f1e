//! `wasi:random` on the entropy seam.

use crate::state::ProcessState;
use rusm_core::seam::{Entropy, RandomStream};
use std::sync::Arc;
use wasmtime::component::HasData;
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};

/// Random bytes that a guest may ask for in one call.
const BYTES_MAX: u64 = 1 << 20;

/// One process's random numbers: a stream of its own, made when it is first asked for.
pub(crate) struct GuestRandom {
    entropy: Arc<dyn Entropy>,
    consumer: String,
    stream: Option<RandomStream>,
}

impl GuestRandom {
    pub(crate) fn new(entropy: Arc<dyn Entropy>, component: &str) -> Self {
        Self { entropy, consumer: format!("guest {component}"), stream: None }
    }

    fn stream(&mut self) -> &mut RandomStream {
        self.stream.get_or_insert_with(|| self.entropy.stream(&self.consumer))
    }

    fn bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        if len > BYTES_MAX {
            wasmtime::bail!("{len} random bytes at once, at most {BYTES_MAX} are given");
        }
        let mut bytes = vec![0; len as usize];
        self.stream().fill_bytes(&mut bytes);
        Ok(bytes)
    }

    fn number(&mut self) -> u64 {
        self.stream().next_u64()
    }
}

pub(crate) struct SeamRandom;

impl HasData for SeamRandom {
    type Data<'a> = &'a mut GuestRandom;
}

impl ProcessState {
    pub(super) fn random(&mut self) -> &mut GuestRandom {
        &mut self.random
    }
}

impl random::Host for GuestRandom {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.bytes(len)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.number())
    }
}

impl insecure::Host for GuestRandom {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.bytes(len)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.number())
    }
}

impl insecure_seed::Host for GuestRandom {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((self.number(), self.number()))
    }
}
