use super::{Children, DEFAULT_LISTEN, DEFAULT_MEMORY_BYTES, Grants, Limits, Manifest, ManifestError};
use std::fs;

/// An app with one Rust crate `web`, one TypeScript file `stats.ts`, one ready component `ready.wasm` and a folder
/// `data`; its manifest is the text.
fn load(text: &str) -> Result<Manifest, ManifestError> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path();
    fs::create_dir_all(path.join("web")).expect("web is made");
    fs::create_dir_all(path.join("data")).expect("data is made");
    fs::create_dir_all(path.join("scenario")).expect("scenario is made");
    for file in ["web/Cargo.toml", "stats.ts", "ready.wasm", "notes.txt", "scenario/Cargo.toml"] {
        fs::write(path.join(file), "").expect("the file is written");
    }
    fs::write(path.join("rusm.toml"), text).expect("the manifest is written");
    Manifest::load(path)
}

/// `input` follows `[app] name = "a"` and `[component.web]`, from line 5 on. `expected` has a line for each problem.
fn check(input: &str, expected: &str) {
    let head = "[app]\nname = \"a\"\n[component.web]\nsource = \"web\"\n";
    check_whole(&format!("{head}{input}"), expected);
}

fn check_whole(input: &str, expected: &str) {
    let found = match load(input) {
        Ok(_) => String::new(),
        Err(error) => {
            let directory = format!("{}/", error.file.parent().expect("a file in a directory").display());
            error.to_string().replace(&directory, "")
        }
    };
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(found.lines().collect::<Vec<_>>(), expected, "\n{input}\n{found}");
}

#[test]
fn a_full_manifest_is_read() {
    let manifest = load(
        r#"
        [app]
        name = "chat"
        listen = "0.0.0.0:0"
        [component.web]
        source = "web"
        [component.web.grants]
        reach = ["room:*", "ticker"]
        supervise = ["rooms"]
        key-value = ["messages"]
        files = [{ host = "data", guest = "/data" }]
        env = ["LANG"]
        http = ["api.example.com:8443"]
        sockets = ["db.example.com:5432", "[::1]:80"]
        memory = "1MiB"
        [component.room]
        wasm = "ready.wasm"
        [component.stats]
        source = "stats.ts"
        [supervisor.root]
        strategy = "one_for_all"
        intensity = 3
        period = "10s"
        auto-shutdown = "any_significant"
        children = ["rooms", "ticker"]
        [supervisor.rooms]
        strategy = "dynamic"
        component = "room"
        restart = "transient"
        shutdown = "brutal_kill"
        [child.ticker]
        component = "web"
        args = { every = 5, names = ["a"], on = true }
        restart = "transient"
        significant = true
        register = "ticker"
        [[route]]
        path = "/api/*"
        http = "web"
        [[route]]
        path = "/ws/{room}"
        websocket = "room"
        [[route]]
        path = "/events"
        events = "stats"
        [limits]
        header-time = "2s"
        body-bytes = "2MiB"
        connections = 7
        "#,
    )
    .expect("the manifest is sound");
    insta::assert_debug_snapshot!((
        &manifest.app,
        &manifest.components,
        &manifest.supervisors,
        &manifest.children,
        &manifest.routes,
        &manifest.limits
    ));
    assert_eq!(manifest.components["web"].wasm_path().to_str(), Some("build/web.wasm"));
    assert_eq!(manifest.components["room"].wasm_path().to_str(), Some("ready.wasm"));
    assert!(
        manifest.root().is_some_and(|root| matches!(&root.children, Children::Fixed { names, .. } if names.len() == 2))
    );
}

#[test]
fn the_reference_page_is_a_manifest_with_every_key() {
    let page = include_str!("../../../docs/manifest.md");
    let (_, rest) = page.split_once("```toml\n").expect("it shows a manifest");
    let (text, _) = rest.split_once("```").expect("the manifest ends");
    let manifest = load(text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(manifest.limits, Limits::default(), "the page shows the defaults");
    assert_eq!(manifest.app.listen, DEFAULT_LISTEN);
    assert_eq!(manifest.components["web"].grants.memory_bytes, DEFAULT_MEMORY_BYTES);
    // An unknown key in each table lists the known ones, or the nearest: each stands on the page.
    let known = [
        "name listen",
        "source wasm grants",
        "reach register spawn supervise key-value files env http sockets memory",
        "strategy intensity period auto-shutdown as-child children component restart shutdown",
        "component args restart shutdown significant register singleton",
        "path http websocket events",
        "header-time idle-time request-time body-bytes connections websocket-message-bytes drain-time",
        "scenario",
    ];
    for key in known.iter().flat_map(|keys| keys.split(' ')) {
        let shown = text.lines().any(|line| line.starts_with(key) || line.contains(&format!(".{key}]")));
        assert!(shown, "{key} is not on the page");
    }
}

#[test]
fn a_singleton_has_a_unique_name_and_no_name_of_one_node() {
    let tree = |children: &str| format!("[supervisor.root]\nchildren = [\"a\", \"b\"]\n{children}");
    let child = |name: &str, keys: &str| format!("[child.{name}]\ncomponent = \"web\"\n{keys}\n");
    let sound = tree(&[child("a", "singleton = \"a b\""), child("b", "singleton = \"b\"")].concat());
    check(&sound, "");
    let reserved = tree(&[child("a", "singleton = \"rusm:a\""), child("b", "singleton = \"\"")].concat());
    check(
        &reserved,
        "rusm.toml:9:13: child.a.singleton: \"rusm:a\" is no unique name. Choose a name of 1 to 255 bytes, not one with the prefix `rusm:`
         rusm.toml:12:13: child.b.singleton: \"\" is no unique name. Choose a name of 1 to 255 bytes, not one with the prefix `rusm:`",
    );
    let registered = tree(&[child("a", "singleton = \"a\"\nregister = \"a\""), child("b", "")].concat());
    check(
        &registered,
        "rusm.toml:10:12: child.a.register: a singleton has no name of one node. Take it out, and find the process by its unique name",
    );
    let twice = tree(&[child("a", "singleton = \"a\""), child("b", "singleton = \"a\"")].concat());
    check(
        &twice,
        "rusm.toml:10:8: child.b.singleton: child.a has the unique name \"a\" as well. Only one of them would ever run: choose another name",
    );
}

#[test]
fn an_app_needs_no_more_than_a_name() {
    check_whole("[app]\nname = \"a\"\n", "");
    check_whole("", "rusm.toml:1:1: app.name: is missing. Begin with [app] and name = \"my-app\"");
    check_whole("[app]\n", "rusm.toml:1:2: app.name: is missing. Give the app a name: name = \"my-app\"");
}

#[test]
fn a_directory_without_a_manifest_says_what_to_name() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let error = Manifest::load(directory.path()).expect_err("there is no manifest");
    let text = error.to_string();
    assert!(text.contains("rusm.toml:1:1: cannot be read: No such file or directory"), "{text}");
    assert!(text.ends_with("Name the directory of an app: the one that holds its rusm.toml"), "{text}");
}

#[test]
fn each_syntax_error_is_reported() {
    check_whole(
        "[app]\nname = \n[component.web\n",
        "rusm.toml:2:8: this is no TOML: string values must be quoted, expected literal string. See https://toml.io for how to write it
         rusm.toml:3:15: this is no TOML: unclosed table, expected `]`. See https://toml.io for how to write it",
    );
    check_whole(
        "[app]\nname = \"a\"\nname = \"b\"\n",
        "rusm.toml:3:1: this is no TOML: duplicate key. See https://toml.io for how to write it",
    );
}

#[test]
fn unknown_keys_name_the_nearest_one() {
    check_whole(
        "[app]\nnam = \"a\"\n[componet.web]\n[aktion]\n",
        "rusm.toml:1:2: app.name: is missing. Give the app a name: name = \"my-app\"
         rusm.toml:2:1: app.nam: unknown key. Did you mean `name`?
         rusm.toml:3:2: componet: unknown key. Did you mean `component`?
         rusm.toml:4:2: aktion: unknown key. Use one of `app`, `component`, `supervisor`, `child`, `route`, `limits`, `foreign-code`, `sim`",
    );
    check("sorce = \"x\"\n", "rusm.toml:5:1: component.web.sorce: unknown key. Did you mean `source`?");
    check(
        "[limits]\nheader_time = \"1s\"\n",
        "rusm.toml:6:1: limits.header_time: unknown key. Did you mean `header-time`?",
    );
}

#[test]
fn unknown_grants_name_the_nearest_one() {
    check(
        "[component.web.grants]\nreech = [\"a\"]\ncpu = true\n",
        "rusm.toml:6:1: component.web.grants.reech: unknown grant. Did you mean `reach`?
         rusm.toml:7:1: component.web.grants.cpu: unknown grant. Use one of `reach`, `register`, `reach-cluster`, `register-cluster`, `join-groups`, `reach-groups`, `reach-unique`, `register-unique`, `spawn`, `supervise`, `key-value`, `files`, `env`, `http`, `sockets`, `memory`",
    );
}

#[test]
fn grants_are_well_formed() {
    check(
        "[component.web.grants]\nreach = [\"a*b\"]\nregister = \"x\"\nhttp = [\"https://a.example/\"]\nsockets = [\"db\"]\nenv = [\"A=B\"]\nkey-value = [\"\"]\n",
        "rusm.toml:6:10: component.web.grants.reach: \"a*b\" cannot be granted. Write a name, or a prefix and a trailing `*`, as in \"room:*\"; a node may follow, as in \"room:*@eu-1\"
         rusm.toml:7:12: component.web.grants.register: this is a text. Write a list of texts, as in [\"a\", \"b\"]
         rusm.toml:8:9: component.web.grants.http: \"https://a.example/\" cannot be granted. Name a host, without scheme and path, as in \"api.example.com\"
         rusm.toml:9:12: component.web.grants.sockets: \"db\" cannot be granted. Name a host and its port, as in \"db.example.com:5432\" or \"[::1]:5432\"
         rusm.toml:10:8: component.web.grants.env: \"A=B\" cannot be granted. Name a variable, without its value
         rusm.toml:11:14: component.web.grants.key-value: \"\" cannot be granted. A bucket has a name of at least one character",
    );
    check(
        "[component.web.grants]\nreach-cluster = [\"a@b\"]\nregister-cluster = [\"rusm:a\"]\n",
        "rusm.toml:6:18: component.web.grants.reach-cluster: \"a@b\" cannot be granted. Write a name, or a prefix and a trailing `*`, as in \"room:*\"; it is the same on every node
         rusm.toml:7:21: component.web.grants.register-cluster: \"rusm:a\" cannot be granted. Names that begin with `rusm:` are of the runtime's own processes",
    );
    check(
        "[component.web.grants]\nspawn = [\"web@\", \"web@b*\", \"wep@b\", \"web\", \"web@*\"]\n",
        "rusm.toml:6:10: component.web.grants.spawn: \"web@\" cannot be granted. Name a node behind the `@`, or write `@*` for any
         rusm.toml:6:18: component.web.grants.spawn: \"web@b*\" cannot be granted. Name a node behind the `@`, or write `@*` for any
         rusm.toml:6:28: component.web.grants.spawn: unknown component \"wep\". Did you mean `web`? Correct it, or add [component.wep]",
    );
    check(
        "[component.web.grants]\nreach = [\"rusm:control@*\"]\n",
        "rusm.toml:6:10: component.web.grants.reach: \"rusm:control@*\" cannot be granted. Names that begin with `rusm:` are of the runtime's own processes",
    );
    check(
        "[component.web.grants]\nfiles = [{ host = \"data\", guest = \"data\", wirte = true }]\n",
        "rusm.toml:6:35: component.web.grants.files.guest: \"data\" is not absolute. Begin with `/`, as in \"/data\"
         rusm.toml:6:43: component.web.grants.files.wirte: unknown key. Did you mean `write`?",
    );
}

#[test]
fn durations_and_sizes_are_well_formed_and_in_bounds() {
    check(
        "[limits]\nheader-time = \"10\"\ndrain-time = 5\nidle-time = \"0s\"\nbody-bytes = \"1 mb\"\nconnections = 0\n",
        "rusm.toml:6:15: limits.header-time: \"10\" is no duration. Write a whole number with `ms`, `s`, `m` or `h`, as in \"5s\"
         rusm.toml:7:14: limits.drain-time: this is a whole number. Write a duration, as in \"5s\"
         rusm.toml:8:13: limits.idle-time: must be longer than nothing. Write a whole number with `ms`, `s`, `m` or `h`, as in \"5s\"
         rusm.toml:9:14: limits.body-bytes: \"1 mb\" is no size. Write a whole number with `B`, `KiB`, `MiB` or `GiB`, as in \"64MiB\"
         rusm.toml:10:15: limits.connections: 0 does not fit. Write a whole number from 1 to 4294967295",
    );
    for (size, sound) in [("65535B", false), ("64KiB", true), ("4GiB", true), ("4194305KiB", false)] {
        let problem = format!(
            "rusm.toml:6:10: component.web.grants.memory: {size:?} is out of bounds. Write a size from 64KiB to 4GiB"
        );
        let expected = if sound { "" } else { &problem };
        check(&format!("[component.web.grants]\nmemory = \"{size}\"\n"), expected);
    }
}

#[test]
fn missing_files_are_named() {
    check(
        "[component.a]\nsource = \"nowhere\"\n[component.b]\nwasm = \"no.wasm\"\n[component.b.grants]\nfiles = [{ host = \"no\", guest = \"/\" }]\n[component.c]\nsource = \"data\"\n[component.d]\nsource = \"notes.txt\"\n[sim]\nscenario = \"no\"\n",
        "rusm.toml:6:10: component.a.source: there is no file or folder \"nowhere\". Name a folder with a Cargo.toml, or a .ts file
         rusm.toml:8:8: component.b.wasm: there is no file \"no.wasm\". Put the component there, or name another file
         rusm.toml:10:19: component.b.grants.files.host: there is no folder \"no\". Make it, or name another one
         rusm.toml:12:10: component.c.source: the folder \"data\" has no Cargo.toml. Name the folder of a Rust crate, or a .ts file
         rusm.toml:14:10: component.d.source: \"notes.txt\" is in no language that is known. Name a folder with a Cargo.toml, or a .ts file
         rusm.toml:16:12: sim.scenario: there is no folder \"no\". Name the folder of the scenario component",
    );
}

#[test]
fn a_component_has_one_kind_of_code() {
    check(
        "wasm = \"ready.wasm\"\n[component.a]\n",
        "rusm.toml:5:8: component.web.wasm: there is a source as well. Give either source (a folder with a Cargo.toml, or a .ts file) or wasm (a ready component)
         rusm.toml:6:12: component.a: has no code. Give either source (a folder with a Cargo.toml, or a .ts file) or wasm (a ready component)",
    );
}

#[test]
fn names_can_be_file_names() {
    check(
        "[component.\"a/b\"]\nwasm = \"ready.wasm\"\n",
        "rusm.toml:5:12: component.a/b: \"a/b\" cannot be a name. Use 1 to 64 ASCII letters, digits, `-` and `_`",
    );
    let limit = "x".repeat(64);
    check(&format!("[component.{limit}]\nwasm = \"ready.wasm\"\n"), "");
    check(
        &format!("[component.{limit}x]\nwasm = \"ready.wasm\"\n"),
        &format!(
            "rusm.toml:5:12: component.{limit}x: \"{limit}x\" cannot be a name. Use 1 to 64 ASCII letters, digits, `-` and `_`"
        ),
    );
}

#[test]
fn names_lead_somewhere() {
    check(
        "[component.web.grants]\nspawn = [\"wev\"]\nsupervise = [\"rooms\"]\n[supervisor.root]\nchildren = [\"roms\", \"tick\", \"x\"]\n[supervisor.tick]\nstrategy = \"dynamic\"\ncomponent = \"webb\"\n[[route]]\npath = \"/\"\nhttp = \"nobody\"\n",
        "rusm.toml:6:10: component.web.grants.spawn: unknown component \"wev\". Did you mean `web`? Correct it, or add [component.wev]
         rusm.toml:7:14: component.web.grants.supervise: unknown supervisor \"rooms\". Use one of `root`, `tick`, or add [supervisor.rooms]
         rusm.toml:9:13: supervisor.root.children: unknown child \"roms\". Add [child.roms] or [supervisor.roms], or take it out of the list
         rusm.toml:9:29: supervisor.root.children: unknown child \"x\". Add [child.x] or [supervisor.x], or take it out of the list
         rusm.toml:12:13: supervisor.tick.component: unknown component \"webb\". Did you mean `web`? Correct it, or add [component.webb]
         rusm.toml:15:8: route.http: unknown component \"nobody\". Use one of `web`, or add [component.nobody]",
    );
}

#[test]
fn strategies_and_restart_types_are_known() {
    check(
        "[supervisor.root]\nstrategy = \"one_for_on\"\nchildren = [\"a\"]\n[child.a]\ncomponent = \"web\"\nrestart = \"always\"\nshutdown = \"soon\"\n",
        "rusm.toml:6:12: supervisor.root.strategy: unknown strategy \"one_for_on\". Did you mean `one_for_one`?
         rusm.toml:10:11: child.a.restart: unknown restart \"always\". Use one of `permanent`, `transient`, `temporary`
         rusm.toml:11:12: child.a.shutdown: \"soon\" is no duration. Write a whole number with `ms`, `s`, `m` or `h`, as in \"5s\", or \"infinity\" or \"brutal_kill\"",
    );
    check(
        "[supervisor.root]\nstrategy = \"dynamic\"\nchildren = [\"a\"]\n",
        "rusm.toml:5:13: supervisor.root.component: is missing. Name the component that each child runs
         rusm.toml:7:1: supervisor.root.children: unknown key. Use one of `strategy`, `component`, `restart`, `shutdown`, `intensity`, `period`, `auto-shutdown`",
    );
}

#[test]
fn the_root_is_nobodys_child() {
    check("[supervisor.root]\nchildren = [\"a\"]\n[supervisor.a]\nas-child = \"temporary\"\n", "");
    check(
        "[supervisor.root]\nas-child = \"temporary\"\n",
        "rusm.toml:6:1: supervisor.root.as-child: unknown key. Use one of `strategy`, `children`, `intensity`, `period`, `auto-shutdown`",
    );
}

#[test]
fn supervisors_form_a_tree() {
    check(
        "[supervisor.root]\n[supervisor.a]\nchildren = [\"b\"]\n[supervisor.b]\nchildren = [\"c\"]\n[supervisor.c]\nchildren = [\"a\"]\n[supervisor.d]\nchildren = [\"d\"]\n",
        "rusm.toml:6:13: supervisor.a: the supervisors form a cycle: a -> b -> c -> a. Take one of them out of the other's children
         rusm.toml:12:13: supervisor.d: the supervisors form a cycle: d -> d. Take one of them out of the other's children",
    );
    check(
        "[supervisor.root]\nchildren = [\"a\"]\n[supervisor.a]\nchildren = [\"root\"]\n",
        "rusm.toml:8:13: supervisor.a.children: the root cannot be a child. Take it out of the list",
    );
    check(
        "[supervisor.top]\n",
        "rusm.toml:5:13: supervisor.root: there is no root supervisor. Add [supervisor.root] with children = [\u{2026}]",
    );
}

#[test]
fn everything_supervised_has_one_place_in_the_tree() {
    check(
        "[supervisor.root]\nchildren = [\"a\", \"t\", \"t\"]\n[supervisor.a]\nchildren = [\"t\"]\n[supervisor.b]\n[child.t]\ncomponent = \"web\"\n[child.u]\ncomponent = \"web\"\n",
        "rusm.toml:6:23: supervisor.root.children: \"t\" is a child of supervisor.root already. Give each child one supervisor, and name it once
         rusm.toml:8:13: supervisor.a.children: \"t\" is a child of supervisor.root already. Give each child one supervisor, and name it once
         rusm.toml:9:13: supervisor.b: belongs to no supervisor. Name it in the children of one, for instance of supervisor.root, or remove it
         rusm.toml:12:8: child.u: belongs to no supervisor. Name it in the children of one, for instance of supervisor.root, or remove it",
    );
    check(
        "[supervisor.root]\nchildren = [\"a\", \"b\"]\n[supervisor.a]\n[child.a]\ncomponent = \"web\"\nregister = \"x:y\"\n[child.b]\ncomponent = \"web\"\nregister = \"x:y\"\n",
        "rusm.toml:8:8: child.a: a supervisor has this name. Choose another name for one of them
         rusm.toml:11:8: child.b.register: child.a registers the name \"x:y\" as well. Two processes cannot have one name: choose another",
    );
    check(
        "[supervisor.root]\nchildren = [\"a\"]\n[child.a]\ncomponent = \"web\"\nregister = \"supervisor:x\"\n",
        "rusm.toml:9:12: child.a.register: \"supervisor:x\" is a supervisor's name. Choose a name without the prefix `supervisor:`",
    );
}

#[test]
fn significant_children_need_a_supervisor_that_heeds_them() {
    check(
        "[supervisor.root]\nchildren = [\"a\", \"b\"]\n[child.a]\ncomponent = \"web\"\nsignificant = true\nrestart = \"transient\"\n[child.b]\ncomponent = \"web\"\nsignificant = true\n",
        "rusm.toml:9:15: child.a.significant: supervisor.root has no auto-shutdown. Give it auto-shutdown = \"any_significant\"
         rusm.toml:13:15: child.b.significant: a permanent child never ends for good. Make its restart \"transient\" or \"temporary\"
         rusm.toml:13:15: child.b.significant: supervisor.root has no auto-shutdown. Give it auto-shutdown = \"any_significant\"",
    );
}

#[test]
fn routes_have_one_target_and_differ() {
    check(
        "[[route]]\npath = \"/a/{x}\"\nhttp = \"web\"\n[[route]]\npath = \"/a/{y}\"\nevents = \"web\"\n[[route]]\npath = \"/b\"\n[[route]]\npath = \"/c\"\nhttp = \"web\"\nwebsocket = \"web\"\n[[route]]\nhttp = \"web\"\n",
        "rusm.toml:9:8: route.path: \"/a/{y}\" matches the same paths as the route \"/a/{x}\" above. Remove one of them, or change its path
         rusm.toml:11:1: route: has no target. Give exactly one of http, websocket and events the name of a component
         rusm.toml:16:13: route.websocket: the route has the target http already. Give exactly one of http, websocket and events the name of a component
         rusm.toml:17:1: route.path: is missing. Say which paths: path = \"/api/*\"",
    );
}

#[test]
fn paths_are_well_formed() {
    let broken = [
        ("a", "is no path. Begin with `/`"),
        ("/a?b", "is no path. Leave out spaces, queries and fragments"),
        ("/*/a", "has a `*` that is not its end. Use {placeholders} before the end"),
        (
            "/a*",
            "has a segment that is only partly variable. Let `{name}` or `*` be a whole segment, as in \"/ws/{room}\"",
        ),
        (
            "/a{b}",
            "has a segment that is only partly variable. Let `{name}` or `*` be a whole segment, as in \"/ws/{room}\"",
        ),
        ("/{}", "has a placeholder without a name. Give it one, as in \"/ws/{room}\""),
        ("/{a}/{a}", "has two placeholders of one name. Give each its own name"),
    ];
    for (path, what) in broken {
        let expected = format!("rusm.toml:6:8: route.path: {path:?} {what}");
        check(&format!("[[route]]\npath = \"{path}\"\nhttp = \"web\"\n"), &expected);
    }
    for path in ["/", "/a", "/a/", "/*", "/{a}/{b}/*"] {
        check(&format!("[[route]]\npath = \"{path}\"\nhttp = \"web\"\n"), "");
    }
}

#[test]
fn an_address_is_an_ip_address_with_a_port() {
    check_whole(
        "[app]\nname = \"a b\"\nlisten = \"localhost\"\n",
        "rusm.toml:2:8: app.name: \"a b\" cannot be a name. Use 1 to 64 ASCII letters, digits, `-` and `_`
         rusm.toml:3:10: app.listen: \"localhost\" is no address. Write an IP address and a port, as in \"127.0.0.1:8080\"",
    );
}

#[test]
fn columns_count_characters() {
    check_whole(
        "app = { name = \"a\", \"héé\" = 1, x = 2 }",
        "rusm.toml:1:21: app.héé: unknown key. Use one of `name`, `listen`
         rusm.toml:1:32: app.x: unknown key. Use one of `name`, `listen`",
    );
}

#[test]
fn the_manifests_of_the_examples_are_sound() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
    let mut checked = 0;
    for example in fs::read_dir(examples).expect("there are examples") {
        let directory = example.expect("it can be listed").path();
        if directory.join("rusm.toml").exists() {
            Manifest::load(&directory).unwrap_or_else(|error| panic!("{error}"));
            checked += 1;
        }
    }
    assert!(checked > 0);
}

#[test]
fn code_of_other_nodes_is_taken_only_when_the_manifest_says_so() {
    let read = |lines: &str| load(&format!("app.name = \"a\"\n{lines}")).expect("it is sound").foreign_code;
    let default = read("");
    assert_eq!((default.accept, default.bytes, &default.grants), (false, 16 << 20, &Grants::default()));
    assert!(!read("[foreign-code]\nbytes = \"1KiB\"").accept);
    let accepting = read("[foreign-code]\naccept = true\nbytes = \"64MiB\"\n[foreign-code.grants]\nenv = [\"LANG\"]");
    assert_eq!((accepting.accept, accepting.bytes), (true, 64 << 20));
    assert_eq!(accepting.grants, Grants { env: ["LANG".to_owned()].into(), ..Grants::default() });
    check(
        "[foreign-code]\naccept = \"yes\"\nbytes = \"65MiB\"\ngrants = { spwan = [] }\n",
        "rusm.toml:6:10: foreign-code.accept: this is a text. Write true or false
         rusm.toml:7:9: foreign-code.bytes: \"65MiB\" is out of bounds. Write a size from 1B to 64MiB
         rusm.toml:8:12: foreign-code.grants.spwan: unknown grant. Did you mean `spawn`?",
    );
}
