use crate::run;
use proptest::prelude::*;
use rusm_core::{Context, ExitReason, Task, TaskError};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A task: for how long it works, and whether it crashes then.
#[derive(Clone, Copy, Debug)]
struct Work {
    takes: u64,
    crashes: bool,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Join(u64),
    Poll(u64),
    Kill,
    Sleep(u64),
}

/// What was seen of a task, and when. All times are in milliseconds.
type Seen = Vec<(usize, String, u64)>;

fn done(i: usize, work: Work) -> String {
    if work.crashes { "ended panic".to_owned() } else { format!("result {i}") }
}

/// What each step must see; nothing, when two things happen at the same time.
fn expected(work: &[Work], script: &[(usize, Step)]) -> Option<Seen> {
    let (mut seen, mut now, mut there) = (Seen::new(), 0, vec![true; work.len()]);
    for (i, step) in script {
        if let Step::Sleep(time) = step {
            now += time;
            continue;
        }
        let i = i % work.len();
        if !there[i] {
            continue;
        }
        let (Step::Join(time) | Step::Poll(time)) = step else {
            there[i] = false;
            // A result that has arrived is returned, a crash is none.
            let result = is_before(work[i].takes, now)? && !work[i].crashes;
            seen.push((i, if result { done(i, work[i]) } else { "killed".to_owned() }, now));
            continue;
        };
        let gives_up = now + time;
        let is_done = is_before(work[i].takes, gives_up)?;
        now = if is_done { now.max(work[i].takes) } else { gives_up };
        let text = match step {
            _ if is_done => done(i, work[i]),
            Step::Join(_) => "timeout".to_owned(),
            _ => "runs".to_owned(),
        };
        there[i] = text == "runs";
        seen.push((i, text, now));
    }
    Some(seen)
}

fn is_before(one: u64, other: u64) -> Option<bool> {
    (one.abs_diff(other) > 1).then_some(one < other)
}

async fn play(context: Context, work: Vec<Work>, script: Vec<(usize, Step)>, seen: Arc<Mutex<Seen>>) {
    let origin = context.now();
    let start = |(i, work): (usize, &Work)| Some(Task::start_nolink(&context, works(i, *work)));
    let mut tasks: Vec<Option<Task<usize>>> = work.iter().enumerate().map(start).collect();
    let saw = |i: usize, text: String, now| seen.lock().unwrap().push((i, text, now));
    for (i, step) in script {
        if let Step::Sleep(time) = step {
            context.sleep(Duration::from_millis(time)).await;
            continue;
        }
        let i = i % work.len();
        let Some(task) = tasks[i].take() else { continue };
        let text = match step {
            Step::Join(time) => match task.join(&context, Duration::from_millis(time)).await {
                Ok(result) => format!("result {result}"),
                Err(TaskError::Ended(reason)) => format!("ended {}", reason.word()),
                Err(TaskError::Timeout) => "timeout".to_owned(),
                Err(other) => other.to_string(),
            },
            Step::Poll(time) => match task.poll(&context, Duration::from_millis(time)).await {
                Ok(Ok(result)) => format!("result {result}"),
                Ok(Err(reason)) => format!("ended {}", reason.word()),
                Err(task) => {
                    tasks[i] = Some(task);
                    "runs".to_owned()
                }
            },
            Step::Kill | Step::Sleep(_) => {
                task.kill(&context).map_or("killed".to_owned(), |result| format!("result {result}"))
            }
        };
        saw(i, text, ms(&context, origin));
    }
    // What is left runs to its end, and nothing of the others is left in the mailbox.
    let left: Vec<Task<usize>> = tasks.into_iter().flatten().collect();
    for task in left {
        drop(task.join(&context, Duration::MAX).await);
    }
    assert!(context.try_receive(|_| true).is_none(), "something was left in the mailbox");
}

fn works(i: usize, work: Work) -> impl FnOnce(Context) -> std::pin::Pin<Box<dyn Future<Output = usize> + Send>> {
    move |context| {
        Box::pin(async move {
            context.sleep(Duration::from_millis(work.takes)).await;
            assert!(!work.crashes, "as it was told");
            i
        })
    }
}

/// The nearest millisecond.
fn ms(context: &Context, origin: rusm_core::Timestamp) -> u64 {
    (context.now().since(origin).as_micros() as u64 + 500) / 1000
}

const TIME_MAX: u64 = 500;

fn work() -> impl Strategy<Value = Vec<Work>> {
    let one = (0..TIME_MAX, prop::bool::weighted(0.2)).prop_map(|(takes, crashes)| Work { takes, crashes });
    prop::collection::vec(one, 1..6)
}

fn script() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let step = prop_oneof![
        3 => (2..TIME_MAX).prop_map(Step::Join),
        3 => (2..TIME_MAX).prop_map(Step::Poll),
        1 => Just(Step::Kill),
        2 => (2..TIME_MAX / 2).prop_map(Step::Sleep),
    ];
    prop::collection::vec((0usize..6, step), 0..12)
}

/// When each item is begun, by the rule as it is told: at most so many at the same time, and the results in order, so that
/// the next begins when the oldest that runs is done.
fn begun(work: &[Work], limit: usize) -> Vec<u64> {
    let mut begun: Vec<u64> = Vec::new();
    for i in 0..work.len() {
        let collected = (0..=i.saturating_sub(limit)).map(|j| if i < limit { 0 } else { begun[j] + work[j].takes });
        begun.push(collected.max().unwrap_or(0));
    }
    begun
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn tasks_do_what_the_reference_does(work in work(), script in script(), seed in 0u64..1000) {
        let expected = expected(&work, &script);
        prop_assume!(expected.is_some());
        let seen = Arc::new(Mutex::new(Seen::new()));
        run(seed, { let seen = seen.clone(); move |context| play(context, work, script, seen) });
        prop_assert_eq!(std::mem::take(&mut *seen.lock().unwrap()), expected.unwrap());
    }

    #[test]
    fn so_many_tasks_at_the_same_time_begin_when_the_reference_says(work in work(), limit in 1usize..4, seed in 0u64..1000) {
        let seen = Arc::new(Mutex::new((Vec::new(), Vec::new())));
        let expected_begun = begun(&work, limit);
        let expected: Vec<String> = work.iter().enumerate().map(|(i, work)| done(i, *work)).collect();
        run(seed, {
            let seen = seen.clone();
            move |context| async move {
                let origin = context.now();
                let at = seen.clone();
                let items: Vec<(usize, Work)> = work.into_iter().enumerate().collect();
                let results = context.map_concurrently(limit, items, move |context, (i, work)| {
                    at.lock().unwrap().0.push(ms(&context, origin));
                    works(i, work)(context)
                });
                let text = |result: Result<usize, ExitReason>| match result {
                    Ok(i) => format!("result {i}"),
                    Err(reason) => format!("ended {}", reason.word()),
                };
                let results = results.await.into_iter().map(text).collect();
                seen.lock().unwrap().1 = results;
            }
        });
        let (mut begun, results) = std::mem::take(&mut *seen.lock().unwrap());
        begun.sort_unstable();
        let mut expected_begun = expected_begun;
        expected_begun.sort_unstable();
        prop_assert_eq!(begun, expected_begun);
        prop_assert_eq!(results, expected);
    }
}
