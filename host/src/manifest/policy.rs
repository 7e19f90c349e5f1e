use std::time::Duration;
/// How a supervisor acts when a child ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "OTP's words")]
pub enum Strategy {
    OneForOne,
    OneForAll,
    RestForOne,
    SimpleOneForOne,
}
/// When a child is restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "OTP's words")]
pub enum Restart {
    Permanent,
    Transient,
    Temporary,
}
/// How a child is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "OTP's words")]
pub enum Shutdown {
    Timeout(Duration),
    Infinity,
    BrutalKill,
}
/// Whether a supervisor ends with its significant children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "OTP's words")]
pub enum AutoShutdown {
    Never,
    AnySignificant,
    AllSignificant,
}
