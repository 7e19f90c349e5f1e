mod kept;

pub(crate) use kept::Kept;

use kept::Keep;
use std::io::IsTerminal;
use std::str::FromStr;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Which lines are logged: a level, or `tracing-subscriber`'s filter directives.
#[derive(Clone, Debug)]
pub(crate) struct Filter(String);

impl Filter {
    /// What stands in the code is well-formed.
    pub(crate) fn fixed(text: &'static str) -> Self {
        Self(text.to_owned())
    }
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let remedy = "use error, warn, info, debug, trace or off, or TARGET=LEVEL pairs with commas between";
        let directives = text.split(',').map(|directive| directive.rsplit('=').next().unwrap_or(directive));
        let known = |level: &str| level.parse::<tracing_subscriber::filter::LevelFilter>().is_ok();
        match EnvFilter::builder().parse(text) {
            Ok(_) if directives.into_iter().all(known) => Ok(Self(text.to_owned())),
            Ok(_) | Err(_) => Err(remedy.to_owned()),
        }
    }
}

/// What processes have logged lately, for `rusm logs`.
pub(crate) fn kept() -> &'static Kept {
    static KEPT: Kept = Kept::new();
    &KEPT
}

/// Sends the log to standard error from now on, and keeps what is of processes.
pub(crate) fn start(filter: &Filter) {
    let colors = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colors);
    tracing_subscriber::registry().with(EnvFilter::new(&filter.0)).with(lines).with(Keep(kept())).init();
}
