//! How a list of revoked certificates gets around: whoever has a new one hands it to all that it is connected to, each over
//! a stream of its own, and so does each of those.

use super::connection::VIOLATED;
use super::revocations::{REVOCATIONS_LEN_MAX, Revocations, RevocationsError};
use super::wire::Table;
use crate::proto::StreamId;
use quinn::{ReadToEndError, RecvStream};
use std::sync::Arc;
use tokio::sync::Mutex;

/// The number of such a stream. Unlike others a connection may have several of them, one after the other.
pub(super) const REVOCATIONS: StreamId = StreamId(u16::MAX);

/// Hands a list to the other side.
pub(super) fn tell(table: &Table, quic: quinn::Connection, list: &Revocations) {
    let bytes = [&REVOCATIONS.0.to_be_bytes(), &*list.der].concat();
    table.spawn(async move {
        let Ok(mut out) = quic.open_uni().await else { return };
        if out.write_all(&bytes).await.is_ok() && out.finish().is_ok() {
            let _ = out.stopped().await;
        }
    });
}

/// Takes a list from the other side; `turn` lets a connection do so once at a time.
pub(super) async fn hear(table: Arc<Table>, quic: quinn::Connection, mut stream: RecvStream, turn: Arc<Mutex<()>>) {
    let _turn = turn.lock().await;
    let heard = match stream.read_to_end(REVOCATIONS_LEN_MAX).await {
        Ok(bytes) => Revocations::of_der(&bytes, table.trust.authority()),
        Err(ReadToEndError::TooLong) => Err(RevocationsError::TooLong),
        // The connection is gone, of which its reader tells.
        Err(ReadToEndError::Read(_)) => return,
    };
    match heard {
        Ok(list) => drop(table.install(list)),
        Err(error) => {
            tracing::warn!(address = %quic.remote_address(), "a list of revoked certificates was refused: {error}");
            quic.close(VIOLATED, b"no list of revoked certificates");
        }
    }
}
