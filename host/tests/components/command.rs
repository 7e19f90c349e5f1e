use crate::support::{World, guest};
use rusm_core::{ExitReason, SpawnOptions};
use rusm_host::manifest::{FileGrant, Grants, SocketGrant};
use rusm_host::{EXIT_STATUS, Host, HostOptions, InstanceOptions, Profile, TRAP, command_body, exit_status};

async fn run_with(options: HostOptions, grants: Grants, arguments: &[&str]) -> ExitReason {
    run_in(&World::with(options), grants, arguments).await
}

async fn run_in(world: &World, grants: Grants, arguments: &[&str]) -> ExitReason {
    let component = world.host.load_here("tool", guest("command"), grants).expect("it is a component");
    let arguments = ["tool"].iter().chain(arguments).map(|text| (*text).to_owned()).collect();
    let options = InstanceOptions { arguments, ..InstanceOptions::default() };
    let body = command_body(&world.host, &component, options);
    let pid = world.node.spawn_with(SpawnOptions::default(), body).pid;
    world.at(pid).exit().await
}

fn options() -> HostOptions {
    HostOptions::new(crate::support::engine(Profile::Production))
}

async fn run(arguments: &[&str]) -> ExitReason {
    run_with(options(), Grants::default(), arguments).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commands_status_is_its_processs_exit_reason() {
    let check = async |arguments: &[&str], expected: ExitReason, status: u8| {
        let reason = run(arguments).await;
        assert_eq!(reason, expected, "{arguments:?}");
        assert_eq!(exit_status(&reason), status, "{arguments:?}");
    };
    let status = |status: &str| ExitReason::new(EXIT_STATUS).with_detail(status);
    check(&[], ExitReason::NORMAL, 0).await;
    check(&["status", "0"], ExitReason::NORMAL, 0).await;
    check(&["status", "1"], status("1"), 1).await;
    // `wasi:cli/run` and Rust's standard library know success and failure, and no number.
    check(&["status", "255"], status("1"), 1).await;
    check(&["leave", "0"], ExitReason::NORMAL, 0).await;
    check(&["leave", "7"], status("1"), 1).await;
    check(&["leave-with", "7"], status("7"), 7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_panics_is_a_crash() {
    let reason = run(&["panic", "no more"]).await;
    assert_eq!(reason.word(), TRAP);
    assert!(reason.detail().is_some_and(|detail| detail.contains("no more")), "{reason}");
    assert_eq!(exit_status(&reason), 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_has_its_arguments() {
    assert_eq!(run(&["args", "one", "two words"]).await, ExitReason::NORMAL);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_sees_the_granted_variables_and_no_others() {
    let mut options = options();
    options.environment = [("GIVEN", "value"), ("KEPT", "secret")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    let grants = Grants { env: ["GIVEN".to_owned(), "UNSET".to_owned()].into(), ..Grants::default() };
    assert_eq!(run_with(options, grants, &["variable", "GIVEN"]).await, ExitReason::NORMAL);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_reads_and_writes_the_granted_folders_and_no_others() {
    let directory = tempfile::tempdir().expect("a temporary folder");
    let grant = |host: &str, write| FileGrant { host: host.into(), guest: format!("/{host}"), write };
    for folder in ["kept", "open", "secret"] {
        std::fs::create_dir(directory.path().join(folder)).expect("it can be made");
    }
    let check = async |arguments: &[&str], works: bool| {
        let mut options = options();
        options.directory = directory.path().to_owned();
        let grants = Grants { files: vec![grant("kept", false), grant("open", true)], ..Grants::default() };
        let reason = run_with(options, grants, arguments).await;
        assert_eq!(reason.is_normal(), works, "{arguments:?}: {reason}");
    };
    check(&["write", "/open/file"], true).await;
    check(&["read", "/open/file"], true).await;
    check(&["write", "/kept/file"], false).await;
    check(&["read", "/open/../secret/file"], false).await;
    check(&["write", "/secret/file"], false).await;
}

/// A server that says back what it hears, and its port.
#[expect(clippy::disallowed_methods, reason = "a server outside of the node")]
async fn echo_server() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                drop(tokio::io::copy(&mut from, &mut to).await);
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_connects_to_the_granted_places_and_no_others() {
    let (by_address, by_name, other) = (echo_server().await, echo_server().await, echo_server().await);
    let place = |host: &str, port| SocketGrant { host: host.to_owned(), port };
    let granted = [place("127.0.0.1", by_address), place("localhost", by_name)];
    let check = async |arguments: &[&str], refusal: Option<&str>| {
        let world = World::with(options());
        let grants = Grants { sockets: granted.clone().into(), ..Grants::default() };
        let reason = run_in(&world, grants, arguments).await;
        assert_eq!(reason.is_normal(), refusal.is_none(), "{arguments:?}: {reason}");
        if let Some(refusal) = refusal {
            let notes = world.notes();
            assert!(notes.iter().any(|note| note.starts_with(refusal)), "{arguments:?}: {notes:?}");
        }
    };
    check(&["connect", &format!("127.0.0.1:{by_address}")], None).await;
    check(&["connect", &format!("localhost:{by_name}")], None).await;
    let missing = |place: &str| format!("grants.sockets = [\"{place}\"] of component tool is missing");
    let place = format!("127.0.0.1:{other}");
    check(&["connect", &place], Some(&missing(&place))).await;
    // What is granted by name is reached by name alone, and at its own port.
    let place = format!("127.0.0.1:{by_name}");
    check(&["connect", &place], Some(&missing(&place))).await;
    check(&["connect", &format!("localhost:{other}")], Some("grants.sockets = [")).await;
    check(&["resolve", "elsewhere:80"], Some(&missing("elsewhere:PORT"))).await;
    check(&["listen", "127.0.0.1:0"], Some("binding 127.0.0.1:0: grants.sockets is for connections to others")).await;
}

/// The guest hears no more than a code: what it lacks stands in the reason of its end.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_traps_on_a_refusal_ends_with_the_missing_grant() {
    let reason = run(&["must-connect", "127.0.0.1:9"]).await;
    assert_eq!(reason.word(), TRAP);
    let detail = reason.detail().expect("there is one");
    assert!(detail.contains("denied: a TCP socket: grants.sockets of component tool is empty"), "{detail}");
    assert!(detail.contains("there is no connection"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_are_refused_by_name_in_the_simulators_profile() {
    let world = World::with(HostOptions::new(crate::support::engine(Profile::Simulation)));
    let place = SocketGrant { host: "127.0.0.1".to_owned(), port: 9 };
    let grants = Grants { sockets: [place].into(), ..Grants::default() };
    let reason = run_in(&world, grants, &["connect", "127.0.0.1:9"]).await;
    assert_eq!(exit_status(&reason), 1, "{reason}");
    assert!(world.notes().contains(&"a TCP socket: it is not simulated".to_owned()), "{:?}", world.notes());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_not_there_is_named() {
    let grants = Grants {
        files: vec![FileGrant { host: "nowhere".into(), guest: "/x".to_owned(), write: false }],
        ..Grants::default()
    };
    let reason = run_with(options(), grants, &[]).await;
    assert!(
        reason.detail().is_some_and(|detail| detail.contains("nowhere of grants.files cannot be opened")),
        "{reason}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_actor_is_no_command() {
    let world = World::puppet();
    let component = world.host.component("puppet").expect("it was loaded");
    let body = command_body(&world.host as &Host, &component, InstanceOptions::default());
    let pid = world.node.spawn_with(SpawnOptions::default(), body).pid;
    let reason = world.at(pid).exit().await;
    let detail = reason.detail().expect("there is one");
    assert!(detail.starts_with("component puppet is not a command: it does not export wasi:cli/run@0.2"), "{detail}");
}
