use parking_lot::Mutex;
use tokio::sync::Notify;

/// A value that changes, and that many wait for.
///
/// Tokio's `watch` wakes its receivers in an order that it draws from a random number of the thread, which no seed
/// repeats. These wake in the order in which they began to wait.
pub(crate) struct Watched<T> {
    value: Mutex<T>,
    changed: Notify,
}

impl<T: Clone> Watched<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: Mutex::new(value), changed: Notify::new() }
    }

    /// Changes the value, and wakes all that wait for it to be right.
    pub(crate) fn update(&self, change: impl FnOnce(&mut T)) {
        change(&mut self.value.lock());
        self.changed.notify_waiters();
    }

    /// Waits until the value is right, and returns it.
    pub(crate) async fn wait_for(&self, is_right: impl Fn(&T) -> bool) -> T {
        loop {
            // Made before the value is looked at: it hears of every change from here on.
            let changed = self.changed.notified();
            let value = self.value.lock().clone();
            if is_right(&value) {
                return value;
            }
            changed.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    /// On one thread, tasks run in the order in which they were woken.
    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "a test of the order in which tasks are woken")]
    async fn who_waits_is_woken_in_the_order_of_waiting() {
        for _ in 0..20 {
            let (watched, order) = (Arc::new(Watched::new(0)), Arc::new(Mutex::new(Vec::new())));
            let wait = |waiter| {
                let (watched, order) = (watched.clone(), order.clone());
                tokio::spawn(async move {
                    assert_eq!(watched.wait_for(|value| *value > 1).await, 2);
                    order.lock().push(waiter);
                })
            };
            let waiting: Vec<_> = (0..10).map(wait).collect();
            for value in [1, 2] {
                tokio::task::yield_now().await;
                watched.update(|watched| *watched = value);
            }
            for waiter in waiting {
                waiter.await.expect("it does not panic");
            }
            assert_eq!(*order.lock(), (0..10).collect::<Vec<_>>());
        }
    }
}
