/// Marks a rare branch: a node that is watched says that it was reached. A node that nobody watches pays one look at
/// whether somebody does, in branches that are rare.
macro_rules! sometimes {
    ($node:expr, $mark:ident) => {
        $node.trace(|| $crate::TraceEvent::Sometimes { mark: $crate::Mark::$mark.name() })
    };
}

pub(crate) use sometimes;

/// Makes an enum `Mark` of the rare branches that a crate marks, with their names.
#[doc(hidden)]
#[macro_export]
macro_rules! marks {
    ($(#[doc = $about:literal])* enum; $($(#[doc = $doc:literal])* $mark:ident = $name:literal,)*) => {
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Mark {
            $($(#[doc = $doc])* $mark,)*
        }

        impl Mark {
            /// Their names.
            pub const NAMES: &[&str] = &[$($name),*];

            /// Its name in a report.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$mark => $name,)*
                }
            }
        }
    };
}

marks! {
    /// The rare branches of the core that it marks. A simulation suite that never reaches one of them has gone blind there.
    enum;
    /// A link came from a process that this one is about to unlink.
    LinkCrossedUnlink = "core: a link crossed an unlink",
    /// An unlink came for a link that is gone.
    UnlinkOfNoLink = "core: an unlink of no link",
    /// An acknowledgement came for an unlink that was taken back by a newer link.
    StaleUnlinkAck = "core: a stale acknowledgement of an unlink",
    /// The other side died while it was being unlinked.
    DeathCrossedUnlink = "core: a death crossed an unlink",
    /// The exit of a link came that is gone.
    ExitOfNoLink = "core: an exit of no link",
    /// A reply came after its caller had given up.
    LateReply = "core: a late reply was dropped",
    /// A DOWN came for a monitor that was taken back.
    LateDown = "core: a late DOWN was dropped",
    /// A process ended with signals in its queue that nobody will handle.
    SignalsOfTheDead = "core: signals of a dead process were answered",
    /// A process was ended by a signal that came with others behind it.
    SignalsBehindExit = "core: signals came behind an exit",
    /// A body had returned when a signal had already ended its process.
    ExitBeatReturn = "core: an exit beat a return",
    /// A timer was started for a dead process.
    TimerOfTheDead = "core: a timer for a dead process",
    /// A process ended whose timers were running.
    TimersForgotten = "core: timers ended with their process",
    /// A child did not end in time when it was told to, and was killed.
    ShutdownTimedOut = "core: a shutdown timed out",
    /// A child that was to be stopped was dead already; its EXIT says why.
    ExitBehindDown = "core: an EXIT lay behind a DOWN",
}
