use super::config::{Config, Identity, Role};
use super::features::Features;
use serde::{Deserialize, Serialize};

/// The versions of the protocol that this node speaks.
pub(super) const VERSIONS: (u16, u16) = (1, 1);

/// Bytes of a node's name.
pub(super) const NAME_LEN_MAX: usize = 255;

/// What each side says first. The dialling side's is a request; the other answers with its own, or with a [`Refusal`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The lowest and the highest version that this side speaks. The highest that both do is spoken.
    pub versions: (u16, u16),
    /// What this side can do beside that: those bits count that both have.
    pub features: u64,
    /// What the other must be able to do.
    pub features_required: u64,
    /// Which cluster it is part of.
    pub cluster: u128,
    /// Its name: its certificate must say the same.
    pub node: String,
    /// As what it comes: its certificate must say the same.
    pub role: Role,
    /// Which life of the node.
    pub incarnation: u32,
    /// Counts this side's attempts to dial the other in this life; 0 in an answer.
    pub dial: u64,
    /// The number of the last association of the two that this side has had in this life; in an answer the number of
    /// the new one.
    pub association: u64,
    /// [`Config::signal_len_max`].
    pub signal_len_max: u32,
    /// [`Config::lane_window`].
    pub lane_window: u32,
    /// [`Config::large_max`].
    pub large_max: u16,
}

/// Associations are counted one by one: a number from here on is a lie, and leaves no next one.
const ASSOCIATION_MAX: u64 = 1 << 63;

/// Why a handshake came to nothing. Nothing has changed on the side that refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No version that both speak.
    #[error("no common version")]
    Version,
    /// A feature that one side must have the other has not.
    #[error("a required feature is missing")]
    Features,
    /// Another cluster.
    #[error("another cluster")]
    Cluster,
    /// The certificate is for another name.
    #[error("the certificate carries another name")]
    Name,
    /// The certificate is not one of a node.
    #[error("the certificate is for another role")]
    Role,
    /// A name that is too long, empty, or this node's own, or whose number another node has.
    #[error("the name cannot be used")]
    Unusable,
    /// Other limits than this node's, or a number of an association that nobody can have counted to.
    #[error("other limits")]
    Limits,
    /// A life of the node that is over.
    #[error("an old incarnation")]
    Incarnation,
    /// Both dial at once, and the other connection is the one that stays.
    #[error("the other connection stays")]
    Crossed,
    /// An attempt that was made before the present association.
    #[error("an old attempt")]
    Stale,
}

impl Hello {
    /// Whether this node, which would say `own`, can have an association with whom says this and has that certificate.
    /// Returns the version that both speak and the features that both have.
    ///
    /// # Errors
    /// What stands against it.
    pub fn check(&self, own: &Hello, certificate: &Identity) -> Result<(u16, Features), Refusal> {
        if self.cluster != own.cluster {
            return Err(Refusal::Cluster);
        }
        if self.node != certificate.name {
            return Err(Refusal::Name);
        }
        if self.role != Role::Node || certificate.role != Role::Node {
            return Err(Refusal::Role);
        }
        if self.node.is_empty() || self.node.len() > NAME_LEN_MAX || self.node == own.node {
            return Err(Refusal::Unusable);
        }
        let version = self.versions.1.min(own.versions.1);
        if version < self.versions.0.max(own.versions.0) {
            return Err(Refusal::Version);
        }
        let features = self.features & own.features;
        if (self.features_required | own.features_required) & !features != 0 {
            return Err(Refusal::Features);
        }
        if (self.signal_len_max, self.lane_window, self.large_max)
            != (own.signal_len_max, own.lane_window, own.large_max)
        {
            return Err(Refusal::Limits);
        }
        if self.association >= ASSOCIATION_MAX {
            return Err(Refusal::Limits);
        }
        Ok((version, Features(features)))
    }

    /// What a node of that name says; attempt and association are filled in for each connection.
    pub fn new(node: &str, incarnation: u32, cluster: u128, config: &Config) -> Self {
        Self {
            versions: VERSIONS,
            features: config.features.0,
            features_required: 0,
            cluster,
            node: node.to_owned(),
            role: Role::Node,
            incarnation,
            dial: 0,
            association: 0,
            signal_len_max: config.signal_len_max,
            lane_window: config.lane_window,
            large_max: config.large_max,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> Hello {
        Hello { features: 0, ..Hello::new("b", 1, 7, &Config::default()) }
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Hello, &mut Identity), expected: Result<(u16, u64), Refusal>) {
        let expected = expected.map(|(version, features)| (version, Features(features)));
        let own = Hello { features: 0b0111, ..Hello::new("a", 1, 7, &Config::default()) };
        let mut certificate = Identity { name: "b".to_owned(), role: Role::Node };
        let mut hello = hello();
        change(&mut hello, &mut certificate);
        assert_eq!(hello.check(&own, &certificate), expected);
    }

    #[test]
    fn a_node_of_the_cluster_is_welcome_and_both_features_count() {
        check(|_, _| (), Ok((1, 0)));
        check(|hello, _| hello.features = 0b1010, Ok((1, 0b0010)));
        check(|hello, _| hello.versions = (1, 9), Ok((1, 0)));
    }

    #[test]
    fn whoever_does_not_fit_is_told_why() {
        check(|hello, _| hello.cluster = 8, Err(Refusal::Cluster));
        check(|hello, _| hello.node = "c".to_owned(), Err(Refusal::Name));
        check(|_, certificate| certificate.name = "c".to_owned(), Err(Refusal::Name));
        check(|_, certificate| certificate.role = Role::Operator, Err(Refusal::Role));
        check(|hello, _| hello.role = Role::Operator, Err(Refusal::Role));
        check(|hello, _| hello.versions = (2, 3), Err(Refusal::Version));
        check(|hello, _| (hello.features, hello.features_required) = (8, 8), Err(Refusal::Features));
        check(|hello, _| hello.lane_window += 1, Err(Refusal::Limits));
        check(|hello, _| hello.association = ASSOCIATION_MAX - 1, Ok((1, 0)));
        check(|hello, _| hello.association = ASSOCIATION_MAX, Err(Refusal::Limits));
    }

    #[test]
    fn a_name_is_usable_up_to_its_limit_and_not_when_it_is_our_own() {
        let named = |name: String| {
            move |hello: &mut Hello, certificate: &mut Identity| {
                hello.node.clone_from(&name);
                certificate.name = name;
            }
        };
        check(named("n".repeat(NAME_LEN_MAX)), Ok((1, 0)));
        check(named("n".repeat(NAME_LEN_MAX + 1)), Err(Refusal::Unusable));
        check(named(String::new()), Err(Refusal::Unusable));
        check(named("a".to_owned()), Err(Refusal::Unusable));
    }
}
