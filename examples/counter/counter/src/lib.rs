//! A process that counts. Its state is its memory: it is gone when the process dies.

use rusm_sdk::{Actor, Caller, Term, export_actor, process};

struct Counter(u64);

impl Actor for Counter {
    fn init(_args: Term) -> Result<Self, String> {
        process::register("counter").map_err(|refusal| refusal.text().to_owned())?;
        Ok(Counter(0))
    }

    fn call(&mut self, request: Term, _caller: Caller) -> Option<Term> {
        if request.as_text().ok() == Some("crash") {
            panic!("somebody asked for it");
        }
        self.0 += 1;
        Some(Term::text(self.0.to_string()))
    }
}

export_actor!(Counter);
