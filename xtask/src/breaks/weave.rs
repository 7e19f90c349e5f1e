//! Many changes woven into one text: a function that some of them change has its own body and theirs, and chooses by a variable
//! of the environment when it is called. One build then serves them all.

use anyhow::Context;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;
use syn::visit::{self, Visit};

/// The variable that names the change of a run.
pub(super) const VARIABLE: &str = "RUSM_BROKEN";

/// The number of a change.
pub(super) type Number = usize;

/// A file as it is and as changes make it, woven; nothing when one of them changes anything else than what is done inside of
/// functions.
pub(super) fn weave(source: &str, changed: &BTreeMap<Number, String>) -> anyhow::Result<Option<String>> {
    let bodies = bodies(source)?;
    let mut variants: BTreeMap<usize, Vec<(Number, &str)>> = BTreeMap::new();
    for (number, text) in changed {
        let theirs = self::bodies(text)?;
        if outside(source, &bodies) != outside(text, &theirs) {
            return Ok(None);
        }
        for (place, (ours, theirs)) in bodies.iter().zip(&theirs).enumerate() {
            let theirs = &text[theirs.range.clone()];
            if source[ours.range.clone()] == *theirs {
                continue;
            }
            if ours.is_fixed {
                return Ok(None);
            }
            variants.entry(place).or_default().push((*number, theirs));
        }
    }
    let (mut woven, mut at) = (String::new(), 0);
    for (place, variants) in variants {
        let range = bodies[place].range.clone();
        woven.push_str(&source[at..range.start]);
        woven.push_str("{ ");
        for (number, body) in variants {
            let _ = write!(woven, "if {} == Some({number}) {body} else ", chosen());
        }
        let _ = write!(woven, "{} }}", &source[range.clone()]);
        at = range.end;
    }
    woven.push_str(&source[at..]);
    Ok(Some(woven))
}

/// Asks the environment once; what is changed may be called often.
fn chosen() -> String {
    format!(
        "{{ static CHOSEN: std::sync::LazyLock<Option<usize>> = \
         std::sync::LazyLock::new(|| std::env::var({VARIABLE:?}).ok()?.parse().ok()); *CHOSEN }}"
    )
}

/// The body of a function, with its braces.
struct Body {
    range: Range<usize>,
    /// Nobody can choose in it: it is run while compiling, or what it returns has one type.
    is_fixed: bool,
}

/// The bodies of a file's functions, but for those inside of others, in order.
fn bodies(source: &str) -> anyhow::Result<Vec<Body>> {
    let file = syn::parse_file(source).context("parsing")?;
    let mut finder = Finder::default();
    finder.visit_file(&file);
    Ok(finder.bodies)
}

/// All but the bodies.
fn outside<'a>(source: &'a str, bodies: &[Body]) -> Vec<&'a str> {
    let starts = std::iter::once(0).chain(bodies.iter().map(|body| body.range.end));
    let ends = bodies.iter().map(|body| body.range.start).chain([source.len()]);
    starts.zip(ends).map(|(start, end)| &source[start..end]).collect()
}

#[derive(Default)]
struct Finder {
    bodies: Vec<Body>,
}

impl Finder {
    fn found(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let braces = block.brace_token.span;
        let range = braces.open().byte_range().start..braces.close().byte_range().end;
        let mut returned = Opaque::default();
        returned.visit_return_type(&signature.output);
        self.bodies.push(Body { range, is_fixed: signature.constness.is_some() || returned.found });
    }
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.found(&function.sig, &function.block);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.found(&function.sig, &function.block);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.found(&function.sig, block);
        }
    }
}

/// Whether there is an `impl Trait`.
#[derive(Default)]
struct Opaque {
    found: bool,
}

impl<'ast> Visit<'ast> for Opaque {
    fn visit_type_impl_trait(&mut self, opaque: &'ast syn::TypeImplTrait) {
        self.found = true;
        visit::visit_type_impl_trait(self, opaque);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "fn a() -> u32 { 1 }\nimpl X { async fn b(&self) { c() } }\nconst fn d() -> u32 { 2 }\n";

    fn weave_one(from: &str, to: &str) -> Option<String> {
        assert!(SOURCE.contains(from));
        weave(SOURCE, &BTreeMap::from([(7, SOURCE.replace(from, to))])).expect("it is Rust")
    }

    #[test]
    fn a_function_has_its_own_body_and_those_of_the_changes() {
        let woven = weave_one("{ c() }", "{ }").expect("it is inside");
        let expected = format!("b(&self) {{ if {} == Some(7) {{ }} else {{ c() }} }} }}", chosen());
        assert!(woven.contains(&expected), "{woven}");
        assert!(woven.contains("fn a() -> u32 { 1 }\n"));
        syn::parse_file(&woven).expect("it is Rust");
    }

    #[test]
    fn what_is_not_inside_or_cannot_be_chosen_is_not_woven() {
        assert_eq!(weave_one("fn a() ->", "fn a(x: u32) ->"), None);
        assert_eq!(weave_one("impl X { ", "impl X { fn e() {} "), None);
        assert_eq!(weave_one("{ 2 }", "{ 3 }"), None);
    }
}
