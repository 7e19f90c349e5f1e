//! The WIT packages, which this binary carries with it, and the worlds that a script may be built for.

use anyhow::{Context as _, Result};
use componentize_qjs::wit_parser::{Resolve, UnresolvedPackageGroup, WorldId};
use serde::{Deserialize, Serialize};

/// What a component in TypeScript is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::build) enum World {
    /// A long-lived process made of callbacks.
    Actor,
    /// One process per WebSocket.
    WebsocketProcess,
    /// One process per listener of server-sent events.
    EventStreamProcess,
}

/// Each after those that it refers to.
pub(super) const PACKAGES: [(&str, &str); 4] = [
    ("wasi-keyvalue/keyvalue.wit", include_str!("../../../../wit/wasi-keyvalue/keyvalue.wit")),
    ("actor/actor.wit", include_str!("../../../../wit/actor/actor.wit")),
    ("serve/serve.wit", include_str!("../../../../wit/serve/serve.wit")),
    ("script.wit", SCRIPT_WIT),
];

/// A script imports everything of its world, used or not; so these hold just what a node offers to all.
const SCRIPT_WIT: &str = "
package rusm:script@0.1.0;

world actor {
    include rusm:actor/actor@0.1.0;
    import wasi:keyvalue/store@0.2.0-draft2;
}

world websocket-process {
    include rusm:serve/websocket-process@0.1.0;
    import wasi:keyvalue/store@0.2.0-draft2;
}

world event-stream-process {
    include rusm:serve/event-stream-process@0.1.0;
    import wasi:keyvalue/store@0.2.0-draft2;
}
";

impl World {
    fn name(self) -> &'static str {
        match self {
            Self::Actor => "actor",
            Self::WebsocketProcess => "websocket-process",
            Self::EventStreamProcess => "event-stream-process",
        }
    }
}

/// All packages, and the world among them.
pub(super) fn packages(world: World) -> Result<(Resolve, WorldId)> {
    let mut resolve = Resolve::default();
    let mut last = None;
    for (name, text) in PACKAGES {
        let group = UnresolvedPackageGroup::parse(name, text).map_err(|error| anyhow::anyhow!("{error:?}"));
        last = Some(resolve.push_group(group?).with_context(|| format!("the package in {name} is broken"))?);
    }
    let last = last.context("there are packages")?;
    let world = resolve.select_world(&[last], Some(world.name()))?;
    Ok((resolve, world))
}
