use super::change::Change;
use std::collections::BTreeSet;

/// How many rules a section of OTP's checklist has, of those whose every rule must be broken once.
const SECTIONS: [(u32, u32); 1] = [(1, 28)];

/// The rules that no change breaks, and changes of what is no rule.
pub(super) fn problems(changes: &[Change]) -> Vec<String> {
    let rules = SECTIONS.iter().flat_map(|(section, last)| (1..=*last).map(move |rule| format!("{section}.{rule}")));
    let rules: BTreeSet<String> = rules.collect();
    let broken: BTreeSet<String> = changes.iter().map(|change| change.rule.clone()).collect();
    let missing = rules.difference(&broken).map(|rule| format!("no patch breaks rule {rule}"));
    let unknown = broken.difference(&rules).map(|rule| format!("there is no rule {rule}"));
    missing.chain(unknown).collect()
}
