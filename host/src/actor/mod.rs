//! `rusm:actor`: what a component process does, and what the host calls in it.

mod cluster;
mod convert;
mod groups;
mod process;
mod supervisor;
mod unique;

use crate::state::ProcessState;
use wasmtime::component::{HasSelf, Linker};

pub(crate) mod bindings {
    //! What `wasmtime` makes of `wit/actor`.
    #![allow(missing_docs, unreachable_pub, reason = "generated; the WIT files hold the documentation")]

    wasmtime::component::bindgen!({
        path: "../wit/actor",
        world: "rusm:actor/actor",
        imports: {
            "rusm:actor/process.spawn": async | trappable,
            "rusm:actor/process.spawn-on": async | trappable,
            "rusm:actor/process.call": async | trappable,
            "rusm:actor/process.is-alive": async | trappable,
            "rusm:actor/process.exit": trappable,
            "rusm:actor/cluster.register": async | trappable,
            "rusm:actor/cluster.unregister": async | trappable,
            "rusm:actor/groups.join": async | trappable,
            "rusm:actor/groups.leave": async | trappable,
            "rusm:actor/groups.members": async | trappable,
            "rusm:actor/groups.local-members": async | trappable,
            "rusm:actor/groups.which-groups": async | trappable,
            "rusm:actor/groups.monitor": async | trappable,
            "rusm:actor/groups.demonitor": async | trappable,
            "rusm:actor/unique.register": async | trappable,
            "rusm:actor/unique.unregister": async | trappable,
            "rusm:actor/unique.whereis": async | trappable,
            "rusm:actor/supervisor.start-child": async | trappable,
            "rusm:actor/supervisor.which-children": async | trappable,
        },
        exports: { default: async },
        require_store_data_send: true,
    });
}

/// Adds `rusm:actor/process`, `rusm:actor/cluster`, `rusm:actor/groups`, `rusm:actor/unique` and `rusm:actor/supervisor`.
pub(crate) fn add_to_linker(linker: &mut Linker<ProcessState>) -> wasmtime::Result<()> {
    bindings::rusm::actor::types::add_to_linker::<_, HasSelf<ProcessState>>(linker, |state| state)?;
    bindings::rusm::actor::process::add_to_linker::<_, HasSelf<ProcessState>>(linker, |state| state)?;
    bindings::rusm::actor::cluster::add_to_linker::<_, HasSelf<ProcessState>>(linker, |state| state)?;
    bindings::rusm::actor::groups::add_to_linker::<_, HasSelf<ProcessState>>(linker, |state| state)?;
    bindings::rusm::actor::unique::add_to_linker::<_, HasSelf<ProcessState>>(linker, |state| state)?;
    bindings::rusm::actor::supervisor::add_to_linker::<_, HasSelf<ProcessState>>(linker, |state| state)
}
