use rusm_core::seam::Storage;
use sha2::{Digest, Sha256};
use std::io;

/// The storage's file that holds the number of the node's last life.
const FILE: &str = "incarnation";
/// A number, and the beginning of its SHA-256.
const RECORD_BYTES: usize = 12;

/// The number of the life that begins now: greater than all that the storage has ever seen. It is durable when this
/// returns. The first is 1.
///
/// Two records take turns, so that one that was torn by a crash leaves the one before it. A life whose record was lost
/// with it has never begun.
///
/// # Errors
/// The storage failed, both records are damaged, or there have been 2³² lives.
pub fn next_incarnation(storage: &dyn Storage) -> io::Result<u32> {
    let file = storage.open(FILE)?;
    let len = file.len()?;
    let mut last = None;
    for record in 0..2 {
        let offset = record * RECORD_BYTES as u64;
        if len >= offset + RECORD_BYTES as u64 {
            let mut bytes = [0; RECORD_BYTES];
            file.read(offset, &mut bytes)?;
            last = last.max(decode(&bytes));
        }
    }
    if last.is_none() && len > RECORD_BYTES as u64 {
        let why = "the node's incarnation cannot be read: both records are damaged. Restore the data from a backup, or \
                   begin with an empty data directory";
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    let next = last.unwrap_or(0).checked_add(1).ok_or_else(|| io::Error::other("the node has used up its lives"))?;
    file.write(u64::from((next + 1) % 2) * RECORD_BYTES as u64, &encode(next))?;
    file.sync()?;
    Ok(next)
}

fn encode(incarnation: u32) -> [u8; RECORD_BYTES] {
    let mut record = [0; RECORD_BYTES];
    record[..4].copy_from_slice(&incarnation.to_le_bytes());
    let digest = Sha256::digest(&record[..4]);
    record[4..].copy_from_slice(&digest[..RECORD_BYTES - 4]);
    record
}

fn decode(record: &[u8; RECORD_BYTES]) -> Option<u32> {
    let incarnation = u32::from_le_bytes([record[0], record[1], record[2], record[3]]);
    (encode(incarnation) == *record).then_some(incarnation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusm_core::seam::DiskStorage;

    struct Fixture {
        directory: tempfile::TempDir,
    }

    impl Fixture {
        fn new() -> Self {
            Self { directory: tempfile::tempdir().expect("a temporary directory") }
        }

        fn next(&self) -> io::Result<u32> {
            next_incarnation(&DiskStorage::new(self.directory.path()))
        }

        #[expect(clippy::disallowed_methods, reason = "damages what the storage wrote")]
        fn write(&self, bytes: &[u8]) {
            std::fs::write(self.directory.path().join(FILE), bytes).expect("it can be written");
        }
    }

    #[test]
    fn every_life_has_a_greater_number() {
        let fixture = Fixture::new();
        for expected in 1..6 {
            assert_eq!(fixture.next().expect("the disk works"), expected);
        }
    }

    #[test]
    fn a_torn_record_leaves_the_one_before() {
        let check = |bytes: &[u8], expected: u32| {
            let fixture = Fixture::new();
            fixture.write(bytes);
            assert_eq!(fixture.next().expect("the disk works"), expected);
        };
        check(&[], 1);
        check(&encode(1)[..7], 1);
        check(&encode(1), 2);
        check(&[&encode(1)[..], &encode(2)[..5]].concat(), 2);
        check(&[&encode(1)[..], &encode(2)].concat(), 3);
        check(&[&[9; RECORD_BYTES][..], &encode(2)].concat(), 3);
    }

    #[test]
    fn damage_and_the_end_of_numbers_are_errors() {
        let check = |bytes: &[u8], expected: &str| {
            let fixture = Fixture::new();
            fixture.write(bytes);
            let error = fixture.next().expect_err("no life can begin").to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(&[7; 2 * RECORD_BYTES], "both records are damaged");
        check(&encode(u32::MAX), "used up its lives");
    }
}
