use crate::app::COMPONENT_KIND;
use crate::callbacks::callback_body_with;
use crate::command::command_body_with;
use crate::component::{Component, World};
use crate::exit::{DENIED, START_FAILED, SYSTEM_LIMIT};
use crate::foreign::{Full, Kept, fetch, hex};
use crate::host::Host;
use crate::instance::InstanceOptions;
use crate::manifest::{ForeignCode, Grants};
use crate::state::Leases;
use rusm_core::{Context, ExitReason, Factory, Node, ProcessBody, ProcessSpec, Term, process_body};
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
        self.body_with(name, args, Leases::new())
    }

    /// The same, of a process that has unique names from its beginning.
    pub(crate) fn body_with(&self, name: &str, args: Term, leases: Leases) -> Result<ProcessBody, ExitReason> {
        let component = self.component(name).ok_or_else(|| failed(format!("there is no component {name}")))?;
        self.body_of(&component, args, leases)
    }

    fn body_of(&self, component: &Component, args: Term, leases: Leases) -> Result<ProcessBody, ExitReason> {
        if !component.exports().fit(World::Actor) && component.exports().fit(World::Command) {
            let options =
                InstanceOptions { arguments: vec![component.name().to_owned()], ..InstanceOptions::default() };
            return Ok(command_body_with(self, component, options, leases));
        }
        component.require(World::Actor).map_err(|wrong| failed(wrong.to_string()))?;
        Ok(callback_body_with(self, component, args, leases))
    }

    /// The body of a process whose code its parent's node has, and this one takes from there.
    fn foreign_body(&self, name: &str, digest: [u8; 32], grants: Grants, args: Term) -> ProcessBody {
        let (host, name) = (self.clone(), name.to_owned());
        process_body(async move |context: Context| -> ExitReason {
            let started = async {
                let component = host.foreign_component(&context, &name, &digest).await?;
                host.body_of(&component.with_grants(grants), args, Leases::new())
            };
            match started.await {
                Ok(body) => body.run(context).await,
                Err(reason) => reason,
            }
        })
    }

    async fn foreign_component(
        &self,
        context: &Context,
        name: &str,
        digest: &[u8; 32],
    ) -> Result<Component, ExitReason> {
        let node = context.node();
        let from = context.parent().map(|parent| parent.node).filter(|from| *from != node.id());
        let from = from.ok_or_else(|| failed(self.lacks(name, digest)))?;
        let make = async {
            let code = fetch(context, from, digest, self.foreign_code().bytes).await;
            let code = code.map_err(|error| failed(format!("{}: {error}", self.lacks(name, digest))))?;
            let component = self.make(node.seams(), name, code, Grants::default()).await;
            component.map_err(|error| failed(error.to_string()))
        };
        node.extension(|_| Kept::default()).or_make(digest, make).await
    }

    /// That it does not have exactly that code, for people.
    fn lacks(&self, name: &str, digest: &[u8; 32]) -> String {
        let digest = hex(digest);
        match self.component(name) {
            None => format!("this node does not have the component {name} with the digest {digest}"),
            Some(_) => {
                format!("the component {name} that is loaded here has other code than the one with the digest {digest}")
            }
        }
    }
}

fn failed(why: String) -> ExitReason {
    ExitReason::new(START_FAILED).with_detail(why)
}

impl From<Full> for ExitReason {
    fn from(full: Full) -> Self {
        Self::new(SYSTEM_LIMIT).with_detail(full.to_string())
    }
}

impl Factory for Host {
    /// What is granted is narrowed to what this host grants the component itself, or any that it takes from others.
    fn body(&self, _: &Node, spec: &ProcessSpec) -> Result<ProcessBody, ExitReason> {
        let ProcessSpec { target, digest, args, grants, .. } = spec;
        let granted = grants.as_ref().map(Grants::from_term).transpose().map_err(failed)?;
        let narrowed = |cap: &Grants| granted.as_ref().map_or_else(|| cap.clone(), |granted| granted.narrowed(cap));
        let own = self.component(target).filter(|own| digest.is_none_or(|digest| digest == *own.digest()));
        let ForeignCode { accept, grants: cap, .. } = self.foreign_code();
        match (own, digest) {
            (Some(own), _) => self.body_of(&own.with_grants(narrowed(own.grants())), args.clone(), Leases::new()),
            (None, None) => Err(failed(format!("there is no component {target}"))),
            (None, Some(digest)) if *accept => Ok(self.foreign_body(target, *digest, narrowed(cap), args.clone())),
            (None, Some(digest)) => {
                let lacks = self.lacks(target, digest);
                let why = format!("{lacks}; code of other nodes is not taken: foreign-code.accept is not set");
                Err(ExitReason::new(DENIED).with_detail(why))
            }
        }
    }
}
