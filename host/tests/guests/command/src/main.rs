//! A command that tries what its first argument says, and says what came of it through its exit status and what it
//! writes.

use std::io::{Read, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let operand = args.get(2).map(String::as_str).unwrap_or_default();
    match args.get(1).map(String::as_str) {
        None => ExitCode::SUCCESS,
        Some("status") => ExitCode::from(operand.parse::<u8>().expect("a status")),
        Some("leave") => std::process::exit(operand.parse().expect("a status")),
        Some("leave-with") => {
            wasip2::cli::exit::exit_with_code(operand.parse().expect("a status"));
            unreachable!("a command does not outlive its exit")
        }
        Some("panic") => panic!("{operand}"),
        Some("spin") => loop {
            std::hint::black_box(());
        },
        Some("args") => succeed_if(args[1..] == ["args", "one", "two words"]),
        Some("no-variables") => succeed_if(std::env::vars().next().is_none()),
        Some("variable") => succeed_if(std::env::vars().collect::<Vec<_>>() == [(operand.into(), "value".into())]),
        Some("read") => succeed_if(std::fs::read_to_string(operand).is_ok_and(|text| text == "content")),
        Some("write") => {
            let written = std::fs::File::create(operand).and_then(|mut file| file.write_all(b"content"));
            succeed_if(written.is_ok())
        }
        Some("connect") => succeed_if(echoed(operand)),
        Some("must-connect") => {
            assert!(echoed(operand), "there is no connection");
            ExitCode::SUCCESS
        }
        Some("listen") => succeed_if(std::net::TcpListener::bind(operand).is_ok()),
        Some("resolve") => {
            use std::net::ToSocketAddrs;
            succeed_if(operand.to_socket_addrs().is_ok())
        }
        Some(other) => {
            eprintln!("what is {other}?");
            ExitCode::FAILURE
        }
    }
}

/// Whether what is sent there comes back.
fn echoed(address: &str) -> bool {
    let Ok(mut stream) = std::net::TcpStream::connect(address) else { return false };
    let mut answer = [0; 5];
    stream.write_all(b"hello").is_ok() && stream.read_exact(&mut answer).is_ok() && &answer == b"hello"
}

fn succeed_if(condition: bool) -> ExitCode {
    if condition { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
