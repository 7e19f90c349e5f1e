//! A supervised process with a name; or one of a group, when it is started with its name.

use rusm_sdk::{Actor, Caller, Term, export_actor, groups};

struct Room {
    calls: u32,
}

impl Actor for Room {
    fn init(args: Term) -> Result<Self, String> {
        if let Some(group) = args.as_text().ok().filter(|group| !group.is_empty()) {
            groups::join(group).map_err(|refusal| refusal.text().to_owned())?;
        }
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
