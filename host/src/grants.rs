//! What a component may do: each question that a host function asks of its [`Grants`].

use crate::component::Component;
use std::net::SocketAddr;

/// The manifest does not grant it. The text names the missing grant, as one would write it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("grants.{grant} = [{value:?}] of component {component} is missing")]
pub struct Denied {
    /// The key in the manifest's table `[component.NAME.grants]`.
    pub grant: &'static str,
    /// What its list would have to hold.
    pub value: String,
    /// Whose grants.
    pub component: String,
}

impl Component {
    fn allow(&self, allowed: bool, grant: &'static str, value: &str) -> Result<(), Denied> {
        if allowed {
            return Ok(());
        }
        Err(Denied { grant, value: value.to_owned(), component: self.name().to_owned() })
    }

    /// Whether it may send to, look up or monitor whoever has that name.
    ///
    /// # Errors
    /// [`Denied`]: `reach` lacks it.
    pub fn allow_reach(&self, name: &str) -> Result<(), Denied> {
        let allowed = self.grants().reach.iter().any(|pattern| pattern.matches(name));
        self.allow(allowed, "reach", name)
    }

    /// Whether it may send to, or monitor, whoever has that name on that node.
    ///
    /// # Errors
    /// [`Denied`]: `reach` lacks it.
    pub fn allow_reach_at(&self, name: &str, node: &str) -> Result<(), Denied> {
        let allowed = self.grants().reach.iter().any(|pattern| pattern.matches_at(name, node));
        self.allow(allowed, "reach", &format!("{name}@{node}"))
    }

    /// Whether it may register that name.
    ///
    /// # Errors
    /// [`Denied`]: `register` lacks it.
    pub fn allow_register(&self, name: &str) -> Result<(), Denied> {
        let allowed = self.grants().register.iter().any(|pattern| pattern.matches(name));
        self.allow(allowed, "register", name)
    }

    /// Whether it may send to, look up or monitor whoever has that name in the cluster.
    ///
    /// # Errors
    /// [`Denied`]: `reach-cluster` lacks it.
    pub fn allow_reach_cluster(&self, name: &str) -> Result<(), Denied> {
        let allowed = self.grants().reach_cluster.iter().any(|pattern| pattern.matches(name));
        self.allow(allowed, "reach-cluster", name)
    }

    /// Whether it may register that name in the cluster.
    ///
    /// # Errors
    /// [`Denied`]: `register-cluster` lacks it.
    pub fn allow_register_cluster(&self, name: &str) -> Result<(), Denied> {
        let allowed = self.grants().register_cluster.iter().any(|pattern| pattern.matches(name));
        self.allow(allowed, "register-cluster", name)
    }

    /// Whether it may join that group.
    ///
    /// # Errors
    /// [`Denied`]: `join-groups` lacks it.
    pub fn allow_join_group(&self, group: &str) -> Result<(), Denied> {
        let allowed = self.grants().join_groups.iter().any(|pattern| pattern.matches(group));
        self.allow(allowed, "join-groups", group)
    }

    /// Whether it may see and monitor the members of that group.
    ///
    /// # Errors
    /// [`Denied`]: `reach-groups` lacks it.
    pub fn allow_reach_group(&self, group: &str) -> Result<(), Denied> {
        let allowed = self.grants().reach_groups.iter().any(|pattern| pattern.matches(group));
        self.allow(allowed, "reach-groups", group)
    }

    /// Whether it may look up that unique name.
    ///
    /// # Errors
    /// [`Denied`]: `reach-unique` lacks it.
    pub fn allow_reach_unique(&self, name: &str) -> Result<(), Denied> {
        let allowed = self.grants().reach_unique.iter().any(|pattern| pattern.matches(name));
        self.allow(allowed, "reach-unique", name)
    }

    /// Whether it may register that unique name.
    ///
    /// # Errors
    /// [`Denied`]: `register-unique` lacks it.
    pub fn allow_register_unique(&self, name: &str) -> Result<(), Denied> {
        let allowed = self.grants().register_unique.iter().any(|pattern| pattern.matches(name));
        self.allow(allowed, "register-unique", name)
    }

    /// Whether it may spawn that component.
    ///
    /// # Errors
    /// [`Denied`]: `spawn` lacks it.
    pub fn allow_spawn(&self, component: &str) -> Result<(), Denied> {
        self.allow(self.grants().spawn.contains(component), "spawn", component)
    }

    /// Whether it may spawn that component on that other node.
    ///
    /// # Errors
    /// [`Denied`]: `spawn` lacks it.
    pub fn allow_spawn_at(&self, component: &str, node: &str) -> Result<(), Denied> {
        let meant = |text: &String| {
            let meant = text.rsplit_once('@');
            meant.is_some_and(|(name, nodes)| name == component && (nodes == "*" || nodes == node))
        };
        let allowed = self.grants().spawn.iter().any(meant);
        self.allow(allowed, "spawn", &format!("{component}@{node}"))
    }

    /// Whether it may ask that supervisor.
    ///
    /// # Errors
    /// [`Denied`]: `supervise` lacks it.
    pub fn allow_supervise(&self, supervisor: &str) -> Result<(), Denied> {
        self.allow(self.grants().supervise.contains(supervisor), "supervise", supervisor)
    }

    /// Whether it may open that bucket.
    ///
    /// # Errors
    /// [`Denied`]: `key-value` lacks it.
    pub fn allow_key_value(&self, bucket: &str) -> Result<(), Denied> {
        self.allow(self.grants().key_value.contains(bucket), "key-value", bucket)
    }

    /// Whether it may send HTTP requests to that authority: a host, or a host and its port.
    ///
    /// # Errors
    /// [`Denied`]: `http` lacks it.
    pub fn allow_http(&self, authority: &str) -> Result<(), Denied> {
        self.allow(self.grants().http.contains(authority), "http", authority)
    }

    /// Whether it may open a TCP connection to that address.
    ///
    /// # Errors
    /// [`Denied`]: `sockets` lacks it.
    pub fn allow_socket(&self, address: SocketAddr) -> Result<(), Denied> {
        let allowed = self.grants().sockets.iter().any(|grant| grant.address() == Some(address));
        self.allow(allowed, "sockets", &address.to_string())
    }

    /// The ports at which it may open a TCP connection to the host of that name, which it may look up if there are any.
    ///
    /// # Errors
    /// [`Denied`]: `sockets` lacks it.
    pub fn allow_lookup(&self, host: &str) -> Result<Vec<u16>, Denied> {
        let granted = self.grants().sockets.iter().filter(|grant| grant.host.eq_ignore_ascii_case(host));
        let ports: Vec<u16> = granted.map(|grant| grant.port).collect();
        self.allow(!ports.is_empty(), "sockets", &format!("{host}:PORT"))?;
        Ok(ports)
    }
}
