use crate::seam::{Clock, Seams};
use crate::{BoxFuture, Timestamp};
use std::sync::Arc;
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(5);

/// Asserts what [`Clock`] promises. Runs as a task on the seams.
pub async fn clock(seams: Seams) {
    let clock = seams.clock.clone();
    never_backwards(&clock).await;
    never_early(&clock).await;
    in_order(&clock).await;
    a_past_deadline_is_now(&clock).await;
    a_dropped_sleep_wakes_nobody(&clock).await;
    assert!(clock.wall() > Duration::ZERO, "the time of day counts from 1970");
}

async fn never_backwards(clock: &Arc<dyn Clock>) {
    let mut last = clock.now();
    for _ in 0..100 {
        let now = clock.now();
        assert!(now >= last, "time went backwards: {last:?}, then {now:?}");
        last = now;
    }
}

async fn never_early(clock: &Arc<dyn Clock>) {
    for nanos in [1, 1_000, 999_999, 1_000_000, 3_333_333] {
        let deadline = clock.now() + Duration::from_nanos(nanos);
        clock.sleep_until(deadline).await;
        assert!(clock.now() >= deadline, "a sleep of {nanos} ns ended early");
    }
}

/// A sleep that ends later does not hold up one that ends earlier, whichever was started first.
async fn in_order(clock: &Arc<dyn Clock>) {
    let start = clock.now();
    let (early, late) = (clock.sleep_until(start + SHORT), clock.sleep_until(start + SHORT * 1000));
    match futures_util::future::select(late, early).await {
        futures_util::future::Either::Left(_) => panic!("the later sleep ended first"),
        futures_util::future::Either::Right(_) => assert!(clock.now() >= start + SHORT),
    }
}

async fn a_past_deadline_is_now(clock: &Arc<dyn Clock>) {
    clock.sleep_until(Timestamp::from_nanos(0)).await;
    clock.sleep_until(clock.now()).await;
}

async fn a_dropped_sleep_wakes_nobody(clock: &Arc<dyn Clock>) {
    let start = clock.now();
    for _ in 0..1000 {
        let mut sleep: BoxFuture<()> = clock.sleep_until(start + Duration::from_secs(3600));
        assert!(futures_util::poll!(&mut sleep).is_pending(), "an hour passed at once");
    }
    clock.sleep_until(start + SHORT).await;
    assert!(clock.now().since(start) < Duration::from_secs(3600), "a dropped sleep was waited for");
}
