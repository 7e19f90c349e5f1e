use super::{AutoShutdown, ChildSpec, SpecError, Strategy, SupervisorFlags};
use std::collections::BTreeSet;
use std::time::Duration;

/// A supervisor: its flags and its children in start order.
///
/// ```
/// use rusm_core::{ChildSpec, Strategy, SupervisorSpec};
/// use std::time::Duration;
///
/// let spec = SupervisorSpec::new(Strategy::OneForOne)
///     .intensity(3, Duration::from_secs(5))
///     .child(ChildSpec::worker("clock", |context, _| async move {
///         context.sleep(Duration::from_secs(60)).await;
///     }));
/// assert_eq!(spec.children.len(), 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct SupervisorSpec {
    /// The local name that the supervisor has from its first moment. Default none.
    pub name: Option<String>,
    /// How it acts when a child ends.
    pub flags: SupervisorFlags,
    /// Its children in start order; for [`Strategy::SimpleOneForOne`] the one template.
    pub children: Vec<ChildSpec>,
}

impl SupervisorSpec {
    /// A supervisor of that strategy, with default flags and no children.
    pub fn new(strategy: Strategy) -> Self {
        Self { name: None, flags: SupervisorFlags { strategy, ..SupervisorFlags::default() }, children: Vec::new() }
    }

    /// A [`Strategy::SimpleOneForOne`] supervisor of instances of `template`.
    pub fn dynamic(template: ChildSpec) -> Self {
        Self::new(Strategy::SimpleOneForOne).child(template)
    }

    /// The same with this local name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The same, ending itself after more than `intensity` restarts within `period`.
    pub fn intensity(mut self, intensity: u32, period: Duration) -> Self {
        self.flags.intensity = intensity;
        self.flags.period = period;
        self
    }

    /// The same, ending itself with its significant children.
    pub fn auto_shutdown(mut self, auto_shutdown: AutoShutdown) -> Self {
        self.flags.auto_shutdown = auto_shutdown;
        self
    }

    /// The same with one more child, last in start order.
    pub fn child(mut self, child: ChildSpec) -> Self {
        self.children.push(child);
        self
    }

    /// Whether a supervisor can be started from this. Nested supervisors are checked when they start.
    ///
    /// # Errors
    /// What contradicts itself. Source: OTP `supervisor:check_childspecs/2`.
    pub fn check(&self) -> Result<(), SpecError> {
        if self.flags.period.is_zero() {
            return Err(SpecError::ZeroPeriod);
        }
        if self.flags.strategy == Strategy::SimpleOneForOne && self.children.len() != 1 {
            return Err(SpecError::NotOneTemplate { specs: self.children.len() });
        }
        let mut ids = BTreeSet::new();
        for child in &self.children {
            child.check(self.flags.auto_shutdown)?;
            if !ids.insert(&child.id) {
                return Err(SpecError::DuplicateId { id: child.id.clone() });
            }
        }
        Ok(())
    }
}
