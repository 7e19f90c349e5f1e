use crate::support::Fixture;

const COMMANDS: [&str; 14] =
    ["build", "serve", "node", "run", "ps", "top", "info", "kill", "send", "logs", "nodes", "unique", "sim", "cluster"];

#[test]
fn help_names_every_command_and_shows_examples() {
    let fixture = Fixture::new();
    let ended = fixture.rusm(&["--help"]);
    ended.check(0, &["Usage: rusm", "Examples:", "--log <LEVEL>"], &[]);
    for command in COMMANDS {
        ended.check(0, &[&format!("\n  {command} ")], &[]);
        fixture.rusm(&[command, "--help"]).check(0, &["Examples:\n  rusm ", "Usage: rusm"], &[]);
    }
}

#[test]
fn rusm_alone_shows_its_help() {
    Fixture::new().rusm(&[]).check(2, &[], &["Usage: rusm", "Examples:"]);
}

#[test]
fn a_wrong_flag_or_command_names_the_right_one() {
    let fixture = Fixture::new();
    let check = |args: &[&str], stderr: &[&str]| fixture.rusm(args).check(2, &[], stderr);
    check(&["serve", "--lisen", "127.0.0.1:0"], &["unexpected argument '--lisen'", "'--listen'"]);
    check(&["serv"], &["unrecognized subcommand 'serv'", "'serve'"]);
    check(&["serve", "--listen", "8080"], &["invalid value '8080' for '--listen <ADDR>'"]);
    check(&["--log", "loud", "ps"], &["invalid value 'loud'", "use error, warn, info, debug, trace or off"]);
    check(&["run", "--memory", "much", "x.wasm"], &["invalid value 'much'", "\"much\" is no size"]);
    check(&["run"], &["FILE.wasm"]);
    check(&["kill", "5.0"], &["<REASON>"]);
    check(&["send", "room", "close"], &["this is no JSON", "A text has quotes of its own"]);
    check(&["top", "--interval", "0"], &["invalid value '0'"]);
}
