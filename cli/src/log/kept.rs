use parking_lot::Mutex;
use std::collections::VecDeque;
use std::fmt::{Debug, Write as _};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::{Context, Layer};

/// Bytes of lines that are kept; the oldest go first.
const BYTES_MAX: usize = 4 << 20;

/// The last lines that were logged of processes, whoever of them.
pub(crate) struct Kept {
    bytes_max: usize,
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    kept: VecDeque<Line>,
    bytes: usize,
    last: u64,
}

struct Line {
    number: u64,
    pid: String,
    text: String,
}

impl Line {
    fn len(&self) -> usize {
        size_of::<Self>() + self.pid.len() + self.text.len()
    }
}

impl Kept {
    pub(super) const fn new() -> Self {
        Self::of_bytes(BYTES_MAX)
    }

    const fn of_bytes(bytes_max: usize) -> Self {
        Self { bytes_max, lines: Mutex::new(Lines { kept: VecDeque::new(), bytes: 0, last: 0 }) }
    }

    fn push(&self, pid: String, text: String) {
        let mut lines = self.lines.lock();
        lines.last += 1;
        let line = Line { number: lines.last, pid, text };
        lines.bytes += line.len();
        lines.kept.push_back(line);
        while lines.bytes > self.bytes_max
            && let Some(oldest) = lines.kept.pop_front()
        {
            lines.bytes -= oldest.len();
        }
    }

    /// The lines of a process behind the one of that number, the oldest first, and the number of the last line of all.
    pub(crate) fn of(&self, pid: &str, after: u64) -> (Vec<String>, u64) {
        let lines = self.lines.lock();
        let of_it = lines.kept.iter().filter(|line| line.number > after && line.pid == pid);
        (of_it.map(|line| line.text.clone()).collect(), lines.last)
    }
}

/// Keeps what is logged with a field `pid`.
pub(super) struct Keep(pub(super) &'static Kept);

impl<S: Subscriber> Layer<S> for Keep {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let Some(pid) = fields.pid else { return };
        let mut text = String::new();
        // Writing to a text does not fail.
        let _ = SystemTime.format_time(&mut Writer::new(&mut text));
        let _ = write!(text, " {:>5} {}{}", event.metadata().level(), fields.message, fields.others);
        self.0.push(pid, text);
    }
}

#[derive(Default)]
struct Fields {
    pid: Option<String>,
    message: String,
    others: String,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "pid" => self.pid = Some(format!("{value:?}")),
            "message" => self.message = format!("{value:?}"),
            // Writing to a text does not fail.
            name => _ = write!(self.others, " {name}={value:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt as _;

    fn texts(kept: &Kept, pid: &str, after: u64) -> Vec<String> {
        let (lines, _) = kept.of(pid, after);
        let without_time = |line: String| line.split_once(' ').map_or(String::new(), |(_, rest)| rest.to_owned());
        lines.into_iter().map(without_time).collect()
    }

    #[test]
    fn what_a_process_logs_is_kept_under_its_pid() {
        static KEPT: Kept = Kept::new();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(Keep(&KEPT)), || {
            tracing::info!(pid = "<1.0>", component = "room", "hello");
            tracing::warn!("of nobody");
            tracing::error!(pid = %format_args!("<2.0>"), tries = 2, "gone");
            tracing::info!(pid = %format_args!("<1.0>"), "and again");
        });
        assert_eq!(texts(&KEPT, "<1.0>", 0), [" INFO hello component=room", " INFO and again"]);
        assert_eq!(texts(&KEPT, "<2.0>", 0), ["ERROR gone tries=2"]);
        assert_eq!(texts(&KEPT, "<1.0>", 1), [" INFO and again"]);
        assert_eq!(KEPT.of("<1.0>", 3), (Vec::new(), 3));
    }

    #[test]
    fn the_oldest_lines_go_first() {
        let line = Line { number: 0, pid: "<1.0>".to_owned(), text: "x".repeat(10) };
        let kept = Kept::of_bytes(3 * line.len());
        for number in 1..=5 {
            kept.push("<1.0>".to_owned(), format!("{number}{}", "x".repeat(9)));
        }
        let (lines, last) = kept.of("<1.0>", 0);
        let first: Vec<&str> = lines.iter().map(|line| &line[..1]).collect();
        assert_eq!((first, last), (vec!["3", "4", "5"], 5));
        kept.push("<1.0>".to_owned(), "x".repeat(1000));
        assert_eq!(kept.of("<1.0>", 0), (Vec::new(), 6), "what is larger than all that is kept is not");
    }
}
