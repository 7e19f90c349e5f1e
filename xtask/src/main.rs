//! The project's own tasks.

mod otp;

use clap::Parser;

#[derive(Parser)]
enum Task {
    #[command(subcommand)]
    Otp(otp::Otp),
}

fn main() -> anyhow::Result<()> {
    match Task::parse() {
        Task::Otp(command) => otp::run(&command),
    }
}
