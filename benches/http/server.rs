use anyhow::{anyhow, bail};
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use rusm_core::seam::Seams;
use rusm_core::{Encoding, ExitReason, Node, NodeOptions, Payload, Pid, ProcessBody, SpawnOptions, Started, Term};
use rusm_host::manifest::{Grants, Limits, Route, RoutePath, Target};
use rusm_host::serve::{EventStream, Exchange, Handlers, Opening, ResponseBody, ServeOptions, Server, WebSocket};
use rusm_host::{Engine, Host, HostOptions, Profile};
use std::convert::Infallible;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// Who answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Hyper with nothing of RUSM.
    Bare,
    /// A native process per request: what serving itself costs.
    Native,
    /// A new component instance per request.
    Fresh,
    /// A native process per request, which calls one resident component process.
    Resident,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Bare, Self::Native, Self::Fresh, Self::Resident];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare-hyper",
            Self::Native => "fresh-native-process",
            Self::Fresh => "fresh-component-process",
            Self::Resident => "resident-component-process",
        }
    }
}

impl FromStr for Kind {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| anyhow!("there is no server {text:?}"))
    }
}

/// Serves until it is killed; prints its address first.
pub(crate) fn run(kind: Kind, components: &Path) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        match kind {
            Kind::Bare => bare().await,
            Kind::Native | Kind::Fresh | Kind::Resident => node(kind, components).await,
        }
    })
}

async fn bare() -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = hyper::service::service_fn(async |_| {
            Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from_static(b"hello"))))
        });
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn node(kind: Kind, components: &Path) -> anyhow::Result<()> {
    let node = Node::start(NodeOptions::new("bench", Seams::production(std::env::temp_dir())));
    let cache = components.join("bench-code");
    let engine = Engine::new(Profile::Production, Some(cache)).map_err(|error| anyhow!("{error:#}"))?;
    let host = Host::new(HostOptions::new(engine)).map_err(|error| anyhow!("{error:#}"))?;
    let load = |name: &str| -> anyhow::Result<()> {
        let wasm = std::fs::read(components.join(format!("serve_{name}.wasm")))?;
        host.load_here(name, &wasm, Grants::default())?;
        Ok(())
    };
    let handlers: Arc<dyn Handlers> = match kind {
        Kind::Bare => bail!("it has no node"),
        Kind::Native => Arc::new(Front { resident: None }),
        Kind::Fresh => {
            load("web")?;
            Arc::new(host.clone())
        }
        Kind::Resident => {
            load("room")?;
            let body = host.body("room", Term::empty()).map_err(|reason| anyhow!("{reason}"))?;
            let Started::Up(pid) = node.start_process(SpawnOptions::default(), body).await else {
                bail!("the resident process did not start");
            };
            Arc::new(Front { resident: Some(pid) })
        }
    };
    let path = RoutePath::parse("/api/*").map_err(|(why, _)| anyhow!(why))?;
    let routes = vec![Route { path, target: Target::Http("web".to_owned()) }];
    let options = ServeOptions { listen: "127.0.0.1:0".parse()?, limits: Limits::default(), routes };
    let server = Server::start(node, options, handlers).await?;
    println!("{}", server.local_addr());
    std::future::pending().await
}

/// Native processes that answer hello, by themselves or with what a resident process says.
struct Front {
    resident: Option<Pid>,
}

impl Handlers for Front {
    fn http(&self, _: &str, exchange: Exchange) -> Result<ProcessBody, ExitReason> {
        let resident = self.resident;
        Ok(rusm_core::process_body(async move |context: rusm_core::Context| -> Result<(), ExitReason> {
            let (_, _, responder) = exchange.into_parts();
            let text = match resident {
                None => Bytes::from_static(b"hello"),
                Some(resident) => {
                    let request = Term::new(Encoding::Text, Bytes::from_static(b"hello"));
                    let answer = context.call(resident, request, Duration::from_secs(10)).await;
                    match answer.map_err(|error| ExitReason::new("no_answer").with_detail(error.to_string()))? {
                        Payload::Term(term) => term.bytes,
                        Payload::Local(_) => return Err(ExitReason::new("no_term")),
                    }
                }
            };
            responder.respond(http::Response::new(ResponseBody::new(Full::new(text))));
            Ok(())
        }))
    }

    fn websocket(&self, _: &str, _: Opening<WebSocket>) -> Result<ProcessBody, ExitReason> {
        Err(ExitReason::new("undef"))
    }

    fn events(&self, _: &str, _: Opening<EventStream>) -> Result<ProcessBody, ExitReason> {
        Err(ExitReason::new("undef"))
    }
}
