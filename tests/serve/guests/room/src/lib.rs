//! A supervised process with a name.

use rusm_sdk::{Actor, Caller, Term, export_actor};

struct Room {
    calls: u32,
}

impl Actor for Room {
    fn init(_: Term) -> Result<Self, String> {
        Ok(Self { calls: 0 })
    }

    fn call(&mut self, request: Term, _: Caller) -> Option<Term> {
        self.calls += 1;
        match request.as_text().unwrap_or_default() {
            "trap" => panic!("as you wish"),
            "grow" => {
                let mut hoard: Vec<Vec<u8>> = Vec::new();
                loop {
                    hoard.push(vec![1; 1 << 20]);
                }
            }
            _ => Some(Term::text(format!("call {}", self.calls))),
        }
    }
}

export_actor!(Room);
