use crate::actor::bindings::ActorIndices;
use crate::engine::Place;
use crate::manifest::Grants;
use crate::state::ProcessState;
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;
use wasmtime::component::InstancePre;
use wasmtime_wasi_http::p2::bindings::ProxyIndices;

/// A component that was loaded and can be run: its code, its name and its grants. Cheap to clone.
#[derive(Clone)]
pub struct Component(Arc<Inner>);

struct Inner {
    name: String,
    grants: Grants,
    code: Arc<Code>,
}

/// What components of the same code share, whatever each is granted.
struct Code {
    digest: [u8; 32],
    /// Its file, when other nodes may be sent it.
    wasm: Option<Bytes>,
    exports: Exports,
    linked: Linked,
    /// For instances of the engine's pool: handlers of requests have it.
    pooled: Option<Linked>,
    /// Where its callbacks are, or why they are not what they should be.
    actor: Result<ActorIndices, String>,
}

/// Code that is linked and ready to be instantiated, for one of Wasmtime's engines.
pub(crate) struct Linked {
    pub(crate) pre: InstancePre<ProcessState>,
    /// Where its handler of requests is, or why it is not what it should be.
    pub(crate) http: Result<ProxyIndices, String>,
}

impl Linked {
    pub(crate) fn new(pre: InstancePre<ProcessState>) -> Self {
        let http = ProxyIndices::new(&pre).map_err(|error| format!("{error:#}"));
        Self { pre, http }
    }
}

/// What a component can be run as. It may be several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exports {
    /// Everything that it exports, sorted, as its author wrote it.
    pub names: Vec<String>,
}

/// One way to run a component: what it must export for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// A process made of callbacks: `rusm:actor/callbacks@0.1`.
    Actor,
    /// A process with a main: `wasi:cli/run@0.2`.
    Command,
    /// One process per HTTP request: `wasi:http/incoming-handler@0.2`.
    Http,
    /// One process per WebSocket: `rusm:serve/websocket-handler@0.1`, beside the actor's callbacks.
    WebSocket,
    /// One process per listener of server-sent events: `rusm:serve/event-stream-handler@0.1`, beside the callbacks.
    EventStream,
    /// A workload for the simulator: `rusm:scenario/workload@0.1`.
    Scenario,
}

impl World {
    /// Every way to run a component.
    pub const ALL: [Self; 6] =
        [Self::Actor, Self::Command, Self::Http, Self::WebSocket, Self::EventStream, Self::Scenario];

    /// The interfaces that a component must export, without the last number of the version.
    pub fn required(self) -> &'static [&'static str] {
        match self {
            Self::Actor => &["rusm:actor/callbacks@0.1"],
            Self::Command => &["wasi:cli/run@0.2"],
            Self::Http => &["wasi:http/incoming-handler@0.2"],
            Self::WebSocket => &["rusm:actor/callbacks@0.1", "rusm:serve/websocket-handler@0.1"],
            Self::EventStream => &["rusm:actor/callbacks@0.1", "rusm:serve/event-stream-handler@0.1"],
            Self::Scenario => &["rusm:scenario/workload@0.1"],
        }
    }

    /// What it is, for people.
    pub fn description(self) -> &'static str {
        match self {
            Self::Actor => "a process made of callbacks",
            Self::Command => "a command",
            Self::Http => "a handler of HTTP requests",
            Self::WebSocket => "a handler of WebSockets",
            Self::EventStream => "a handler of event streams",
            Self::Scenario => "a scenario of the simulator",
        }
    }
}

impl Exports {
    /// Whether an interface is exported; `required` is a name whose version may go on after a dot.
    fn has(&self, required: &str) -> bool {
        let fits =
            |name: &String| name.strip_prefix(required).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.names.iter().any(fits)
    }

    /// Whether a component with these exports can be run so.
    pub fn fit(&self, world: World) -> bool {
        world.required().iter().all(|required| self.has(required))
    }

    /// Everything that it can be run as.
    pub fn worlds(&self) -> Vec<World> {
        World::ALL.into_iter().filter(|world| self.fit(*world)).collect()
    }
}

/// A component cannot be run in the way that was asked for. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "component {component} is not {}: it does not export {missing}{}",
    world.description(),
    if exports.is_empty() { "; it exports nothing".to_owned() } else { format!("; it exports {}", exports.join(", ")) }
)]
pub struct WrongWorld {
    /// Its name.
    pub component: String,
    /// What it was to be run as.
    pub world: World,
    /// The first interface that it lacks.
    pub missing: &'static str,
    /// What it exports.
    pub exports: Vec<String>,
}

impl Component {
    pub(crate) fn new(
        name: String,
        digest: [u8; 32],
        grants: Grants,
        exports: Exports,
        linked: Linked,
        pooled: Option<Linked>,
        wasm: Option<Bytes>,
    ) -> Self {
        let actor = ActorIndices::new(&linked.pre).map_err(|error| format!("{error:#}"));
        Self(Arc::new(Inner { name, grants, code: Arc::new(Code { digest, wasm, exports, linked, pooled, actor }) }))
    }

    /// The same code with these grants.
    pub(crate) fn with_grants(&self, grants: Grants) -> Self {
        Self(Arc::new(Inner { name: self.0.name.clone(), grants, code: self.0.code.clone() }))
    }

    /// Whether somebody beside the one who asks has this code.
    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1 || Arc::strong_count(&self.0.code) > 1
    }

    /// Its file, when other nodes may be sent it.
    pub(crate) fn wasm(&self) -> Option<&Bytes> {
        self.0.code.wasm.as_ref()
    }

    /// Its name in the manifest.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// SHA-256 of its file.
    pub fn digest(&self) -> &[u8; 32] {
        &self.0.code.digest
    }

    /// What it may do.
    pub fn grants(&self) -> &Grants {
        &self.0.grants
    }

    /// What it can be run as.
    pub fn exports(&self) -> &Exports {
        &self.0.code.exports
    }

    /// Its code, linked and ready to be instantiated.
    pub fn instance_pre(&self) -> &InstancePre<ProcessState> {
        &self.0.code.linked.pre
    }

    /// Whether it is ready for instances of the engine's pool.
    pub(crate) fn is_pooled(&self) -> bool {
        self.0.code.pooled.is_some()
    }

    /// Its code for an instance in that place.
    pub(crate) fn linked(&self, place: &Place) -> &Linked {
        match place {
            Place::OnDemand(_) => &self.0.code.linked,
            Place::Pooled(_) => self.0.code.pooled.as_ref().expect("who is not ready for the pool has no place there"),
        }
    }

    pub(crate) fn actor_indices(&self) -> Result<&ActorIndices, String> {
        self.0.code.actor.as_ref().map_err(Clone::clone)
    }

    /// Checks that it can be run so.
    ///
    /// # Errors
    /// Which export is missing.
    pub fn require(&self, world: World) -> Result<(), WrongWorld> {
        let missing = world.required().iter().copied().find(|required| !self.0.code.exports.has(required));
        missing.map_or(Ok(()), |missing| {
            let exports = self.0.code.exports.names.clone();
            Err(WrongWorld { component: self.0.name.clone(), world, missing, exports })
        })
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component").field("name", &self.0.name).field("exports", &self.0.code.exports.names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &[&str], expected: &[World]) {
        let exports = Exports { names: names.iter().map(|name| (*name).to_owned()).collect() };
        assert_eq!(exports.worlds(), expected, "{names:?}");
    }

    #[test]
    fn a_component_is_known_by_what_it_exports() {
        check(&[], &[]);
        check(&["wasi:cli/run@0.2.6"], &[World::Command]);
        check(&["wasi:cli/run@0.2"], &[World::Command]);
        check(&["wasi:cli/run@0.20.0"], &[]);
        check(&["wasi:cli/run@0.3.0"], &[]);
        check(&["rusm:actor/callbacks@0.1.0"], &[World::Actor]);
        check(&["rusm:serve/websocket-handler@0.1.0"], &[]);
        check(&["rusm:actor/callbacks@0.1.0", "rusm:serve/websocket-handler@0.1.0"], &[World::Actor, World::WebSocket]);
        check(&["wasi:cli/run@0.2.6", "wasi:http/incoming-handler@0.2.3"], &[World::Command, World::Http]);
    }
}
