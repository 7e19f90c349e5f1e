//! Two RUSM nodes over QUIC.

use crate::measure::{Measure, SENDERS, Used};
use crate::meter::cpu_us;
use anyhow::Context as _;
use rusm_core::seam::Seams;
use rusm_core::{
    Context, Encoding, Message, Node, NodeId, NodeOptions as CoreOptions, Pid, ProcessSpec, SpawnOptions, Term,
    process_body,
};
use rusm_transport::proto::{Config, Identity, Role};
use rusm_transport::quic::{Authority, Credentials, MemberOptions, QuicMember};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// One node of a job.
#[derive(clap::Args)]
pub struct NodeOptions {
    #[arg(long, hide = true)]
    pub credentials: Option<PathBuf>,
    #[arg(long, hide = true)]
    join: Option<SocketAddr>,
    #[arg(long, hide = true, default_value = "small")]
    measure: String,
    #[arg(long, hide = true, default_value_t = 0)]
    operations: u64,
    /// The other node's process.
    #[arg(long, hide = true, default_value_t = 0)]
    other: i32,
}

const LONG: Duration = Duration::from_secs(600);

/// Runs one job: two children of this process.
pub fn job(measure: Measure, operations: u64) -> anyhow::Result<Used> {
    let dir = tempfile::tempdir()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let authority = Authority::new(now, Duration::from_secs(86_400))?;
    for name in ["a", "b"] {
        let holder = Identity { name: name.to_owned(), role: Role::Node };
        let issued = authority.issue(&holder, now, Duration::from_secs(86_400))?;
        let pem = [authority.certificate(), &issued.certificate, &issued.key].map(|part| part.to_string());
        std::fs::write(dir.path().join(name), serde_json::to_vec(&pem)?)?;
    }
    let mut b = start(&dir.path().join("b"), &[])?;
    let result = drive(&dir.path().join("a"), measure, operations, &mut b);
    // It is dead already after the measure that kills it.
    let _ = b.kill();
    b.wait()?;
    result
}

fn drive(credentials: &Path, measure: Measure, operations: u64, b: &mut Child) -> anyhow::Result<Used> {
    let address = first_line(b)?;
    let (operations, other) = (operations.to_string(), b.id().to_string());
    let arguments = ["--join", &address, "--measure", measure.name, "--operations", &operations, "--other", &other];
    let mut a = start(credentials, &arguments)?;
    let line = first_line(&mut a);
    a.wait()?;
    Ok(serde_json::from_str(&line?)?)
}

fn start(credentials: &Path, arguments: &[&str]) -> anyhow::Result<Child> {
    let child = Command::new(std::env::current_exe()?)
        .arg("--credentials")
        .arg(credentials)
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn();
    child.context("a node does not start")
}

fn first_line(child: &mut Child) -> anyhow::Result<String> {
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("its output is piped")?).read_line(&mut line)?;
    anyhow::ensure!(!line.is_empty(), "a node ended without a word");
    Ok(line.trim().to_owned())
}

/// One of the two nodes: the one that joins drives.
pub fn node(credentials: &Path, options: &NodeOptions) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let [authority, certificate, key]: [String; 3] = serde_json::from_slice(&std::fs::read(credentials)?)?;
    let credentials = Credentials::of_pem(&authority, &certificate, &key)?;
    let name = credentials.identity().name.clone();
    runtime.block_on(async {
        let node = Node::start(CoreOptions::new(name, Seams::production(std::env::temp_dir())));
        register(&node);
        let options_of_member = MemberOptions {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            credentials,
            join: options.join.into_iter().collect(),
            config: Config::default(),
            advertise: None,
        };
        let member = QuicMember::start(&node, options_of_member)?;
        if options.join.is_none() {
            println!("{}", member.local_addr());
            std::future::pending::<()>().await;
        }
        let (tell, told) = tokio::sync::oneshot::channel();
        let (measure, operations, other) = (options.measure.clone(), options.operations, options.other);
        node.spawn(move |context: Context| async move {
            let _ = tell.send(run(&context, &measure, operations, other).await);
        });
        println!("{}", serde_json::to_string(&told.await.context("the driver died")??)?);
        Ok(())
    })
}

/// What the other node starts here.
fn register(node: &Node) {
    let kind = |name: &str, body: fn(Context) -> rusm_core::BoxFuture<()>| {
        let factory = move |_: &Node, _: &ProcessSpec| Ok(process_body(body));
        node.register_factory(name, Arc::new(factory));
    };
    kind("sink", |context| Box::pin(answering(context, |_| Term::empty())));
    kind("echo", |context| Box::pin(answering(context, |request| request)));
    kind("cpu", |context| Box::pin(answering(context, |_| number(cpu_us()))));
    kind("deaf", |context| Box::pin(async move { drop(context.receive_match(|_| false).await) }));
}

/// Takes messages and answers calls.
async fn answering(context: Context, answer: fn(Term) -> Term) {
    loop {
        if let Message::Call { from, payload } = context.receive().await {
            let request = payload.as_term().cloned().unwrap_or(Term::empty());
            context.reply(from, answer(request));
        }
    }
}

fn number(number: u64) -> Term {
    Term::new(Encoding::Raw, number.to_le_bytes().to_vec())
}

async fn spawn(context: &Context, kind: &str) -> Pid {
    let there = NodeId::of_name("b");
    loop {
        let spec =
            ProcessSpec { kind: kind.into(), target: kind.into(), digest: None, args: Term::empty(), grants: None };
        match context.spawn_on(there, spec, SpawnOptions::default()).await {
            Ok(spawned) => return spawned.pid,
            // Not connected yet.
            Err(_) => context.sleep(Duration::from_millis(20)).await,
        }
    }
}

/// CPU time of both nodes.
async fn cpu_of_both(context: &Context, meter: Pid) -> anyhow::Result<u64> {
    let there = context.call(meter, Term::empty(), LONG).await?;
    let there = there.as_term().context("a term")?.bytes[..].try_into().map(u64::from_le_bytes)?;
    Ok(cpu_us() + there)
}

async fn run(context: &Context, measure: &str, operations: u64, other: i32) -> anyhow::Result<Used> {
    let meter = spawn(context, "cpu").await;
    if measure == "killed" {
        return killed(context, meter, other).await;
    }
    if measure == "beside-slow" {
        let deaf = spawn(context, "deaf").await;
        context.spawn(move |context: Context| pour(context, deaf));
    }
    once(context, measure, operations / 10 + 1).await?;
    let (cpu, begin) = (cpu_of_both(context, meter).await?, Instant::now());
    let mut trips = once(context, measure, operations).await?;
    let wall_us = begin.elapsed().as_micros() as f64;
    let cpu_us = (cpu_of_both(context, meter).await? - cpu) as f64;
    trips.sort_unstable();
    let at = |percent: usize| trips.get(trips.len() * percent / 100).map_or(0.0, |trip| trip.as_nanos() as f64 / 1e3);
    Ok(Used { cpu_us, wall_us, p50_us: at(50), p99_us: at(99) })
}

/// Sends to somebody who does not read, at his leisure.
async fn pour(context: Context, deaf: Pid) {
    for _ in 0..u64::MAX {
        let _ = context.send(deaf, Term::new(Encoding::Raw, vec![0; 1024]));
        context.sleep(Duration::from_millis(1)).await;
    }
}

/// Performs a measure; returns how long each round trip took that was alone.
async fn once(context: &Context, measure: &str, operations: u64) -> anyhow::Result<Vec<Duration>> {
    match measure {
        "small" | "beside-slow" => messages(context, 8, operations).await,
        "1k" => messages(context, 1024, operations).await,
        "64k" => messages(context, 64 << 10, operations).await,
        "round-trip" => return round_trips(context, operations).await,
        "pairs" => pairs(context, operations).await,
        other => anyhow::bail!("no such measure: {other}"),
    }
    Ok(Vec::new())
}

/// Runs so many processes at once until all of them have ended.
async fn at_once<Fut>(context: &Context, many: u64, body: impl Fn(Context) -> Fut + Clone + Send + 'static)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    for _ in 0..many {
        context.spawn_monitor(body.clone());
    }
    for _ in 0..many {
        context.receive_match(|message| matches!(message, Message::Down { .. })).await;
    }
}

async fn messages(context: &Context, len: usize, operations: u64) {
    at_once(context, SENDERS, move |context: Context| async move {
        let sink = spawn(&context, "sink").await;
        let term = Term::new(Encoding::Raw, vec![7; len]);
        for number in 0..operations / SENDERS {
            context.send(sink, term.clone()).expect("a term");
            // A process that never waits is never held.
            if number % 64 == 63 {
                tokio::task::yield_now().await;
            }
        }
        context.call(sink, Term::empty(), LONG).await.expect("everything has arrived before");
        context.exit_signal(sink, rusm_core::ExitReason::KILL);
    })
    .await;
}

async fn round_trips(context: &Context, operations: u64) -> anyhow::Result<Vec<Duration>> {
    let echo = spawn(context, "echo").await;
    let mut trips = Vec::new();
    for _ in 0..operations {
        let begin = Instant::now();
        context.call(echo, number(7), LONG).await?;
        trips.push(begin.elapsed());
    }
    Ok(trips)
}

async fn pairs(context: &Context, operations: u64) {
    const PAIRS: u64 = 10_000;
    at_once(context, PAIRS, move |context: Context| async move {
        let echo = spawn(&context, "echo").await;
        for _ in 0..operations.div_ceil(PAIRS) {
            context.call(echo, number(7), LONG).await.expect("an answer");
        }
        context.exit_signal(echo, rusm_core::ExitReason::KILL);
    })
    .await;
}

async fn killed(context: &Context, meter: Pid, other: i32) -> anyhow::Result<Used> {
    context.monitor(meter);
    context.call(meter, Term::empty(), LONG).await?;
    let begin = Instant::now();
    // SAFETY: a system call without pointers, for the process that this run has started.
    anyhow::ensure!(unsafe { libc::kill(other, libc::SIGKILL) } == 0, "it cannot be killed");
    context.receive_match(|message| matches!(message, Message::Down { .. })).await;
    Ok(Used { wall_us: begin.elapsed().as_micros() as f64, ..Used::default() })
}
