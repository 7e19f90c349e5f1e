//! One QUIC connection: a unidirectional stream for each direction of each of the protocol's streams, opened when it is
//! first written to. Its first two bytes are the stream's number.

use super::refused::refusal;
use super::revocations::Revocations;
use super::spread::{self, REVOCATIONS};
use super::wire::Table;
use crate::cluster::Input;
use crate::proto::{ConnectionId, LANE_STREAMS, StreamId};
use bytes::Bytes;
use quinn::{ConnectionError, RecvStream, VarInt};
use rustls::pki_types::CertificateDer;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};

/// Bytes that may wait in one stream for the other side to take them.
const ROOM: usize = 256 << 10;
/// Bytes that the other side has taken when the cluster hears of it. Less is not worth waking it: the room stays that much smaller.
const ROOM_BACK_LEN: usize = ROOM / 4;
/// Bytes that are taken from a stream at once, at most.
const READ_LEN_MAX: usize = 64 << 10;
/// How long a connection that is being closed waits for its last words to arrive.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A piece that no stream has: behind it comes nothing.
const END: Bytes = Bytes::new();

const CLOSED: VarInt = VarInt::from_u32(0);
pub(super) const VIOLATED: VarInt = VarInt::from_u32(1);
const REVOKED: VarInt = VarInt::from_u32(2);

/// The streams of a connection that exists.
pub(super) struct Live {
    quic: quinn::Connection,
    writers: BTreeMap<StreamId, mpsc::UnboundedSender<Bytes>>,
}

impl Live {
    /// Starts what reads from a connection, once the cluster knows of it.
    pub(super) fn start(table: &Arc<Table>, id: ConnectionId, quic: quinn::Connection) -> Self {
        for stream in std::iter::once(StreamId::CONTROL).chain(StreamId::of_lanes()) {
            table.input(Input::Writable(id, stream, ROOM));
        }
        table.spawn(read(table.clone(), id, quic.clone()));
        Self { quic, writers: BTreeMap::new() }
    }

    /// The certificate of the other side.
    pub(super) fn certificate(&self) -> Option<CertificateDer<'static>> {
        certificate(&self.quic)
    }

    /// Hands the other side a list of revoked certificates.
    pub(super) fn tell(&self, table: &Table, list: &Revocations) {
        spread::tell(table, self.quic.clone(), list);
    }

    /// Closes it at once: the other side's certificate counts no more.
    pub(super) fn cut(self) {
        self.quic.close(REVOKED, b"the certificate is revoked");
    }

    /// Writes to a stream. Never more than the room that was given waits there.
    pub(super) fn transmit(&mut self, table: &Arc<Table>, id: ConnectionId, stream: StreamId, bytes: Bytes) {
        let writer = self.writers.entry(stream).or_insert_with(|| {
            let (sender, receiver) = mpsc::unbounded_channel();
            table.spawn(write(table.clone(), id, self.quic.clone(), stream, receiver));
            sender
        });
        // A writer ends with its connection, of which the reader tells.
        drop(writer.send(bytes));
    }

    /// Closes it when its control stream is out.
    pub(super) fn close(mut self, table: &Table) {
        let control = self.writers.remove(&StreamId::CONTROL);
        self.writers.clear();
        let clock = table.clock.clone();
        table.spawn(async move {
            if let Some(control) = control.filter(|control| control.send(END).is_ok()) {
                let out_of_time = clock.sleep_until(clock.now() + LAST_WORDS);
                // The writer gives its receiver up when all has arrived.
                tokio::select! {
                    biased;
                    () = control.closed() => {}
                    () = out_of_time => {}
                }
            }
            self.quic.close(CLOSED, b"closed");
        });
    }
}

/// Writes what comes to one stream, until [`END`]: then it waits until the other side has everything.
async fn write(
    table: Arc<Table>,
    id: ConnectionId,
    quic: quinn::Connection,
    stream: StreamId,
    mut pieces: mpsc::UnboundedReceiver<Bytes>,
) {
    let Ok(mut out) = quic.open_uni().await else { return };
    if out.write_all(&stream.0.to_be_bytes()).await.is_err() {
        return;
    }
    let mut written = 0;
    while let Some(piece) = pieces.recv().await {
        written += piece.len();
        if piece.is_empty() {
            let _ = out.finish();
            let _ = out.stopped().await;
            return;
        }
        if out.write_chunk(piece).await.is_err() {
            return;
        }
        if written >= ROOM_BACK_LEN {
            table.input(Input::Writable(id, stream, std::mem::take(&mut written)));
        }
    }
}

/// Reads all streams of a connection until it ends, and what has come in on them by then.
async fn read(table: Arc<Table>, id: ConnectionId, quic: quinn::Connection) {
    let mut seen = BTreeSet::new();
    // Each reader holds one, and nothing is sent.
    let (reads, mut readers) = mpsc::channel::<()>(1);
    let turn = Arc::new(Mutex::new(()));
    while let Ok(mut stream) = quic.accept_uni().await {
        let mut number = [0; 2];
        // The number is in the stream's first packet, or the other side is no node.
        if stream.read_exact(&mut number).await.is_err() {
            continue;
        }
        let number = StreamId(u16::from_be_bytes(number));
        if number == REVOCATIONS {
            table.spawn(spread::hear(table.clone(), quic.clone(), stream, turn.clone()));
            continue;
        }
        if number.0 > LANE_STREAMS || !seen.insert(number) {
            quic.close(VIOLATED, b"no such stream");
            break;
        }
        table.spawn(read_stream(table.clone(), id, number, stream, reads.clone()));
    }
    drop(reads);
    let ended = quic.closed().await;
    // The last word of the other side, which may say why it ended.
    readers.recv().await;
    let address = quic.remote_address();
    match (refusal(&ended), ended) {
        // Whoever dials hears only now that the other side does not let it in.
        (Some(refusal), _) => tracing::warn!(%address, "this node was refused: {refusal}"),
        (None, ConnectionError::ApplicationClosed(close)) if close.error_code == REVOKED => {
            tracing::warn!(%address, "this node was thrown out: its certificate is revoked");
        }
        (None, ended) => tracing::debug!(%address, "a connection is gone: {ended}"),
    }
    table.gone(id);
}

/// What the other side has shown; TLS has checked it.
pub(super) fn certificate(quic: &quinn::Connection) -> Option<CertificateDer<'static>> {
    let chain = quic.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    chain.into_iter().next()
}

/// Reads one stream to its end. That a connection has ended takes nothing away of what has come in before.
async fn read_stream(
    table: Arc<Table>,
    id: ConnectionId,
    stream: StreamId,
    mut incoming: RecvStream,
    _reads: mpsc::Sender<()>,
) {
    while let Ok(Some(chunk)) = incoming.read_chunk(READ_LEN_MAX, true).await {
        table.received(id, stream, chunk.bytes);
    }
}
