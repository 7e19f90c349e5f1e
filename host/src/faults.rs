use rusm_core::Context;

/// What happens to a guest when it is entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuestFault {
    /// Nothing: the callback runs.
    None,
    /// The guest traps at once.
    Trap,
    /// The guest computes without end, until its process is killed.
    Loop,
    /// The callback runs, and the guest's memory has grown to its limit: a process that wants more ends.
    MemoryAtLimit,
}

/// Makes guests fail, for the simulator. Production has none.
pub trait GuestFaults: Send + Sync + 'static {
    /// Asked each time before guest code is entered. `entry` is what is about to be called: `instantiate`, `init`,
    /// `message`, or the name of another export.
    fn before_entry(&self, context: &Context, component: &str, entry: &'static str) -> GuestFault;

    /// How much of its time what a guest computes takes, in percent. Asked for each portion of its fuel.
    fn slowness(&self, context: &Context, component: &str) -> u64;
}
