/// The lock of what only its own process changes and others hardly ever look at: nobody sleeps on it, so that to take it and
/// give it back costs half of what it does with a lock that others can sleep on, and a message takes it three times. Whoever
/// finds it taken gives its time slice away: it is no lock for what many want.
pub(crate) type Lock<T> = spin::mutex::SpinMutex<T, spin::relax::Yield>;
