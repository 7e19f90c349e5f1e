//! What a voter keeps, compared with values in memory, while its machine crashes; and openraft's own suite for such storages.

use super::torn_disk::TornDisk;
use super::*;
use crate::unique::raft::Machine;
use openraft::StorageError;
use openraft::testing::blank_ent;
use openraft::testing::log::{StoreBuilder, Suite};
use proptest::prelude::*;
use rusm_core::seam::Seams;
use rusm_core::{Context, Node, NodeOptions};
use std::collections::BTreeMap;

/// A voter's home on a node that has just been started with that disk.
async fn home(disk: &TornDisk) -> Home {
    let seams = Seams { storage: Arc::new(disk.clone()), ..Seams::production("never-used") };
    let node = Node::start(NodeOptions::new("a", seams));
    let (tell, told) = tokio::sync::oneshot::channel();
    node.spawn(move |context: Context| async move {
        let _ = tell.send(Home::of(&context));
        std::future::pending::<()>().await;
    });
    told.await.expect("a process runs")
}

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(test)
}

struct OnNewDisks;

impl StoreBuilder<Types, Log, Machine> for OnNewDisks {
    async fn build(&self) -> Result<((), Log, Machine), StorageError<Types>> {
        let built = home(&TornDisk::default()).await.run(async {
            let log = Log::open().await.expect("it opens");
            let machine = Machine::open(log.clone(), Arc::new(|_| {})).await.expect("it has no snapshot");
            ((), log, machine)
        });
        Ok(built.await)
    }
}

#[test]
fn openraft_has_what_it_needs_of_a_storage() {
    run(async {
        let home = home(&TornDisk::default()).await;
        home.run(Suite::test_all(OnNewDisks)).await.expect("openraft's own suite");
    });
}

/// What a voter has written.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    vote: Option<Vote>,
    purged: Option<LogId>,
    entries: BTreeMap<u64, Entry>,
    snapshot: Option<(SnapshotMeta, Vec<u8>)>,
}

#[derive(Clone, Copy, Debug)]
enum Operation {
    Vote,
    Append(u64),
    /// Takes away so many of the last entries.
    Truncate(u64),
    /// Takes away so many of the first entries.
    Purge(u64),
    /// A snapshot of all but so many of the entries.
    Snapshot(u64),
}

impl Model {
    fn last(&self) -> Option<LogId> {
        self.entries.values().last().map(|entry| entry.log_id).or(self.purged)
    }

    fn last_index(&self) -> u64 {
        self.last().map_or(0, |last| last.index)
    }

    fn first_index(&self) -> u64 {
        self.purged.map_or(1, |purged| purged.index + 1)
    }

    /// The log id at an index that is in the log, or was purged last.
    fn at(&self, index: u64) -> Option<LogId> {
        self.entries.get(&index).map(|entry| entry.log_id).or(self.purged.filter(|purged| purged.index == index))
    }

    fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Vote => self.vote = Some(self.next_vote()),
            Operation::Append(count) => {
                for entry in self.next_entries(count) {
                    self.entries.insert(entry.log_id.index, entry);
                }
            }
            Operation::Truncate(count) => {
                let after = self.truncated(count);
                self.entries.retain(|index, _| Some(*index) <= after.map(|after| after.index));
            }
            Operation::Purge(count) => {
                if let Some(upto) = self.purged(count) {
                    self.entries.retain(|index, _| *index > upto.index);
                    self.purged = Some(upto);
                }
            }
            Operation::Snapshot(count) => {
                let (meta, leases) = self.next_snapshot(count);
                let is_older = |kept: &(SnapshotMeta, _)| kept.0.last_log_id > meta.last_log_id;
                if !self.snapshot.as_ref().is_some_and(is_older) {
                    self.snapshot = Some((meta, leases));
                }
            }
        }
    }

    fn next_vote(&self) -> Vote {
        Vote::new(self.vote.map_or(1, |vote| vote.leader_id.term + 1), 1)
    }

    fn next_entries(&self, count: u64) -> Vec<Entry> {
        let term = self.vote.map_or(1, |vote| vote.leader_id.term);
        let from = self.last().map_or(1, |last| last.index + 1);
        (from..from + count).map(|index| blank_ent::<Types>(term, 1, index)).collect()
    }

    fn truncated(&self, count: u64) -> Option<LogId> {
        self.at(self.last_index().saturating_sub(count).max(self.first_index() - 1))
    }

    fn purged(&self, count: u64) -> Option<LogId> {
        self.at((self.first_index() + count - 1).min(self.last_index()))
    }

    fn next_snapshot(&self, count: u64) -> (SnapshotMeta, Vec<u8>) {
        let last_log_id = self.at(self.last_index().saturating_sub(count).max(self.first_index() - 1));
        let bytes = vec![self.entries.len() as u8; 100];
        (SnapshotMeta { last_log_id, ..SnapshotMeta::default() }, bytes)
    }

    /// Does to the log what [`apply`](Self::apply) does to this.
    async fn carry_out(&self, log: &mut Log, operation: Operation) -> io::Result<()> {
        match operation {
            Operation::Vote => log.save_vote(&self.next_vote()).await,
            Operation::Append(count) => log.append(self.next_entries(count), IOFlushed::noop()).await,
            Operation::Truncate(count) => log.truncate_after(self.truncated(count)).await,
            Operation::Purge(count) => match self.purged(count) {
                Some(upto) => log.purge(upto).await,
                None => Ok(()),
            },
            Operation::Snapshot(count) => {
                let (meta, leases) = self.next_snapshot(count);
                log.save_snapshot(&meta, &leases).await
            }
        }
    }

    async fn of(log: &mut Log) -> io::Result<Self> {
        let state = log.get_log_state().await?;
        let entries = log.try_get_log_entries(..).await?;
        let model = Self {
            vote: log.read_vote().await?,
            purged: state.last_purged_log_id,
            entries: entries.into_iter().map(|entry| (entry.log_id.index, entry)).collect(),
            snapshot: log.read_snapshot().await?,
        };
        assert_eq!(state.last_log_id, model.last(), "the log's end");
        Ok(model)
    }
}

fn operations() -> impl Strategy<Value = Operation> {
    prop_oneof![
        2 => Just(Operation::Vote),
        5 => (1u64..6).prop_map(Operation::Append),
        2 => (0u64..5).prop_map(Operation::Truncate),
        2 => (1u64..5).prop_map(Operation::Purge),
        1 => (0u64..4).prop_map(Operation::Snapshot),
    ]
}

/// Numbers from a seed. With those of seed zero a crash keeps all that it can.
fn numbers(mut seed: u64) -> impl FnMut() -> u64 {
    let keeps_all = seed == 0;
    move || {
        if keeps_all {
            return 0;
        }
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed >> 33
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_was_written_is_there_after_a_crash(
        steps in prop::collection::vec((operations(), prop::option::weighted(0.3, any::<u64>())), 1..25)
    ) {
        run(async {
            let disk = TornDisk::default();
            let mut voter = home(&disk).await;
            let mut log = voter.clone().run(Log::open()).await.expect("a new one");
            let mut model = Model::default();
            for (operation, crash) in steps {
                voter.clone().run(model.carry_out(&mut log, operation)).await.expect("the disk does not fail");
                model.apply(operation);
                if let Some(seed) = crash {
                    disk.crash(numbers(seed));
                    voter = home(&disk).await;
                    log = voter.clone().run(Log::open()).await.expect("what it had");
                }
                let found = voter.clone().run(Model::of(&mut log)).await.expect("it can be read");
                assert_eq!(found, model, "after {operation:?}, crashed: {}", crash.is_some());
            }
        });
    }
}

/// Wherever within a commit the machine stops, all of it or nothing has happened, and what was said to be done is.
#[test]
fn each_change_of_the_disk_may_be_the_last_before_a_crash() {
    let kinds =
        [Operation::Vote, Operation::Append(3), Operation::Truncate(2), Operation::Purge(2), Operation::Snapshot(1)];
    for operation in kinds {
        let (mut undone, mut done) = (0, 0);
        for changes in 0.. {
            let mut is_over = false;
            for seed in 0..8 {
                let outcome = run(torn(operation, changes, seed));
                is_over |= outcome == Torn::NotHit;
                undone += u32::from(outcome == Torn::Undone);
                done += u32::from(outcome == Torn::Done);
            }
            if is_over {
                assert!(changes > 2, "{operation:?} writes and syncs");
                break;
            }
        }
        assert!(undone > 0 && done > 0, "{operation:?}: {undone} undone, {done} done");
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Torn {
    /// The operation was over before the disk failed.
    NotHit,
    Undone,
    Done,
}

async fn torn(operation: Operation, changes: u64, seed: u64) -> Torn {
    let disk = TornDisk::default();
    let voter = home(&disk).await;
    let mut log = voter.clone().run(Log::open()).await.expect("a new one");
    let mut before = Model::default();
    for operation in [Operation::Vote, Operation::Append(6), Operation::Purge(1)] {
        voter.clone().run(before.carry_out(&mut log, operation)).await.expect("the disk does not fail yet");
        before.apply(operation);
    }
    let mut after = before.clone();
    after.apply(operation);
    disk.fail_after(changes);
    let outcome = voter.run(before.carry_out(&mut log, operation)).await;
    disk.crash(numbers(seed));

    let voter = home(&disk).await;
    let mut log = voter.clone().run(Log::open()).await.expect("what it had");
    let found = voter.run(Model::of(&mut log)).await.expect("it can be read");
    if outcome.is_ok() {
        assert_eq!(found, after, "{operation:?} was said to be done, {changes} changes, seed {seed}");
    }
    assert!(found == before || found == after, "{operation:?}, {changes} changes, seed {seed}: {found:?}");
    match (outcome.is_ok(), found == after) {
        (true, _) => Torn::NotHit,
        (false, false) => Torn::Undone,
        (false, true) => Torn::Done,
    }
}

#[test]
fn whoever_opens_the_log_shuts_its_former_user_out() {
    run(async {
        let disk = TornDisk::default();
        let voter = home(&disk).await;
        voter
            .run(async {
                let mut former = Log::open().await.expect("a new one");
                former.save_vote(&Vote::new(1, 1)).await.expect("it is the user");
                let mut present = Log::open().await.expect("what it had");
                assert!(former.save_vote(&Vote::new(2, 1)).await.is_err());
                assert!(former.read_vote().await.is_err());
                assert_eq!(present.read_vote().await.expect("it is the user"), Some(Vote::new(1, 1)));
                let append = former.append([blank_ent::<Types>(1, 1, 1)], IOFlushed::noop()).await;
                assert!(append.is_err());
                let state = present.get_log_state().await.expect("it is the user");
                assert_eq!(state.last_log_id, None);
            })
            .await;
    });
}
