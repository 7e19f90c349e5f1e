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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Engine, Profile};
    use crate::host::{Host, HostOptions};
    use crate::manifest::Grants;

    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    #[derive(Debug, PartialEq, Eq)]
    enum Failed {
        Full,
        Made,
    }

    impl From<Full> for Failed {
        fn from(_: Full) -> Self {
            Self::Full
        }
    }

    struct Fixture {
        host: Host,
        kept: Kept,
    }

    impl Fixture {
        fn new() -> Self {
            let engine = Engine::new(Profile::Simulation, None).expect("the configuration is supported");
            let host = Host::new(HostOptions::new(engine)).expect("the host functions fit together");
            Self { host, kept: Kept::default() }
        }

        fn component(&self) -> Component {
            self.host.load_here("it", EMPTY, Grants::default()).expect("it is a component")
        }

        /// As if the component had been fetched.
        async fn make(&self, number: u8) -> Result<Component, Failed> {
            // The host itself lets go of it when the next one is loaded.
            let made = self.component();
            self.component();
            self.kept.or_make(&[number; 32], async { Ok(made) }).await
        }
    }

    #[tokio::test]
    async fn what_is_there_is_not_made_again_and_what_failed_is() {
        let fixture = Fixture::new();
        let fails = async { Err(Failed::Made) };
        assert_eq!(fixture.kept.or_make(&[1; 32], fails).await.map(drop), Err(Failed::Made));
        assert!(fixture.make(1).await.is_ok());
        let again = fixture.kept.or_make(&[1; 32], async { panic!("it is there") });
        assert!(again.await.map_err(|_: Failed| ()).is_ok());
    }

    #[tokio::test]
    async fn those_in_use_stay_and_others_make_room() {
        let fixture = Fixture::new();
        let mut used = Vec::new();
        for number in 0..KEPT_MAX as u8 {
            used.push(fixture.make(number).await.map_err(|_| ()).expect("there is room"));
        }
        assert_eq!(fixture.make(100).await.map(drop), Err(Failed::Full));
        assert!(fixture.make(0).await.is_ok(), "it is there");
        // A process has the code, with grants of its own.
        used[7] = used[7].with_grants(Grants::default());
        assert_eq!(fixture.make(100).await.map(drop), Err(Failed::Full));
        used.swap_remove(7);
        assert!(fixture.make(100).await.is_ok(), "one made room");
    }
}
