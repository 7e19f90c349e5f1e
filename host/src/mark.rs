use rusm_core::{Node, TraceEvent};

rusm_core::marks! {
    /// The rare branches of the host that it marks. A simulation suite that never reaches one of them has gone blind there.
    enum;
    /// A guest trapped.
    Trapped = "host: a guest trapped",
    /// A guest wanted more memory than its component is granted.
    MemoryLimit = "host: a guest wanted more memory than is granted",
    /// A client was gone before its request was answered: the process that served it is killed.
    ClientGone = "host: a client was gone before its answer",
    /// A listener to an event stream was gone before the stream was over.
    ListenerGone = "host: a listener of events was gone",
}

impl Mark {
    /// Says that the branch was reached on that node.
    pub(crate) fn reached(self, node: &Node) {
        node.trace_event(&TraceEvent::Sometimes { mark: self.name() });
    }
}
