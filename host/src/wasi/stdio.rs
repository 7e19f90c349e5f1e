//! A guest's standard output and error: lines in the node's log, the last ones of the latter kept for an exit reason.

use bytes::Bytes;
use parking_lot::Mutex;
use rusm_core::Pid;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi_io::async_trait;
use wasmtime_wasi_io::poll::Pollable;
use wasmtime_wasi_io::streams::{OutputStream, StreamResult};

/// Bytes of one line; a longer one is logged in pieces.
const LINE_BYTES_MAX: usize = 4096;
/// Lines that are kept for the exit reason.
const LAST_WORDS_LINES: usize = 16;
/// Bytes that a guest may write in one call.
const WRITE_BYTES_MAX: usize = 64 << 10;

/// The last lines that a guest wrote to standard error, or logged as an error: what it knows of its own end.
#[derive(Clone, Default)]
pub(crate) struct LastWords(Arc<Mutex<VecDeque<String>>>);

impl LastWords {
    pub(crate) fn push(&self, line: String) {
        let mut lines = self.0.lock();
        if lines.len() == LAST_WORDS_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// Takes the lines, oldest first, without what Rust's panics say of environment variables.
    pub(crate) fn take(&self) -> String {
        let lines = std::mem::take(&mut *self.0.lock());
        let telling = lines.into_iter().filter(|line| !line.starts_with("note: run with `RUST_BACKTRACE"));
        telling.collect::<Vec<_>>().join("\n").trim().to_owned()
    }
}

/// Standard output and error of a process that logs both.
pub(crate) fn log_lines(pid: Pid, component: &str, last_words: &LastWords) -> (LogStream, LogStream) {
    let stream = |last_words| {
        let lines = Lines { pid, component: component.to_owned(), pending: Vec::new(), last_words };
        LogStream(Arc::new(Mutex::new(lines)))
    };
    (stream(None), stream(Some(last_words.clone())))
}

/// Cuts what is written into lines.
#[derive(Clone)]
pub(crate) struct LogStream(Arc<Mutex<Lines>>);

struct Lines {
    pid: Pid,
    component: String,
    pending: Vec<u8>,
    /// Standard error's.
    last_words: Option<LastWords>,
}

impl Lines {
    fn write(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let room = LINE_BYTES_MAX - self.pending.len();
            let take = end.unwrap_or(bytes.len()).min(room);
            self.pending.extend_from_slice(&bytes[..take]);
            bytes = &bytes[take..];
            if let Some(rest) = bytes.strip_prefix(b"\n") {
                bytes = rest;
                self.end_line();
            } else if self.pending.len() == LINE_BYTES_MAX {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.pending).into_owned();
        self.pending.clear();
        match &self.last_words {
            None => tracing::info!(target: "guest", pid = %self.pid, component = self.component, "{line}"),
            Some(last_words) => {
                tracing::warn!(target: "guest", pid = %self.pid, component = self.component, "{line}");
                last_words.push(line);
            }
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if !self.pending.is_empty() {
            self.end_line();
        }
    }
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for LogStream {
    async fn ready(&mut self) {}
}

impl OutputStream for LogStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0.lock().write(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

impl AsyncWrite for LogStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.0.lock().write(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusm_core::NodeId;

    fn check(writes: &[&str], expected: &str) {
        let last_words = LastWords::default();
        let pid = Pid { node: NodeId::of_name("a"), incarnation: 1, index: 0, serial: 0, random: 0 };
        let (_, stderr) = log_lines(pid, "x", &last_words);
        for text in writes {
            stderr.0.lock().write(text.as_bytes());
        }
        drop(stderr);
        assert_eq!(last_words.take(), expected);
    }

    #[test]
    fn the_last_lines_are_kept() {
        check(&["a\nb", "c\n"], "a\nbc");
        check(&["no end"], "no end");
        let many: Vec<String> = (0..LAST_WORDS_LINES + 1).map(|n| format!("{n}\n")).collect();
        let kept: Vec<String> = (1..LAST_WORDS_LINES + 1).map(|n| n.to_string()).collect();
        check(&[&many.concat()], &kept.join("\n"));
    }

    #[test]
    fn a_line_is_cut_at_its_limit() {
        let at = "x".repeat(LINE_BYTES_MAX);
        check(&[&at], &at);
        check(&[&at, "\n"], &at);
        check(&[&at, "y"], &format!("{at}\ny"));
    }

    #[test]
    fn advice_about_the_guests_environment_is_left_out() {
        check(
            &["panicked at src/lib.rs:1:1:\nboom\nnote: run with `RUST_BACKTRACE=1` to see\n"],
            "panicked at src/lib.rs:1:1:\nboom",
        );
    }
}
