//! Unique names, as components have them. The node is in no cluster here and grants them itself; `tests/nodes` has real voters.

use crate::support::{World, names, until};
use rusm_host::manifest::Grants;

/// Puppets that may have and look up the name `ledger`.
fn world() -> World {
    let ledger = names(&["ledger"]);
    World::new().actor("puppet", Grants { reach_unique: ledger.clone(), register_unique: ledger, ..Grants::default() })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unique_name_has_one_holder_and_each_lease_a_greater_token() {
    let world = world();
    let (first, second) = (world.up("puppet", "").await, world.up("puppet", "").await);
    assert_eq!(first.ask("whereis-unique ledger").await, "nobody");
    assert_eq!(first.ask("held-unique ledger").await, "not held");
    let token: u64 = first.ask("register-unique ledger").await.parse().expect("a token");
    assert_eq!(first.ask("held-unique ledger").await, token.to_string());
    assert_eq!(second.ask("held-unique ledger").await, "not held");
    let holder = format!("{} {token}", first.pid);
    assert_eq!(second.ask("whereis-unique ledger").await, holder);
    for puppet in [first, second] {
        assert_eq!(puppet.ask("register-unique ledger").await, format!("taken {holder}"));
    }
    let not_own = "badarg: this process does not have the unique name \"ledger\"";
    assert_eq!(second.ask("unregister-unique ledger").await, not_own);

    assert_eq!(first.ask("unregister-unique ledger").await, "ok");
    assert_eq!(first.ask("held-unique ledger").await, "not held");
    assert_eq!(first.ask("unregister-unique ledger").await, not_own);
    let later: u64 = second.ask("register-unique ledger").await.parse().expect("a token");
    assert!(later > token);
    assert_eq!(second.ends("exit enough for today").await.word(), "enough");
    until(async || (first.ask("whereis-unique ledger").await == "nobody").then_some(())).await;
    let last: u64 = first.ask("register-unique ledger").await.parse().expect("a token");
    assert!(last > later, "who has ended has it no more");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_name_is_badarg() {
    let all = names(&["*"]);
    let world = World::new().actor("puppet", Grants { register_unique: all, ..Grants::default() });
    let puppet = world.up("puppet", "").await;
    let long = "n".repeat(256);
    assert_eq!(puppet.ask(&format!("register-unique {long}")).await, "badarg: a unique name has 1 to 255 bytes");
    assert!(puppet.ask(&format!("register-unique {}", &long[1..])).await.parse::<u64>().is_ok());
}
