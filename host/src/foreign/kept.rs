use crate::component::Component;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use tokio::sync::{Mutex as Turn, Semaphore};

/// Codes of other nodes that a node keeps. When there are as many and one more comes, those go that no process runs.
const KEPT_MAX: usize = 32;

/// Codes that are fetched and compiled at the same time; more wait. So much of the node's memory others can take by it: as often
/// the largest that is accepted.
const AT_ONCE_MAX: usize = 4;

/// The code of other nodes that a node has taken, by digest. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Kept(Arc<Inner>);

struct Inner {
    slots: Mutex<BTreeMap<[u8; 32], Slot>>,
    at_once: Semaphore,
}

/// Whoever needs the code first gets it, and the others wait for that.
type Slot = Arc<Turn<Option<Component>>>;

/// The node runs components of [`KEPT_MAX`] other codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node runs the code of {KEPT_MAX} other components of other nodes already")]
pub(crate) struct Full;

impl Default for Kept {
    fn default() -> Self {
        Self(Arc::new(Inner { slots: Mutex::default(), at_once: Semaphore::new(AT_ONCE_MAX) }))
    }
}

impl Kept {
    /// The component with that digest: the one that is there, or the one that `make` makes.
    ///
    /// # Errors
    /// There are too many, or `make` fails.
    pub(crate) async fn or_make<E: From<Full>>(
        &self,
        digest: &[u8; 32],
        make: impl Future<Output = Result<Component, E>>,
    ) -> Result<Component, E> {
        let slot = self.slot(digest)?;
        let mut place = slot.lock().await;
        if let Some(component) = &*place {
            return Ok(component.clone());
        }
        let turn = self.0.at_once.acquire().await;
        let component = make.await?;
        drop(turn);
        *place = Some(component.clone());
        Ok(component)
    }

    fn slot(&self, digest: &[u8; 32]) -> Result<Slot, Full> {
        let slots = &mut *self.0.slots.lock();
        if !slots.contains_key(digest) && slots.len() >= KEPT_MAX {
            slots.retain(|_, slot| is_needed(slot));
            if slots.len() >= KEPT_MAX {
                return Err(Full);
            }
        }
        Ok(slots.entry(*digest).or_default().clone())
    }
}

/// Somebody waits for it, or runs it.
fn is_needed(slot: &Slot) -> bool {
    let runs = || slot.try_lock().is_ok_and(|place| place.as_ref().is_some_and(Component::is_shared));
    Arc::strong_count(slot) > 1 || runs()
}
