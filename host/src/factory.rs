use crate::app::COMPONENT_KIND;
use crate::callbacks::callback_body;
use crate::command::command_body;
use crate::component::World;
use crate::exit::START_FAILED;
use crate::host::Host;
use crate::instance::InstanceOptions;
use rusm_core::{ExitReason, Factory, Node, ProcessBody, ProcessSpec, Term};
use std::sync::Arc;

impl Host {
    /// Makes this host's components startable on a node, from specs of kind [`COMPONENT_KIND`].
    pub fn register(&self, node: &Node) {
        node.register_factory(COMPONENT_KIND, Arc::new(self.clone()));
    }

    /// The body of a new process of the component of that name: its callbacks, or its main when it has none.
    ///
    /// # Errors
    /// `start_failed`: there is no such component, or it is nothing that runs as a process by itself.
    pub fn body(&self, name: &str, args: Term) -> Result<ProcessBody, ExitReason> {
        let failed = |why: String| ExitReason::new(START_FAILED).with_detail(why);
        let component = self.component(name).ok_or_else(|| failed(format!("there is no component {name}")))?;
        if !component.exports().fit(World::Actor) && component.exports().fit(World::Command) {
            let options = InstanceOptions { arguments: vec![name.to_owned()], ..InstanceOptions::default() };
            return Ok(command_body(self, &component, options));
        }
        component.require(World::Actor).map_err(|wrong| failed(wrong.to_string()))?;
        Ok(callback_body(self, &component, args))
    }
}

impl Factory for Host {
    fn body(&self, _: &Node, spec: &ProcessSpec) -> Result<ProcessBody, ExitReason> {
        if let (Some(wanted), Some(component)) = (&spec.digest, self.component(&spec.target))
            && wanted != component.digest()
        {
            let why = format!("the component {} that is loaded here has other code", spec.target);
            return Err(ExitReason::new(START_FAILED).with_detail(why));
        }
        Self::body(self, &spec.target, spec.args.clone())
    }
}
