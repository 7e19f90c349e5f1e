use super::Life;
use super::ready::{Ready, TaskId, TaskWaker};
use rusm_core::BoxFuture;
use std::sync::Arc;
use std::task::Waker;

/// A future, and whose it is.
pub(crate) struct Task {
    pub(crate) future: BoxFuture<()>,
    pub(crate) life: Arc<Life>,
    pub(crate) waker: Arc<TaskWaker>,
    pub(crate) as_waker: Waker,
}

/// All tasks that have not ended.
#[derive(Default)]
pub(crate) struct Tasks {
    slots: Vec<Slot>,
    free: Vec<u32>,
    spawned: u64,
}

struct Slot {
    number: u64,
    /// `None` while the task is being polled.
    task: Option<Box<Task>>,
}

impl Tasks {
    pub(crate) fn insert(
        &mut self,
        future: BoxFuture<()>,
        life: Arc<Life>,
        priority: u64,
        ready: &Arc<Ready>,
    ) -> Arc<TaskWaker> {
        self.spawned += 1;
        let number = self.spawned;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { number: 0, task: None });
            (self.slots.len() - 1) as u32
        });
        let waker = Arc::new(TaskWaker::new(TaskId { slot, number }, priority, ready.clone()));
        let as_waker = Waker::from(waker.clone());
        let task = Some(Box::new(Task { future, life, waker: waker.clone(), as_waker }));
        self.slots[slot as usize] = Slot { number, task };
        waker
    }

    /// Takes a task out for a poll; its slot stays its own.
    pub(crate) fn take(&mut self, id: TaskId) -> Option<Box<Task>> {
        let slot = self.slots.get_mut(id.slot as usize).filter(|slot| slot.number == id.number)?;
        slot.task.take()
    }

    pub(crate) fn put_back(&mut self, task: Box<Task>) {
        let slot = task.waker.id.slot as usize;
        self.slots[slot].task = Some(task);
    }

    /// Gives up the slot of a task that was taken out.
    pub(crate) fn remove(&mut self, id: TaskId) {
        let slot = &mut self.slots[id.slot as usize];
        if slot.number == id.number {
            *slot = Slot { number: 0, task: None };
            self.free.push(id.slot);
        }
    }

    /// Takes out every task of a life, in the order of their slots.
    pub(crate) fn remove_life(&mut self, life: &Life) -> Vec<Task> {
        let mut removed = Vec::new();
        for index in 0..self.slots.len() {
            let slot = &mut self.slots[index];
            if slot.task.as_ref().is_some_and(|task| std::ptr::eq(&*task.life, life)) {
                removed.extend(slot.task.take().map(|task| *task));
                slot.number = 0;
                self.free.push(index as u32);
            }
        }
        removed
    }

    /// Of the tasks of a life, in the order of their slots, one: `which` modulo how many there are.
    pub(crate) fn one_of(&self, life: &Life, which: u64) -> Option<Arc<TaskWaker>> {
        let own: Vec<&Task> = self.of(life).collect();
        let index = which.checked_rem(own.len() as u64)?;
        own.get(index as usize).map(|task| task.waker.clone())
    }

    /// The waker of a task that has not ended and is not being polled.
    pub(crate) fn waker(&self, id: TaskId) -> Option<(&Arc<TaskWaker>, &Life)> {
        let slot = self.slots.get(id.slot as usize).filter(|slot| slot.number == id.number)?;
        slot.task.as_ref().map(|task| (&task.waker, &*task.life))
    }

    fn of<'a>(&'a self, life: &'a Life) -> impl Iterator<Item = &'a Task> {
        self.slots.iter().filter_map(|slot| slot.task.as_deref()).filter(move |task| std::ptr::eq(&*task.life, life))
    }

    pub(crate) fn count(&self, life: &Life) -> usize {
        self.of(life).count()
    }
}
