/// The lock of what a run goes through at every event. A run is one thread, which never finds it taken: without the means to
/// sleep on it, to take it and give it back costs half. Whoever finds it taken all the same gives its time slice away.
pub(crate) type Mutex<T> = spin::mutex::SpinMutex<T, spin::relax::Yield>;

/// Of such a lock.
pub(crate) type MutexGuard<'a, T> = spin::mutex::SpinMutexGuard<'a, T, spin::relax::Yield>;
