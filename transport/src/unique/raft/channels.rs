//! openraft's channels and lock: tokio's, which need no runtime and wake in the order in which was waited.

use openraft_rt::{Mpsc, MpscReceiver, MpscSender, MpscWeakSender, Mutex, Oneshot, OneshotSender};
use openraft_rt::{OptionalSend, SendError, TryRecvError};
use tokio::sync::{mpsc, oneshot};

pub(crate) struct Queue;
pub(crate) struct QueueSender<T>(mpsc::Sender<T>);
pub(crate) struct QueueReceiver<T>(mpsc::Receiver<T>);
pub(crate) struct WeakQueueSender<T>(mpsc::WeakSender<T>);

impl<T> Clone for QueueSender<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Clone for WeakQueueSender<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl Mpsc for Queue {
    type Sender<T: OptionalSend> = QueueSender<T>;
    type Receiver<T: OptionalSend> = QueueReceiver<T>;
    type WeakSender<T: OptionalSend> = WeakQueueSender<T>;

    fn channel<T: OptionalSend>(buffer: usize) -> (QueueSender<T>, QueueReceiver<T>) {
        let (sender, receiver) = mpsc::channel(buffer);
        (QueueSender(sender), QueueReceiver(receiver))
    }
}

impl<T: OptionalSend> MpscSender<Queue, T> for QueueSender<T> {
    async fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.0.send(message).await.map_err(|mpsc::error::SendError(message)| SendError(message))
    }

    fn downgrade(&self) -> WeakQueueSender<T> {
        WeakQueueSender(self.0.downgrade())
    }
}

impl<T: OptionalSend> MpscReceiver<T> for QueueReceiver<T> {
    async fn recv(&mut self) -> Option<T> {
        self.0.recv().await
    }

    fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.0.try_recv().map_err(|error| match error {
            mpsc::error::TryRecvError::Empty => TryRecvError::Empty,
            mpsc::error::TryRecvError::Disconnected => TryRecvError::Disconnected,
        })
    }
}

impl<T: OptionalSend> MpscWeakSender<Queue, T> for WeakQueueSender<T> {
    fn upgrade(&self) -> Option<QueueSender<T>> {
        self.0.upgrade().map(QueueSender)
    }
}

pub(crate) struct Once;
pub(crate) struct OnceSender<T>(oneshot::Sender<T>);

impl Oneshot for Once {
    type Sender<T: OptionalSend> = OnceSender<T>;
    type Receiver<T: OptionalSend> = oneshot::Receiver<T>;
    type ReceiverError = oneshot::error::RecvError;

    fn channel<T: OptionalSend>() -> (OnceSender<T>, oneshot::Receiver<T>) {
        let (sender, receiver) = oneshot::channel();
        (OnceSender(sender), receiver)
    }
}

impl<T: OptionalSend> OneshotSender<T> for OnceSender<T> {
    fn send(self, value: T) -> Result<(), T> {
        self.0.send(value)
    }
}

pub(crate) struct Lock<T>(tokio::sync::Mutex<T>);

impl<T: OptionalSend + 'static> Mutex<T> for Lock<T> {
    type Guard<'a> = tokio::sync::MutexGuard<'a, T>;

    fn new(value: T) -> Self {
        Self(tokio::sync::Mutex::new(value))
    }

    async fn lock(&self) -> Self::Guard<'_> {
        self.0.lock().await
    }
}
