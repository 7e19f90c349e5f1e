//! Which part of the core is broken, and who must notice.

/// Test programs, the quickest first: package and target, and which of its tests do not judge.
pub(crate) type Judges = &'static [(&'static str, &'static [&'static str])];

/// That a trace is another one than before finds every change, and no bug; and voters take long, and need little of the core.
const NO_CHAOS: &[&str] = &["golden", "unique::"];

/// Ten million messages, again for each mutant.
const LONG: &[&str] = &["flood"];

/// The programs that real Erlang has judged; the other tasks have nothing to do with the core.
const OTP: &[&str] = &["mutants::", "documents::", "edges::", "steps::"];

/// How many seeds of each scenario are run: fewer than by default, so that all mutants can be.
pub(crate) const SEEDS: u64 = 50;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Area {
    /// All of the core, judged by everything that needs no Wasm.
    Core,
    /// The core's signals, supervisors, names and timers, judged by nothing but the simulation suites.
    Sim,
}

/// Of the core, what the simulation suites must hold: signals and what carries them, supervisors, names, timers.
const SIM: [&str; 19] = [
    "core/src/context",
    "core/src/groups/key_registry",
    "core/src/handle",
    "core/src/mailbox",
    "core/src/node/spawning",
    "core/src/node.rs",
    "core/src/process",
    "core/src/receive",
    "core/src/registry",
    "core/src/remote/",
    "core/src/signal",
    "core/src/small_map",
    "core/src/spawn",
    "core/src/supervisor/",
    "core/src/table",
    "core/src/task.rs",
    "core/src/task_supervisor",
    "core/src/timer",
    "core/src/discard",
];

impl Area {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Sim => "sim",
        }
    }

    pub(crate) fn has(self, file: &str) -> bool {
        match self {
            Self::Core => true,
            Self::Sim => SIM.iter().any(|part| file.starts_with(part)),
        }
    }

    pub(crate) fn judges(self) -> Judges {
        match self {
            Self::Core => &[
                // What waits for ever fails at once in the simulator.
                ("rusm-sim behaviours", &[]),
                ("rusm-sim reports", &[]),
                ("rusm-sim models", &[]),
                ("rusm-core rusm_core", &[]),
                ("rusm-core rules", LONG),
                ("rusm-core kernel", &[]),
                ("rusm-core remote", &[]),
                ("rusm-suites chaos", NO_CHAOS),
                ("rusm-sim faults", &[]),
                ("rusm-sim cluster", &[]),
                ("xtask xtask", OTP),
                ("rusm-sim conformance", &[]),
            ],
            Self::Sim => &[
                ("rusm-sim reports", &[]),
                ("rusm-sim models", &[]),
                ("rusm-sim behaviours", &[]),
                ("rusm-sim cluster", &[]),
                ("rusm-sim faults", &[]),
                ("rusm-suites chaos", NO_CHAOS),
            ],
        }
    }
}
