use super::pool::Pool;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Mappings that the kernel allows one program when it does not say how many. Source: Linux, `vm.max_map_count`.
const MAPPINGS_DEFAULT: usize = 65_530;
/// Mappings for everything but these instances: code, threads, the allocator, the pool.
const MAPPINGS_KEPT: usize = 8_192 + Pool::MAPPINGS;
/// Mappings of one instance: 7 were counted for a Rust component, its stack included.
const MAPPINGS_PER_INSTANCE: usize = 8;

/// How many instances fit into this program. At the kernel's limit of mappings every allocation fails, so that a spawn
/// is refused before.
pub(super) struct Room {
    taken: AtomicUsize,
    max: usize,
}

/// The room for one instance.
pub(crate) struct RoomPlace(Arc<Room>);

impl Room {
    pub(super) fn of_this_machine() -> Arc<Self> {
        Self::for_mappings(mappings_max())
    }

    fn for_mappings(mappings: usize) -> Arc<Self> {
        let max = mappings.saturating_sub(MAPPINGS_KEPT) / MAPPINGS_PER_INSTANCE;
        Arc::new(Self { taken: AtomicUsize::new(0), max })
    }

    /// Room for one more instance.
    ///
    /// # Errors
    /// There is none; the text says what to do.
    pub(super) fn take(self: &Arc<Self>) -> Result<RoomPlace, String> {
        let place = RoomPlace(self.clone());
        if self.taken.fetch_add(1, Ordering::Relaxed) < self.max {
            return Ok(place);
        }
        Err(format!("{} component processes run, and no more fit: raise the kernel's vm.max_map_count", self.max))
    }
}

impl Drop for RoomPlace {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[expect(clippy::disallowed_methods, reason = "a question to the kernel")]
fn mappings_max() -> usize {
    let text = std::fs::read_to_string("/proc/sys/vm/max_map_count");
    text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(MAPPINGS_DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_given_up_to_the_limit_and_again_when_it_is_free() {
        let room = Room::for_mappings(MAPPINGS_KEPT + 2 * MAPPINGS_PER_INSTANCE);
        let (one, _other) = (room.take().expect("room"), room.take().expect("room"));
        let full = room.take().err().expect("no room");
        assert!(full.contains("2 component processes") && full.contains("vm.max_map_count"), "{full}");
        assert!(room.take().is_err());
        drop(one);
        assert!(room.take().is_ok());
    }

    #[test]
    fn a_machine_as_it_comes_has_room_for_thousands() {
        assert!(Room::for_mappings(MAPPINGS_DEFAULT).max > 6_000);
    }
}
