//! The production halves against the suites.

use crate::seam::Seams;
use std::future::Future;

fn on_tokio<Fut: Future<Output = ()>>(suite: impl FnOnce(Seams) -> Fut) {
    let directory = tempfile::tempdir().expect("a directory for the files");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async { suite(Seams::production(directory.path().join("made on first use"))).await });
}

#[test]
fn tokio_clock() {
    on_tokio(super::clock);
}

#[test]
fn tokio_executor() {
    on_tokio(super::executor);
}

#[test]
fn os_entropy() {
    on_tokio(super::entropy);
}

#[test]
fn tokio_sockets() {
    on_tokio(super::sockets);
}

#[test]
fn disk_storage() {
    on_tokio(super::storage);
}

#[test]
fn straight_delivery() {
    on_tokio(super::delivery);
}
