use crate::seam::Seams;
use crate::trace::Tracer;
use std::sync::Arc;
use std::time::Duration;

/// How to start a node.
pub struct NodeOptions {
    /// Unique in its cluster.
    pub name: String,
    /// Which life of this node: must grow from start to start. Default 1.
    pub incarnation: u32,
    /// What it runs on.
    pub seams: Seams,
    /// Who watches. Default nobody.
    pub tracer: Option<Arc<dyn Tracer>>,
    /// A process that goes on for longer than this without yielding, and so holds a thread, is named in the log, after at
    /// most twice as long. Default none: nobody looks, since a look at every process costs. Nobody looks either while
    /// such processes hold all threads. Source: OTP `erlang:system_monitor/2`, `long_schedule`.
    /// Divergence: OTP preempts its processes; here only components are preempted, native code has to `await`.
    pub long_schedule: Option<Duration>,
}

impl NodeOptions {
    /// A node of that name, with the defaults for everything else.
    pub fn new(name: impl Into<String>, seams: Seams) -> Self {
        Self { name: name.into(), incarnation: 1, seams, tracer: None, long_schedule: None }
    }
}
