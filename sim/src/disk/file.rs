use super::CrashLoss;
use crate::seed::below;
use rand_core::Rng;
use std::io;

/// What is written as a whole or not at all.
pub(super) const SECTOR: usize = 512;

/// One file: what a reader sees, what a crash leaves, and the writes between the two, in order.
#[derive(Default)]
pub(crate) struct Inode {
    current: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

enum Change {
    /// At most one sector.
    Write {
        offset: usize,
        bytes: Vec<u8>,
    },
    Resize(usize),
}

impl Inode {
    pub(crate) fn len(&self) -> u64 {
        self.current.len() as u64
    }

    pub(crate) fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = start.checked_add(buffer.len()).and_then(|end| self.current.get(start..end));
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    pub(crate) fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut offset = usize::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge)?;
        offset.checked_add(bytes.len()).ok_or(io::ErrorKind::FileTooLarge)?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (piece, left) = rest.split_at(rest.len().min(SECTOR - offset % SECTOR));
            let change = Change::Write { offset, bytes: piece.to_vec() };
            change.apply(&mut self.current);
            self.unsynced.push(change);
            offset += piece.len();
            rest = left;
        }
        Ok(())
    }

    pub(crate) fn resize(&mut self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let change = Change::Resize(len);
        change.apply(&mut self.current);
        self.unsynced.push(change);
        Ok(())
    }

    pub(crate) fn sync(&mut self) {
        for change in self.unsynced.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    /// Flips one bit of the file, which must not be empty, and of what is durable of it. Says which.
    pub(crate) fn rot(&mut self, random: u64) -> u64 {
        let bit = below(random, self.len() * 8);
        let (byte, mask) = ((bit / 8) as usize, 1 << (bit % 8));
        self.current[byte] ^= mask;
        if let Some(durable) = self.durable.get_mut(byte) {
            *durable ^= mask;
        }
        bit
    }

    /// Decides which of the unsynced changes are there after all. Returns how many are and how many are not.
    pub(crate) fn crash(&mut self, loss: CrashLoss, rng: &mut impl Rng) -> (u64, u64) {
        let changes = std::mem::take(&mut self.unsynced);
        let (mut kept, mut lost) = (0, 0);
        let prefix = below(rng.next_u64(), changes.len() as u64 + 1);
        for (index, change) in changes.into_iter().enumerate() {
            let keep = match loss {
                CrashLoss::All | CrashLoss::Disk => false,
                CrashLoss::Tail => (index as u64) < prefix,
                CrashLoss::Sectors => rng.next_u64() & 1 == 0,
            };
            if keep {
                change.apply(&mut self.durable);
                kept += 1;
            } else {
                lost += 1;
            }
        }
        self.current.clone_from(&self.durable);
        (kept, lost)
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => {
                let end = offset + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*offset..end].copy_from_slice(bytes);
            }
            Self::Resize(len) => content.resize(*len, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::generator;

    #[test]
    fn a_crash_keeps_what_was_synced_and_tears_the_rest_at_sectors() {
        let mut torn = 0;
        for seed in 0..50 {
            let mut file = Inode::default();
            file.write(0, &[1; 2000]).expect("a small write");
            file.sync();
            file.write(100, &[2; 1500]).expect("a small write");
            file.crash(CrashLoss::Sectors, &mut generator(seed, "test"));
            let content = file.current.clone();
            assert_eq!(content.len(), 2000);
            assert!(content[..100].iter().chain(&content[1600..]).all(|byte| *byte == 1), "a synced byte is lost");
            for sector in [100..512, 512..1024, 1024..1536, 1536..1600] {
                let bytes = &content[sector];
                assert!(bytes.iter().all(|byte| byte == &bytes[0]), "a sector is torn");
            }
            torn += u32::from(content[100..1600].contains(&1) && content[100..1600].contains(&2));
        }
        assert!(torn > 10, "only {torn} of 50 crashes tore a write");
    }
}
