use super::{agent, boom, check, dead, down, say, settled};
use rusm_core::seam::{Delivery, Envelope, Seams};
use rusm_core::{Context, ExitReason, Node, NodeOptions, SpawnOptions, Started, process_body};
use std::sync::{Arc, Mutex};

#[test]
fn register_refuses_a_name_in_use_a_dead_process_and_a_second_name() {
    check(|context| async move {
        let (first, second) = (agent(&context), agent(&context));
        assert!(context.register("a", first).is_ok());
        assert_eq!(context.whereis("a"), Some(first));
        assert!(context.register("a", second).is_err());
        assert!(context.register("a", first).is_err());
        assert!(context.register("b", first).is_err());
        assert!(context.register("b", dead(&context).await).is_err());
        assert_eq!(context.whereis("b"), None);
        assert!(context.unregister("b").is_err());
        assert!(context.unregister("a").is_ok());
        assert!(context.unregister("a").is_err());
        assert!(context.register("b", first).is_ok());
    });
}

#[test]
fn a_dead_process_has_lost_its_name_before_its_death_is_seen() {
    check(|context| async move {
        context.trap_exit(true);
        for _ in 0..100 {
            let target = agent(&context);
            let monitor = context.monitor(target);
            context.register("a", target).expect("free again");
            context.exit_signal(target, boom());
            down(&context, monitor).await;
            assert_eq!(context.whereis("a"), None);
            let target = agent(&context);
            context.register("a", target).expect("free again");
            context.link(target);
            context.exit_signal(target, boom());
            context.receive().await;
            assert_eq!(context.whereis("a"), None);
        }
    });
}

/// Looks for a name whenever somebody is told of an end.
#[derive(Default)]
struct WhoHasTheName(Mutex<Vec<(&'static str, bool)>>);

impl Delivery for WhoHasTheName {
    fn send(&self, node: &Node, envelope: Envelope) {
        if let kind @ ("down" | "exit") = envelope.signal.kind() {
            self.0.lock().unwrap().push((kind, node.whereis("a").is_some()));
        }
        node.deliver(envelope);
    }
}

#[test]
fn a_name_is_free_before_anybody_hears_of_the_end() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let seen = Arc::new(WhoHasTheName::default());
    let seams =
        Seams { delivery: Some(seen.clone()), ..runtime.block_on(async { Seams::production(std::env::temp_dir()) }) };
    let reason = runtime.block_on(async {
        let node = Node::start(NodeOptions::new("a", seams));
        let reason = super::end_of(&node, |context: Context| async move {
            context.trap_exit(true);
            let target = context.spawn_link(|context: Context| async move {
                context.receive().await;
                boom()
            });
            let monitor = context.monitor(target);
            context.register("a", target).expect("a free name");
            context.send(target, say("end")).expect("a pid");
            down(&context, monitor).await;
        });
        reason.await
    });
    assert_eq!(reason, ExitReason::NORMAL);
    assert_eq!(seen.0.lock().unwrap()[..2], [("exit", false), ("down", false)]);
}

#[test]
fn the_name_exists_before_init_and_is_free_again_when_a_start_has_failed() {
    check(|context| async move {
        context.trap_exit(true);
        let named = || SpawnOptions { name: Some("a".to_owned()), ..SpawnOptions::default() };
        for _ in 0..100 {
            let failing = process_body(|child: Context| async move {
                assert_eq!(child.whereis("a"), Some(child.pid()));
                child.init_fail(boom());
                tokio::task::yield_now().await;
                ExitReason::NORMAL
            });
            assert_eq!(context.start_link(named(), failing).await, Started::Failed(boom()));
            assert_eq!(context.whereis("a"), None);
            let ignoring = process_body(|child: Context| async move { child.init_ignore() });
            assert_eq!(context.start_link(named(), ignoring).await, Started::Ignored);
            assert_eq!(context.whereis("a"), None);
        }
        let up = agent(&context);
        settled(&context, &[up]).await;
        assert!(context.try_receive(|_| true).is_none(), "no EXIT of what did not start");
    });
}
