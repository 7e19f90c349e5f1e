//! Real Erlang/OTP, where it is installed: `erlang/bench.erl`, compiled by `erlc`.

use anyhow::{Context, bail};
use std::path::PathBuf;
use std::process::{Command, Stdio};

pub struct Erlang {
    /// Where the compiled module is.
    folder: PathBuf,
}

impl Erlang {
    /// Nothing when there is no `erl` here.
    pub fn compile() -> anyhow::Result<Option<Self>> {
        if Command::new("erl").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            return Ok(None);
        }
        let folder = std::env::current_exe()?.parent().context("a program lies in a folder")?.join("bench-erlang");
        std::fs::create_dir_all(&folder)?;
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/erlang/bench.erl");
        let status = Command::new("erlc").arg("-o").arg(&folder).arg(source).status().context("starting erlc")?;
        if !status.success() {
            bail!("erlc did not compile {source}");
        }
        Ok(Some(Self { folder }))
    }

    /// The job as an operating system process. Its schedulers do not wait busily: that would count as CPU time.
    pub fn command(&self, plan: &str, operations: u64, threads: usize) -> Command {
        let mut command = Command::new("erl");
        let schedulers = format!("{threads}:{threads}");
        command.args(["-noshell", "-noinput", "+S", &schedulers, "+P", "4000000"]);
        command.args(["+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none"]);
        command.arg("-pa").arg(&self.folder).args(["-run", "bench", "main", plan, &operations.to_string()]);
        command
    }
}
