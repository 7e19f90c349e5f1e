//! `gen_event`.

use crate::{LONG, boom, check, ms, next, none, tell};
use rusm_core::{
    Context, EventHandler, EventManager, EventManagerError, EventManagerRef, ExitReason, Handled, HandlerEnd,
    HandlerEnded, Message, Pid, Started,
};

/// Tells `to` what it sees, and does as events say.
struct Probe {
    name: &'static str,
    to: Pid,
    refuses: bool,
}

type Manager = EventManagerRef<String>;

impl EventHandler<String> for Probe {
    type Call = u32;
    type Reply = u32;

    async fn init(&mut self, _: &Context) -> Result<(), ExitReason> {
        if self.refuses { Err(boom()) } else { Ok(()) }
    }

    async fn handle_event(&mut self, context: &Context, event: &String) -> Handled {
        tell(context, self.to, format!("{} {event}", self.name));
        match event.strip_prefix(self.name) {
            Some(" panics") => panic!("asked to"),
            Some(" leaves") => Handled::Remove,
            _ => Handled::Keep,
        }
    }

    async fn handle_call(&mut self, _: &Context, request: u32) -> (u32, Handled) {
        assert!(request > 0, "nothing is asked");
        (request + 1, if request > 10 { Handled::Remove } else { Handled::Keep })
    }

    fn handle_info(&mut self, context: &Context, message: &Message) -> Handled {
        tell(context, self.to, format!("{} info {}", self.name, crate::text(message)));
        Handled::Keep
    }

    async fn terminate(&mut self, context: &Context, why: &HandlerEnd) {
        tell(context, self.to, format!("{} ends {why:?}", self.name));
    }
}

fn probe(context: &Context, name: &'static str) -> Probe {
    Probe { name, to: context.pid(), refuses: false }
}

async fn manager(context: &Context) -> (Pid, Manager) {
    let Started::Up(pid) = EventManager::<String>::start_link(context, "events").await else { panic!("not up") };
    (pid, pid.into())
}

async fn with_two(context: &Context) -> (Pid, Manager) {
    let (pid, manager) = manager(context).await;
    for name in ["one", "two"] {
        manager.add_handler(context, name, probe(context, name)).await.expect("added");
    }
    (pid, manager)
}

#[test]
fn an_event_goes_to_all_handlers_and_a_sync_one_is_handled_when_it_returns() {
    check(|context| async move {
        let (_, manager) = with_two(&context).await;
        manager.notify(&context, "hey".to_owned());
        assert_eq!(next(&context).await, "one hey");
        assert_eq!(next(&context).await, "two hey");
        manager.sync_notify(&context, "ho".to_owned()).await.expect("told");
        let seen = [context.try_receive(|_| true), context.try_receive(|_| true)];
        assert_eq!(
            seen.map(|message| message.as_ref().map(crate::text)),
            [Some("one ho".into()), Some("two ho".into())]
        );
        assert_eq!(manager.which_handlers(&context).await, Ok(vec!["one".to_owned(), "two".to_owned()]));
        EventManagerRef::<String>::from("nobody").notify(&context, "never fails".to_owned());
    });
}

#[test]
fn a_handler_that_panics_is_removed_and_not_the_manager() {
    check(|context| async move {
        let (pid, manager) = with_two(&context).await;
        manager.sync_notify(&context, "one panics".to_owned()).await.expect("told");
        for expected in ["one one panics", "one ends Crashed(panic(asked to))", "two one panics"] {
            assert_eq!(next(&context).await, expected);
        }
        assert_eq!(manager.which_handlers(&context).await, Ok(vec!["two".to_owned()]));
        let crashed = EventManagerError::Crashed(ExitReason::PANIC.with_detail("nothing is asked"));
        assert_eq!(manager.call::<Probe>(&context, "two", 0, LONG).await, Err(crashed));
        assert_eq!(next(&context).await, "two ends Crashed(panic(nothing is asked))");
        assert_eq!(manager.which_handlers(&context).await, Ok(vec![]));
        assert!(context.is_alive(pid).await);
    });
}

#[test]
fn handlers_are_called_removed_and_deleted() {
    check(|context| async move {
        let (pid, manager) = with_two(&context).await;
        assert_eq!(manager.call::<Probe>(&context, "one", 1, LONG).await, Ok(2));
        assert_eq!(manager.call::<Probe>(&context, "gone", 1, LONG).await, Err(EventManagerError::NotFound));
        assert_eq!(manager.call::<Probe>(&context, "one", 11, LONG).await, Ok(12));
        assert_eq!(next(&context).await, "one ends Removed");
        manager.notify(&context, "two leaves".to_owned());
        assert_eq!(next(&context).await, "two two leaves");
        assert_eq!(next(&context).await, "two ends Removed");
        manager.add_handler(&context, "three", probe(&context, "three")).await.expect("added");
        let again = manager.add_handler(&context, "three", probe(&context, "three")).await;
        assert_eq!(again, Err(EventManagerError::AlreadyPresent));
        let refuses = Probe { refuses: true, ..probe(&context, "four") };
        assert_eq!(manager.add_handler(&context, "four", refuses).await, Err(EventManagerError::NotAdded(boom())));
        tell(&context, pid, "psst");
        assert_eq!(next(&context).await, "three info psst");
        manager.delete_handler(&context, "three").await.expect("deleted");
        assert_eq!(next(&context).await, "three ends Deleted");
        assert_eq!(manager.delete_handler(&context, "three").await, Err(EventManagerError::NotFound));
    });
}

#[test]
fn a_handler_takes_the_place_of_another_with_what_it_had() {
    check(|context| async move {
        let (_, manager) = with_two(&context).await;
        let to = context.pid();
        let heir =
            move |old: Option<Probe>| Probe { name: if old.is_some() { "heir" } else { "first" }, to, refuses: false };
        manager.swap_handler(&context, "one", "new", heir).await.expect("swapped");
        assert_eq!(next(&context).await, "one ends Swapped");
        manager.swap_handler(&context, "gone", "last", heir).await.expect("added");
        manager.sync_notify(&context, "hey".to_owned()).await.expect("told");
        for expected in ["heir hey", "two hey", "first hey"] {
            assert_eq!(next(&context).await, expected);
        }
        let taken = manager.swap_handler(&context, "new", "two", heir).await;
        assert_eq!(taken, Err(EventManagerError::AlreadyPresent));
        assert_eq!(manager.which_handlers(&context).await, Ok(["new", "two", "last"].map(str::to_owned).to_vec()));
    });
}

#[test]
fn a_supervised_handler_and_its_owner_hear_of_each_others_end() {
    check(|context| async move {
        let (pid, manager) = manager(&context).await;
        let ended = |message: Message| match message {
            Message::Plain(payload) => payload.downcast::<HandlerEnded>().expect("the end of a handler"),
            other => panic!("not a plain message: {other:?}"),
        };
        let is_end = |message: &Message| matches!(message, Message::Plain(payload) if payload.downcast_ref::<HandlerEnded>().is_some());
        manager.add_sup_handler(&context, "own", probe(&context, "own")).await.expect("added");
        manager.notify(&context, "own panics".to_owned());
        let why = HandlerEnd::Crashed(ExitReason::PANIC.with_detail("asked to"));
        let end = ended(context.receive_match(is_end).await);
        assert_eq!(end, HandlerEnded { manager: pid, handler: "own".to_owned(), why });
        while context.try_receive(|_| true).is_some() {}
        // The owner of another ends.
        let (sup, to) = (manager.clone(), context.pid());
        let owner = context.spawn(move |context: Context| async move {
            let probe = Probe { name: "other", to, refuses: false };
            sup.add_sup_handler(&context, "other", probe).await.expect("added");
            context.receive().await;
            boom()
        });
        while manager.which_handlers(&context).await != Ok(vec!["other".to_owned()]) {
            context.sleep(ms(1)).await;
        }
        tell(&context, owner, "end");
        assert_eq!(next(&context).await, "other ends OwnerEnded(boom)");
        assert!(context.is_alive(pid).await);
        none(&context).await;
        // The manager's own end.
        context.trap_exit(true);
        manager.add_sup_handler(&context, "own", probe(&context, "own")).await.expect("added");
        manager.stop(&context, ExitReason::SHUTDOWN, LONG).await.expect("stopped");
        assert_eq!(next(&context).await, "own ends ManagerEnds(shutdown)");
        assert_eq!(ended(context.receive_match(is_end).await).why, HandlerEnd::ManagerEnds(ExitReason::SHUTDOWN));
    });
}

#[test]
fn an_owner_whose_handlers_are_gone_is_linked_no_more() {
    check(|context| async move {
        let Started::Up(pid) = EventManager::<String>::start(context.node(), "events").await else { panic!("not up") };
        let manager = Manager::from(pid);
        for name in ["one", "two"] {
            manager.add_sup_handler(&context, name, probe(&context, name)).await.expect("added");
        }
        manager.delete_handler(&context, "one").await.expect("deleted");
        assert_eq!(context.process_info(pid).await.expect("alive").links, [context.pid()]);
        manager.delete_handler(&context, "two").await.expect("deleted");
        assert_eq!(context.process_info(pid).await.expect("alive").links, []);
        // Its end is nothing to this process now.
        context.exit_signal(pid, ExitReason::KILL);
        context.sleep(ms(100)).await;
    });
}
