//! Takes what one holder of the ledger writes, and nothing of those before it.

use rusm_sdk::{Actor, Caller, Term, export_actor};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    node: String,
    token: u64,
    number: u64,
}

/// What one holder has written.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Chapter {
    node: String,
    token: u64,
    entries: u64,
    last: u64,
}

#[derive(Debug, Default, Serialize)]
struct Books {
    /// In the order in which they came.
    chapters: Vec<Chapter>,
    /// Entries of former holders.
    refused: u64,
    /// What must not happen and has.
    wrong: Vec<String>,
}

impl Books {
    fn write(&mut self, entry: &Entry) {
        match self.chapters.last_mut() {
            Some(chapter) if entry.token < chapter.token => self.refused += 1,
            Some(chapter) if entry.token == chapter.token => {
                if entry.node != chapter.node || entry.number <= chapter.last {
                    self.wrong.push(format!("{entry:?} behind {chapter:?}"));
                }
                (chapter.entries, chapter.last) = (chapter.entries + 1, entry.number);
            }
            _ => {
                let Entry { node, token, number } = entry.clone();
                self.chapters.push(Chapter { node, token, entries: 1, last: number });
            }
        }
    }
}

impl Actor for Books {
    fn init(_args: Term) -> Result<Self, String> {
        Ok(Self::default())
    }

    fn message(&mut self, message: Term) {
        if let Ok(entry) = message.to_json::<Entry>() {
            self.write(&entry);
        }
    }

    fn call(&mut self, _request: Term, _caller: Caller) -> Option<Term> {
        let json = Term::json(&self);
        Some(Term::text(String::from_utf8_lossy(&json.bytes)))
    }
}

export_actor!(Books);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_holder_shuts_those_before_it_out() {
        let mut books = Books::default();
        let mut write = |node: &str, token, number| books.write(&Entry { node: node.into(), token, number });
        write("a", 7, 1);
        write("a", 7, 2);
        write("b", 9, 1);
        write("a", 7, 3);
        write("b", 9, 2);
        assert_eq!((books.refused, books.wrong.len(), books.chapters.len()), (1, 0, 2));
        books.write(&Entry { node: "c".into(), token: 9, number: 3 });
        assert_eq!(books.wrong.len(), 1);
    }
}
