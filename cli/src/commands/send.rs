use super::output::{print, print_json};
use super::target::Target;
use crate::control::Request;
use serde_json::Value;
use std::process::ExitCode;

/// Send a message to whoever has a name
///
/// The message is a term in JSON, which a component reads as one; what it answers, if it does, nobody hears.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Send {
    /// The registered name of the process
    name: String,

    /// The message
    #[arg(value_name = "JSON", value_parser = read_json)]
    message: Value,

    #[command(flatten)]
    target: Target,

    /// Print JSON: an object with the `pid` that it was sent to
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  rusm send counter '{\"add\":1}'
  rusm send room:lobby '\"close\"' --node b";

fn read_json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text)
        .map_err(|error| format!("this is no JSON: {error}. A text has quotes of its own: '\"text\"'"))
}

impl Send {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Self { name, message, target, json } = self;
        let pid: String = target.find()?.ask(Request::Send { name: name.clone(), message })?;
        if json {
            print_json(&serde_json::json!({ "pid": pid }))?;
        } else {
            print(&format!("sent to {pid} {name}\n"))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
