use crate::exit_code::INTERRUPTED;
use crate::signals::EndSignals;
use anyhow::{Context as _, bail, ensure};
use rusm_core::seam::Seams;
use rusm_core::{ExitReason, Message, Node, NodeOptions, ProcessBody, SpawnOptions};
use rusm_host::manifest::{DEFAULT_MEMORY_BYTES, FileGrant, Grants, parse_size};
use rusm_host::{
    EXIT_STATUS, Engine, Host, HostOptions, InstanceOptions, Profile, Stdio, World, command_body, exit_status,
};
use std::path::Path;
use std::process::ExitCode;

/// Run a command component as a process, and exit with its exit code
///
/// The component exports `wasi:cli/run`, as `cargo build --target wasm32-wasip2` makes one from a program with a main.
/// It has this terminal's standard streams, and nothing else that is not granted here.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Run {
    /// Let it see a folder: under its own name, or as GUEST
    #[arg(long, value_name = "HOST[:GUEST]", value_parser = read_folder)]
    read: Vec<FileGrant>,

    /// Let it see a folder and change what lies there
    #[arg(long, value_name = "HOST[:GUEST]", value_parser = write_folder)]
    write: Vec<FileGrant>,

    /// Give it an environment variable: this one of yours, or with that value
    #[arg(long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,

    /// Let it send HTTP requests to a host
    #[arg(long, value_name = "HOST")]
    http: Vec<String>,

    /// The most memory that it may use [default: 64MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    memory: Option<u64>,

    /// The component's file, and its arguments: everything after the file is one
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_names = ["FILE.wasm", "ARGS"])]
    command: Vec<String>,
}

const EXAMPLES: &str = "\
Examples:
  rusm run hello.wasm
  rusm run --env LANG --read src:/src count.wasm --lines /src
  cat words.txt | rusm run sort.wasm -r

Exit codes, beside the component's own:
    1  it could not be run
    2  a flag is wrong
  101  it crashed: it trapped, or wanted more memory than it is granted
  130  Ctrl-C or SIGTERM";

fn read_folder(text: &str) -> Result<FileGrant, String> {
    folder(text, false)
}

fn write_folder(text: &str) -> Result<FileGrant, String> {
    folder(text, true)
}

fn folder(text: &str, write: bool) -> Result<FileGrant, String> {
    let (host, guest) = text.split_once(':').unwrap_or((text, text));
    if host.is_empty() || guest.is_empty() {
        return Err("write HOST or HOST:GUEST, as in data:/data".to_owned());
    }
    Ok(FileGrant { host: host.into(), guest: guest.to_owned(), write })
}

impl Run {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Runtime::new().context("cannot start threads")?;
        let code: anyhow::Result<u8> = runtime.block_on(async {
            let mut signals = EndSignals::catch().context("cannot catch signals")?;
            tokio::select! {
                reason = self.process() => {
                    let reason = reason?;
                    tell(self.file(), &reason);
                    Ok(exit_status(&reason))
                }
                _ = signals.next() => Ok(INTERRUPTED),
            }
        });
        // It may wait for standard input for ever.
        runtime.shutdown_background();
        Ok(ExitCode::from(code?))
    }

    /// Runs the component as the only process of a node without storage, and says why it ended.
    async fn process(&self) -> anyhow::Result<ExitReason> {
        let file = self.file();
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let wasm = std::fs::read(file)
            .with_context(|| format!("cannot read {}: name the file of a component", file.display()))?;
        let engine = Engine::new(Profile::Production, None).map_err(anyhow::Error::msg)?;
        let host = Host::new(HostOptions::new(engine)).map_err(anyhow::Error::msg)?;
        let scratch = std::env::temp_dir().join(format!("rusm-run-{}", std::process::id()));
        let seams = Seams::production(scratch);
        let loaded = host.load(&seams, &name, wasm.into(), self.grants()).await;
        let component = loaded.with_context(|| format!("cannot run {}", file.display()))?;
        component.require(World::Command).with_context(|| format!("cannot run {}", file.display()))?;
        let options = InstanceOptions {
            stdio: Stdio::Inherit,
            arguments: std::iter::once(name.clone()).chain(self.command.iter().skip(1).cloned()).collect(),
            environment: self.environment()?,
            ..InstanceOptions::default()
        };
        let node = Node::start(NodeOptions::new("run", seams));
        Ok(run_to_its_end(&node, name, command_body(&host, &component, options)).await)
    }

    fn file(&self) -> &Path {
        Path::new(self.command.first().map_or("", String::as_str))
    }

    fn grants(&self) -> Grants {
        Grants {
            files: self.read.iter().chain(&self.write).cloned().collect(),
            env: self.env.iter().map(|variable| name(variable).to_owned()).collect(),
            http: self.http.iter().cloned().collect(),
            memory_bytes: self.memory.unwrap_or(DEFAULT_MEMORY_BYTES),
            ..Grants::default()
        }
    }

    fn environment(&self) -> anyhow::Result<Vec<(String, String)>> {
        let variable = |text: &String| match text.split_once('=') {
            Some((name, value)) => {
                ensure!(!name.is_empty(), "--env {text}: write NAME=VALUE");
                Ok((name.to_owned(), value.to_owned()))
            }
            None => match std::env::var(text) {
                Ok(value) => Ok((text.clone(), value)),
                Err(error) => bail!("--env {text}: {error}: set it, or write {text}=VALUE"),
            },
        };
        self.env.iter().map(variable).collect()
    }
}

/// Monitors the process from its first moment, so that its exit reason is seen however soon it ends.
async fn run_to_its_end(node: &Node, label: String, body: ProcessBody) -> ExitReason {
    let (ended, end) = tokio::sync::oneshot::channel();
    node.spawn(|context| async move {
        context.spawn_with(SpawnOptions { label, monitor: true, ..SpawnOptions::default() }, body);
        if let Message::Down { reason, .. } = context.receive_match(|m| matches!(m, Message::Down { .. })).await {
            // Nobody waits any more after Ctrl-C.
            let _ = ended.send(reason);
        }
    });
    end.await.unwrap_or(ExitReason::KILLED)
}

fn name(variable: &str) -> &str {
    variable.split_once('=').map_or(variable, |(name, _)| name)
}

/// A crash is told on standard error.
fn tell(file: &Path, reason: &ExitReason) {
    if reason.is_orderly() || reason.word() == EXIT_STATUS {
        return;
    }
    eprintln!("error: {} crashed: {reason}", file.display());
    if let Some(backtrace) = reason.backtrace() {
        eprintln!("{backtrace}");
    }
}
