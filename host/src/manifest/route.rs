use super::references::References;
use super::section::Section;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use toml::Spanned;

/// One `[[route]]`: what serves the requests for a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Which paths.
    pub path: RoutePath,
    /// What serves them.
    pub target: Target,
}

/// What serves a route: the name of a component, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `http`: a `wasi:http` handler, a process for each request.
    Http(String),
    /// `websocket`: a process for each WebSocket.
    Websocket(String),
    /// `events`: a process for each listener of server-sent events.
    Events(String),
}

impl Target {
    /// The component.
    pub fn component(&self) -> &str {
        match self {
            Self::Http(component) | Self::Websocket(component) | Self::Events(component) => component,
        }
    }
}

/// The paths of a route: `/exact`, `/with/{placeholder}`, `/everything/below/*`.
///
/// `Ord` puts the more specific first: where two differ, an exact segment comes before a placeholder, and that before
/// `*`. The first that matches in this order is the one that serves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoutePath {
    segments: Vec<Segment>,
}

/// What stands between two slashes of a [`RoutePath`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// This text, percent-encoding as it is. Empty after a trailing slash.
    Exact(String),
    /// `{name}`: one segment that is not empty.
    Placeholder(String),
    /// `*`, only at the end: any number of segments, also none.
    Rest,
}

impl RoutePath {
    /// Reads a path.
    ///
    /// # Errors
    /// What is wrong and what to do.
    pub fn parse(text: &str) -> Result<Self, (String, &'static str)> {
        let wrong = |what: &str, remedy| Err((format!("{text:?} {what}"), remedy));
        let Some(rest) = text.strip_prefix('/') else {
            return wrong("is no path", "Begin with `/`");
        };
        if rest.contains(|c: char| c.is_whitespace() || c.is_control() || c == '?' || c == '#') {
            return wrong("is no path", "Leave out spaces, queries and fragments");
        }
        let segments: Vec<Segment> = rest.split('/').map(Segment::parse).collect();
        let mut placeholders = BTreeSet::new();
        for (i, segment) in segments.iter().enumerate() {
            match segment {
                Segment::Rest if i + 1 < segments.len() => {
                    return wrong("has a `*` that is not its end", "Use {placeholders} before the end");
                }
                Segment::Exact(text) if text.contains(['*', '{', '}']) => {
                    return wrong(
                        "has a segment that is only partly variable",
                        "Let `{name}` or `*` be a whole segment, as in \"/ws/{room}\"",
                    );
                }
                Segment::Placeholder(name) if name.is_empty() => {
                    return wrong("has a placeholder without a name", "Give it one, as in \"/ws/{room}\"");
                }
                Segment::Placeholder(name) if !placeholders.insert(name) => {
                    return wrong("has two placeholders of one name", "Give each its own name");
                }
                Segment::Exact(_) | Segment::Placeholder(_) | Segment::Rest => {}
            }
        }
        Ok(Self { segments })
    }

    /// Its segments, in order.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Equal for two routes that match the same paths.
    fn shape(&self) -> Self {
        let nameless = |segment: &Segment| match segment {
            Segment::Placeholder(_) => Segment::Placeholder(String::new()),
            other => other.clone(),
        };
        Self { segments: self.segments.iter().map(nameless).collect() }
    }
}

impl Segment {
    fn parse(text: &str) -> Self {
        let placeholder = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        match placeholder {
            _ if text == "*" => Self::Rest,
            Some(name) if !name.contains(['{', '}', '*']) => Self::Placeholder(name.to_owned()),
            Some(_) | None => Self::Exact(text.to_owned()),
        }
    }
}

impl fmt::Display for RoutePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            match segment {
                Segment::Exact(text) => write!(f, "/{text}")?,
                Segment::Placeholder(name) => write!(f, "/{{{name}}}")?,
                Segment::Rest => f.write_str("/*")?,
            }
        }
        Ok(())
    }
}

impl Route {
    /// The routes in document order.
    pub(super) fn read_all(root: &mut Section<'_, '_>, references: &mut References) -> Vec<Self> {
        let mut first_of_shape: BTreeMap<RoutePath, String> = BTreeMap::new();
        let mut routes = Vec::new();
        for mut section in root.listed_sections("route") {
            let path = Self::read_path(&mut section);
            let target = Self::read_target(&mut section, references);
            if let Some((span, path)) = &path {
                if let Some(first) = first_of_shape.get(&path.shape()) {
                    let what = format!("\"{path}\" matches the same paths as the route \"{first}\" above");
                    section.problem(span.clone(), "path", what, "Remove one of them, or change its path");
                } else {
                    first_of_shape.insert(path.shape(), path.to_string());
                }
            }
            section.finish();
            if let (Some((_, path)), Some(target)) = (path, target) {
                routes.push(Self { path, target });
            }
        }
        routes
    }

    fn read_path(section: &mut Section<'_, '_>) -> Option<(std::ops::Range<usize>, RoutePath)> {
        let text = section.required_string("path", "Say which paths: path = \"/api/*\"")?;
        match RoutePath::parse(text.get_ref()) {
            Ok(path) => Some((text.span(), path)),
            Err((what, remedy)) => {
                section.problem(text.span(), "path", what, remedy);
                None
            }
        }
    }

    fn read_target(section: &mut Section<'_, '_>, references: &mut References) -> Option<Target> {
        type Make = fn(String) -> Target;
        let kinds: [(&'static str, Make); 3] =
            [("http", Target::Http), ("websocket", Target::Websocket), ("events", Target::Events)];
        let mut targets: Vec<(&'static str, Spanned<String>, Make)> = Vec::new();
        let mut wrong = false;
        for (key, make) in kinds {
            wrong |= section.has(key);
            if let Some(component) = section.string(key) {
                targets.push((key, component, make));
            }
        }
        let remedy = "Give exactly one of http, websocket and events the name of a component";
        let mut targets = targets.into_iter();
        let Some((key, component, make)) = targets.next() else {
            if !wrong {
                section.problem(section.span.clone(), "", "has no target", remedy);
            }
            return None;
        };
        for (other, component, _) in targets {
            section.problem(component.span(), other, format!("the route has the target {key} already"), remedy);
        }
        references.component(section, key, &component);
        Some(make(component.into_inner()))
    }
}
