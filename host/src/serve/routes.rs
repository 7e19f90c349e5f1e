use crate::manifest::{Route, RoutePath, Segment, Target};

/// The routes of an app, ready to find the one that serves a path.
#[derive(Clone, Debug)]
pub struct Routes {
    /// The most specific first.
    routes: Vec<Route>,
}

/// What serves a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched<'a> {
    /// The component, and how.
    pub target: &'a Target,
    /// What the placeholders matched, percent-decoded, in the order of the path.
    pub parameters: Vec<(String, String)>,
}

/// Why no route serves a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoRoute {
    /// There is none.
    #[error("no route serves this path")]
    Unknown,
    /// A placeholder matched what is not percent-encoded UTF-8.
    #[error("the path is not percent-encoded UTF-8")]
    Malformed,
}

impl Routes {
    /// The routes of a manifest, which has made sure that no two are alike.
    pub fn new(routes: impl IntoIterator<Item = Route>) -> Self {
        let mut routes: Vec<Route> = routes.into_iter().collect();
        routes.sort_by(|a, b| a.path.cmp(&b.path));
        Self { routes }
    }

    /// The most specific route that matches. The path is compared as it came: `%61` is not `a`.
    ///
    /// # Errors
    /// There is none, or a placeholder's text cannot be decoded.
    pub fn find(&self, path: &str) -> Result<Matched<'_>, NoRoute> {
        let Some(path) = path.strip_prefix('/') else { return Err(NoRoute::Unknown) };
        for route in &self.routes {
            if let Some(raw) = match_path(&route.path, path) {
                let mut parameters = Vec::with_capacity(raw.len());
                for (name, value) in raw {
                    parameters.push((name.to_owned(), percent_decode(value).ok_or(NoRoute::Malformed)?));
                }
                return Ok(Matched { target: &route.target, parameters });
            }
        }
        Err(NoRoute::Unknown)
    }
}

/// What the placeholders matched, not yet decoded.
fn match_path<'a>(route: &'a RoutePath, path: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    let mut parameters = Vec::new();
    let mut rest = Some(path);
    for segment in route.segments() {
        if *segment == Segment::Rest {
            return Some(parameters);
        }
        let (text, after) = match rest?.split_once('/') {
            Some((text, after)) => (text, Some(after)),
            None => (rest?, None),
        };
        match segment {
            Segment::Exact(exact) if exact == text => {}
            Segment::Placeholder(name) if !text.is_empty() => parameters.push((name.as_str(), text)),
            Segment::Exact(_) | Segment::Placeholder(_) | Segment::Rest => return None,
        }
        rest = after;
    }
    rest.is_none().then_some(parameters)
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component, and what the placeholders matched.
    type Matched<'a> = (&'a str, &'a [(&'a str, &'a str)]);

    fn check(path: &str, expected: Result<Matched<'_>, NoRoute>) {
        let route = |path, component: &str| Route {
            path: RoutePath::parse(path).expect("a path"),
            target: Target::Http(component.to_owned()),
        };
        let routes = Routes::new([
            route("/*", "rest"),
            route("/api/*", "api"),
            route("/api/health", "health"),
            route("/ws/{room}", "room"),
            route("/ws/lobby", "lobby"),
            route("/ws/{room}/{user}/x", "two"),
            route("/files/", "slash"),
        ]);
        let found = routes.find(path).map(|matched| (matched.target.component().to_owned(), matched.parameters));
        let expected = expected.map(|(component, parameters)| {
            let owned = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            (component.to_owned(), owned)
        });
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn the_most_specific_route_serves() {
        check("/", Ok(("rest", &[])));
        check("/unknown/path", Ok(("rest", &[])));
        check("/api", Ok(("api", &[])));
        check("/api/", Ok(("api", &[])));
        check("/api/a/b", Ok(("api", &[])));
        check("/api/health", Ok(("health", &[])));
        check("/api/health/", Ok(("api", &[])));
        check("/apis", Ok(("rest", &[])));
        check("/ws/lobby", Ok(("lobby", &[])));
        check("/files/", Ok(("slash", &[])));
        check("/files", Ok(("rest", &[])));
    }

    #[test]
    fn placeholders_are_percent_decoded_and_never_empty() {
        check("/ws/caf%C3%A9", Ok(("room", &[("room", "café")])));
        check("/ws/a%2Fb", Ok(("room", &[("room", "a/b")])));
        check("/ws/", Ok(("rest", &[])));
        check("/ws/a/b/x", Ok(("two", &[("room", "a"), ("user", "b")])));
        check("/ws/a/b/y", Ok(("rest", &[])));
        check("/ws/%C3", Err(NoRoute::Malformed));
        check("/ws/%4", Err(NoRoute::Malformed));
        check("/ws/%+1", Err(NoRoute::Malformed));
    }

    #[test]
    fn what_is_no_path_has_no_route() {
        check("*", Err(NoRoute::Unknown));
        check("", Err(NoRoute::Unknown));
        assert_eq!(Routes::new([]).find("/"), Err(NoRoute::Unknown));
    }
}
