//! A served app, and its clients.

#![allow(dead_code, unused_imports, reason = "two suites share it, and each needs a part")]

mod app;
mod authority;
mod build;
mod client;
mod upstream;
mod visitor;

pub(crate) use app::{AppOptions, Killed, Served, Site};
pub(crate) use authority::Authority;
pub(crate) use build::{chat, couriers, ledgers};
pub(crate) use client::{Answer, next, read_to_end, request, send_raw};

pub(crate) use upstream::Upstream;
pub(crate) use visitor::{Visitor, texts};

use std::future::Future;
use std::time::Duration;

/// More than anything here takes on the slowest machine.
const BOUND: Duration = Duration::from_secs(120);

/// Waits for something, but not for ever.
pub(crate) async fn within<T>(job: impl Future<Output = T>) -> T {
    match tokio::time::timeout(BOUND, job).await {
        Ok(done) => done,
        Err(_) => panic!("it has not happened within {BOUND:?}"),
    }
}
