use super::operation::{KEYS_PER_PAGE, KeyPage, KeyValueError, Version, Write, Written};
use bytes::Bytes;
use redb::{Database, ReadOnlyTable, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction};
use rusm_core::seam::Storage;
use rusm_core::{RedbFailed, RedbFile};
use std::ops::Bound;
use std::sync::Arc;

/// (bucket, key) -> (version, value).
const VALUES: TableDefinition<'static, (&str, &str), (u64, &[u8])> = TableDefinition::new("values");
/// The version of the last write, below the key 0.
const VERSIONS: TableDefinition<'static, u64, u64> = TableDefinition::new("versions");
/// Memory for pages that were read or will be written.
const CACHE_BYTES: usize = 16 << 20;

/// The database. Everything here blocks.
pub(super) struct Databases(RedbFile);

type Failed = redb::Error;

impl Databases {
    pub(super) fn new(storage: Arc<dyn Storage>, file: &'static str) -> Self {
        Self(RedbFile::new(storage, file, CACHE_BYTES, |making| {
            making.open_table(VALUES)?;
            making.open_table(VERSIONS)?;
            Ok(())
        }))
    }

    fn run<T>(&self, job: impl FnOnce(&Database) -> Result<T, Failed>) -> Result<T, KeyValueError> {
        self.0.run(job).map_err(|RedbFailed(why)| KeyValueError::Storage(why))
    }

    pub(super) fn read(&self, bucket: &str, key: &str) -> Result<(Version, Option<Bytes>), KeyValueError> {
        self.run(|database| {
            let values: ReadOnlyTable<_, _> = database.begin_read()?.open_table(VALUES)?;
            value_of(&values, bucket, key)
        })
    }

    pub(super) fn read_many(&self, bucket: &str, keys: &[String]) -> Result<Vec<Option<Bytes>>, KeyValueError> {
        self.run(|database| {
            let values = database.begin_read()?.open_table(VALUES)?;
            keys.iter().map(|key| Ok(value_of(&values, bucket, key)?.1)).collect()
        })
    }

    pub(super) fn list(&self, bucket: &str, after: Option<&str>) -> Result<KeyPage, KeyValueError> {
        self.run(|database| {
            let values = database.begin_read()?.open_table(VALUES)?;
            let start = match after {
                Some(after) => Bound::Excluded((bucket, after)),
                None => Bound::Included((bucket, "")),
            };
            let mut page = KeyPage::default();
            for entry in values.range::<(&str, &str)>((start, Bound::Unbounded))? {
                let (name, _) = entry?;
                let (of, key) = name.value();
                if of != bucket {
                    break;
                }
                if page.keys.len() == KEYS_PER_PAGE {
                    page.cursor = page.keys.last().cloned();
                    break;
                }
                page.keys.push(key.to_owned());
            }
            Ok(page)
        })
    }

    /// Carries out all of these in one transaction, which is durable when this returns. Each has its own outcome; when
    /// the storage fails none is known to have been carried out.
    pub(super) fn write<'w>(
        &self,
        writes: impl Iterator<Item = (&'w str, &'w Write)>,
    ) -> Result<Vec<Result<Written, KeyValueError>>, KeyValueError> {
        self.run(|database| {
            let transaction = database.begin_write()?;
            let outcomes = write_all(&transaction, writes)?;
            transaction.commit()?;
            Ok(outcomes)
        })
    }
}

type Values<'t> = Table<'t, (&'static str, &'static str), (u64, &'static [u8])>;

fn value_of(
    values: &impl ReadableTable<(&'static str, &'static str), (u64, &'static [u8])>,
    bucket: &str,
    key: &str,
) -> Result<(Version, Option<Bytes>), Failed> {
    Ok(match values.get((bucket, key))? {
        Some(entry) => {
            let (version, value) = entry.value();
            (Version(Some(version)), Some(Bytes::copy_from_slice(value)))
        }
        None => (Version(None), None),
    })
}

fn write_all<'w>(
    transaction: &WriteTransaction,
    writes: impl Iterator<Item = (&'w str, &'w Write)>,
) -> Result<Vec<Result<Written, KeyValueError>>, Failed> {
    let mut versions = transaction.open_table(VERSIONS)?;
    let mut version = versions.get(0)?.map_or(0, |entry| entry.value());
    let mut values = transaction.open_table(VALUES)?;
    let mut outcomes = Vec::new();
    for (bucket, write) in writes {
        version += 1;
        outcomes.push(write_one(&mut values, version, bucket, write)?);
    }
    versions.insert(0, version)?;
    Ok(outcomes)
}

fn write_one(
    values: &mut Values<'_>,
    version: u64,
    bucket: &str,
    write: &Write,
) -> Result<Result<Written, KeyValueError>, Failed> {
    match write {
        Write::Set(pairs) => {
            for (key, value) in pairs {
                values.insert((bucket, key.as_str()), (version, value.as_ref()))?;
            }
        }
        Write::Delete(keys) => {
            for key in keys {
                values.remove((bucket, key.as_str()))?;
            }
        }
        Write::Increment { key, delta } => {
            let before = match value_of(values, bucket, key)?.1 {
                None => Some(0),
                Some(value) => std::str::from_utf8(&value).ok().and_then(|text| text.trim().parse::<i64>().ok()),
            };
            let Some(sum) = before.and_then(|before| before.checked_add(*delta)) else {
                return Ok(Err(KeyValueError::NoNumber));
            };
            values.insert((bucket, key.as_str()), (version, sum.to_string().as_bytes()))?;
            return Ok(Ok(Written::Sum(sum)));
        }
        Write::Swap { key, seen, value } => {
            let (now, there) = value_of(values, bucket, key)?;
            if now != *seen {
                return Ok(Ok(Written::Lost(now, there)));
            }
            values.insert((bucket, key.as_str()), (version, value.as_ref()))?;
        }
    }
    Ok(Ok(Written::Done))
}
