use proptest::prelude::*;
use rusm_core::AliasMode;
use std::fmt;

/// What each process does, all at the same time.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) scripts: Vec<Vec<Operation>>,
}

/// One operation. Processes go by their number, names by theirs; a monitor is named by its owner and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Send {
        to: Address,
        message: u32,
    },
    Link(usize),
    Unlink(usize),
    Monitor {
        monitor: u32,
        target: Target,
        alias: Option<AliasMode>,
    },
    Demonitor {
        monitor: u32,
        flush: bool,
    },
    Unalias {
        monitor: u32,
    },
    ExitSignal(usize, &'static str),
    Exit(&'static str),
    Trap(bool),
    Register(u32, usize),
    Unregister(u32),
    Whereis(u32),
    /// Waits for a message and takes the first.
    Receive,
    /// Takes the first message if there is one.
    Poll,
    IsAlive(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Address {
    Process(usize),
    Name(u32),
    /// The alias of a monitor: whose, and which.
    Alias(usize, u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Process(usize),
    Name(u32),
}

/// Names are few, so that they collide.
const NAMES: u32 = 2;
/// A process's monitors: each number is used once.
const MONITORS: u32 = 2;
const REASONS: [&str; 4] = ["normal", "boom", "kill", "noproc"];

/// Programs of two or three processes with a few operations each: what goes wrong between processes that act at the same
/// time, these show, and the model can follow them all.
pub(super) fn program() -> impl Strategy<Value = Program> {
    (2..=3usize).prop_flat_map(|count| {
        let script = prop::collection::vec(operation(count), 0..=5);
        prop::collection::vec((any::<bool>(), script), count).prop_map(|scripts| Program {
            scripts: scripts.into_iter().enumerate().map(|(own, (trap, script))| tidy(own, trap, script)).collect(),
        })
    })
}

fn operation(count: usize) -> impl Strategy<Value = Operation> {
    let process = 0..count;
    let reason = prop::sample::select(&REASONS[..]);
    let target = prop_oneof![3 => process.clone().prop_map(Target::Process), 1 => (0..NAMES).prop_map(Target::Name)];
    let mode = prop::sample::select(&[AliasMode::Explicit, AliasMode::Demonitor, AliasMode::Reply][..]);
    let address = prop_oneof![
        4 => process.clone().prop_map(Address::Process),
        2 => (0..NAMES).prop_map(Address::Name),
        2 => (process.clone(), 0..MONITORS).prop_map(|(owner, monitor)| Address::Alias(owner, monitor)),
    ];
    prop_oneof![
        6 => address.prop_map(|to| Operation::Send { to, message: 0 }),
        5 => process.clone().prop_map(Operation::Link),
        3 => process.clone().prop_map(Operation::Unlink),
        4 => (target, prop::option::of(mode)).prop_map(|(target, alias)| {
            Operation::Monitor { monitor: 0, target, alias }
        }),
        2 => (0..MONITORS, any::<bool>()).prop_map(|(monitor, flush)| Operation::Demonitor { monitor, flush }),
        1 => (0..MONITORS).prop_map(|monitor| Operation::Unalias { monitor }),
        3 => (process.clone(), reason.clone()).prop_map(|(process, reason)| Operation::ExitSignal(process, reason)),
        2 => reason.prop_map(Operation::Exit),
        2 => any::<bool>().prop_map(Operation::Trap),
        2 => (0..NAMES, process.clone()).prop_map(|(name, process)| Operation::Register(name, process)),
        1 => (0..NAMES).prop_map(Operation::Unregister),
        1 => (0..NAMES).prop_map(Operation::Whereis),
        2 => Just(Operation::Receive),
        2 => Just(Operation::Poll),
        1 => process.prop_map(Operation::IsAlive),
    ]
}

/// Numbers messages and monitors, and leaves out what names a monitor that was not made or follows an exit.
fn tidy(own: usize, trap: bool, script: Vec<Operation>) -> Vec<Operation> {
    let mut tidied: Vec<Operation> = trap.then_some(Operation::Trap(true)).into_iter().collect();
    let mut made = 0;
    for (index, operation) in script.into_iter().enumerate() {
        tidied.push(match operation {
            Operation::Send { to, .. } => Operation::Send { to, message: own as u32 * 100 + index as u32 },
            Operation::Monitor { .. } if made == MONITORS => continue,
            Operation::Monitor { target, alias, .. } => {
                made += 1;
                Operation::Monitor { monitor: made - 1, target, alias }
            }
            Operation::Demonitor { monitor, .. } | Operation::Unalias { monitor } if monitor >= made => continue,
            Operation::Exit(_) => {
                tidied.push(operation);
                break;
            }
            _ => operation,
        });
    }
    tidied
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (process, script) in self.scripts.iter().enumerate() {
            write!(f, "\np{process}:")?;
            for operation in script {
                write!(f, " {operation:?};")?;
            }
        }
        Ok(())
    }
}
