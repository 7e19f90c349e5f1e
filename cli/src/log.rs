use std::io::IsTerminal;
use std::str::FromStr;
use tracing_subscriber::EnvFilter;

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

/// Sends the log to standard error from now on.
pub(crate) fn start(filter: &Filter) {
    let filter = EnvFilter::new(&filter.0);
    let colors = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colors).init();
}
