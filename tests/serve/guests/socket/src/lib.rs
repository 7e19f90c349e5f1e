//! Says back what it hears, and does what it is told.

use rusm_sdk::{Actor, Close, Event, Frame, OpeningRequest, Term, WebSocket, export_websocket, info, process, socket};

struct Socket;

impl Actor for Socket {
    fn init(_: Term) -> Result<Self, String> {
        Ok(Self)
    }

    fn message(&mut self, message: Term) {
        let _ = socket::send_text(format!("message {}", message.as_text().unwrap_or_default()));
    }

    fn info(&mut self, event: Event) {
        let text = match event {
            Event::Down(down) => format!("down {}", down.reason.word),
            Event::Exit(exit) => format!("exit {}", exit.reason.word),
            Event::Group(event) => format!("group {}", event.group),
            Event::Node(event) => format!("node {}", event.node.name),
        };
        let _ = socket::send_text(text);
    }
}

impl WebSocket for Socket {
    fn open(&mut self, request: OpeningRequest) -> Result<(), u16> {
        let room = request.parameters.iter().find(|(name, _)| name == "room").map(|(_, room)| room.as_str());
        match room {
            Some("forbidden") => Err(403),
            Some(_) => Ok(()),
            None => Err(404),
        }
    }

    fn received(&mut self, frame: Frame) {
        let Frame::Text(text) = &frame else {
            let _ = socket::send(frame);
            return;
        };
        match text.as_str() {
            "trap" => panic!("as you wish"),
            "spin" => loop {
                std::hint::spin_loop();
            },
            "bye" => socket::close(4000, "as you wish"),
            "watch room" => {
                let text = match process::monitor("room") {
                    Ok(_) => "watching".to_owned(),
                    Err(refusal) => refusal.to_string(),
                };
                let _ = socket::send_text(text);
            }
            "tell me" => {
                let _ = process::send(process::self_pid(), Term::text("from myself"));
            }
            _ => {
                let _ = socket::send(frame);
            }
        }
    }

    fn closed(&mut self, close: Option<Close>) {
        info!("closed with {:?}", close.map(|close| close.code));
    }
}

export_websocket!(Socket);
