use super::section::Section;
use std::ops::Range;
use toml::Spanned;

/// Bytes of a name in the manifest.
const NAME_LEN_MAX: usize = 64;

/// Whether a name can also be a file's name and a part of a registered name.
fn is_plain(name: &str) -> bool {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    plain && !name.is_empty() && name.len() <= NAME_LEN_MAX
}

const REMEDY: &str = "Use 1 to 64 ASCII letters, digits, `-` and `_`";

/// Reports the name of a table that cannot be used as it is.
pub(super) fn check_table_name(name: &Spanned<String>, section: &Section<'_, '_>) {
    check(name.get_ref(), name.span(), "", section);
}

/// Reports a value that cannot be used as a name.
pub(super) fn check_name_value(name: &Spanned<String>, key: &str, section: &Section<'_, '_>) {
    check(name.get_ref(), name.span(), key, section);
}

fn check(name: &str, span: Range<usize>, key: &str, section: &Section<'_, '_>) {
    if !is_plain(name) {
        section.problem(span, key, format!("{name:?} cannot be a name"), REMEDY);
    }
}
