//! A supervised process has a key of a registry, and dies: who comes after it gets the key at once, also when the registry
//! has not heard of the death yet.

use crate::support::{clear, idle, storm};
use rusm_core::{
    ChildSpec, Context, KeyRegistry, KeyRegistryRef, Keys, Node, RegistryError, Started, Strategy, Supervisor,
    SupervisorSpec,
};
use rusm_sim::SimHandle;
use std::time::Duration;

#[rusm_sim::test(seeds = 100)]
async fn a_restarted_process_gets_the_key_of_the_one_before(sim: SimHandle) {
    let node = Node::start(sim.node_options("a"));
    assert!(matches!(KeyRegistry::<()>::start(&node, "keys", Keys::Unique).await, Started::Up(_)));
    let spec = SupervisorSpec::new(Strategy::OneForOne)
        .intensity(1_000, Duration::from_secs(1))
        .child(ChildSpec::worker("owner", |context, _| owner(context)).name("owner"));
    assert!(matches!(Supervisor::start(&node, spec).await, Started::Up(_)));
    let owners = node.clone();
    storm(&sim, &node, 20, |_| owners.whereis("owner")).await;
    sim.sleep(Duration::from_secs(1)).await;
    let keys = KeyRegistryRef::<()>::from("keys").lookup(&node, "ledger").await.expect("it answers");
    assert_eq!(keys, [(node.whereis("owner").expect("one lives"), ())]);
    clear(&sim, &node).await;
}

async fn owner(context: Context) {
    match KeyRegistryRef::from("keys").register(&context, "ledger", ()).await {
        Err(RegistryError::AlreadyRegistered(owner)) => panic!("{owner}, the one before, is dead"),
        // At the end of the run the registry is killed as well.
        Err(RegistryError::Call(_)) => {}
        Ok(()) => idle(context).await,
        Err(other) => panic!("{other}"),
    }
}
