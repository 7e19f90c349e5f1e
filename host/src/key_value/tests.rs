use super::*;
use bytes::Bytes;
use parking_lot::Mutex;
use rusm_core::seam::{RandomStream, Seams, Storage, StorageFile};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// A disk that loses an arbitrary part of what was not synced, tears writes, and fails when it is told to.
#[derive(Clone)]
struct FaultyDisk(Arc<Mutex<Disk>>);

struct Disk {
    /// What the program sees.
    now: Vec<u8>,
    /// What a crash leaves for certain.
    synced: Vec<u8>,
    /// What was done since the last sync.
    unsynced: Vec<Change>,
    /// Writes and syncs that still succeed.
    left: u64,
    random: RandomStream,
}

#[derive(Clone)]
enum Change {
    Len(u64),
    Bytes(u64, Vec<u8>),
}

fn apply(bytes: &mut Vec<u8>, change: &Change, torn_at: usize) {
    match change {
        Change::Len(len) => bytes.resize(*len as usize, 0),
        Change::Bytes(offset, written) => {
            let (offset, written) = (*offset as usize, &written[..torn_at.min(written.len())]);
            bytes.resize(bytes.len().max(offset + written.len()), 0);
            bytes[offset..offset + written.len()].copy_from_slice(written);
        }
    }
}

impl FaultyDisk {
    fn new(seed: u64) -> Self {
        use rand_core::SeedableRng;
        let random = Box::new(rand_chacha::ChaCha20Rng::seed_from_u64(seed));
        let disk = Disk { now: Vec::new(), synced: Vec::new(), unsynced: Vec::new(), left: u64::MAX, random };
        Self(Arc::new(Mutex::new(disk)))
    }

    fn fail_after(&self, operations: u64) {
        self.0.lock().left = operations;
    }

    fn below(&self, limit: u64) -> u64 {
        self.0.lock().random.next_u64() % limit
    }

    /// Power goes and comes back: each unsynced change is there, or is not, or is there in part.
    fn crash(&self) {
        let disk = &mut *self.0.lock();
        let mut bytes = disk.synced.clone();
        for change in std::mem::take(&mut disk.unsynced) {
            match disk.random.next_u64() % 4 {
                0 => {}
                1 => {
                    let torn_at = disk.random.next_u64() as usize % 4096;
                    apply(&mut bytes, &change, torn_at);
                }
                _ => apply(&mut bytes, &change, usize::MAX),
            }
        }
        disk.now.clone_from(&bytes);
        disk.synced = bytes;
        disk.left = u64::MAX;
    }

    fn change(&self, change: Change) -> io::Result<()> {
        let disk = &mut *self.0.lock();
        disk.left = disk.left.checked_sub(1).ok_or_else(|| io::Error::other("the disk is broken"))?;
        apply(&mut disk.now, &change, usize::MAX);
        disk.unsynced.push(change);
        Ok(())
    }
}

impl Storage for FaultyDisk {
    fn open(&self, _name: &str) -> io::Result<Box<dyn StorageFile>> {
        Ok(Box::new(self.clone()))
    }

    fn remove(&self, _name: &str) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl StorageFile for FaultyDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().now.len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Change::Len(len))
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let disk = self.0.lock();
        let from = disk.now.get(offset as usize..offset as usize + buffer.len());
        buffer.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.change(Change::Bytes(offset, bytes.to_vec()))
    }

    fn sync(&self) -> io::Result<()> {
        let disk = &mut *self.0.lock();
        disk.left = disk.left.checked_sub(1).ok_or_else(|| io::Error::other("the disk is broken"))?;
        disk.unsynced.clear();
        disk.synced.clone_from(&disk.now);
        Ok(())
    }
}

fn on(disk: &FaultyDisk) -> KeyValue {
    KeyValue::new(&Seams { storage: Arc::new(disk.clone()), ..Seams::production("unused") })
}

fn pair(key: &str, value: &str) -> Pair {
    (key.to_owned(), Bytes::copy_from_slice(value.as_bytes()))
}

async fn text(values: &KeyValue, bucket: &str, key: &str) -> Option<String> {
    let value = values.get(bucket, key).await.expect("the storage works");
    value.map(|bytes| String::from_utf8(bytes.into()).expect("text"))
}

#[tokio::test]
async fn buckets_keep_their_own_values() {
    let values = on(&FaultyDisk::new(0));
    assert_eq!(text(&values, "a", "k").await, None);
    values.set("a", vec![pair("k", "1"), pair("l", "2")]).await.expect("set");
    values.set("b", vec![pair("k", "3")]).await.expect("set");
    assert_eq!(text(&values, "a", "k").await.as_deref(), Some("1"));
    assert_eq!(text(&values, "b", "k").await.as_deref(), Some("3"));
    values.delete("a", vec!["k".to_owned(), "never there".to_owned()]).await.expect("deleted");
    assert_eq!(text(&values, "a", "k").await, None);
    let many = values.get_many("a", vec!["k".to_owned(), "l".to_owned()]).await.expect("read");
    assert_eq!(many, [None, Some(pair("l", "2"))]);
    assert_eq!(text(&values, "b", "k").await.as_deref(), Some("3"));
}

#[tokio::test]
async fn keys_are_listed_in_pages() {
    let values = on(&FaultyDisk::new(0));
    let pairs = |count: usize| (0..count).map(|i| pair(&format!("{i:05}"), "")).collect();
    values.set("before", pairs(3)).await.expect("set");
    values.set("bucket", pairs(KEYS_PER_PAGE + 1)).await.expect("set");
    values.set("bucket2", pairs(3)).await.expect("set");
    let first = values.list_keys("bucket", None).await.expect("listed");
    assert_eq!((first.keys.len(), first.cursor.as_deref()), (KEYS_PER_PAGE, Some("00999")));
    let second = values.list_keys("bucket", first.cursor).await.expect("listed");
    assert_eq!(second, KeyPage { keys: vec!["01000".to_owned()], cursor: None });
    assert_eq!(values.list_keys("none", None).await.expect("listed"), KeyPage::default());
    values.delete("bucket", vec!["00000".to_owned()]).await.expect("deleted");
    let all = values.list_keys("bucket", None).await.expect("listed");
    assert_eq!((all.keys.len(), all.cursor), (KEYS_PER_PAGE, None));
}

#[tokio::test]
async fn increments_count_in_decimal() {
    let values = on(&FaultyDisk::new(0));
    assert_eq!(values.increment("a", "n", 5).await, Ok(5));
    assert_eq!(values.increment("a", "n", -7).await, Ok(-2));
    assert_eq!(text(&values, "a", "n").await.as_deref(), Some("-2"));
    assert_eq!(values.increment("a", "n", i64::MIN).await, Err(KeyValueError::NoNumber));
    values.set("a", vec![pair("n", "many")]).await.expect("set");
    assert_eq!(values.increment("a", "n", 1).await, Err(KeyValueError::NoNumber));
    assert_eq!(text(&values, "a", "n").await.as_deref(), Some("many"));
}

#[tokio::test]
async fn a_swap_fails_when_somebody_was_first_even_with_the_same_value() {
    let values = on(&FaultyDisk::new(0));
    let (seen, none) = values.get_version("a", "k").await.expect("read");
    assert_eq!(none, None);
    assert_eq!(values.swap("a", "k", seen, "1".into()).await, Ok(Ok(())));
    let (seen, _) = values.get_version("a", "k").await.expect("read");
    values.set("a", vec![pair("k", "1")]).await.expect("set");
    let Ok(Err((now, there))) = values.swap("a", "k", seen, "2".into()).await else { panic!("swapped") };
    assert_eq!(there, Some("1".into()));
    assert_eq!(values.swap("a", "k", now, "2".into()).await, Ok(Ok(())));
    assert_eq!(text(&values, "a", "k").await.as_deref(), Some("2"));
}

#[tokio::test]
async fn sizes_are_limited() {
    let values = on(&FaultyDisk::new(0));
    let key = |len: usize| vec![("k".repeat(len), Bytes::new())];
    assert_eq!(values.set("a", key(KEY_BYTES_MAX)).await, Ok(()));
    let too_large = KeyValueError::TooLarge { what: "a key", len: KEY_BYTES_MAX + 1, max: KEY_BYTES_MAX };
    assert_eq!(values.set("a", key(KEY_BYTES_MAX + 1)).await, Err(too_large));
    let value = |len: usize| vec![("k".to_owned(), Bytes::from(vec![0; len]))];
    assert_eq!(values.set("a", value(VALUE_BYTES_MAX)).await, Ok(()));
    assert!(values.set("a", value(VALUE_BYTES_MAX + 1)).await.is_err());
}

#[tokio::test]
async fn concurrent_writes_share_a_sync_and_all_count() {
    let values = on(&FaultyDisk::new(0));
    let writes = (0..100).map(|_| values.increment("a", "n", 1));
    futures_util::future::join_all(writes).await;
    assert_eq!(text(&values, "a", "n").await.as_deref(), Some("100"));
}

#[tokio::test]
async fn a_broken_disk_is_an_error_and_a_repaired_one_goes_on() {
    let disk = FaultyDisk::new(1);
    let values = on(&disk);
    values.set("a", vec![pair("k", "kept")]).await.expect("set");
    disk.fail_after(0);
    assert!(matches!(values.set("a", vec![pair("k", "lost")]).await, Err(KeyValueError::Storage(_))));
    disk.fail_after(u64::MAX);
    assert_eq!(text(&values, "a", "k").await.as_deref(), Some("kept"));
    values.set("a", vec![pair("k", "new")]).await.expect("set");
    assert_eq!(text(&values, "a", "k").await.as_deref(), Some("new"));
}

#[tokio::test]
async fn what_is_no_database_is_an_error() {
    let disk = FaultyDisk::new(1);
    disk.0.lock().now = b"this is not the file of a database, whatever its name says".repeat(100);
    let values = on(&disk);
    assert!(matches!(values.get("a", "k").await, Err(KeyValueError::Storage(_))));
    assert!(matches!(values.increment("a", "k", 1).await, Err(KeyValueError::Storage(_))));
}

/// Many lives of one store, each ended by a disk that breaks at an arbitrary moment and loses an arbitrary part of what
/// was not synced: what was acknowledged is there, and what failed happened as a whole or not at all.
#[tokio::test]
async fn no_crash_loses_what_was_acknowledged() {
    for seed in 0..30 {
        let disk = FaultyDisk::new(seed);
        let mut model: BTreeMap<String, String> = BTreeMap::new();
        let mut doubtful: Option<(String, String, String)> = None;
        for life in 0..6 {
            let values = on(&disk);
            if let Some((a, b, value)) = doubtful.take() {
                let (now_a, now_b) = (text(&values, "b", &a).await, text(&values, "b", &b).await);
                let happened = now_a.as_deref() == Some(&value);
                if happened {
                    assert_eq!(now_b.as_deref(), Some(value.as_str()), "seed {seed}, life {life}: half a write");
                    model.insert(a, value.clone());
                    model.insert(b, value);
                }
            }
            for (key, value) in &model {
                assert_eq!(text(&values, "b", key).await.as_ref(), Some(value), "seed {seed}, life {life}: {key}");
            }
            disk.fail_after(disk.below(60));
            for write in 0.. {
                let (a, b) = (format!("a{}", disk.below(20)), format!("b{}", disk.below(20)));
                let value = format!("{life}.{write}{}", "x".repeat(disk.below(3000) as usize));
                match values.set("b", vec![pair(&a, &value), pair(&b, &value)]).await {
                    Ok(()) => {
                        model.insert(a, value.clone());
                        model.insert(b, value);
                    }
                    Err(KeyValueError::Storage(_)) => {
                        doubtful = Some((a, b, value));
                        break;
                    }
                    Err(other) => panic!("{other}"),
                }
            }
            drop(values);
            disk.crash();
        }
    }
}
