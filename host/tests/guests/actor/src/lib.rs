//! An actor that does what it is told: each call's text is an operation and its operands, the reply is what came of it.

use rusm_sdk::process::{self, Place, Relations};
use rusm_sdk::{
    Actor, Caller, ClusterName, Event, ExitReason, GroupChange, GroupEvent, NodeEvent, NodeInfo, Pid, Reference,
    Refusal, Term, cluster, export_actor, groups, supervisor, unique,
};
use std::time::{Duration, Instant};

struct Puppet {
    /// What happened so far, one entry a message or event.
    seen: Vec<String>,
    /// Whom to answer later.
    waiting: Option<Caller>,
}

impl Actor for Puppet {
    fn init(args: Term) -> Result<Self, String> {
        let args = args.as_text().unwrap_or_default().to_owned();
        let (operation, operand) = split(&args);
        match operation {
            "fail" => return Err(operand.to_owned()),
            "panic" => panic!("{operand}"),
            "spin" => spin(),
            "trap-exit" => process::trap_exit(true),
            "register" => process::register(operand).map_err(|refusal| refusal.text().to_owned())?,
            _ => {}
        }
        Ok(Self { seen: vec![format!("init {args}")], waiting: None })
    }

    fn message(&mut self, message: Term) {
        let text = message.as_text().unwrap_or("no text").to_owned();
        match split(&text) {
            ("panic", why) => panic!("{why}"),
            ("stop", word) => process::exit(&ExitReason::new(word)),
            ("answer", text) => {
                if let Some(caller) = self.waiting.take() {
                    process::reply(caller, text);
                }
            }
            _ => self.seen.push(format!("message {text}")),
        }
    }

    fn call(&mut self, request: Term, caller: Caller) -> Option<Term> {
        let text = request.as_text().unwrap_or("no text").to_owned();
        let (operation, operand) = split(&text);
        if operation == "later" {
            self.waiting = Some(caller);
            return None;
        }
        Some(Term::text(self.perform(operation, operand, caller)))
    }

    fn info(&mut self, event: Event) {
        self.seen.push(match event {
            Event::Exit(exit) => format!("exit {}", exit.reason),
            Event::Down(down) => format!("down {} {}", object(&down.object), down.reason),
            Event::Group(GroupEvent { group, change, members, .. }) => {
                let what = if change == GroupChange::Join { "joins" } else { "leaves" };
                format!("group {group} {what} {}", json(&members))
            }
            Event::Node(event) => node_event(&event),
        });
    }

    fn terminate(&mut self, reason: ExitReason) {
        let _ = process::send("observer", format!("terminated {reason}"));
    }
}

impl Puppet {
    fn perform(&mut self, operation: &str, operand: &str, caller: Caller) -> String {
        match operation {
            "echo" => operand.to_owned(),
            "self" => json(&process::self_pid()),
            "caller" => json(&caller.pid),
            "is-asked" => self.waiting.is_some().to_string(),
            "seen" => self.seen.join("; "),
            "panic" => panic!("{operand}"),
            "spin" => spin(),
            "grow" => grow(),
            "exit" => {
                let (word, detail) = split(operand);
                process::exit(&ExitReason::new(word).with_detail(detail))
            }
            "trap-exit" => {
                process::trap_exit(operand == "on");
                "ok".to_owned()
            }
            "send" => {
                let (name, text) = split(operand);
                result(process::send(name, text))
            }
            "send-pid" => {
                let (pid, text) = split(operand);
                result(process::send(pid_of(pid), text))
            }
            "call" => {
                let (name, text) = split(operand);
                called(process::call(name, text, Duration::from_secs(60)))
            }
            "call-for" => {
                let (millis, rest) = split(operand);
                let (pid, text) = split(rest);
                let millis = millis.parse().expect("milliseconds");
                called(process::call(pid_of(pid), text, Duration::from_millis(millis)))
            }
            "send-bytes" => {
                let (bytes, pid) = split(operand);
                let bytes: usize = bytes.parse().expect("a number");
                result(process::send(pid_of(pid), vec![0; bytes]))
            }
            "link" => {
                process::link(pid_of(operand));
                "ok".to_owned()
            }
            "unlink" => {
                process::unlink(pid_of(operand));
                "ok".to_owned()
            }
            "monitor" => monitored(process::monitor(operand)),
            "monitor-at" => {
                let (name, node) = split(operand);
                monitored(process::monitor(rusm_sdk::RemoteName::new(name, node)))
            }
            "monitor-pid" => monitored(process::monitor(pid_of(operand))),
            "demonitor" => {
                process::demonitor(serde_json::from_str(operand).expect("a reference"));
                "ok".to_owned()
            }
            "kill" => {
                let (word, pid) = split(operand);
                process::exit_signal(pid_of(pid), &ExitReason::new(word));
                "ok".to_owned()
            }
            "register-cluster" => result(cluster::register(operand)),
            "unregister-cluster" => result(cluster::unregister(operand)),
            "whereis-cluster" => match cluster::whereis(operand) {
                Ok(Some(pid)) => json(&pid),
                Ok(None) => "nobody".to_owned(),
                Err(refusal) => refused(&refusal),
            },
            "register-unique" => match unique::register(operand, Duration::from_secs(60)) {
                Ok(token) => token.to_string(),
                Err(error) => not_unique(&error),
            },
            "unregister-unique" => match unique::unregister(operand, Duration::from_secs(60)) {
                Ok(()) => "ok".to_owned(),
                Err(error) => not_unique(&error),
            },
            "whereis-unique" => match unique::whereis(operand, Duration::from_secs(60)) {
                Ok(holder) => holder.map_or("nobody".to_owned(), |holder| format!("{} {}", holder.pid, holder.token)),
                Err(error) => not_unique(&error),
            },
            "held-unique" => unique::held(operand).map_or("not held".to_owned(), |token| token.to_string()),
            "cluster" => format!("{} {:?} {:?}", cluster::node(), cluster::nodes(), cluster::names()),
            "known-nodes" => nodes(&cluster::known_nodes()),
            "monitor-nodes" => match cluster::monitor_nodes() {
                Ok(watched) => format!("{} {}", json(&watched.monitor), nodes(&watched.nodes)),
                Err(refusal) => refused(&refusal),
            },
            // Whoever is called changes something of a node before it answers, so that the event lies in the mailbox.
            "demonitor-nodes-behind" => {
                let (pid, monitor) = split(operand);
                let answer = called(process::call(pid_of(pid), "change", Duration::from_secs(60)));
                cluster::demonitor_nodes(serde_json::from_str(monitor).expect("a reference"));
                answer
            }
            "demonitor-nodes" => {
                cluster::demonitor_nodes(serde_json::from_str(operand).expect("a reference"));
                "ok".to_owned()
            }
            "send-cluster" => {
                let (name, text) = split(operand);
                result(process::send(ClusterName::new(name), text))
            }
            "call-cluster" => {
                let (name, text) = split(operand);
                called(process::call(ClusterName::new(name), text, Duration::from_secs(60)))
            }
            "monitor-cluster" => monitored(process::monitor(ClusterName::new(operand))),
            "join" => result(groups::join(operand)),
            "leave" => result(groups::leave(operand)),
            "members" => members(groups::members(operand)),
            "local-members" => members(groups::local_members(operand)),
            "groups" => groups::which_groups().map_or_else(|refusal| refused(&refusal), |groups| groups.join(" ")),
            "monitor-group" => match groups::monitor(operand) {
                Ok(watched) => format!("{} {}", json(&watched.monitor), json(&watched.members)),
                Err(refusal) => refused(&refusal),
            },
            // The event lies in the mailbox when the monitor ends: the scope tells of it before it answers.
            "join-unseen" => {
                let watched = groups::monitor(operand).expect("it is granted");
                groups::join(operand).expect("it is granted");
                groups::demonitor(watched.monitor);
                "ok".to_owned()
            }
            "demonitor-group" => {
                groups::demonitor(serde_json::from_str(operand).expect("a reference"));
                "ok".to_owned()
            }
            "register" => result(process::register(operand)),
            "unregister" => result(process::unregister(operand)),
            "whereis" => match process::whereis(operand) {
                Ok(Some(pid)) => json(&pid),
                Ok(None) => "nobody".to_owned(),
                Err(refusal) => refused(&refusal),
            },
            "spawn" => spawn(operand),
            "spawn-on" => {
                let (node, rest) = split(operand);
                spawn_on(&Place::node(node), rest)
            }
            "spawn-by-key" => {
                let (key, rest) = split(operand);
                spawn_on(&Place::of_key(key), rest)
            }
            "is-alive" => process::is_alive(pid_of(operand)).to_string(),
            "start-child" => {
                let (name, args) = split(operand);
                match supervisor::start_child(name, args) {
                    Ok(pid) => json(&pid),
                    Err(error) => start_child_error(error),
                }
            }
            "which-children" => match supervisor::which_children(operand) {
                Ok(children) => {
                    let child =
                        |child: &supervisor::Child| format!("{} {} {}", child.id, child.pid.is_some(), child.restarts);
                    children.iter().map(child).collect::<Vec<_>>().join("; ")
                }
                Err(error) => start_child_error(error),
            },
            "after" => {
                let (millis, text) = split(operand);
                let delay = Duration::from_millis(millis.parse().expect("milliseconds"));
                match process::send_after(delay, process::self_pid(), text) {
                    Ok(timer) => json(&timer),
                    Err(refusal) => refused(&refusal),
                }
            }
            "after-name" => monitored(process::send_after(Duration::from_secs(60), operand, "late")),
            "cancel" => {
                let timer: Reference = serde_json::from_str(operand).expect("a reference");
                format!("{:?}", process::cancel_timer(timer).is_some())
            }
            "sleep" => {
                let duration = Duration::from_millis(operand.parse().expect("milliseconds"));
                let before = Instant::now();
                std::thread::sleep(duration);
                format!("{}", before.elapsed() >= duration)
            }
            "random" => {
                use std::hash::{BuildHasher, RandomState};
                format!("{:x}", RandomState::new().hash_one(0))
            }
            "multiply" => {
                let rounds: u64 = operand.parse().expect("a number");
                (0..rounds).fold(1_u64, |product, n| std::hint::black_box(product.wrapping_mul(n | 1))).to_string()
            }
            _ => format!("what is {operation}?"),
        }
    }
}

fn split(text: &str) -> (&str, &str) {
    text.split_once(' ').unwrap_or((text, ""))
}

fn spin() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

fn grow() -> ! {
    let mut held = Vec::new();
    loop {
        held.push(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("it has a JSON form")
}

fn pid_of(text: &str) -> Pid {
    serde_json::from_str(text).expect("a pid")
}

fn refused(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Denied(text) => format!("denied: {text}"),
        Refusal::Badarg(text) => format!("badarg: {text}"),
    }
}

fn result(result: Result<(), Refusal>) -> String {
    result.map_or_else(|refusal| refused(&refusal), |()| "ok".to_owned())
}

fn members(result: Result<Vec<Pid>, Refusal>) -> String {
    result.map_or_else(|refusal| refused(&refusal), |members| json(&members))
}

/// Each as `name status reason`.
fn nodes(nodes: &[NodeInfo]) -> String {
    let node = |node: &NodeInfo| format!("{} {} {}", node.name, node.status, node.reason);
    format!("[{}]", nodes.iter().map(node).collect::<Vec<_>>().join(", "))
}

/// `node`, its name, life, status before and now, the reason, what the members say, and whether it is a node up or a node down.
fn node_event(event: &NodeEvent) -> String {
    let NodeInfo { name, incarnation, status, reason, member, .. } = &event.node;
    let before = event.before.map_or("-".to_owned(), |before| before.to_string());
    let member = member.map_or("-".to_owned(), |member| member.to_string());
    let turn = match (event.is_nodeup(), event.is_nodedown()) {
        (true, _) => "nodeup",
        (_, true) => "nodedown",
        _ => "-",
    };
    format!("node {name} {incarnation} {before} {status} {reason} {member} {turn}")
}

fn not_unique(error: &unique::UniqueError) -> String {
    match error {
        unique::UniqueError::Refused(refusal) => refused(refusal),
        unique::UniqueError::Taken(holder) => format!("taken {} {}", holder.pid, holder.token),
        unique::UniqueError::NoMajority => error.to_string(),
    }
}

fn monitored(result: Result<Reference, Refusal>) -> String {
    result.map_or_else(|refusal| refused(&refusal), |reference| json(&reference))
}

fn called(answer: Result<Term, process::CallError>) -> String {
    match answer {
        Ok(term) => term.as_text().unwrap_or("no text").to_owned(),
        Err(process::CallError::Refused(refusal)) => refused(&refusal),
        Err(process::CallError::Timeout) => "timeout".to_owned(),
        Err(process::CallError::Down(reason)) => format!("down {reason}"),
    }
}

/// Operands: `none`, `link`, `monitor` or `both`, the component, its arguments.
fn spawn(operand: &str) -> String {
    let (relations, component, args) = what_to_spawn(operand);
    started(process::spawn(component, args, relations))
}

/// The same operands.
fn spawn_on(place: &Place, operand: &str) -> String {
    let (relations, component, args) = what_to_spawn(operand);
    started(process::spawn_on(place, component, args, relations))
}

fn what_to_spawn(operand: &str) -> (Relations, &str, &str) {
    let (relations, rest) = split(operand);
    let (component, args) = split(rest);
    let relations = match relations {
        "link" => Relations::LINK,
        "monitor" => Relations::MONITOR,
        "both" => Relations::LINK | Relations::MONITOR,
        _ => Relations::empty(),
    };
    (relations, component, args)
}

fn started(started: Result<process::Spawned, process::StartError>) -> String {
    match started {
        Ok(spawned) => json(&spawned.pid),
        Err(process::StartError::Refused(refusal)) => refused(&refusal),
        Err(process::StartError::Failed(reason)) => format!("failed: {reason}"),
    }
}

fn start_child_error(error: supervisor::StartChildError) -> String {
    match error {
        supervisor::StartChildError::Refused(refusal) => refused(&refusal),
        supervisor::StartChildError::Failed(reason) => format!("failed: {reason}"),
        supervisor::StartChildError::Noproc => "noproc".to_owned(),
    }
}

fn object(object: &rusm_sdk::Monitored) -> String {
    match object {
        rusm_sdk::Monitored::Pid(_) => "pid".to_owned(),
        rusm_sdk::Monitored::Name(name) => name.clone(),
        rusm_sdk::Monitored::ClusterName(name) => format!("{name} of the cluster"),
        rusm_sdk::Monitored::NameAt(remote) => format!("{}@{}", remote.name, remote.node),
    }
}

export_actor!(Puppet);
