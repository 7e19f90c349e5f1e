use super::problem::Report;
use super::scalar::{DURATION_REMEDY, SIZE_REMEDY, parse_duration, parse_size};
use super::suggest::suggestion;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A table of the manifest while it is read: each key is taken once, and [`finish`](Self::finish) reports those that
/// nobody knows.
pub(super) struct Section<'r, 'i> {
    pub(super) report: &'r Report<'i>,
    /// The keys that lead to it, with a dot between.
    pub(super) path: String,
    pub(super) span: Range<usize>,
    entries: BTreeMap<String, Entry<'i>>,
    known: Vec<&'static str>,
    /// What its keys are called: `key` or `grant`.
    noun: &'static str,
}

/// A key's value, and where the key stands.
pub(super) struct Entry<'i> {
    pub(super) key_span: Range<usize>,
    pub(super) value: Spanned<DeValue<'i>>,
}

impl<'r, 'i> Section<'r, 'i> {
    pub(super) fn new(report: &'r Report<'i>, path: String, span: Range<usize>, table: DeTable<'i>) -> Self {
        let entries = table
            .into_iter()
            .map(|(key, value)| {
                let key_span = key.span();
                (key.into_inner().into_owned(), Entry { key_span, value })
            })
            .collect();
        Self { report, path, span, entries, known: Vec::new(), noun: "key" }
    }

    /// Calls its keys something else in [`finish`](Self::finish).
    pub(super) fn noun(mut self, noun: &'static str) -> Self {
        self.noun = noun;
        self
    }

    /// The full name of one of its keys.
    pub(super) fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    pub(super) fn problem(&self, span: Range<usize>, key: &str, what: impl Into<String>, remedy: impl Into<String>) {
        let key = if key.is_empty() { self.path.clone() } else { self.key(key) };
        self.report.add(span, &key, what, remedy);
    }

    pub(super) fn take(&mut self, key: &'static str) -> Option<Entry<'i>> {
        self.known.push(key);
        self.entries.remove(key)
    }

    /// Whether a key is there that was not taken yet.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Reports the keys that were not taken.
    pub(super) fn finish(self) {
        for (key, entry) in &self.entries {
            let remedy = suggestion(key, self.known.iter().copied());
            self.problem(entry.key_span.clone(), key, format!("unknown {}", self.noun), remedy);
        }
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'i>>, expected: &str) {
        let what = format!("this is {}", type_name(value.get_ref()));
        self.problem(value.span(), key, what, format!("Write {expected}"));
    }

    pub(super) fn string(&mut self, key: &'static str) -> Option<Spanned<String>> {
        let value = self.take(key)?.value;
        self.as_string(key, value, "a text in quotes")
    }

    fn as_string(&self, key: &str, value: Spanned<DeValue<'i>>, expected: &str) -> Option<Spanned<String>> {
        let span = value.span();
        match value.get_ref() {
            DeValue::String(text) => Some(Spanned::new(span, text.clone().into_owned())),
            _ => {
                self.wrong_type(key, &value, expected);
                None
            }
        }
    }

    /// As [`string`](Self::string), with a problem when there is none.
    pub(super) fn required_string(&mut self, key: &'static str, remedy: &str) -> Option<Spanned<String>> {
        if !self.has(key) {
            self.known.push(key);
            self.problem(self.span.clone(), key, "is missing", remedy);
            return None;
        }
        self.string(key)
    }

    /// A list of texts. Wrong items are reported and left out.
    pub(super) fn strings(&mut self, key: &'static str) -> Option<Vec<Spanned<String>>> {
        let value = self.take(key)?.value;
        if !matches!(value.get_ref(), DeValue::Array(_)) {
            self.wrong_type(key, &value, "a list of texts, as in [\"a\", \"b\"]");
            return None;
        }
        let DeValue::Array(items) = value.into_inner() else { return None };
        Some(items.into_iter().filter_map(|item| self.as_string(key, item, "a text in quotes")).collect())
    }

    pub(super) fn boolean(&mut self, key: &'static str) -> Option<Spanned<bool>> {
        let value = self.take(key)?.value;
        match value.get_ref() {
            DeValue::Boolean(boolean) => Some(Spanned::new(value.span(), *boolean)),
            _ => {
                self.wrong_type(key, &value, "true or false");
                None
            }
        }
    }

    /// A whole number of at least `min`.
    pub(super) fn count(&mut self, key: &'static str, min: u32) -> Option<u32> {
        let value = self.take(key)?.value;
        let DeValue::Integer(integer) = value.get_ref() else {
            self.wrong_type(key, &value, "a whole number");
            return None;
        };
        let number = u32::from_str_radix(integer.as_str(), integer.radix()).ok().filter(|number| *number >= min);
        if number.is_none() {
            let remedy = format!("Write a whole number from {min} to {}", u32::MAX);
            self.problem(value.span(), key, format!("{integer} does not fit"), remedy);
        }
        number
    }

    /// A duration of at least one millisecond.
    pub(super) fn duration(&mut self, key: &'static str) -> Option<Duration> {
        let value = self.take(key)?.value;
        let text = self.as_string(key, value, "a duration, as in \"5s\"")?;
        match parse_duration(text.get_ref()) {
            Ok(duration) if duration.is_zero() => {
                self.problem(text.span(), key, "must be longer than nothing", DURATION_REMEDY);
                None
            }
            Ok(duration) => Some(duration),
            Err(what) => {
                self.problem(text.span(), key, what, DURATION_REMEDY);
                None
            }
        }
    }

    /// A size in bytes, within `min` and `max`.
    pub(super) fn size(&mut self, key: &'static str, min: u64, max: u64) -> Option<u64> {
        let value = self.take(key)?.value;
        let text = self.as_string(key, value, "a size, as in \"64MiB\"")?;
        match parse_size(text.get_ref()) {
            Ok(size) if size < min || size > max => {
                let what = format!("{:?} is out of bounds", text.get_ref());
                self.problem(text.span(), key, what, format!("Write a size from {} to {}", bytes(min), bytes(max)));
                None
            }
            Ok(size) => Some(size),
            Err(what) => {
                self.problem(text.span(), key, what, SIZE_REMEDY);
                None
            }
        }
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        let word = self.string(key)?;
        let found = choices.iter().find(|(name, _)| name == word.get_ref());
        if found.is_none() {
            let remedy = suggestion(word.get_ref(), choices.iter().map(|(name, _)| *name));
            self.problem(word.span(), key, format!("unknown {key} {:?}", word.get_ref()), remedy);
        }
        found.map(|(_, choice)| *choice)
    }

    /// A table below this one.
    pub(super) fn section(&mut self, key: &'static str) -> Option<Section<'r, 'i>> {
        let entry = self.take(key)?;
        self.as_section(self.key(key), entry)
    }

    fn as_section(&self, path: String, entry: Entry<'i>) -> Option<Section<'r, 'i>> {
        let span = entry.key_span;
        match entry.value.get_ref() {
            DeValue::Table(table) => Some(Section::new(self.report, path, span, table.clone())),
            other => {
                let what = format!("this is {}", type_name(other));
                self.report.add(entry.value.span(), &path, what, format!("Write it as a table: [{path}]"));
                None
            }
        }
    }

    /// The tables of a table: `[key.NAME]`, in document order.
    pub(super) fn named_sections(&mut self, key: &'static str) -> Vec<(Spanned<String>, Section<'r, 'i>)> {
        let Some(all) = self.section(key) else { return Vec::new() };
        let path = all.path.clone();
        let mut sections: Vec<_> = all
            .entries
            .into_iter()
            .filter_map(|(name, entry)| {
                let name_span = entry.key_span.clone();
                let section = self.as_section(format!("{path}.{name}"), entry)?;
                Some((Spanned::new(name_span, name), section))
            })
            .collect();
        sections.sort_by_key(|(name, _)| name.span().start);
        sections
    }

    /// The tables of a list: `[[key]]`, or `key = [{ … }]`.
    pub(super) fn listed_sections(&mut self, key: &'static str) -> Vec<Section<'r, 'i>> {
        let Some(entry) = self.take(key) else { return Vec::new() };
        if !matches!(entry.value.get_ref(), DeValue::Array(_)) {
            self.wrong_type(key, &entry.value, "a list of tables");
            return Vec::new();
        }
        let DeValue::Array(items) = entry.value.into_inner() else { return Vec::new() };
        let mut sections = Vec::new();
        for item in items {
            let span = item.span();
            match item.get_ref() {
                DeValue::Table(table) => {
                    sections.push(Section::new(self.report, self.key(key), span, table.clone()));
                }
                _ => self.wrong_type(key, &item, "a table"),
            }
        }
        sections
    }
}

fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A size as people write it.
fn bytes(size: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let unit = units.into_iter().find(|(shift, _)| size > 0 && size.is_multiple_of(1 << shift));
    unit.map_or_else(|| format!("{size}B"), |(shift, unit)| format!("{}{unit}", size >> shift))
}
