use super::file::{Inode, SECTOR};
use super::{Disk, Honesty, Operation};
use crate::executor::Life;
use parking_lot::Mutex;
use rusm_core::seam::{Storage, StorageFile, check_name};
use std::io;
use std::sync::Arc;

/// A host's disk as one life of it sees it.
pub(crate) struct SimStorage {
    disk: Disk,
    life: Arc<Life>,
}

impl SimStorage {
    pub(crate) fn new(disk: Disk, life: Arc<Life>) -> Self {
        Self { disk, life }
    }
}

/// What runs on after its host has crashed, a destructor, changes nothing.
fn check_alive(life: &Life) -> io::Result<()> {
    if life.is_alive() { Ok(()) } else { Err(io::Error::other("this host has crashed")) }
}

impl Storage for SimStorage {
    fn open(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        check_alive(&self.life)?;
        check_name(name)?;
        let inode = self.disk.file(name);
        Ok(Box::new(SimFile { disk: self.disk.clone(), life: self.life.clone(), name: name.to_owned(), inode }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        check_alive(&self.life)?;
        check_name(name)?;
        self.disk.remove(name);
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        check_alive(&self.life)?;
        Ok(self.disk.names())
    }
}

/// Where a write goes that goes astray: the sector before, or the one behind the first.
fn misdirected(offset: u64) -> u64 {
    if offset >= SECTOR as u64 { offset - SECTOR as u64 } else { offset + SECTOR as u64 }
}

struct SimFile {
    disk: Disk,
    life: Arc<Life>,
    name: String,
    inode: Arc<Mutex<Inode>>,
}

impl SimFile {
    fn operate(&self, operation: Operation, at: u64, len: u64) -> io::Result<Honesty> {
        check_alive(&self.life)?;
        self.disk.operate(operation, &self.name, at, len)
    }
}

impl StorageFile for SimFile {
    fn len(&self) -> io::Result<u64> {
        check_alive(&self.life)?;
        Ok(self.inode.lock().len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.operate(Operation::Resize, 0, len)?;
        self.inode.lock().resize(len)
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.operate(Operation::Read, offset, buffer.len() as u64)?;
        self.inode.lock().read(offset, buffer)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let honesty = self.operate(Operation::Write, offset, bytes.len() as u64)?;
        let offset = if honesty == Honesty::Lie { misdirected(offset) } else { offset };
        self.inode.lock().write(offset, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        if self.operate(Operation::Sync, 0, 0)? == Honesty::Honest {
            self.inode.lock().sync();
        }
        Ok(())
    }
}
