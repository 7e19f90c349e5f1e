use crate::Term;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// Bytes of [`ExitReason::detail`], [`ExitReason::backtrace`] and [`ExitReason::payload`] that are kept; the rest is
/// cut off.
pub const EXIT_REASON_DETAIL_MAX: usize = 4096;

/// Why a process ended: a word, and what is worth knowing beside it.
///
/// Two reasons are equal when word, detail and payload are; the backtrace does not count. OTP's `{shutdown, x}` is the
/// word `shutdown` with a detail. Cheap to clone.
///
/// ```
/// use rusm_core::{Encoding, ExitReason, Term};
///
/// let reason = ExitReason::new("shutdown").with_detail("the disk is full");
/// assert_eq!((reason.word(), reason.detail()), ("shutdown", Some("the disk is full")));
/// assert_eq!(reason.to_string(), "shutdown(the disk is full)");
/// assert!(reason.is_orderly() && !reason.is_normal());
///
/// let bytes = Term::new(Encoding::Json, r#"{"disk":3}"#);
/// let crash = ExitReason::PANIC.with_payload(bytes.clone()).with_backtrace("at main.rs:3");
/// assert_eq!((crash.payload(), crash.backtrace()), (Some(&bytes), Some("at main.rs:3")));
/// // Where it happened makes no other reason of it.
/// assert_eq!(crash, ExitReason::PANIC.with_payload(bytes));
/// ```
#[derive(Clone)]
pub struct ExitReason(Repr);

/// Small, as signals and processes carry it: most reasons are a word that the program knows.
#[derive(Clone)]
enum Repr {
    Word(&'static str),
    More(Arc<More>),
}

#[derive(Clone)]
struct More {
    word: Cow<'static, str>,
    detail: Option<String>,
    payload: Option<Term>,
    backtrace: Option<String>,
}

impl ExitReason {
    /// Ended as intended. Over a link it does nothing to a process that does not trap exits.
    pub const NORMAL: Self = Self::word_of("normal");
    /// A supervisor asks its child to end, or a process ends in an orderly way.
    pub const SHUTDOWN: Self = Self::word_of("shutdown");
    /// The untrappable request; others see [`KILLED`](Self::KILLED).
    pub const KILL: Self = Self::word_of("kill");
    /// What others see of a process that got `kill`.
    pub const KILLED: Self = Self::word_of("killed");
    /// There is no such process.
    pub const NOPROC: Self = Self::word_of("noproc");
    /// The association with the process's node ended. It may still live.
    pub const NOCONNECTION: Self = Self::word_of("noconnection");
    /// Whoever asked for the process has given the request up.
    pub const ABANDONED: Self = Self::word_of("abandoned");
    /// An argument that cannot be used.
    pub const BADARG: Self = Self::word_of("badarg");
    /// A native process panicked; the detail is its message.
    pub const PANIC: Self = Self::word_of("panic");

    const fn word_of(word: &'static str) -> Self {
        Self(Repr::Word(word))
    }

    /// A reason of that word.
    pub fn new(word: impl Into<Cow<'static, str>>) -> Self {
        Self(match word.into() {
            Cow::Borrowed(word) => Repr::Word(word),
            word @ Cow::Owned(_) => Repr::More(Arc::new(More::of(word))),
        })
    }

    /// The same with a detail for people, cut to [`EXIT_REASON_DETAIL_MAX`] bytes.
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.more_mut().detail = Some(cut(detail.into()));
        self
    }

    /// The same with a payload for programs. One above [`EXIT_REASON_DETAIL_MAX`] bytes is left out.
    pub fn with_payload(mut self, payload: Term) -> Self {
        self.more_mut().payload = (payload.bytes.len() <= EXIT_REASON_DETAIL_MAX).then_some(payload);
        self
    }

    /// The same with a backtrace, cut to [`EXIT_REASON_DETAIL_MAX`] bytes.
    pub fn with_backtrace(mut self, backtrace: impl Into<String>) -> Self {
        self.more_mut().backtrace = Some(cut(backtrace.into()));
        self
    }

    fn more_mut(&mut self) -> &mut More {
        if let Repr::Word(word) = self.0 {
            self.0 = Repr::More(Arc::new(More::of(Cow::Borrowed(word))));
        }
        match &mut self.0 {
            Repr::More(more) => Arc::make_mut(more),
            Repr::Word(_) => unreachable!("it has just become more"),
        }
    }

    fn more(&self) -> Option<&More> {
        match &self.0 {
            Repr::Word(_) => None,
            Repr::More(more) => Some(more),
        }
    }

    /// The word: OTP's own where it has one.
    pub fn word(&self) -> &str {
        match &self.0 {
            Repr::Word(word) => word,
            Repr::More(more) => &more.word,
        }
    }

    /// What happened, for people.
    pub fn detail(&self) -> Option<&str> {
        self.more()?.detail.as_deref()
    }

    /// What happened, for programs.
    pub fn payload(&self) -> Option<&Term> {
        self.more()?.payload.as_ref()
    }

    /// Where it happened.
    pub fn backtrace(&self) -> Option<&str> {
        self.more()?.backtrace.as_deref()
    }

    /// `normal`, without anything more.
    pub fn is_normal(&self) -> bool {
        *self == Self::NORMAL
    }

    /// `kill`, without anything more.
    pub fn is_kill(&self) -> bool {
        *self == Self::KILL
    }

    /// `normal`, `shutdown` or `{shutdown, _}`: what does not restart a transient child.
    /// Source: OTP `supervisor`, "Restart type".
    pub fn is_orderly(&self) -> bool {
        matches!(self.word(), "normal" | "shutdown")
    }
}

impl More {
    fn of(word: Cow<'static, str>) -> Self {
        Self { word, detail: None, payload: None, backtrace: None }
    }
}

/// Cuts at a character boundary.
fn cut(mut text: String) -> String {
    if text.len() > EXIT_REASON_DETAIL_MAX {
        let mut end = EXIT_REASON_DETAIL_MAX;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text
}

impl PartialEq for ExitReason {
    fn eq(&self, other: &Self) -> bool {
        self.word() == other.word() && self.detail() == other.detail() && self.payload() == other.payload()
    }
}

impl Eq for ExitReason {}

/// The word, and the detail in brackets: `trap(unreachable)`.
impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail() {
            Some(detail) => write!(f, "{}({detail})", self.word()),
            None => f.write_str(self.word()),
        }
    }
}

impl fmt::Debug for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a process body may return.
impl From<()> for ExitReason {
    fn from((): ()) -> Self {
        Self::NORMAL
    }
}

impl From<Result<(), ExitReason>> for ExitReason {
    fn from(result: Result<(), ExitReason>) -> Self {
        match result {
            Ok(()) => Self::NORMAL,
            Err(reason) => reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_cut_at_the_limit_and_at_a_character() {
        let at = ExitReason::new("x").with_detail("a".repeat(EXIT_REASON_DETAIL_MAX));
        assert_eq!(at.detail().map(str::len), Some(EXIT_REASON_DETAIL_MAX));
        let above = ExitReason::new("x").with_detail(format!("{}é", "a".repeat(EXIT_REASON_DETAIL_MAX - 1)));
        assert_eq!(above.detail().map(str::len), Some(EXIT_REASON_DETAIL_MAX - 1));
    }

    #[test]
    fn a_character_of_four_bytes_is_cut_as_a_whole() {
        for missing in 0..4 {
            let text = format!("{}\u{1F980}", "a".repeat(EXIT_REASON_DETAIL_MAX - missing));
            let kept = ExitReason::new("x").with_detail(text).detail().map(str::len);
            assert_eq!(kept, Some(EXIT_REASON_DETAIL_MAX - missing));
        }
    }

    #[test]
    fn a_payload_is_kept_up_to_the_limit_and_left_out_above() {
        let of = |len| ExitReason::new("x").with_payload(Term::new(crate::Encoding::Raw, vec![7; len]));
        assert_eq!(of(EXIT_REASON_DETAIL_MAX).payload().map(|term| term.bytes.len()), Some(EXIT_REASON_DETAIL_MAX));
        assert_eq!(of(EXIT_REASON_DETAIL_MAX + 1).payload(), None);
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn a_backtrace_is_kept_and_makes_no_other_reason() {
        let reason = ExitReason::PANIC.with_backtrace("here");
        assert_eq!((reason.backtrace(), ExitReason::PANIC.backtrace()), (Some("here"), None));
        assert_eq!(reason, ExitReason::PANIC);
    }

    #[test]
    fn shutdown_with_a_detail_is_orderly_and_not_plain_shutdown() {
        let reason = ExitReason::SHUTDOWN.with_detail("deploy");
        assert!(reason.is_orderly());
        assert_ne!(reason, ExitReason::SHUTDOWN);
        assert_eq!(reason.to_string(), "shutdown(deploy)");
    }
}
