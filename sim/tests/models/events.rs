//! An event manager and its handlers, compared with a list of what each handler has heard.

use crate::{run, script_ending_with};
use proptest::prelude::*;
use rusm_core::{
    Context, EventHandler, EventManager, EventManagerError, EventManagerRef, ExitReason, Handled, HandlerEnd,
    HandlerEnded, Message,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const IDS: [&str; 4] = ["a", "b", "c", "d"];
const EVENTS: u8 = 6;

/// Adds up what it hears of, until an event after which it goes, or crashes.
#[derive(Clone, Debug, PartialEq)]
struct Plan {
    goes_at: u8,
    crashes_at: u8,
}

#[derive(Clone, Debug)]
enum Step {
    Add { id: usize, plan: Plan, supervised: bool },
    Delete(usize),
    Swap { old: usize, new: usize, plan: Plan },
    Notify(u8),
    SyncNotify(u8),
    Call(usize),
    Look,
}

type Heard = Arc<Mutex<Vec<(usize, u8)>>>;

struct Handler {
    id: usize,
    plan: Plan,
    sum: u32,
    heard: Heard,
}

impl EventHandler<u8> for Handler {
    type Call = ();
    type Reply = u32;

    async fn handle_event(&mut self, _: &Context, event: &u8) -> Handled {
        self.heard.lock().unwrap().push((self.id, *event));
        assert_ne!(*event, self.plan.crashes_at, "as it was told");
        self.sum += u32::from(*event);
        if *event == self.plan.goes_at { Handled::Remove } else { Handled::Keep }
    }

    async fn handle_call(&mut self, _: &Context, (): ()) -> (u32, Handled) {
        (self.sum, Handled::Keep)
    }
}

struct Entry {
    id: usize,
    plan: Plan,
    sum: u32,
    supervised: bool,
}

#[derive(Default)]
struct Model {
    handlers: Vec<Entry>,
    heard: Vec<(usize, u8)>,
    /// Of supervised handlers, and why.
    ended: Vec<(usize, &'static str)>,
}

impl Model {
    fn place(&self, id: usize) -> Option<usize> {
        self.handlers.iter().position(|handler| handler.id == id)
    }

    fn remove(&mut self, place: usize, why: &'static str) {
        let gone = self.handlers.remove(place);
        if gone.supervised {
            self.ended.push((gone.id, why));
        }
    }

    fn notify(&mut self, event: u8) {
        let mut place = 0;
        while let Some(handler) = self.handlers.get_mut(place) {
            self.heard.push((handler.id, event));
            if event == handler.plan.crashes_at {
                self.remove(place, "crashed");
                continue;
            }
            handler.sum += u32::from(event);
            if event == handler.plan.goes_at {
                self.remove(place, "removed");
            } else {
                place += 1;
            }
        }
    }
}

fn why(end: &HandlerEnd) -> &'static str {
    match end {
        HandlerEnd::Removed => "removed",
        HandlerEnd::Deleted => "deleted",
        HandlerEnd::Crashed(reason) if reason.word() == "panic" => "crashed",
        other => panic!("nobody did that: {other:?}"),
    }
}

fn number(id: &str) -> usize {
    IDS.iter().position(|of| *of == id).expect("an id")
}

async fn play(context: Context, script: Vec<Step>) {
    EventManager::<u8>::start_link(&context, "events").await;
    let (manager, heard) = (EventManagerRef::<u8>::from("events"), Heard::default());
    let mut model = Model::default();
    for step in script {
        match step {
            Step::Add { id, plan, supervised } => {
                let handler = Handler { id, plan: plan.clone(), sum: 0, heard: heard.clone() };
                let added = if supervised {
                    manager.add_sup_handler(&context, IDS[id], handler).await
                } else {
                    manager.add_handler(&context, IDS[id], handler).await
                };
                if model.place(id).is_some() {
                    assert_eq!(added, Err(EventManagerError::AlreadyPresent));
                } else {
                    assert_eq!(added, Ok(()));
                    model.handlers.push(Entry { id, plan, sum: 0, supervised });
                }
            }
            Step::Delete(id) => {
                let deleted = manager.delete_handler(&context, IDS[id]).await;
                match model.place(id) {
                    Some(place) => model.remove(place, "deleted"),
                    None => {
                        assert_eq!(deleted, Err(EventManagerError::NotFound));
                        continue;
                    }
                }
                assert_eq!(deleted, Ok(()));
            }
            Step::Swap { old, new, plan } => {
                let (of_new, heard) = (plan.clone(), heard.clone());
                // It goes on with the sum of the old one.
                let make = move |before: Option<Handler>| Handler {
                    id: new,
                    plan: of_new,
                    sum: before.map_or(0, |before| before.sum),
                    heard,
                };
                let swapped = manager.swap_handler(&context, IDS[old], IDS[new], make).await;
                if new != old && model.place(new).is_some() {
                    assert_eq!(swapped, Err(EventManagerError::AlreadyPresent));
                    continue;
                }
                assert_eq!(swapped, Ok(()));
                match model.place(old) {
                    Some(place) => {
                        let before = &mut model.handlers[place];
                        (before.id, before.plan) = (new, plan);
                    }
                    None => model.handlers.push(Entry { id: new, plan, sum: 0, supervised: false }),
                }
            }
            Step::Notify(event) => {
                manager.notify(&context, event);
                model.notify(event);
            }
            Step::SyncNotify(event) => {
                manager.sync_notify(&context, event).await.expect("it answers");
                model.notify(event);
                assert_eq!(*heard.lock().unwrap(), model.heard);
            }
            Step::Call(id) => {
                let sum = manager.call::<Handler>(&context, IDS[id], (), Duration::MAX).await;
                let expected = model.place(id).map(|place| model.handlers[place].sum);
                assert_eq!(sum, expected.ok_or(EventManagerError::NotFound));
            }
            Step::Look => {
                let ids = model.handlers.iter().map(|handler| IDS[handler.id].to_owned()).collect::<Vec<_>>();
                assert_eq!(manager.which_handlers(&context).await, Ok(ids));
                let mut ended = Vec::new();
                while let Some(message) = context.try_receive(|_| true) {
                    let Message::Plain(payload) = message else { panic!("not from the manager: {message:?}") };
                    let end: HandlerEnded = payload.downcast().expect("the end of a handler");
                    ended.push((number(&end.handler), why(&end.why)));
                }
                assert_eq!(ended, std::mem::take(&mut model.ended));
                assert_eq!(*heard.lock().unwrap(), model.heard);
            }
        }
    }
    // All end with their manager.
    manager.stop(&context, ExitReason::NORMAL, Duration::MAX).await.expect("it stops");
}

fn script() -> impl Strategy<Value = Vec<Step>> {
    let id = || 0..IDS.len();
    // Some never go.
    let plan = || (0..2 * EVENTS, 0..3 * EVENTS).prop_map(|(goes_at, crashes_at)| Plan { goes_at, crashes_at });
    let step = prop_oneof![
        4 => (id(), plan(), any::<bool>()).prop_map(|(id, plan, supervised)| Step::Add { id, plan, supervised }),
        2 => id().prop_map(Step::Delete),
        2 => (id(), id(), plan()).prop_map(|(old, new, plan)| Step::Swap { old, new, plan }),
        4 => (0..EVENTS).prop_map(Step::Notify),
        2 => (0..EVENTS).prop_map(Step::SyncNotify),
        2 => id().prop_map(Step::Call),
        3 => Just(Step::Look),
    ];
    script_ending_with(Step::Look, step)
}

proptest! {
    #[test]
    fn handlers_hear_in_order_what_the_model_says(script in script(), seed: u64) {
        run(seed, move |context| play(context, script));
    }
}
