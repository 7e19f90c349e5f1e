//! What a scenario sees: the app through the network, and the run itself.

use super::bindings::rusm::scenario::client::{self, Frame, HostEventStream, HostWebsocket, ReceiveError, Response};
use super::bindings::rusm::scenario::run::{self, Observation};
use super::event_stream::{Event, EventStream};
use super::http::{self, Request, Server};
use super::websocket::{Received, Websocket};
use crate::{Outcome, SimHandle};
use parking_lot::Mutex;
use rusm_core::seam::Seams;
use rusm_host::ProcessState;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;
use wasmtime::component::{HasSelf, Linker, Resource};

type Guest<T> = wasmtime::Result<T>;

/// Adds `rusm:scenario/client` and `rusm:scenario/run`.
pub(super) fn add_to_linker(linker: &mut Linker<ProcessState>) -> Guest<()> {
    client::add_to_linker::<_, HasSelf<ProcessState>>(linker, |state| state)?;
    run::add_to_linker::<_, HasSelf<ProcessState>>(linker, |state| state)
}

/// What all instances of a scenario share in one run.
pub(super) struct Shared {
    pub(super) sim: SimHandle,
    /// The nodes; client by client they take turns.
    servers: Vec<Server>,
    observations: Mutex<Vec<Observation>>,
    clients: AtomicU64,
}

impl Shared {
    pub(super) fn new(sim: SimHandle, servers: Vec<Server>) -> Self {
        Self { sim, servers, observations: Mutex::default(), clients: AtomicU64::new(0) }
    }

    /// How many clients there are.
    pub(super) fn clients(&self) -> u64 {
        self.clients.load(Ordering::Relaxed)
    }

    pub(super) fn set_clients(&self, clients: u32) {
        self.clients.store(clients.into(), Ordering::Relaxed);
    }

    pub(super) fn observations(&self) -> Vec<Observation> {
        self.observations.lock().clone()
    }
}

/// One instance of the scenario.
pub(super) struct Instance {
    pub(super) client: u32,
    pub(super) shared: Arc<Shared>,
}

struct Here {
    client: u32,
    shared: Arc<Shared>,
    seams: Seams,
}

impl Here {
    fn of(state: &mut ProcessState) -> Guest<Self> {
        let seams = state.context().node().seams().clone();
        let instance = state.extension_mut::<Instance>();
        let instance = instance.ok_or_else(|| wasmtime::Error::msg("not an instance of a scenario"))?;
        Ok(Self { client: instance.client, shared: instance.shared.clone(), seams })
    }

    /// The node that this client uses.
    fn server(&self) -> &Server {
        &self.shared.servers[self.client as usize % self.shared.servers.len()]
    }

    fn record(&self, what: &str) {
        self.shared.sim.record("client", &format!("{} {what}", self.client));
    }
}

fn millis(timeout: u32) -> Duration {
    Duration::from_millis(timeout.into())
}

impl client::Host for ProcessState {
    async fn request(
        &mut self,
        method: String,
        path: String,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
        timeout: u32,
    ) -> Guest<Result<Response, String>> {
        let here = Here::of(self)?;
        here.record(&format!("request {method} {path} {}", body.len()));
        let request = Request { method, path, headers, body };
        let answer = http::request(&here.seams, here.server(), request, millis(timeout)).await;
        match &answer {
            Ok(response) => here.record(&format!("response {} {}", response.status, response.body.len())),
            Err(why) => here.record(&format!("no response: {why}")),
        }
        Ok(answer.map(|http::Response { status, headers, body }| Response { status, headers, body }))
    }
}

impl HostWebsocket for ProcessState {
    async fn connect(&mut self, path: String, timeout: u32) -> Guest<Result<Resource<Websocket>, String>> {
        let here = Here::of(self)?;
        let opened = Websocket::connect(here.seams.clone(), here.server(), &path, millis(timeout)).await;
        match opened {
            Ok(websocket) => {
                here.record(&format!("websocket {path}"));
                Ok(Ok(self.table().push(websocket)?))
            }
            Err(why) => {
                here.record(&format!("no websocket {path}: {why}"));
                Ok(Err(why))
            }
        }
    }

    async fn send(&mut self, websocket: Resource<Websocket>, frame: Frame) -> Guest<Result<(), u16>> {
        let here = Here::of(self)?;
        let (len, message) = match frame {
            Frame::Text(text) => (text.len(), Message::text(text)),
            Frame::Binary(bytes) => (bytes.len(), Message::binary(bytes)),
        };
        let sent = self.table().get_mut(&websocket)?.send(message).await;
        here.record(&match sent {
            Ok(()) => format!("sent {len}"),
            Err(code) => format!("not sent {len}: {code}"),
        });
        Ok(sent)
    }

    async fn receive(&mut self, websocket: Resource<Websocket>, timeout: u32) -> Guest<Result<Frame, ReceiveError>> {
        let here = Here::of(self)?;
        Ok(match self.table().get_mut(&websocket)?.receive(millis(timeout)).await {
            Received::Text(text) => {
                here.record(&format!("received {}", text.len()));
                Ok(Frame::Text(text))
            }
            Received::Binary(bytes) => {
                here.record(&format!("received {}", bytes.len()));
                Ok(Frame::Binary(bytes))
            }
            Received::Timeout => Err(ReceiveError::Timeout),
            Received::Closed(code) => {
                here.record(&format!("closed {code}"));
                Err(ReceiveError::Closed(code))
            }
        })
    }

    async fn close(&mut self, websocket: Resource<Websocket>) -> Guest<()> {
        Here::of(self)?.record("closes");
        self.table().get_mut(&websocket)?.close().await;
        Ok(())
    }

    async fn drop(&mut self, websocket: Resource<Websocket>) -> Guest<()> {
        self.table().delete(websocket)?;
        Ok(())
    }
}

impl HostEventStream for ProcessState {
    async fn connect(&mut self, path: String, timeout: u32) -> Guest<Result<Resource<EventStream>, String>> {
        let here = Here::of(self)?;
        let opened = EventStream::connect(here.seams.clone(), here.server(), &path, millis(timeout)).await;
        match opened {
            Ok(stream) => {
                here.record(&format!("event-stream {path}"));
                Ok(Ok(self.table().push(stream)?))
            }
            Err(why) => {
                here.record(&format!("no event-stream {path}: {why}"));
                Ok(Err(why))
            }
        }
    }

    async fn receive(
        &mut self,
        stream: Resource<EventStream>,
        timeout: u32,
    ) -> Guest<Result<(String, String), ReceiveError>> {
        let here = Here::of(self)?;
        Ok(match self.table().get_mut(&stream)?.receive(millis(timeout)).await {
            Event::Named(name, data) => {
                here.record(&format!("event {name} {}", data.len()));
                Ok((name, data))
            }
            Event::Timeout => Err(ReceiveError::Timeout),
            Event::Closed(code) => {
                here.record(&format!("event-stream closed {code}"));
                Err(ReceiveError::Closed(code))
            }
        })
    }

    async fn drop(&mut self, stream: Resource<EventStream>) -> Guest<()> {
        self.table().delete(stream)?;
        Ok(())
    }
}

impl run::Host for ProcessState {
    async fn now_ms(&mut self) -> Guest<u64> {
        Ok(Here::of(self)?.shared.sim.now().as_nanos() / 1_000_000)
    }

    async fn sleep_ms(&mut self, duration: u64) -> Guest<()> {
        Here::of(self)?.shared.sim.sleep(Duration::from_millis(duration)).await;
        Ok(())
    }

    async fn nodes(&mut self) -> Guest<u32> {
        Ok(Here::of(self)?.shared.servers.len() as u32)
    }

    async fn random(&mut self) -> Guest<u64> {
        Ok(self.context().random())
    }

    async fn observe(&mut self, text: String) -> Guest<()> {
        let here = Here::of(self)?;
        here.record(&format!("observes {text}"));
        let at_ms = here.shared.sim.now().as_nanos() / 1_000_000;
        here.shared.observations.lock().push(Observation { client: here.client, at_ms, text });
        Ok(())
    }

    /// Does not return: the run ends here.
    async fn broken(&mut self, property: String, detail: String) -> Guest<()> {
        Here::of(self)?.shared.sim.fail(Outcome::broken(property, detail));
        std::future::pending().await
    }

    async fn sometimes(&mut self, name: String) -> Guest<()> {
        Here::of(self)?.shared.sim.sometimes(&name);
        Ok(())
    }

    async fn healed(&mut self) -> Guest<bool> {
        Ok(Here::of(self)?.shared.sim.healed())
    }
}
