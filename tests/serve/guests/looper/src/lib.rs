//! Comes up, and crashes at once.

use rusm_sdk::{Actor, Term, export_actor, process};

struct Looper;

impl Actor for Looper {
    fn init(_: Term) -> Result<Self, String> {
        process::send(process::self_pid(), Term::text("crash")).map_err(|refusal| refusal.to_string())?;
        Ok(Self)
    }

    fn message(&mut self, _: Term) {
        panic!("again");
    }
}

export_actor!(Looper);
