//! The attribute `#[rusm_sim::test]`. Use it through `rusm-sim`, which documents it too.

use proc_macro::TokenStream;
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::{Expr, ItemFn, LitInt, parse_macro_input};

/// Makes a test of a scenario: it runs once for each of many seeds.
///
/// ```ignore
/// #[rusm_sim::test(seeds = 500)]
/// fn nothing_is_lost(test: &mut rusm_sim::Test) {
///     test.node("shop", start_shop);
///     test.script("client", buy);
///     test.faults(rusm_sim::FaultKind::survivable());
/// }
///
/// #[rusm_sim::test(seeds = 300, sometimes = ["the name was taken over"])]
/// async fn a_name_has_one_owner(sim: rusm_sim::SimHandle) {
///     // A scenario that is one script, on the host `outside`.
/// }
/// ```
///
/// - `seeds = N`: how many; default 100.
/// - `sometimes = ["…"]`, or a constant: rare branches and faults that at least one of the seeds must reach, when there are
///   50 or more, and a third of these.
///
/// A seed that fails is printed with what failed and the command that replays it: `RUSM_SEED=42 cargo test NAME`. The
/// other variables are those of `rusm_sim::suite::Suite`.
#[proc_macro_attribute]
pub fn test(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let mut options = Options { seeds: None, sometimes: None };
    let parser = syn::meta::parser(|meta| options.take(&meta));
    parse_macro_input!(attribute with parser);
    let function = parse_macro_input!(item as ItemFn);
    let name = &function.sig.ident;
    let attributes = &function.attrs;
    let seeds = options.seeds.iter();
    let sometimes = options.sometimes.iter();
    let scenario = if function.sig.asyncness.is_some() {
        quote! { |test: &mut ::rusm_sim::Test| test.script("outside", #name) }
    } else {
        quote! { #name }
    };
    let function = ItemFn { attrs: Vec::new(), ..function.clone() };
    quote! {
        #[::core::prelude::v1::test]
        #(#attributes)*
        fn #name() {
            #function
            let suite = ::rusm_sim::suite::Suite::new(concat!(module_path!(), "::", stringify!(#name)), #scenario);
            let suite = suite #(.seeds(#seeds))* #(.sometimes(&#sometimes))*;
            let is_integration = option_env!("CARGO_TARGET_TMPDIR").is_some();
            ::rusm_sim::suite::run_test(&suite, env!("CARGO_MANIFEST_DIR"), env!("CARGO_PKG_NAME"), is_integration);
        }
    }
    .into()
}

struct Options {
    seeds: Option<LitInt>,
    sometimes: Option<Expr>,
}

impl Options {
    fn take(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        if meta.path.is_ident("seeds") {
            self.seeds = Some(meta.value()?.parse()?);
            Ok(())
        } else if meta.path.is_ident("sometimes") {
            self.sometimes = Some(meta.value()?.parse()?);
            Ok(())
        } else {
            Err(meta.error("known are `seeds = N` and `sometimes = [\"…\"]`"))
        }
    }
}
