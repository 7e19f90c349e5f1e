//! A component with no grants is refused everything, and each refusal names the missing grant.

use crate::support::{World, guest};
use rusm_host::manifest::Grants;
use rusm_host::{InstanceOptions, command_body, exit_status};

/// What the guest hears, and what the log says.
async fn check(operation: &str, grant: &str) {
    let world = World::puppet();
    let heard = world.up("puppet", "").await.ask(operation).await;
    let text = format!("grants.{grant} of component puppet is missing");
    assert_eq!(heard, format!("denied: {text}"), "{operation}");
    assert_eq!(world.notes(), [text], "{operation}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_neither_reached_nor_registered() {
    check("send lobby hello", r#"reach = ["lobby"]"#).await;
    check("call lobby hello", r#"reach = ["lobby"]"#).await;
    check("whereis lobby", r#"reach = ["lobby"]"#).await;
    check("monitor lobby", r#"reach = ["lobby"]"#).await;
    check("after-name lobby", r#"reach = ["lobby"]"#).await;
    check("monitor-at lobby b", r#"reach = ["lobby@b"]"#).await;
    check("register lobby", r#"register = ["lobby"]"#).await;
    check("unregister lobby", r#"register = ["lobby"]"#).await;
    check("send-cluster lobby hello", r#"reach-cluster = ["lobby"]"#).await;
    check("call-cluster lobby hello", r#"reach-cluster = ["lobby"]"#).await;
    check("whereis-cluster lobby", r#"reach-cluster = ["lobby"]"#).await;
    check("monitor-cluster lobby", r#"reach-cluster = ["lobby"]"#).await;
    check("register-unique lobby", r#"register-unique = ["lobby"]"#).await;
    check("unregister-unique lobby", r#"register-unique = ["lobby"]"#).await;
    check("whereis-unique lobby", r#"reach-unique = ["lobby"]"#).await;
    check("register-cluster lobby", r#"register-cluster = ["lobby"]"#).await;
    check("unregister-cluster lobby", r#"register-cluster = ["lobby"]"#).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_neither_joined_nor_seen() {
    check("join watchers", r#"join-groups = ["watchers"]"#).await;
    check("leave watchers", r#"join-groups = ["watchers"]"#).await;
    check("members watchers", r#"reach-groups = ["watchers"]"#).await;
    check("local-members watchers", r#"reach-groups = ["watchers"]"#).await;
    check("monitor-group watchers", r#"reach-groups = ["watchers"]"#).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_spawned_or_supervised() {
    check("spawn none puppet", r#"spawn = ["puppet"]"#).await;
    check("spawn-on a none puppet", r#"spawn = ["puppet"]"#).await;
    check("spawn-on b none puppet", r#"spawn = ["puppet@b"]"#).await;
    check("spawn-by-key k none puppet", r#"spawn = ["puppet"]"#).await;
    check("start-child rooms x", r#"supervise = ["rooms"]"#).await;
    check("which-children rooms", r#"supervise = ["rooms"]"#).await;
}

/// Runs the command, and gives its status and the notes.
async fn command(arguments: &[&str]) -> (u8, Vec<String>) {
    let world = World::new();
    let component = world.host.load_here("tool", guest("command"), Grants::default()).expect("it is a component");
    let arguments = ["tool"].iter().chain(arguments).map(|text| (*text).to_owned()).collect();
    let options = InstanceOptions { arguments, ..InstanceOptions::default() };
    let body = command_body(&world.host, &component, options);
    let pid = world.node.spawn_with(Default::default(), body).pid;
    let status = exit_status(&world.at(pid).exit().await);
    (status, world.notes())
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_files() {
    let (status, notes) = command(&["read", "/etc/hostname"]).await;
    assert_eq!(status, 1);
    assert!(notes.contains(&"it sees no files: grants.files of component tool is empty".to_owned()), "{notes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_variables() {
    let (status, notes) = command(&["no-variables"]).await;
    assert_eq!(status, 0);
    let text = "it sees no environment variables: grants.env of component tool is empty";
    assert!(notes.contains(&text.to_owned()), "{notes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_sockets_and_no_name_lookup() {
    let (status, notes) = command(&["connect", "127.0.0.1:9"]).await;
    assert_eq!(status, 1);
    let text = "a TCP socket: grants.sockets of component tool is empty";
    assert!(notes.contains(&text.to_owned()), "{notes:?}");
    let (status, notes) = command(&["resolve", "localhost:80"]).await;
    assert_eq!(status, 1);
    let text = "a lookup of \"localhost\": grants.sockets of component tool is empty";
    assert!(notes.contains(&text.to_owned()), "{notes:?}");
}
