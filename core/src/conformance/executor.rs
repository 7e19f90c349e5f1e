use crate::seam::Seams;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{mpsc, oneshot};

/// Asserts what [`Executor`](crate::seam::Executor) promises. Runs as a task on the seams.
pub async fn executor(seams: Seams) {
    every_task_runs(&seams).await;
    tasks_wake_each_other(&seams).await;
    a_panic_ends_one_task(&seams).await;
    a_blocking_job_runs_once(&seams).await;
    a_task_is_dropped_when_it_is_done(&seams).await;
}

async fn every_task_runs(seams: &Seams) {
    let (done, mut all_done) = mpsc::unbounded_channel();
    for number in 0..100 {
        let done = done.clone();
        seams.executor.spawn(Box::pin(async move {
            // The suite has failed already when nobody listens.
            let _ = done.send(number);
        }));
    }
    drop(done);
    let mut numbers = Vec::new();
    while let Some(number) = all_done.recv().await {
        numbers.push(number);
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..100).collect::<Vec<_>>(), "each task runs once");
}

async fn tasks_wake_each_other(seams: &Seams) {
    let (first, mut input) = mpsc::unbounded_channel::<u32>();
    for _ in 0..10 {
        let (output, next) = mpsc::unbounded_channel();
        seams.executor.spawn(Box::pin(async move {
            while let Some(number) = input.recv().await {
                let _ = output.send(number + 1);
            }
        }));
        input = next;
    }
    for number in 0..100 {
        first.send(number).expect("the first task listens");
        assert_eq!(input.recv().await, Some(number + 10), "a number passes ten tasks");
    }
    drop(first);
    assert_eq!(input.recv().await, None, "the end passes ten tasks");
}

async fn a_panic_ends_one_task(seams: &Seams) {
    let (alive, dropped) = oneshot::channel::<()>();
    seams.executor.spawn(Box::pin(async move {
        let _alive = alive;
        std::panic::resume_unwind(Box::new("a panic that the suite wants"));
    }));
    assert!(dropped.await.is_err(), "a task that panics is dropped");
    every_task_runs(seams).await;
}

async fn a_blocking_job_runs_once(seams: &Seams) {
    let runs = Arc::new(AtomicUsize::new(0));
    let (done, is_done) = oneshot::channel();
    let counted = runs.clone();
    seams.executor.spawn_blocking(Box::new(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        let _ = done.send(());
    }));
    is_done.await.expect("the job runs");
    assert_eq!(runs.load(Ordering::SeqCst), 1, "the job runs once");
}

async fn a_task_is_dropped_when_it_is_done(seams: &Seams) {
    let (alive, dropped) = oneshot::channel::<()>();
    seams.executor.spawn(Box::pin(async move { drop(alive) }));
    assert!(dropped.await.is_err(), "what a task holds is dropped with it");
}
