//! What goes wrong in a run, and when: a value that is drawn from the seed before the run starts, or written by hand.

mod carry_out;
mod draw;
mod duration;
mod fault;
mod kind;
mod text;

pub use draw::Field;
pub use fault::Fault;
pub use kind::FaultKind;
pub use text::PlanError;

pub(crate) use carry_out::{Undo, carry_out};
pub(crate) use duration::{format_duration, parse_duration};

use std::time::Duration;

/// The faults of a run, and when they end.
///
/// It is written as text, one fault a line, and read back from it:
///
/// ```
/// use rusm_sim::Plan;
///
/// let text = "\
/// 250ms crash a sectors for 300ms
/// 1200ms partition a,b c for 2s
/// 1500ms kill b #7
/// heal 4s
/// ";
/// let plan: Plan = text.parse()?;
/// assert_eq!(plan.faults.len(), 3);
/// assert_eq!(plan.to_string(), text);
/// # Ok::<(), rusm_sim::PlanError>(())
/// ```
///
/// `#7` names the seventh process, connection or file of its host, modulo how many there are when the fault comes.
/// Empty lines and what follows a `//` are left out. What lasts and has no `for` lasts until the heal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// In the order in which they begin.
    pub faults: Vec<PlannedFault>,
    /// When all faults end.
    pub heal_at: Duration,
}

/// A fault, when it begins and how long it lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFault {
    /// Since the start of the run.
    pub at: Duration,
    /// What goes wrong.
    pub fault: Fault,
    /// For how long; at most until the heal. Of no meaning for what happens in a moment.
    pub lasts: Duration,
}

impl Plan {
    /// No fault at all, for that long.
    pub fn calm(heal_at: Duration) -> Self {
        Self { faults: Vec::new(), heal_at }
    }

    /// Whether each host that it names is one of these.
    ///
    /// # Errors
    /// One is not.
    pub fn check<'a>(&self, hosts: impl IntoIterator<Item = &'a str>) -> Result<(), PlanError> {
        let hosts: Vec<&str> = hosts.into_iter().collect();
        for planned in &self.faults {
            for host in planned.fault.hosts() {
                if !hosts.contains(&host) {
                    return Err(PlanError::NoSuchHost {
                        fault: planned.to_string(),
                        host: host.to_owned(),
                        hosts: hosts.join(", "),
                    });
                }
            }
        }
        Ok(())
    }
}
