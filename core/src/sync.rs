//! The locks and atomics that more than one process of a node goes through. Under loom (`core/loom`) they are loom's, which
//! tries every order in which threads can come by; nothing else in the core knows of that.
//!
//! No atomic asks for an ordering: what one thread must see of another's is behind a lock, or behind the wake-up of a task.

#[cfg(not(feature = "loom"))]
mod machine {
    pub(crate) use parking_lot::Mutex;
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};

    /// The lock of what is only ever held for some instructions: nobody sleeps on it, so that to take it and give it back costs
    /// half of what it does with a lock that others can sleep on, and a message takes it five times.
    pub(crate) type Lock<T> = spin::mutex::SpinMutex<T, Impatient>;

    /// Whoever finds a lock taken looks again, and gives its time slice away when it is taken for longer than anybody holds
    /// it: its holder has lost its own.
    pub(crate) struct Impatient;

    /// How often it looks before that.
    const LOOKS: u32 = 64;

    impl spin::RelaxStrategy for Impatient {
        fn relax() {
            thread_local!(static LOOKED: std::cell::Cell<u32> = const { std::cell::Cell::new(0) });
            let looked = LOOKED.get() + 1;
            if looked < LOOKS {
                LOOKED.set(looked);
                std::hint::spin_loop();
            } else {
                LOOKED.set(0);
                std::thread::yield_now();
            }
        }
    }
}

#[cfg(feature = "loom")]
mod machine {
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};

    /// As `parking_lot`'s: there is no poison.
    #[derive(Default)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
        }
    }

    /// How a lock waits for another thread is not the core's matter.
    pub(crate) type Lock<T> = Mutex<T>;
}

pub(crate) use machine::*;
