use super::start::Membership;
use crate::cluster_dir::MemberDir;
use crate::control::ReloadReport;
use anyhow::Context as _;
use rusm_core::Node;
use rusm_transport::quic::{MemberOptions, QuicMember};

/// A node's membership, and the folder that it comes from.
pub(super) struct Member {
    pub(super) quic: QuicMember,
    folder: MemberDir,
}

impl Member {
    /// # Errors
    /// Why the node cannot be a member, and what to do.
    pub(super) fn start(node: &Node, membership: Membership) -> anyhow::Result<Self> {
        let Membership { folder, credentials, listen, advertise, join, config, voters: _ } = membership;
        let options = MemberOptions { listen, credentials, advertise, join, config };
        let quic = QuicMember::start(node, options).map_err(|error| anyhow::anyhow!("{error}"))?;
        tracing::info!(node = node.name(), address = %quic.local_addr(), "a member of its cluster");
        let member = Self { quic, folder };
        member.take_revocations()?;
        Ok(member)
    }

    /// Takes in what is new in the folder. What stands in the way of one part keeps the others out too.
    ///
    /// # Errors
    /// What cannot be used; the node goes on with what it has.
    pub(super) fn reload(&self) -> anyhow::Result<ReloadReport> {
        let credentials = self.folder.credentials()?;
        self.quic.renew(&credentials)?;
        let revocations_new = self.take_revocations()?;
        let certificate_until = credentials.until().as_secs();
        Ok(ReloadReport { certificate_until, revocations: self.quic.revocations(), revocations_new })
    }

    fn take_revocations(&self) -> anyhow::Result<bool> {
        let Some(list) = self.folder.revocations()? else { return Ok(false) };
        self.quic.revoke(&list).context("the list of revoked certificates in the node's folder cannot be used")
    }
}
