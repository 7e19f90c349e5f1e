//! Two runs of one seed must be the same run. Where they are not, the first event that differs says where to look.

use parking_lot::Mutex;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;

/// Lines of context before the first that differs.
const BEFORE: usize = 8;

/// And behind it.
const BEHIND: usize = 3;

/// An event log in memory. Cheap to clone.
#[derive(Clone, Default)]
pub struct MemoryLog(Arc<Mutex<Vec<u8>>>);

impl MemoryLog {
    /// What was written, once.
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock())
    }
}

impl Write for MemoryLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Says where two logs part, with what came before in both; `None` when they are equal.
pub(crate) fn first_divergence(first: &[u8], second: &[u8]) -> Option<String> {
    if first == second {
        return None;
    }
    let (first, second) = (String::from_utf8_lossy(first), String::from_utf8_lossy(second));
    let (first, second): (Vec<&str>, Vec<&str>) = (first.lines().collect(), second.lines().collect());
    let same = first.iter().zip(&second).take_while(|(first, second)| first == second).count();
    let mut text = format!("two runs of this seed part at event {}:\n", same + 1);
    for line in &first[same.saturating_sub(BEFORE)..same] {
        let _ = writeln!(text, "      both  {line}");
    }
    for (run, lines) in [("     first", &first), ("    second", &second)] {
        if lines.len() == same {
            let _ = writeln!(text, "{run}  (ends here)");
        }
        for line in lines.iter().skip(same).take(1 + BEHIND) {
            let _ = writeln!(text, "{run}  {line}");
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_event_that_differs_is_named_with_what_came_before() {
        assert_eq!(first_divergence(b"1 poll 1\n", b"1 poll 1\n"), None);
        let first = b"1 poll 1\n2 poll 2\n3 poll 3\n";
        let text = first_divergence(first, b"1 poll 1\n2 poll 9\n3 poll 3\n").expect("they differ");
        assert!(text.starts_with("two runs of this seed part at event 2:\n      both  1 poll 1\n"), "{text}");
        assert!(text.contains("     first  2 poll 2\n") && text.contains("    second  2 poll 9\n"), "{text}");
        let text = first_divergence(first, b"1 poll 1\n").expect("they differ");
        assert!(text.contains("event 2") && text.contains("    second  (ends here)"), "{text}");
    }
}
