//! A room's history in the bucket.

use rusm_sdk::key_value::{Bucket, KeyValueError, from_json};

use crate::{History, Posted, slot_key, slot_keys};

/// Reads the history of a room; an empty one when nothing was ever posted.
///
/// # Errors
/// The storage failed, or a value in the bucket is no message.
pub fn load(bucket: &Bucket, room: &str) -> Result<History, KeyValueError> {
    let pairs = bucket.get_many(&slot_keys(room))?;
    let stored = pairs.iter().map(|(key, value)| from_json(key, value)).collect::<Result<_, _>>()?;
    Ok(History::from_stored(stored))
}

/// Stores the whole window of a room in place of what is there.
///
/// # Errors
/// The storage failed: some of it may be there.
pub fn replace(bucket: &Bucket, room: &str, window: &[Posted]) -> Result<(), KeyValueError> {
    let keys: Vec<String> = window.iter().map(|posted| slot_key(room, posted.seq)).collect();
    for (key, _) in bucket.get_many(&slot_keys(room))? {
        if !keys.contains(&key) {
            bucket.delete(&key)?;
        }
    }
    window.iter().zip(&keys).try_for_each(|(posted, key)| bucket.set_json(key, posted))
}

/// Stores a message. It is durable when this returns.
///
/// # Errors
/// The storage failed. The message may be there or not; its place is given to the next one.
pub fn save(bucket: &Bucket, room: &str, posted: &Posted) -> Result<(), KeyValueError> {
    bucket.set_json(&slot_key(room, posted.seq), posted)
}
