//! A pedestrian crossing as a state machine: states that end by themselves, an event that has to wait, and one that is
//! answered later.
//!
//! `cargo run -p rusm-core --example traffic_light`

use rusm_core::seam::Seams;
use rusm_core::{
    Context, Enter, Event, ExitReason, Initial, MachineInit, Node, NodeOptions, SpawnOptions, Started, StateMachine,
    StateMachineRef, Transition,
};
use std::time::Duration;

/// Its data: how many people have crossed.
#[derive(Default)]
struct Crossing {
    crossed: u32,
}

#[derive(Debug, PartialEq)]
enum Light {
    Red,
    Green,
}

const GREEN_FOR: Duration = Duration::from_millis(30);
const RED_FOR: Duration = Duration::from_millis(50);

impl StateMachine for Crossing {
    type State = Light;
    type Args = ();
    type Call = &'static str;
    type Reply = String;
    type Cast = ();
    type Content = ();

    async fn init(_: &Context, (): ()) -> MachineInit<Self> {
        MachineInit::Up(Crossing::default(), Initial::state(Light::Red))
    }

    /// Each light has its time, however it came to be.
    async fn handle_enter(&mut self, _: &Context, old: &Light, light: &Light) -> Enter<Self> {
        println!("{old:?} -> {light:?}");
        Enter::stay().state_timeout(if *light == Light::Green { GREEN_FOR } else { RED_FOR }, ())
    }

    async fn handle_event(&mut self, _: &Context, light: &Light, event: Event<Self>) -> Transition<Self> {
        match (light, event) {
            (Light::Red, Event::StateTimeout(())) => Transition::to(Light::Green),
            (Light::Green, Event::StateTimeout(())) => Transition::to(Light::Red),
            // Nobody crosses at red: who asks waits, and is asked again when the light has changed.
            (Light::Red, wants @ Event::Call(..)) => Transition::keep().postpone(wants),
            (Light::Green, Event::Call(who, from)) => {
                self.crossed += 1;
                Transition::keep().reply(from, format!("{who} is number {}", self.crossed))
            }
            (_, other) => {
                println!("what is {other:?}?");
                Transition::keep()
            }
        }
    }

    async fn terminate(&mut self, _: &Context, light: &Light, reason: &ExitReason) {
        println!("switched off at {light:?} ({reason}), {} crossed", self.crossed);
    }
}

#[tokio::main]
async fn main() {
    let node = Node::start(NodeOptions::new("example", Seams::production(std::env::temp_dir())));
    let Started::Up(pid) = node.start_process(SpawnOptions::default(), Crossing::body(())).await else { panic!() };
    let crossing = StateMachineRef::<Crossing>::from(pid);
    for who in ["ada", "bob", "cleo"] {
        println!("{:?}", crossing.call(&node, who, Duration::from_secs(1)).await);
    }
    crossing.stop(&node, ExitReason::NORMAL, Duration::from_secs(1)).await.expect("it was running");
}
