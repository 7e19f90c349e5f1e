use crate::sync::Mutex;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that are kept before they are hashed and written.
const BUFFER_LEN: usize = 32 << 10;

/// What becomes of a run's event log: one line of text an event, `NANOSECONDS KIND FIELDS...`.
///
/// A run is the same run with and without it.
#[derive(Default)]
pub enum EventLog {
    /// Nothing: the run has no trace hash, and takes a quarter less time. What explores many seeds does without.
    Off,
    /// Its digest is taken, which is the trace hash.
    #[default]
    Digest,
    /// It is written there as well.
    Written(Box<dyn Write + Send>),
}

/// What a run notes of itself: its [event log](EventLog), and what it counts. Cheap to clone.
#[derive(Clone)]
pub struct Recorder(Arc<Notes>);

struct Notes {
    is_logging: bool,
    events: AtomicU64,
    log: Mutex<Log>,
    counts: Mutex<BTreeMap<String, u64>>,
    reached: Mutex<BTreeMap<String, u64>>,
}

struct Log {
    buffer: Vec<u8>,
    hash: Sha256,
    file: Option<Box<dyn Write + Send>>,
    failed: Option<io::Error>,
    closed: bool,
}

impl Recorder {
    pub(crate) fn new(log: EventLog) -> Self {
        let is_logging = !matches!(log, EventLog::Off);
        let file = if let EventLog::Written(file) = log { Some(file) } else { None };
        let buffer = if is_logging { Vec::with_capacity(BUFFER_LEN + 4096) } else { Vec::new() };
        let log = Mutex::new(Log { buffer, hash: Sha256::new(), file, failed: None, closed: false });
        let (events, counts, reached) = (AtomicU64::new(0), Mutex::default(), Mutex::default());
        Self(Arc::new(Notes { is_logging, events, log, counts, reached }))
    }

    /// Appends one event.
    pub(crate) fn event(&self, now: u64, kind: &str, fields: impl FnOnce(Line<'_>) -> Line<'_>) {
        // One thread runs a simulation.
        self.0.events.store(self.events() + 1, Ordering::Relaxed);
        if !self.0.is_logging {
            return;
        }
        let mut log = self.0.log.lock();
        if log.closed {
            return;
        }
        let mut line = Line(&mut log.buffer);
        line.digits(now);
        line.0.push(b' ');
        line.0.extend_from_slice(kind.as_bytes());
        fields(line).0.push(b'\n');
        if log.buffer.len() >= BUFFER_LEN {
            log.flush();
        }
    }

    /// Counts that a fault has had its effect.
    pub fn count(&self, what: &str) {
        add(&mut self.0.counts.lock(), what);
    }

    /// The faults that had their effect, and how often.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.0.counts.lock().clone()
    }

    /// Counts that a rare branch was reached.
    pub(crate) fn reach(&self, what: &str) {
        add(&mut self.0.reached.lock(), what);
    }

    /// The rare branches that were reached, and how often.
    pub fn reached(&self) -> BTreeMap<String, u64> {
        self.0.reached.lock().clone()
    }

    /// How many events there were, logged or not.
    pub fn events(&self) -> u64 {
        self.0.events.load(Ordering::Relaxed)
    }

    /// SHA-256 of the log up to now, in hexadecimal; `None` when there is [no log](EventLog::Off).
    pub fn hash(&self) -> Option<String> {
        let mut log = self.0.log.lock();
        log.flush();
        let digest = self.0.is_logging.then(|| log.hash.clone().finalize())?;
        Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The run is over: what its end causes, destructors above all, is no part of the log.
    pub(crate) fn close(&self) {
        self.0.log.lock().closed = true;
    }

    /// Writes out what is still kept.
    ///
    /// # Errors
    /// The first write that failed; the file ends there, the hash counts on.
    pub fn finish(&self) -> io::Result<()> {
        let mut log = self.0.log.lock();
        log.flush();
        match log.failed.take() {
            Some(error) => Err(error),
            None => log.file.as_mut().map_or(Ok(()), |file| file.flush()),
        }
    }
}

fn add(counts: &mut BTreeMap<String, u64>, what: &str) {
    match counts.get_mut(what) {
        Some(count) => *count += 1,
        None => drop(counts.insert(what.to_owned(), 1)),
    }
}

impl Log {
    fn flush(&mut self) {
        self.hash.update(&self.buffer);
        if let (Some(file), None) = (&mut self.file, &self.failed) {
            self.failed = file.write_all(&self.buffer).err();
        }
        self.buffer.clear();
    }
}

/// One line of the log, under way. No `fmt`: a run writes millions of them a second.
pub(crate) struct Line<'a>(&'a mut Vec<u8>);

impl Line<'_> {
    /// A field that is a number.
    pub(crate) fn number(mut self, number: u64) -> Self {
        self.0.push(b' ');
        self.digits(number);
        self
    }

    /// A field that is text; control characters and backslashes are escaped.
    pub(crate) fn text(self, text: &str) -> Self {
        self.0.push(b' ');
        if text.bytes().any(|byte| byte < b' ' || byte == b'\\') {
            let escaped = text.escape_debug().to_string();
            self.0.extend_from_slice(escaped.as_bytes());
        } else {
            self.0.extend_from_slice(text.as_bytes());
        }
        self
    }

    /// A field that is a process: its node, slot and serial.
    pub(crate) fn pid(mut self, host: u32, pid: rusm_core::Pid) -> Self {
        self = self.number(u64::from(host));
        for (before, number) in [(b'<', pid.index), (b'.', pid.serial)] {
            self.0.push(before);
            self.digits(u64::from(number));
        }
        self.0.push(b'>');
        self
    }

    fn digits(&mut self, number: u64) {
        self.0.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_changed_event_changes_the_hash() {
        let hash = |numbers: &[u64]| {
            let recorder = Recorder::new(EventLog::Digest);
            for number in numbers {
                recorder.event(*number, "poll", |line| line.number(7).text("a\nb"));
            }
            recorder.hash()
        };
        assert_eq!(hash(&[1, 2, 3]), hash(&[1, 2, 3]));
        assert_ne!(hash(&[1, 2, 3]), hash(&[1, 2, 4]));
    }

    #[test]
    fn without_a_log_there_is_no_hash_and_events_count_all_the_same() {
        let recorder = Recorder::new(EventLog::Off);
        recorder.event(1, "poll", |_| unreachable!("there is no line"));
        assert_eq!((recorder.hash(), recorder.events()), (None, 1));
    }

    #[test]
    fn the_hash_is_the_digest_of_the_file() {
        #[derive(Clone, Default)]
        struct File(Arc<Mutex<Vec<u8>>>);
        impl Write for File {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let file = File::default();
        let recorder = Recorder::new(EventLog::Written(Box::new(file.clone())));
        for number in 0..10_000 {
            recorder.event(number, "poll", |line| line.number(u64::MAX - number));
        }
        recorder.finish().expect("memory takes everything");
        let digest = Sha256::digest(&*file.0.lock());
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(recorder.hash(), Some(hex));
        assert!(file.0.lock().starts_with(b"0 poll 18446744073709551615\n1 poll"));
    }
}
