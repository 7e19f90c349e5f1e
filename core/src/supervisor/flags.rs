use std::time::Duration;

/// Who is restarted when one child ends and is to be restarted.
///
/// Source: OTP `supervisor`, "Restart Strategies".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Only that child. The default.
    #[default]
    OneForOne,
    /// All: the others are stopped in reverse start order, then all are started in start order.
    OneForAll,
    /// That child and those after it in start order.
    RestForOne,
    /// Only that child; all children are instances of one template, started on request with arguments of their own.
    SimpleOneForOne,
}

/// Whether a supervisor ends when its significant children have ended.
///
/// Source: OTP `supervisor`, "Automatic Shutdown".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AutoShutdown {
    /// Never; a significant child is then an error. The default.
    #[default]
    Never,
    /// When any significant child has ended and is not restarted.
    AnySignificant,
    /// When the last significant child has ended and is not restarted.
    AllSignificant,
}

/// How a supervisor acts when a child ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SupervisorFlags {
    /// Who is restarted. Default [`Strategy::OneForOne`].
    pub strategy: Strategy,
    /// How many restarts `period` may see; one more ends the supervisor with `shutdown`. Default 1.
    pub intensity: u32,
    /// The time in which restarts are counted, more than zero. Default 5 seconds.
    pub period: Duration,
    /// Whether the end of significant children ends the supervisor. Default [`AutoShutdown::Never`].
    pub auto_shutdown: AutoShutdown,
}

impl Default for SupervisorFlags {
    fn default() -> Self {
        Self {
            strategy: Strategy::OneForOne,
            intensity: 1,
            period: Duration::from_secs(5),
            auto_shutdown: AutoShutdown::Never,
        }
    }
}
