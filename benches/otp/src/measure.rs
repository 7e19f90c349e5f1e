//! The harness: what is measured, how CPU time is taken, and the table.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

pub type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One operation that all peers are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// Spawn a process that ends at once, and wait until all have.
    SpawnExit,
    /// A message there and one back.
    PingPong,
    /// One of four senders' messages to one receiver.
    FourToOne,
    /// One hop of a token in a ring of 1,000.
    RingHop,
    /// A request and its reply.
    Call,
    /// A call behind 10,000 messages that nobody takes.
    CallBehindBacklog,
}

pub const MEASURES: [(Measure, &str, u64); 6] = [
    (Measure::SpawnExit, "spawn + exit", 200_000),
    (Measure::PingPong, "ping-pong round trip", 200_000),
    (Measure::FourToOne, "4 senders to 1, a message", 800_000),
    (Measure::RingHop, "ring hop", 500_000),
    (Measure::Call, "call and reply", 200_000),
    (Measure::CallBehindBacklog, "call behind 10,000 messages", 20_000),
];

pub trait Peer {
    fn name(&self) -> &'static str;
    /// The job that does the operation so many times; nothing when the peer has no such operation.
    fn job(&self, measure: Measure, operations: u64) -> Option<Job>;
}

pub struct Options {
    pub threads: usize,
    pub rounds: usize,
    pub json: Option<String>,
}

impl Options {
    pub fn from_arguments() -> Self {
        let mut options = Self { threads: 1, rounds: 5, json: None };
        let mut arguments = std::env::args().skip(1);
        while let Some(flag) = arguments.next() {
            let value = arguments.next().unwrap_or_default();
            match flag.as_str() {
                "--threads" => options.threads = value.parse().expect("--threads takes a number"),
                "--rounds" => options.rounds = value.parse().expect("--rounds takes a number"),
                "--json" => options.json = Some(value),
                other => panic!("unknown flag {other}; there are --threads, --rounds and --json"),
            }
        }
        options
    }
}

/// CPU microseconds per operation, the median over the rounds, by measure and peer.
pub type Results = BTreeMap<Measure, Vec<(&'static str, Option<f64>)>>;

pub fn run(options: &Options, peers: &[&dyn Peer]) -> Results {
    let mut samples: BTreeMap<(Measure, usize), Vec<f64>> = BTreeMap::new();
    for round in 0..options.rounds {
        eprintln!("round {} of {}", round + 1, options.rounds);
        for (measure, _, operations) in MEASURES {
            for (i, peer) in peers.iter().enumerate() {
                let Some(job) = peer.job(measure, operations) else { continue };
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(options.threads)
                    .enable_all()
                    .build()
                    .expect("a runtime");
                let before = cpu_us();
                runtime.block_on(async { tokio::spawn(job).await.expect("a job ends well") });
                samples.entry((measure, i)).or_default().push((cpu_us() - before) / operations as f64);
            }
        }
    }
    let median = |mut of: Vec<f64>| {
        of.sort_by(f64::total_cmp);
        of[of.len() / 2]
    };
    MEASURES
        .iter()
        .map(|(measure, ..)| {
            let row = peers.iter().enumerate();
            (*measure, row.map(|(i, peer)| (peer.name(), samples.remove(&(*measure, i)).map(median))).collect())
        })
        .collect()
}

/// CPU time of this process so far, user and system, in microseconds.
fn cpu_us() -> f64 {
    // SAFETY: a zeroed `rusage` is a valid value, and `getrusage` only writes into it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let us = |t: libc::timeval| t.tv_sec as f64 * 1e6 + t.tv_usec as f64;
    us(usage.ru_utime) + us(usage.ru_stime)
}

pub fn print_table(options: &Options, results: &Results) {
    println!(
        "CPU us an operation, median of {} rounds, {} worker thread(s); (x): ratio to rusm",
        options.rounds, options.threads
    );
    for (measure, title, _) in MEASURES {
        let row = &results[&measure];
        let ours = row[0].1.unwrap_or(f64::NAN);
        let cells = row.iter().map(|(peer, us)| match us {
            Some(us) => format!("{peer} {us:.2} ({:.2})", us / ours),
            None => format!("{peer} -"),
        });
        println!("{title:<28} {}", cells.collect::<Vec<_>>().join("   "));
    }
    if let Some(file) = &options.json {
        let rows: BTreeMap<&str, BTreeMap<&str, Option<f64>>> =
            MEASURES.iter().map(|(m, title, _)| (*title, results[m].iter().copied().collect())).collect();
        std::fs::write(file, serde_json::to_string_pretty(&rows).expect("numbers become JSON"))
            .expect("the file is written");
    }
}
