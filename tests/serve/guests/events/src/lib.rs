//! Counts for its listener.

use rusm_sdk::{Actor, EventStream, ExitReason, OpeningRequest, Term, events, export_event_stream, info, process};
use std::time::Duration;

struct Events {
    count: u32,
    last: u32,
}

impl Actor for Events {
    fn init(_: Term) -> Result<Self, String> {
        process::trap_exit(true);
        Ok(Self { count: 0, last: u32::MAX })
    }

    fn message(&mut self, _: Term) {
        if events::send("count", format!("{}\nof many", self.count)).is_err() {
            return;
        }
        self.count += 1;
        if self.count == self.last {
            events::close();
            return;
        }
        tick();
    }

    fn terminate(&mut self, reason: ExitReason) {
        info!("the stream ends: {}", reason.word);
    }
}

impl EventStream for Events {
    fn open(&mut self, request: OpeningRequest) -> Result<(), u16> {
        match request.query.as_str() {
            "forbidden" => return Err(403),
            "three" => self.last = 3,
            _ => {}
        }
        tick();
        Ok(())
    }
}

fn tick() {
    let _ = process::send_after(Duration::from_millis(20), process::self_pid(), Term::text("tick"));
}

export_event_stream!(Events);
