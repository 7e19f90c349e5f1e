use super::references::References;
use super::section::Section;
use rusm_core::{Encoding, Term};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use toml::Spanned;

/// [`Grants::memory_bytes`] when the manifest does not say: 64 MiB.
pub const DEFAULT_MEMORY_BYTES: u64 = 64 << 20;
/// What the registered names of the runtime's own processes begin with: no component can be granted one.
pub const RESERVED_PREFIX: &str = "rusm:";
/// One page of linear memory.
const MEMORY_BYTES_MIN: u64 = 64 << 10;
/// What 32-bit memory can hold.
const MEMORY_BYTES_MAX: u64 = 4 << 30;

/// The table `[component.NAME.grants]`: what a component may do. Nothing, unless it says so.
///
/// They travel with a process that is started on another node, in JSON with the manifest's keys: what is left out there is not granted,
/// and what the other node does not know it grants nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Grants {
    /// Registered names that it may send to, look up or monitor, on its own node or, behind `@`, on another.
    pub reach: Vec<NamePattern>,
    /// Names that it may register.
    pub register: Vec<NamePattern>,
    /// Names of the whole cluster that it may send to, look up or monitor.
    pub reach_cluster: Vec<NamePattern>,
    /// Names of the whole cluster that it may register.
    pub register_cluster: Vec<NamePattern>,
    /// Groups of processes, of the whole cluster, that it may join.
    pub join_groups: Vec<NamePattern>,
    /// Groups whose members it may see and monitor.
    pub reach_groups: Vec<NamePattern>,
    /// Unique names that it may look up.
    pub reach_unique: Vec<NamePattern>,
    /// Unique names that it may register.
    pub register_unique: Vec<NamePattern>,
    /// Components that it may spawn: on its own node or, behind `@`, on another, where `@*` is any.
    pub spawn: BTreeSet<String>,
    /// Supervisors whose children it may start and list.
    pub supervise: BTreeSet<String>,
    /// Key-value buckets that it may open.
    pub key_value: BTreeSet<String>,
    /// Folders that it sees.
    pub files: Vec<FileGrant>,
    /// Environment variables that are passed on.
    pub env: BTreeSet<String>,
    /// Hosts for outgoing HTTP: a name or an address, with a port where it is not the scheme's own.
    pub http: BTreeSet<String>,
    /// Where it may open TCP connections to.
    pub sockets: BTreeSet<SocketGrant>,
    /// Bytes of linear memory for each process. Default [`DEFAULT_MEMORY_BYTES`].
    pub memory_bytes: u64,
}

/// One folder that a component sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileGrant {
    /// The folder on this machine, absolute or below the app's directory as the manifest has it.
    pub host: PathBuf,
    /// Where the component sees it; absolute.
    pub guest: String,
    /// Whether it may change what lies there. Default false.
    pub write: bool,
}

/// A place in the network that a component may open TCP connections to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SocketGrant {
    /// A name, which it may look up, or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// One registered name, or all that start with a prefix: `NAME` on the node itself, `NAME@NODE` on another, where `@*` is
/// any other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NamePattern {
    text: String,
}

impl NamePattern {
    /// A pattern: a trailing `*` stands for anything, no other character is special.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }

    /// As the manifest has it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the name is among those meant, on the node itself. Names that begin with [`RESERVED_PREFIX`] never are.
    pub fn matches(&self, name: &str) -> bool {
        !self.text.contains('@') && fits(&self.text, name)
    }

    /// Whether the name on that other node is among those meant. Names that begin with [`RESERVED_PREFIX`] never are.
    pub fn matches_at(&self, name: &str, node: &str) -> bool {
        let meant = self.text.rsplit_once('@');
        meant.is_some_and(|(names, nodes)| fits(names, name) && (nodes == "*" || nodes == node))
    }
}

fn fits(pattern: &str, name: &str) -> bool {
    if name.starts_with(RESERVED_PREFIX) {
        return false;
    }
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

impl Default for Grants {
    /// Nothing, and [`DEFAULT_MEMORY_BYTES`].
    fn default() -> Self {
        Self {
            reach: Vec::new(),
            register: Vec::new(),
            reach_cluster: Vec::new(),
            register_cluster: Vec::new(),
            join_groups: Vec::new(),
            reach_groups: Vec::new(),
            reach_unique: Vec::new(),
            register_unique: Vec::new(),
            spawn: BTreeSet::new(),
            supervise: BTreeSet::new(),
            key_value: BTreeSet::new(),
            files: Vec::new(),
            env: BTreeSet::new(),
            http: BTreeSet::new(),
            sockets: BTreeSet::new(),
            memory_bytes: DEFAULT_MEMORY_BYTES,
        }
    }
}

impl Grants {
    pub(super) fn read(section: Section<'_, '_>, directory: &Path, references: &mut References) -> Self {
        let mut section = section.noun("grant");
        let grants = Self {
            reach: patterns(&mut section, "reach"),
            register: patterns(&mut section, "register"),
            reach_cluster: cluster_patterns(&mut section, "reach-cluster"),
            register_cluster: cluster_patterns(&mut section, "register-cluster"),
            join_groups: cluster_patterns(&mut section, "join-groups"),
            reach_groups: cluster_patterns(&mut section, "reach-groups"),
            reach_unique: cluster_patterns(&mut section, "reach-unique"),
            register_unique: cluster_patterns(&mut section, "register-unique"),
            spawn: references.components_at(&mut section, "spawn"),
            supervise: references.supervisors(&mut section, "supervise"),
            key_value: names(&mut section, "key-value", |bucket| {
                bucket.is_empty().then_some("A bucket has a name of at least one character")
            }),
            files: FileGrant::read_all(&mut section, directory),
            env: names(&mut section, "env", |name| {
                (name.is_empty() || name.contains(['=', '\0'])).then_some("Name a variable, without its value")
            }),
            http: names(&mut section, "http", |host| {
                let plain = !host.is_empty() && !host.contains(['/', ' ', '@']);
                (!plain).then_some("Name a host, without scheme and path, as in \"api.example.com\"")
            }),
            sockets: SocketGrant::read_all(&mut section),
            memory_bytes: section.size("memory", MEMORY_BYTES_MIN, MEMORY_BYTES_MAX).unwrap_or(DEFAULT_MEMORY_BYTES),
        };
        section.finish();
        grants
    }
}

impl Grants {
    /// As they travel.
    pub fn to_term(&self) -> Term {
        let json = serde_json::to_vec(self);
        Term::new(Encoding::Json, json.unwrap_or_else(|error| unreachable!("grants have a form in JSON: {error}")))
    }

    /// Those that have travelled.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub fn from_term(term: &Term) -> Result<Self, String> {
        serde_json::from_slice(&term.bytes).map_err(|error| format!("grants that cannot be read: {error}"))
    }
}

fn patterns(section: &mut Section<'_, '_>, key: &'static str) -> Vec<NamePattern> {
    let remedy =
        "Write a name, or a prefix and a trailing `*`, as in \"room:*\"; a node may follow, as in \"room:*@eu-1\"";
    let wrong = |text: &str| {
        let (names, node) = text.rsplit_once('@').unwrap_or((text, "*"));
        let prefix = names.strip_suffix('*').unwrap_or(names);
        if prefix.starts_with(RESERVED_PREFIX) {
            return Some("Names that begin with `rusm:` are of the runtime's own processes");
        }
        let sound = !names.is_empty()
            && !prefix.contains(['*', '@'])
            && (node == "*" || !node.contains('*'))
            && !node.is_empty();
        (!sound).then_some(remedy)
    };
    names(section, key, wrong).into_iter().map(NamePattern::new).collect()
}

/// Names of the cluster, and its groups, have no node.
fn cluster_patterns(section: &mut Section<'_, '_>, key: &'static str) -> Vec<NamePattern> {
    let wrong = |text: &str| {
        let prefix = text.strip_suffix('*').unwrap_or(text);
        if prefix.starts_with(RESERVED_PREFIX) {
            return Some("Names that begin with `rusm:` are of the runtime's own processes");
        }
        let sound = !text.is_empty() && !prefix.contains(['*', '@']);
        (!sound)
            .then_some("Write a name, or a prefix and a trailing `*`, as in \"room:*\"; it is the same on every node")
    };
    names(section, key, wrong).into_iter().map(NamePattern::new).collect()
}

/// A list of texts; `wrong` gives the remedy for one that cannot be used.
fn names(
    section: &mut Section<'_, '_>,
    key: &'static str,
    wrong: impl Fn(&str) -> Option<&'static str>,
) -> BTreeSet<String> {
    let names = section.strings(key).unwrap_or_default();
    for name in &names {
        if let Some(remedy) = wrong(name.get_ref()) {
            section.problem(name.span(), key, format!("{:?} cannot be granted", name.get_ref()), remedy);
        }
    }
    names.into_iter().map(Spanned::into_inner).collect()
}

impl FileGrant {
    fn read_all(section: &mut Section<'_, '_>, directory: &Path) -> Vec<Self> {
        let files = section.listed_sections("files");
        files.into_iter().filter_map(|file| Self::read(file, directory)).collect()
    }

    fn read(mut section: Section<'_, '_>, directory: &Path) -> Option<Self> {
        let host = section.required_string("host", "Name the folder on this machine: host = \"data\"");
        let guest = section.required_string("guest", "Say where the component sees it: guest = \"/data\"");
        let write = section.boolean("write").is_some_and(Spanned::into_inner);
        if let Some(host) = &host
            && !directory.join(host.get_ref()).is_dir()
        {
            let what = format!("there is no folder {:?}", host.get_ref());
            section.problem(host.span(), "host", what, "Make it, or name another one");
        }
        if let Some(guest) = &guest
            && !guest.get_ref().starts_with('/')
        {
            let what = format!("{:?} is not absolute", guest.get_ref());
            section.problem(guest.span(), "guest", what, "Begin with `/`, as in \"/data\"");
        }
        section.finish();
        Some(Self { host: host?.into_inner().into(), guest: guest?.into_inner(), write })
    }
}

impl SocketGrant {
    fn read_all(section: &mut Section<'_, '_>) -> BTreeSet<Self> {
        let remedy = "Name a host and its port, as in \"db.example.com:5432\" or \"[::1]:5432\"";
        let places = names(section, "sockets", |place| Self::parse(place).is_none().then_some(remedy));
        places.iter().filter_map(|place| Self::parse(place)).collect()
    }

    fn parse(place: &str) -> Option<Self> {
        let (host, port) = place.rsplit_once(':')?;
        let port = port.parse().ok().filter(|port| *port != 0)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = match bare {
            Some(address) => address.parse::<Ipv6Addr>().ok().map(|_| address)?,
            None => host,
        };
        let plain =
            !host.is_empty() && !host.contains(['/', ' ', '@', '[', ']']) && (bare.is_some() || !host.contains(':'));
        plain.then(|| Self { host: host.to_owned(), port })
    }

    /// The address, where it is no name.
    pub fn address(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.host.parse().ok()?, self.port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailing_star_matches_a_prefix() {
        let check = |pattern: &str, name: &str, expected: bool| {
            assert_eq!(NamePattern::new(pattern).matches(name), expected, "{pattern} {name}");
        };
        check("room:*", "room:a", true);
        check("room:*", "room:", true);
        check("room:*", "room", false);
        check("ticker", "ticker", true);
        check("ticker", "tickers", false);
        check("*", "anything", true);
        check("room:a@b", "room:a", false);
        check("room:a@b", "room:a@b", false);
        check("*", "rusm:control", false);
        check("rusm:control", "rusm:control", false);
    }

    #[test]
    fn what_stands_behind_an_at_is_another_node() {
        let check = |pattern: &str, name: &str, node: &str, expected: bool| {
            assert_eq!(NamePattern::new(pattern).matches_at(name, node), expected, "{pattern} {name} {node}");
        };
        check("room:a@b", "room:a", "b", true);
        check("room:a@b", "room:a", "c", false);
        check("room:a@b", "room:b", "b", false);
        check("room:*@b", "room:a", "b", true);
        check("room:*@*", "room:a", "c", true);
        check("*@b", "anything", "b", true);
        check("room:*", "room:a", "b", false);
        check("*", "anything", "b", false);
        check("*@*", "rusm:control", "b", false);
    }

    #[test]
    fn a_place_in_the_network_is_a_host_and_a_port() {
        let check = |place: &str, expected: Option<(&str, u16)>| {
            let grant = SocketGrant::parse(place);
            assert_eq!(grant.as_ref().map(|grant| (grant.host.as_str(), grant.port)), expected, "{place}");
        };
        check("db.example.com:5432", Some(("db.example.com", 5432)));
        check("127.0.0.1:1", Some(("127.0.0.1", 1)));
        check("[::1]:65535", Some(("::1", 65535)));
        for place in ["", "db", "db:", ":80", "db:0", "db:65536", "::1:80", "[::1]", "[db]:80", "tcp://db:80", "a b:80"]
        {
            check(place, None);
        }
    }
}
