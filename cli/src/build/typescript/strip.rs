//! TypeScript without its types: each is replaced by blanks, so that every line and column stays where it was.

use std::sync::{Arc, Mutex, PoisonError};
use swc_common::SourceMap;
use swc_common::errors::{DiagnosticBuilder, Emitter, HANDLER, Handler};
use swc_common::sync::Lrc;
use swc_ts_fast_strip::{Mode, Options, operate};

/// The JavaScript in a TypeScript module.
///
/// # Errors
/// What does not parse, or is more than a type (an enum, a namespace, a parameter property), with its place.
pub(super) fn strip_types(name: &str, source: String) -> Result<String, String> {
    let sources: Lrc<SourceMap> = Lrc::default();
    let found: Arc<Mutex<Vec<String>>> = Arc::default();
    let collector = Collector { name: name.to_owned(), sources: sources.clone(), found: found.clone() };
    let handler = Handler::with_emitter(true, false, Box::new(collector));
    let options =
        Options { module: Some(true), filename: Some(name.to_owned()), mode: Mode::StripOnly, ..Options::default() };
    let stripped = HANDLER.set(&handler, || operate(&sources, &handler, source, options));
    stripped.map(|output| output.code).map_err(|error| {
        let found = found.lock().unwrap_or_else(PoisonError::into_inner);
        if found.is_empty() { format!("{name}: {}", error.message) } else { found.join("\n") }
    })
}

/// Keeps the messages as `file:line:column: what`.
struct Collector {
    name: String,
    sources: Lrc<SourceMap>,
    found: Arc<Mutex<Vec<String>>>,
}

impl Emitter for Collector {
    fn emit(&mut self, diagnostic: &mut DiagnosticBuilder<'_>) {
        let place = diagnostic.span.primary_span().map(|span| self.sources.lookup_char_pos(span.lo));
        let place = place.map_or_else(String::new, |place| format!("{}:{}:", place.line, place.col_display + 1));
        let text = format!("{}:{place} {}", self.name, diagnostic.message());
        self.found.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }
}
