//! Two nodes over pipes in memory.

use parking_lot::Mutex;
use rusm_core::seam::{Lanes, Peers, Pressure, Seams};
use rusm_core::{
    Association, Context, Encoding, ExitReason, Message, Node, NodeId, NodeOptions, Payload, Pid, RemoteSignal, Term,
    TraceEvent, Tracer,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// What a node has of the others: those that it is connected with.
#[derive(Default)]
pub(crate) struct Others(pub(crate) Mutex<BTreeMap<NodeId, Arc<Pipe>>>);

/// Takes signals to one node, in order.
pub(crate) struct Pipe {
    pub(crate) number: u64,
    signals: mpsc::UnboundedSender<RemoteSignal>,
    last: Mutex<Option<RemoteSignal>>,
    /// Whether senders are told to wait.
    pub(crate) full: AtomicBool,
}

impl Peers for Others {
    fn associate(&self, node: NodeId) -> Option<Arc<dyn Lanes>> {
        self.0.lock().get(&node).map(|pipe| pipe.clone() as Arc<dyn Lanes>)
    }

    fn message_len_max(&self) -> usize {
        1000
    }
}

impl Lanes for Pipe {
    fn number(&self) -> u64 {
        self.number
    }

    fn send(&self, signal: RemoteSignal) -> Pressure {
        *self.last.lock() = Some(signal.clone());
        // A pipe that was cut takes everything, and nothing of it arrives.
        let _ = self.signals.send(signal);
        if self.full.load(Ordering::SeqCst) { Pressure::Hold } else { Pressure::None }
    }

    fn holds(&self, _: Pid) -> bool {
        self.full.load(Ordering::SeqCst)
    }
}

/// Keeps how processes end.
#[derive(Default)]
pub(crate) struct Exits(pub(crate) Mutex<Vec<ExitReason>>);

impl Tracer for Exits {
    fn event(&self, _: &Node, event: &TraceEvent<'_>) {
        if let TraceEvent::Exited { reason, .. } = event {
            self.0.lock().push((*reason).clone());
        }
    }
}

/// Two nodes.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) nodes: [Node; 2],
    pub(crate) others: [Arc<Others>; 2],
    number: Arc<AtomicU64>,
    /// How processes of the second node have ended.
    pub(crate) exits: Arc<Exits>,
    /// Whether the present association carries nothing any more to that node.
    muted: [Arc<AtomicBool>; 2],
    /// Taken for each signal that arrives.
    gate: Arc<Semaphore>,
}

impl Pair {
    pub(crate) fn start() -> Self {
        Self::start_watched(None)
    }

    /// With somebody who watches the first.
    pub(crate) fn start_watched(tracer: Option<Arc<dyn Tracer>>) -> Self {
        let exits = Arc::new(Exits::default());
        let node = |name: &str, incarnation, tracer: Option<Arc<dyn Tracer>>| {
            let options = NodeOptions::new(name, Seams::production(std::env::temp_dir()));
            Node::start(NodeOptions { incarnation, tracer, ..options })
        };
        let pair = Self {
            nodes: [node("a", 1, tracer), node("b", 7, Some(exits.clone()))],
            exits,
            others: Default::default(),
            number: Arc::default(),
            muted: Default::default(),
            gate: Arc::new(Semaphore::new(1)),
        };
        for (node, others) in pair.nodes.iter().zip(&pair.others) {
            assert!(node.set_peers(others.clone()));
            assert!(!node.set_peers(others.clone()), "once");
        }
        pair
    }

    /// A new association: each side's half of it.
    pub(crate) fn connect(&self) -> [Association; 2] {
        let number = self.number.fetch_add(1, Ordering::SeqCst) + 1;
        self.muted.iter().for_each(|muted| muted.store(false, Ordering::SeqCst));
        let ends = [0, 1].map(|from: usize| {
            let (signals, arrive) = mpsc::unbounded_channel();
            let pipe = Arc::new(Pipe { number, signals, last: Mutex::default(), full: AtomicBool::new(false) });
            self.others[from].0.lock().insert(self.nodes[1 - from].id(), pipe.clone());
            (self.nodes[from].associate(self.nodes[1 - from].id(), pipe), arrive)
        });
        let [(a, to_b), (b, to_a)] = ends;
        self.pump(0, a.clone(), to_a);
        self.pump(1, b.clone(), to_b);
        [a, b]
    }

    fn pump(&self, node: usize, association: Association, mut arrive: mpsc::UnboundedReceiver<RemoteSignal>) {
        let (muted, number) = (self.muted[node].clone(), association.number());
        let (node, latest, gate) = (self.nodes[node].clone(), self.number.clone(), self.gate.clone());
        node.seams().executor.clone().spawn(Box::pin(async move {
            while let Some(signal) = arrive.recv().await {
                let _permit = gate.acquire().await.expect("it is never closed");
                if latest.load(Ordering::SeqCst) == number && muted.load(Ordering::SeqCst) {
                    continue;
                }
                association.receive(&node, signal).expect("each node speaks for its own processes");
            }
        }));
    }

    /// From now on nothing of this association arrives.
    pub(crate) fn mute(&self) {
        self.mute_towards(0);
        self.mute_towards(1);
    }

    /// The same for that node only.
    pub(crate) fn mute_towards(&self, node: usize) {
        self.muted[node].store(true, Ordering::SeqCst);
    }

    /// Nothing arrives anywhere until this is dropped.
    pub(crate) async fn hold(&self) -> OwnedSemaphorePermit {
        self.gate.clone().acquire_owned().await.expect("it is never closed")
    }

    /// What the first node has sent last.
    pub(crate) fn sent(&self) -> Option<RemoteSignal> {
        self.others[0].0.lock().values().next()?.last.lock().clone()
    }

    pub(crate) fn cut(&self, ends: &[Association; 2]) {
        for (i, end) in ends.iter().enumerate() {
            self.others[i].0.lock().clear();
            end.end(&self.nodes[i]);
        }
    }

    /// A process on the second node.
    pub(crate) fn spawn_there<Fut, R>(&self, body: impl FnOnce(Context) -> Fut + Send + 'static) -> Pid
    where
        Fut: Future<Output = R> + Send + 'static,
        R: Into<ExitReason>,
    {
        self.nodes[1].spawn(body)
    }
}

/// Runs `body` as a process of the first of two nodes, which are connected, on one and on two threads.
#[track_caller]
pub(crate) fn check<Fut>(body: impl Fn(Context, Pair, [Association; 2]) -> Fut + Clone + Send + 'static)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    check_with(None, body);
}

/// The same, with somebody who watches the first node.
#[track_caller]
pub(crate) fn check_with<Fut>(
    tracer: Option<Arc<dyn Tracer>>,
    body: impl Fn(Context, Pair, [Association; 2]) -> Fut + Clone + Send + 'static,
) where
    Fut: Future<Output = ()> + Send + 'static,
{
    for threads in [1, 2] {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(threads).enable_all().build().expect("a runtime");
        let (body, tracer) = (body.clone(), tracer.clone());
        let reason = runtime.block_on(async move {
            let pair = Pair::start_watched(tracer);
            let ends = pair.connect();
            let node = pair.nodes[0].clone();
            let (done, reason) = tokio::sync::oneshot::channel();
            node.spawn(move |context| async move {
                let (_, monitor) = context.spawn_monitor(move |context| body(context, pair, ends));
                let _ = done.send(down(&context, monitor).await);
            });
            reason.await.expect("a reason")
        });
        assert_eq!(reason, ExitReason::NORMAL, "on {threads} threads");
    }
}

pub(crate) fn text(text: &str) -> Payload {
    Term::new(Encoding::Text, text.to_owned()).into()
}

pub(crate) fn read(payload: &Payload) -> String {
    String::from_utf8_lossy(&payload.as_term().expect("a term").bytes).into_owned()
}

pub(crate) async fn down(context: &Context, monitor: rusm_core::Reference) -> ExitReason {
    match context.receive_match(|m| matches!(m, Message::Down { monitor: of, .. } if *of == monitor)).await {
        Message::Down { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn exit_of(context: &Context, pid: Pid) -> ExitReason {
    match context.receive_match(|m| matches!(m, Message::Exit { from, .. } if *from == pid)).await {
        Message::Exit { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

/// A process that answers calls with what it was asked, and ends with the reason that a message says.
pub(crate) async fn echo(context: Context) -> ExitReason {
    loop {
        match context.receive().await {
            Message::Call { from, payload } => context.reply(from, payload),
            Message::Plain(payload) => return ExitReason::new(read(&payload)),
            _ => {}
        }
    }
}

/// A process that waits.
pub(crate) async fn idle(context: Context) {
    loop {
        context.receive().await;
    }
}

pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Until what was sent to that process has been handled.
pub(crate) async fn settle(context: &Context, pid: Pid) {
    context.is_alive(pid).await;
}

pub(crate) async fn read_plain(context: &Context) -> String {
    match context.receive().await {
        Message::Plain(payload) => read(&payload),
        other => panic!("{other:?}"),
    }
}
