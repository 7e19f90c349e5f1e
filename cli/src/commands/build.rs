use crate::build::{Progress, Step, build};
use rusm_host::manifest::Manifest;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Build the components of an app
///
/// Makes DIR/build/NAME.wasm of every component that rusm.toml names a source for: Rust through cargo, TypeScript
/// right here. What is up to date is left as it is.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Build {
    /// The app's directory: the one that holds its rusm.toml
    #[arg(default_value = ".", value_name = "DIR")]
    directory: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  rusm build examples/chat
  cd my-app && rusm build && rusm serve";

impl Build {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let manifest = Manifest::load(&self.directory)?;
        let mut printer = Printer::new();
        build(&manifest, &mut |progress| printer.print(&progress))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Says on standard error how far it is: a line for each component, and on a terminal what is being compiled now.
struct Printer {
    live: bool,
    started: Instant,
}

impl Printer {
    fn new() -> Self {
        Self { live: std::io::stderr().is_terminal(), started: Instant::now() }
    }

    fn print(&mut self, progress: &Progress<'_>) {
        let Progress { component, index, count, step } = progress;
        let head = format!("[{index}/{count}] {component}");
        let line = match step {
            Step::Start { language } => {
                self.started = Instant::now();
                format!("{head}: building ({language})\n")
            }
            // One line that is written over; what is not on a terminal is left with whole lines.
            Step::Detail(what) if self.live => format!("\r\x1b[2K    {what}\r"),
            Step::Detail(_) => return,
            Step::Done { fresh, bytes } => {
                let clear = if self.live { "\x1b[2K" } else { "" };
                let size = bytes.div_ceil(1024);
                let what = if *fresh { "built" } else { "up to date" };
                format!("{clear}{head}: {what}, {size} KiB, {:.1} s\n", self.started.elapsed().as_secs_f64())
            }
        };
        // Progress that nobody can read stops nothing.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}
