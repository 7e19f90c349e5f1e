use super::grants::Grants;
use super::references::References;
use super::section::Section;
use crate::engine::COMPONENT_BYTES_MAX;
use std::path::Path;
use toml::Spanned;

/// [`ForeignCode::bytes`] when the manifest does not say: 16 MiB.
pub const DEFAULT_FOREIGN_BYTES: u64 = 16 << 20;

/// The table `[foreign-code]`: whether other nodes of the cluster may have this one run components that it does not have itself,
/// and what those may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignCode {
    /// `accept`. Default false.
    pub accept: bool,
    /// `bytes`: the largest component that is taken. Default [`DEFAULT_FOREIGN_BYTES`], at most
    /// [`COMPONENT_BYTES_MAX`](crate::COMPONENT_BYTES_MAX).
    pub bytes: u64,
    /// `[foreign-code.grants]`: the most that any of them is granted here, whatever it is granted where it comes from. Default nothing.
    pub grants: Grants,
}

impl Default for ForeignCode {
    fn default() -> Self {
        Self { accept: false, bytes: DEFAULT_FOREIGN_BYTES, grants: Grants::default() }
    }
}

impl ForeignCode {
    pub(super) fn read(root: &mut Section<'_, '_>, directory: &Path, references: &mut References) -> Self {
        let default = Self::default();
        let Some(mut section) = root.section("foreign-code") else { return default };
        let accept = section.boolean("accept").map_or(default.accept, Spanned::into_inner);
        let bytes = section.size("bytes", 1, COMPONENT_BYTES_MAX as u64).unwrap_or(default.bytes);
        let grants = section.section("grants").map(|grants| Grants::read(grants, directory, references));
        section.finish();
        Self { accept, bytes, grants: grants.unwrap_or_default() }
    }
}
