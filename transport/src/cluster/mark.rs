rusm_core::marks! {
    /// The rare branches of a cluster that its nodes mark. A simulation suite that never reaches one of them has gone blind there.
    enum;
    /// Another node's dial crossed this node's own, which stays.
    DialsCrossed = "transport: dials crossed",
    /// A dial came that was made before the present association.
    StaleDial = "transport: a stale dial was refused",
    /// A node dialled whose life is over: a later one of it was seen.
    PastLife = "transport: a past life was refused",
    /// The other side began a new association while this one had one: it had lost it.
    Replaced = "transport: an association was replaced",
    /// An association ended because nothing was heard for too long.
    Silent = "transport: a node was silent for too long",
    /// A connection with an association broke.
    Lost = "transport: a connection was lost",
    /// A node could not be reached.
    Unreachable = "transport: a node could not be reached",
    /// A node was suspected and then heard of in time.
    TrustedAgain = "transport: a suspected node was heard of",
    /// The other side broke the protocol, and its association ended.
    Violated = "transport: a node broke the protocol",
    /// A signal came of a process that is not of the node that sent it.
    Foreign = "transport: a signal in another's name was refused",
    /// A lane was full, and its senders were let go on.
    LaneOpened = "transport: a full lane had room again",
}
