use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

/// Bytes that may wait for one client; above it a sender waits. Something larger may go alone.
pub(super) const OUTBOX_BYTES_MAX: u32 = 1 << 20;
/// What one item counts at least, so that empty ones are bounded too.
const ITEM_BYTES_MIN: usize = 64;

/// The connection is gone: nothing reaches the client any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection is gone")]
pub struct ConnectionGone;

/// The process's end of what waits to be written to its client.
pub(super) struct OutboxSender<T> {
    items: mpsc::UnboundedSender<Item<T>>,
    room: Arc<Semaphore>,
    /// Dropped with this.
    _alive: oneshot::Sender<()>,
}

/// The connection's end.
pub(super) struct OutboxReceiver<T> {
    items: mpsc::UnboundedReceiver<Item<T>>,
    room: Arc<Semaphore>,
    /// Fails once the process has let go of its end.
    sender_gone: oneshot::Receiver<()>,
}

/// What waits, with the room that it takes until it is dropped.
pub(super) struct Item<T> {
    pub(super) content: T,
    _room: Option<OwnedSemaphorePermit>,
}

pub(super) fn outbox<T>() -> (OutboxSender<T>, OutboxReceiver<T>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(OUTBOX_BYTES_MAX as usize));
    let (alive, sender_gone) = oneshot::channel();
    let sender = OutboxSender { items: sender, room: room.clone(), _alive: alive };
    (sender, OutboxReceiver { items: receiver, room, sender_gone })
}

impl<T> OutboxSender<T> {
    /// Waits for room.
    pub(super) async fn send(&self, content: T, bytes: usize) -> Result<(), ConnectionGone> {
        let wanted = u32::try_from(bytes.max(ITEM_BYTES_MIN)).unwrap_or(u32::MAX).min(OUTBOX_BYTES_MAX);
        let room = self.room.clone().acquire_many_owned(wanted).await.map_err(|_| ConnectionGone)?;
        self.items.send(Item { content, _room: Some(room) }).map_err(|_| ConnectionGone)
    }

    /// Behind all others, without waiting: for the few things that end a connection.
    pub(super) fn push(&self, content: T) {
        let _ = self.items.send(Item { content, _room: None });
    }
}

impl<T> OutboxReceiver<T> {
    /// The next item; `None` when the process has ended and everything was taken.
    pub(super) async fn recv(&mut self) -> Option<Item<T>> {
        self.items.recv().await
    }

    /// The next item, if there is one.
    pub(super) fn try_recv(&mut self) -> Option<Item<T>> {
        self.items.try_recv().ok()
    }

    /// Nothing reaches the client any more: senders are told, and what waited is dropped.
    pub(super) fn close(&mut self) {
        self.room.close();
        self.items.close();
        while self.items.try_recv().is_ok() {}
    }

    /// Completes when the process has let go of its end. Wait for it once.
    pub(super) async fn abandoned(&mut self) {
        let _ = (&mut self.sender_gone).await;
    }

    /// Whether it has.
    pub(super) fn is_abandoned(&self) -> bool {
        self.items.sender_strong_count() == 0
    }
}

impl<T> Drop for OutboxReceiver<T> {
    fn drop(&mut self) {
        self.close();
    }
}
