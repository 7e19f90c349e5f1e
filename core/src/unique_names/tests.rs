use super::*;
use crate::seam::Seams;
use crate::{
    Context, ExitReason, Message, NodeOptions, Payload, Started, Strategy, Supervisor, SupervisorSpec, process_body,
};
use tokio::sync::mpsc;

const TIMEOUT: Duration = Duration::from_secs(60);

fn node(incarnation: u32) -> Node {
    Node::start(NodeOptions { incarnation, ..NodeOptions::new("a", Seams::production(std::env::temp_dir())) })
}

/// A process that takes a name and has it until it is told to end.
async fn holder(node: &Node, name: &str) -> (Pid, Registered) {
    let (tell, mut told) = mpsc::unbounded_channel();
    let name = name.to_owned();
    let pid = node.spawn(move |context: Context| async move {
        let context = Arc::new(context);
        let registered = context.node().unique_names().register(context.clone(), name, TIMEOUT).await;
        tell.send(registered).expect("it is waited for");
        context.receive().await;
    });
    (pid, told.recv().await.expect("it is told"))
}

async fn whereis(node: &Node, name: &str) -> Result<Option<UniqueHolder>, UniqueError> {
    let (tell, mut told) = mpsc::unbounded_channel();
    let name = name.to_owned();
    node.spawn(move |context: Context| async move {
        let context = Arc::new(context);
        let found = context.node().unique_names().whereis(context.clone(), name, TIMEOUT).await;
        tell.send(found).expect("it is waited for");
    });
    told.recv().await.expect("it is told")
}

fn token(registered: &Registered) -> u64 {
    registered.as_ref().map(|lease| lease.token()).expect("the name was free")
}

#[tokio::test]
async fn a_node_alone_grants_a_name_to_one_and_tokens_grow_over_its_lives() {
    let first_life = node(1);
    let (pid, first) = holder(&first_life, "ledger").await;
    let held = UniqueHolder { pid, token: token(&first) };
    assert_eq!(whereis(&first_life, "ledger").await, Ok(Some(held)));
    assert_eq!(holder(&first_life, "ledger").await.1.err(), Some(UniqueError::Taken(held)));
    let (_, other) = holder(&first_life, "mailer").await;
    assert!(token(&other) > token(&first));

    first_life.exit_signal(pid, ExitReason::KILL);
    first_life.await_exit(pid).await;
    assert_eq!(whereis(&first_life, "ledger").await, Ok(None));
    assert!(first.is_ok_and(|lease| !lease.is_held()), "it is not the dead's");
    let (_, again) = holder(&first_life, "ledger").await;
    assert!(token(&again) > token(&other));
    let (_, later) = holder(&node(2), "ledger").await;
    assert!(token(&later) > token(&again));
    let (_, last) = holder(&node(u32::MAX), "ledger").await;
    assert!(token(&last) < 1 << 53, "JavaScript holds it exactly");
}

#[tokio::test]
async fn a_singleton_of_a_node_alone_runs_with_its_lease() {
    let node = node(1);
    let (tell, mut told) = mpsc::unbounded_channel();
    let process: SingletonProcess = Arc::new(move |lease| {
        let tell = tell.clone();
        process_body(move |context: Context| async move {
            context.init_ack();
            tell.send((context.pid(), lease.clone())).expect("it is waited for");
            while !matches!(context.receive().await, Message::Plain(_)) {}
            lease.release(Arc::new(context), TIMEOUT).await.expect("it is held");
        })
    });
    let spec = node.unique_names().singleton("ledger", Duration::ZERO, process);
    let started = Supervisor::start(&node, SupervisorSpec::new(Strategy::OneForOne).child(spec)).await;
    assert!(matches!(started, Started::Up(_)));
    let (pid, lease) = told.recv().await.expect("it runs");
    assert!(lease.is_held());
    assert_eq!(whereis(&node, "ledger").await, Ok(Some(UniqueHolder { pid, token: lease.token() })));
    node.send(pid, Payload::local(())).expect("it lives");
    let (again, later) = told.recv().await.expect("it is started again");
    assert!(again != pid && later.token() > lease.token() && !lease.is_held());
}

#[tokio::test]
async fn a_name_that_is_given_back_is_free_and_another_lease_of_it_stays() {
    let node = node(1);
    let (tell, mut told) = mpsc::unbounded_channel();
    let both = node.clone();
    node.spawn(move |context: Context| async move {
        let context = Arc::new(context);
        let lease = || both.unique_names().register(context.clone(), "ledger".to_owned(), TIMEOUT);
        let first = lease().await.expect("it is free");
        first.release(context.clone(), TIMEOUT).await.expect("released");
        let second = lease().await.expect("it is free again");
        first.release(context.clone(), TIMEOUT).await.expect("that is no error");
        tell.send((first.is_held(), second.is_held())).expect("it is waited for");
    });
    assert_eq!(told.recv().await, Some((false, true)));
}

#[tokio::test]
async fn where_nobody_grants_names_it_is_said_what_to_do() {
    let node = node(1);
    node.set_unique_names(Arc::new(NoUniqueNames("name voters".to_owned())));
    let refused = UniqueError::Refused("name voters".to_owned());
    assert_eq!(holder(&node, "ledger").await.1.err(), Some(refused.clone()));
    assert_eq!(whereis(&node, "ledger").await, Err(refused));
    let process: SingletonProcess = Arc::new(|_| unreachable!("it never runs"));
    let spec = node.unique_names().singleton("ledger", Duration::ZERO, process);
    let spec = SupervisorSpec::new(Strategy::OneForOne).intensity(0, Duration::from_secs(5)).child(spec);
    let Started::Up(supervisor) = Supervisor::start(&node, spec).await else { panic!("it starts") };
    assert!(matches!(node.await_exit(supervisor).await.word(), "shutdown" | "noproc"));
}

#[tokio::test]
async fn what_is_no_name_is_refused() {
    let node = node(1);
    for name in ["", &"n".repeat(256)] {
        let (_, refused) = holder(&node, name).await;
        assert!(matches!(refused, Err(UniqueError::Refused(_))), "{name:?}");
    }
    assert!(holder(&node, &"n".repeat(255)).await.1.is_ok());
}
