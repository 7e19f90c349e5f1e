//! The room's part of the bucket.

use chat_protocol::{History, MESSAGES_BUCKET, Posted, ROOMS_BUCKET, stored};
use rusm_sdk::key_value::Bucket;

pub(crate) struct Store {
    room: String,
    bucket: Bucket,
}

impl Store {
    /// Opens the bucket, and notes that there is such a room.
    pub(crate) fn open(room: &str) -> Result<Self, String> {
        let known = Bucket::open(ROOMS_BUCKET).map_err(|error| error.to_string())?;
        if !known.exists(room).map_err(|error| error.to_string())? {
            known.set(room, b"").map_err(|error| error.to_string())?;
        }
        let bucket = Bucket::open(MESSAGES_BUCKET).map_err(|error| error.to_string())?;
        Ok(Self { room: room.to_owned(), bucket })
    }

    pub(crate) fn load(&self) -> Result<History, String> {
        stored::load(&self.bucket, &self.room).map_err(|error| error.to_string())
    }

    /// The message is durable when this returns.
    pub(crate) fn save(&self, posted: &Posted) -> Result<(), String> {
        stored::save(&self.bucket, &self.room, posted).map_err(|error| error.to_string())
    }
}
