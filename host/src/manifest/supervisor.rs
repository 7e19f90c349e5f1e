use super::grants::RESERVED_PREFIX;
use super::name::{check_name_value, check_table_name};
use super::references::References;
use super::scalar::{DURATION_REMEDY, parse_duration};
use super::section::Section;
use super::tree::ROOT;
use rusm_core::{AutoShutdown, Encoding, Restart, Shutdown, Strategy, Term};
use std::collections::BTreeMap;
use std::time::Duration;
use toml::Spanned;
use toml::de::DeValue;

/// The table `[supervisor.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supervisor {
    /// Its name; `root` is the root of the tree.
    pub name: String,
    /// How many restarts `period` may see; one more ends the supervisor with `shutdown`. Default 1.
    pub intensity: u32,
    /// See `intensity`. Default 5 s.
    pub period: Duration,
    /// `auto-shutdown`: whether it ends when its significant children have. Default never.
    pub auto_shutdown: AutoShutdown,
    /// `as-child`: when its own supervisor restarts it. Default permanent; a temporary one that has given up stays down,
    /// and everything beside it goes on.
    pub as_child: Restart,
    /// What it supervises.
    pub children: Children,
}

/// What a supervisor supervises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Children {
    /// `strategy` is `one_for_one` (the default), `one_for_all` or `rest_for_one`: these, in start order.
    Fixed {
        /// Who is restarted with a child that ended.
        strategy: Strategy,
        /// Names of `[supervisor.NAME]` and `[child.NAME]`.
        names: Vec<ChildName>,
    },
    /// `strategy` is `dynamic` (OTP's `simple_one_for_one`): none at first, and as many of one kind as are asked for.
    Dynamic {
        /// The component that each runs.
        component: String,
        /// When one is restarted. Default permanent.
        restart: Restart,
        /// How one is stopped. Default 5 s.
        shutdown: Shutdown,
    },
}

/// A name in a supervisor's `children`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChildName {
    /// `[supervisor.NAME]`
    Supervisor(String),
    /// `[child.NAME]`
    Child(String),
}

/// The table `[child.NAME]`: one process in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Its name.
    pub name: String,
    /// The component that it runs.
    pub component: String,
    /// What its `init` gets: a text as it is, anything else as JSON. Default nothing.
    pub args: Term,
    /// When it is restarted. Default permanent.
    pub restart: Restart,
    /// How it is stopped. Default 5 s.
    pub shutdown: Shutdown,
    /// Whether its end counts for its supervisor's `auto-shutdown`. Default false.
    pub significant: bool,
    /// The name under which it is registered before it runs. Default none.
    pub register: Option<String>,
    /// The node of the cluster that it runs on. Default its supervisor's.
    pub node: Option<String>,
    /// The unique name by which it runs once in the whole cluster, on whichever node has it. Default none: it runs on each node.
    pub singleton: Option<String>,
}

/// The children's names with their places, as [`tree`](super::tree) checks them.
pub(super) struct DraftSupervisor {
    pub(super) name: Spanned<String>,
    pub(super) supervisor: Supervisor,
    pub(super) children: Vec<Spanned<String>>,
}

/// A child with its place.
pub(super) struct DraftChild {
    pub(super) name: Spanned<String>,
    pub(super) significant: Option<std::ops::Range<usize>>,
    pub(super) child: Child,
}

/// [`Strategy`] as the manifest says it.
const STRATEGIES: [(&str, Strategy); 4] = [
    ("one_for_one", Strategy::OneForOne),
    ("one_for_all", Strategy::OneForAll),
    ("rest_for_one", Strategy::RestForOne),
    ("dynamic", Strategy::SimpleOneForOne),
];

impl Supervisor {
    pub(super) fn read_all(root: &mut Section<'_, '_>, references: &mut References) -> Vec<DraftSupervisor> {
        let sections = root.named_sections("supervisor");
        sections.into_iter().map(|(name, section)| Self::read(name, section, references)).collect()
    }

    fn read(name: Spanned<String>, mut section: Section<'_, '_>, references: &mut References) -> DraftSupervisor {
        check_table_name(&name, &section);
        let strategy = section.choice("strategy", &STRATEGIES).unwrap_or(Strategy::OneForOne);
        let (children, names) = match strategy {
            Strategy::SimpleOneForOne => (Children::read_dynamic(&mut section, references), Vec::new()),
            strategy => {
                let names = section.strings("children").unwrap_or_default();
                (Children::Fixed { strategy, names: Vec::new() }, names)
            }
        };
        let supervisor = Self {
            name: name.get_ref().clone(),
            intensity: section.count("intensity", 0).unwrap_or(1),
            period: section.duration("period").unwrap_or(Duration::from_secs(5)),
            auto_shutdown: read_auto_shutdown(&mut section),
            as_child: read_as_child(&mut section, name.get_ref()),
            children,
        };
        section.finish();
        DraftSupervisor { name, supervisor, children: names }
    }
}

impl Children {
    fn read_dynamic(section: &mut Section<'_, '_>, references: &mut References) -> Self {
        let component = section.required_string("component", "Name the component that each child runs");
        if let Some(component) = &component {
            references.component(section, "component", component);
        }
        Self::Dynamic {
            component: component.map(Spanned::into_inner).unwrap_or_default(),
            restart: read_restart(section),
            shutdown: read_shutdown(section),
        }
    }
}

impl Child {
    pub(super) fn read_all(root: &mut Section<'_, '_>, references: &mut References) -> Vec<DraftChild> {
        let sections = root.named_sections("child");
        sections.into_iter().map(|(name, section)| Self::read(name, section, references)).collect()
    }

    fn read(name: Spanned<String>, mut section: Section<'_, '_>, references: &mut References) -> DraftChild {
        check_table_name(&name, &section);
        let component = section.required_string("component", "Name the component that it runs");
        if let Some(component) = &component {
            references.component(&section, "component", component);
        }
        let singleton = section.string("singleton");
        if let Some(singleton) = &singleton {
            check_singleton(singleton, &section);
        }
        let register = section.string("register");
        if let Some(register) = &register {
            check_register(register, &section);
            if singleton.is_some() {
                let remedy = "Take it out, and find the process by its unique name";
                section.problem(register.span(), "register", "a singleton has no name of one node", remedy);
            }
        }
        let node = section.string("node");
        if let (Some(node), true) = (&node, singleton.is_some()) {
            let remedy = "Take one of the two out";
            section.problem(node.span(), "node", "a singleton runs on whichever node has its name", remedy);
        }
        let significant = section.boolean("significant");
        let child = Self {
            name: name.get_ref().clone(),
            component: component.map(Spanned::into_inner).unwrap_or_default(),
            args: section.take("args").map_or_else(Term::empty, |args| term(args.value.get_ref())),
            restart: read_restart(&mut section),
            shutdown: read_shutdown(&mut section),
            significant: significant.as_ref().is_some_and(|significant| *significant.get_ref()),
            singleton: singleton.map(Spanned::into_inner),
            register: register.map(Spanned::into_inner),
            node: node.map(Spanned::into_inner),
        };
        if let Some(significant) = significant.as_ref().filter(|significant| *significant.get_ref())
            && child.restart == Restart::Permanent
        {
            let remedy = "Make its restart \"transient\" or \"temporary\"";
            section.problem(significant.span(), "significant", "a permanent child never ends for good", remedy);
        }
        section.finish();
        let significant = significant.filter(|significant| *significant.get_ref()).map(|spanned| spanned.span());
        DraftChild { name, significant, child }
    }
}

/// A supervisor's registered names begin with `supervisor:`, and a child may not take one.
fn check_register(register: &Spanned<String>, section: &Section<'_, '_>) {
    if register.get_ref().starts_with("supervisor:") {
        let what = format!("{:?} is a supervisor's name", register.get_ref());
        section.problem(register.span(), "register", what, "Choose a name without the prefix `supervisor:`");
    } else if !register.get_ref().contains(':') {
        check_name_value(register, "register", section);
    }
}

/// A unique name has 1 to 255 bytes, and none of the runtime's.
fn check_singleton(singleton: &Spanned<String>, section: &Section<'_, '_>) {
    let name = singleton.get_ref();
    if name.is_empty() || name.len() > 255 || name.starts_with(RESERVED_PREFIX) {
        let remedy = "Choose a name of 1 to 255 bytes, not one with the prefix `rusm:`";
        section.problem(singleton.span(), "singleton", format!("{name:?} is no unique name"), remedy);
    }
}

/// [`Restart`] as the manifest says it.
const RESTARTS: [(&str, Restart); 3] =
    [("permanent", Restart::Permanent), ("transient", Restart::Transient), ("temporary", Restart::Temporary)];

fn read_restart(section: &mut Section<'_, '_>) -> Restart {
    section.choice("restart", &RESTARTS).unwrap_or(Restart::Permanent)
}

/// The root is nobody's child.
fn read_as_child(section: &mut Section<'_, '_>, name: &str) -> Restart {
    if name == ROOT {
        return Restart::Permanent;
    }
    section.choice("as-child", &RESTARTS).unwrap_or(Restart::Permanent)
}

fn read_auto_shutdown(section: &mut Section<'_, '_>) -> AutoShutdown {
    let choices = [
        ("never", AutoShutdown::Never),
        ("any_significant", AutoShutdown::AnySignificant),
        ("all_significant", AutoShutdown::AllSignificant),
    ];
    section.choice("auto-shutdown", &choices).unwrap_or(AutoShutdown::Never)
}

fn read_shutdown(section: &mut Section<'_, '_>) -> Shutdown {
    let default = Shutdown::Timeout(Duration::from_secs(5));
    let Some(text) = section.string("shutdown") else { return default };
    match text.get_ref().as_str() {
        "infinity" => Shutdown::Infinity,
        "brutal_kill" => Shutdown::BrutalKill,
        duration => parse_duration(duration).map_or_else(
            |what| {
                let remedy = format!("{DURATION_REMEDY}, or \"infinity\" or \"brutal_kill\"");
                section.problem(text.span(), "shutdown", what, remedy);
                default
            },
            Shutdown::Timeout,
        ),
    }
}

/// A start argument.
fn term(value: &DeValue<'_>) -> Term {
    match value {
        DeValue::String(text) => Term::new(Encoding::Text, text.clone().into_owned()),
        other => Term::new(Encoding::Json, json(other).to_string()),
    }
}

/// Dates and what JSON has no number for (`inf`, `nan`) become texts.
fn json(value: &DeValue<'_>) -> serde_json::Value {
    match value {
        DeValue::String(text) => text.clone().into_owned().into(),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map_or_else(|_| integer.to_string().into(), serde_json::Value::from),
        DeValue::Float(float) => {
            let number = float.as_str().parse().ok().and_then(serde_json::Number::from_f64);
            number.map_or_else(|| float.to_string().into(), serde_json::Value::from)
        }
        DeValue::Boolean(boolean) => (*boolean).into(),
        DeValue::Datetime(datetime) => datetime.to_string().into(),
        DeValue::Array(items) => items.iter().map(|item| json(item.get_ref())).collect(),
        DeValue::Table(table) => {
            let sorted: BTreeMap<_, _> =
                table.iter().map(|(key, value)| (key.get_ref().to_string(), json(value.get_ref()))).collect();
            sorted.into_iter().collect()
        }
    }
}
