//! Who keeps a copy of the room, on other nodes.

use std::collections::BTreeSet;

use chat_protocol::CopyEvent;
use rusm_sdk::{Pid, Term, process};

#[derive(Debug, Default)]
pub(crate) struct Copies {
    keepers: BTreeSet<Pid>,
}

impl Copies {
    /// False when that process keeps one already.
    pub(crate) fn add(&mut self, keeper: Pid) -> bool {
        self.keepers.insert(keeper)
    }

    pub(crate) fn remove(&mut self, keeper: Pid) {
        self.keepers.remove(&keeper);
    }

    /// Tells all. One that is lost hears all of it again when it is back.
    pub(crate) fn tell(&self, event: &CopyEvent) {
        let event = Term::json(event);
        for keeper in &self.keepers {
            let _ = process::send(*keeper, event.clone());
        }
    }
}
