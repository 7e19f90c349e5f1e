use rusm_core::Context;

/// What happens to a guest instead of a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuestFault {
    /// Nothing: the callback runs.
    None,
    /// The guest traps at once.
    Trap,
    /// The guest computes without end, until its process is killed.
    Loop,
}

/// Makes guests fail, for the simulator. Production has none.
pub trait GuestFaults: Send + Sync + 'static {
    /// Asked each time before guest code is entered. `entry` is what is about to be called: `instantiate`, `init`,
    /// `message`, or the name of another export.
    fn before_entry(&self, context: &Context, component: &str, entry: &'static str) -> GuestFault;
}
