//! All mutants of a file woven into one text, each behind a question that only its own number answers: one build then
//! holds them all, and a run chooses one by a variable of the environment.

use super::list::{Genre, Mutant, Place};
use anyhow::Context;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// The number of a mutant.
pub(crate) type Number = usize;

/// The variable that names the mutant of a run.
pub(crate) const VARIABLE: &str = "RUSM_MUTANT";

/// The variable that names a file, for the numbers of all mutants that a run comes by.
pub(crate) const REACHED: &str = "RUSM_MUTANTS_REACHED";

/// What a woven crate asks.
pub(crate) fn question() -> String {
    QUESTION.replace("{VARIABLE}", VARIABLE).replace("{REACHED}", REACHED)
}

const QUESTION: &str = r#"
/// Which mutant this run is of.
pub(crate) mod woven {
    use std::collections::BTreeSet;
    use std::fs::File;
    use std::io::Write;
    use std::sync::{LazyLock, Mutex};

    static CHOSEN: LazyLock<usize> =
        LazyLock::new(|| std::env::var("{VARIABLE}").ok().and_then(|number| number.parse().ok()).unwrap_or(usize::MAX));

    static REACHED: LazyLock<Option<Mutex<(File, BTreeSet<usize>)>>> = LazyLock::new(|| {
        let file = File::options().append(true).create(true).open(std::env::var_os("{REACHED}")?);
        Some(Mutex::new((file.ok()?, BTreeSet::new())))
    });

    pub(crate) fn is(number: usize) -> bool {
        if let Some(reached) = &*REACHED {
            let (file, known) = &mut *reached.lock().unwrap();
            if known.insert(number) {
                file.write_all(format!("{number}\n").as_bytes()).unwrap();
            }
        }
        *CHOSEN == number
    }
}
"#;

/// A file with its mutants in it.
pub(crate) struct Woven {
    pub(crate) text: String,
    /// What could not be woven in: in what is computed while compiling there is nobody to ask, and an `impl Trait` that is
    /// returned has one type.
    pub(crate) left_out: Vec<Number>,
}

/// Weaves these mutants of one file into it.
pub(crate) fn weave(source: &str, mutants: &[(Number, &Mutant)]) -> anyhow::Result<Woven> {
    let file = syn::parse_file(source).context("parsing")?;
    let lines: Vec<usize> = std::iter::once(0).chain(source.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let text = Text { source, lines };
    let mut finder = Finder {
        text: &text,
        mutants,
        knots: Vec::new(),
        woven: BTreeSet::new(),
        constant: Vec::new(),
        opaque: Vec::new(),
    };
    finder.visit_file(&file);
    finder.bodies();
    let Finder { mut knots, woven, .. } = finder;
    knots.sort_by_key(|knot| (knot.range.start, !knot.range.is_empty(), Reverse(knot.range.end), knot.what.depth()));
    let left_out = mutants.iter().map(|(number, _)| *number).filter(|number| !woven.contains(number)).collect();
    Ok(Woven { text: Weaver { source, knots }.render(0..source.len(), 0), left_out })
}

/// Where in a woven text each mutant stands.
pub(crate) fn places(woven: &str) -> Vec<(Range<usize>, Number)> {
    let mut open: Vec<(usize, Number)> = Vec::new();
    let mut places = Vec::new();
    for (at, _) in woven.match_indices("/*{").chain(woven.match_indices("/*}")).collect::<BTreeMap<_, _>>() {
        let Some(number) = woven[at + 3..].split("*/").next().and_then(|number| number.parse().ok()) else { continue };
        if woven[at..].starts_with("/*{") {
            open.push((at, number));
        } else if open.last().is_some_and(|(_, opened)| *opened == number)
            && let Some((from, _)) = open.pop()
        {
            places.push((from..at, number));
        }
    }
    places
}

struct Text<'a> {
    source: &'a str,
    lines: Vec<usize>,
}

impl Text<'_> {
    /// `column` counts characters from 0.
    fn at(&self, line: usize, column: usize) -> usize {
        let start = self.lines[line - 1];
        start + self.source[start..].chars().take(column).map(char::len_utf8).sum::<usize>()
    }

    fn of(&self, place: Place) -> usize {
        self.at(place.line, place.column - 1)
    }

    fn range(&self, spanned: &impl Spanned) -> Range<usize> {
        let (start, end) = (spanned.span().start(), spanned.span().end());
        self.at(start.line, start.column)..self.at(end.line, end.column)
    }
}

/// A part of the text that is woven anew.
struct Knot {
    range: Range<usize>,
    what: What,
}

enum What {
    /// Something new, at the beginning of a body or behind a pattern.
    Insert(String),
    Guard {
        always: Vec<(Number, bool)>,
        deleted: Option<Number>,
    },
    Binary {
        left: Range<usize>,
        operator: Range<usize>,
        right: Range<usize>,
        variants: Vec<(Number, String)>,
    },
    Unary {
        operand: Range<usize>,
        number: Number,
    },
    /// A struct of which a field can be left out.
    Fields(Vec<(Number, Range<usize>)>),
}

impl What {
    /// Of two with the same range, the outer one comes first.
    fn depth(&self) -> u8 {
        match self {
            Self::Insert(_) => 0,
            Self::Guard { .. } => 1,
            Self::Binary { .. } | Self::Unary { .. } | Self::Fields(_) => 2,
        }
    }
}

struct Finder<'a> {
    text: &'a Text<'a>,
    mutants: &'a [(Number, &'a Mutant)],
    knots: Vec<Knot>,
    woven: BTreeSet<Number>,
    /// What is computed while compiling.
    constant: Vec<Range<usize>>,
    /// Functions that return an `impl Trait`.
    opaque: Vec<Range<usize>>,
}

impl Finder<'_> {
    /// The mutants of that genre that begin there.
    fn starting(&self, genre: Genre, at: usize) -> Vec<(Number, String)> {
        if self.is_constant(at) {
            return Vec::new();
        }
        let here = self.mutants.iter().filter(|(_, mutant)| mutant.genre == genre);
        let here = here.filter(|(_, mutant)| self.text.of(mutant.span.start) == at);
        here.map(|(number, mutant)| (*number, mutant.replacement.clone())).collect()
    }

    fn look_at(&mut self, signature: &syn::Signature, function: Range<usize>) {
        if signature.constness.is_some() {
            self.constant.push(function);
        } else if let syn::ReturnType::Type(_, of) = &signature.output
            && matches!(**of, syn::Type::ImplTrait(_))
        {
            self.opaque.push(function);
        }
    }

    fn is_constant(&self, at: usize) -> bool {
        self.constant.iter().any(|range| range.contains(&at))
    }

    fn tie(&mut self, range: Range<usize>, what: What, numbers: impl IntoIterator<Item = Number>) {
        self.woven.extend(numbers);
        self.knots.push(Knot { range, what });
    }

    /// Function bodies: a return of another value before they begin.
    fn bodies(&mut self) {
        for (number, mutant) in self.mutants.iter().filter(|(_, mutant)| mutant.genre == Genre::FnValue) {
            let at = self.text.of(mutant.span.start);
            if !self.is_constant(at) && !self.opaque.iter().any(|range| range.contains(&at)) {
                let value = &mutant.replacement;
                let early =
                    format!("if crate::woven::is({number}) {{ return /*{{{number}*/ {value} /*}}{number}*/; }}\n");
                self.woven.insert(*number);
                self.knots.push(Knot { range: at..at, what: What::Insert(early) });
            }
        }
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.look_at(&function.sig, self.text.range(function));
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.look_at(&function.sig, self.text.range(function));
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.constant.push(self.text.range(item));
        visit::visit_item_const(self, item);
    }

    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        self.constant.push(self.text.range(item));
        visit::visit_item_static(self, item);
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.constant.push(self.text.range(item));
        visit::visit_impl_item_const(self, item);
    }

    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        let operator = self.text.range(&binary.op);
        let variants = self.starting(Genre::BinaryOperator, operator.start);
        let binds = |side: &syn::Expr| binds(side);
        if !variants.is_empty() && !binds(&binary.left) && !binds(&binary.right) {
            let (left, right) = (self.text.range(&binary.left), self.text.range(&binary.right));
            let numbers: Vec<Number> = variants.iter().map(|(number, _)| *number).collect();
            self.tie(left.start..right.end, What::Binary { left, operator, right, variants }, numbers);
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_unary(&mut self, unary: &'ast syn::ExprUnary) {
        let range = self.text.range(unary);
        if let Some((number, _)) = self.starting(Genre::UnaryOperator, range.start).into_iter().next() {
            let operand = self.text.range(&unary.expr);
            self.tie(range, What::Unary { operand, number }, [number]);
        }
        visit::visit_expr_unary(self, unary);
    }

    fn visit_expr_struct(&mut self, expression: &'ast syn::ExprStruct) {
        let mut variants = Vec::new();
        for pair in expression.fields.pairs() {
            let field = self.text.range(pair.value());
            let end = pair.punct().map_or(field.end, |comma| self.text.range(comma).end);
            let numbers = self.starting(Genre::StructField, field.start);
            variants.extend(numbers.into_iter().map(|(number, _)| (number, field.start..end)));
        }
        if !variants.is_empty() {
            let numbers: Vec<Number> = variants.iter().map(|(number, _)| *number).collect();
            self.tie(self.text.range(expression), What::Fields(variants), numbers);
        }
        visit::visit_expr_struct(self, expression);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        let pattern = self.text.range(&arm.pat);
        let deleted = self.starting(Genre::MatchArm, pattern.start).first().map(|(number, _)| *number);
        match &arm.guard {
            Some((_, guard)) if !binds(guard) => {
                let range = self.text.range(guard);
                let always = self.starting(Genre::MatchArmGuard, range.start);
                let always: Vec<_> = always.into_iter().map(|(number, value)| (number, value == "true")).collect();
                if deleted.is_some() || !always.is_empty() {
                    let numbers: Vec<Number> = always.iter().map(|(number, _)| *number).chain(deleted).collect();
                    self.tie(range, What::Guard { always, deleted }, numbers);
                }
            }
            None if deleted.is_some() => {
                let number = deleted.unwrap_or_default();
                let guard = format!(" if !crate::woven::is({number})");
                self.tie(pattern.end..pattern.end, What::Insert(guard), [number]);
            }
            _ => {}
        }
        visit::visit_arm(self, arm);
    }
}

/// Whether it is, or joins, an `if let`: those cannot stand in parentheses.
fn binds(expression: &syn::Expr) -> bool {
    match expression {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(binary) => binds(&binary.left) || binds(&binary.right),
        _ => false,
    }
}

struct Weaver<'a> {
    source: &'a str,
    knots: Vec<Knot>,
}

impl Weaver<'_> {
    /// That part of the text, with the knots in it from the one of that index on.
    fn render(&self, range: Range<usize>, first: usize) -> String {
        let (mut text, mut at) = (String::new(), range.start);
        for (index, knot) in self.knots.iter().enumerate().skip(first) {
            if knot.range.start > range.end {
                break;
            }
            if knot.range.start >= at && knot.range.end <= range.end {
                text.push_str(&self.source[at..knot.range.start]);
                text.push_str(&self.tied(index));
                at = knot.range.end;
            }
        }
        text.push_str(&self.source[at..range.end]);
        text
    }

    fn tied(&self, index: usize) -> String {
        let Knot { range, what } = &self.knots[index];
        let inner = |part: &Range<usize>| self.render(part.clone(), index + 1);
        match what {
            What::Insert(text) => text.clone(),
            What::Guard { always, deleted } => {
                let mut text = format!("({})", inner(range));
                for (number, value) in always {
                    text = match value {
                        true => format!("(crate::woven::is({number}) || {text})"),
                        false => format!("(!crate::woven::is({number}) && {text})"),
                    };
                }
                deleted.map_or(text.clone(), |number| format!("!crate::woven::is({number}) && {text}"))
            }
            What::Binary { left, operator, right, variants } => {
                let around = |operator: &str, source: &Range<usize>| {
                    let (before, behind) =
                        (&self.source[left.end..source.start], &self.source[source.end..right.start]);
                    format!("{}{before}{operator}{behind}{}", inner(left), inner(right))
                };
                let variants = variants.iter().map(|(number, other)| (*number, around(other, operator)));
                alternatives(&around(&self.source[operator.clone()], operator), variants)
            }
            What::Unary { operand, number } => alternatives(
                &format!("{}{}", &self.source[range.start..operand.start], inner(operand)),
                [(*number, inner(operand))],
            ),
            What::Fields(variants) => {
                let without = |field: &Range<usize>| {
                    format!("{}{}", inner(&(range.start..field.start)), inner(&(field.end..range.end)))
                };
                let variants = variants.iter().map(|(number, field)| (*number, without(field)));
                alternatives(&inner(range), variants)
            }
        }
    }
}

/// The code as it is, unless one of these is chosen.
fn alternatives(original: &str, variants: impl IntoIterator<Item = (Number, String)>) -> String {
    let variants: Vec<(Number, String)> = variants.into_iter().collect();
    let none: Vec<String> = variants.iter().map(|(number, _)| format!("!crate::woven::is({number})")).collect();
    let mut text = format!("(if {} {{ ({original}) }}", none.join(" && "));
    for (index, (number, variant)) in variants.iter().enumerate() {
        // The last one needs no question, and the compiler must see that there is a value in any case.
        let asked = if index + 1 < variants.len() { format!("if crate::woven::is({number}) ") } else { String::new() };
        let _ = write!(text, " else {asked}{{ /*{{{number}*/ ({variant}) /*}}{number}*/ }}");
    }
    text.push(')');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutants::list::Span;

    fn mutant(source: &str, genre: Genre, of: &str, replacement: &str) -> Mutant {
        let at = source.find(of).expect("it is in the source");
        let line = source[..at].matches('\n').count() + 1;
        let column = at - source[..at].rfind('\n').map_or(0, |newline| newline + 1) + 1;
        let start = Place { line, column };
        let (file, name) = (String::new(), String::new());
        Mutant { file, genre, replacement: replacement.to_owned(), span: Span { start, end: start }, name }
    }

    #[track_caller]
    fn check(source: &str, mutants: &[Mutant], expected: &str) {
        let numbered: Vec<(Number, &Mutant)> = mutants.iter().enumerate().collect();
        let woven = weave(source, &numbered).expect("it parses");
        let plain = woven.text.replace("crate::woven::is", "is");
        let plain = places(&woven.text).iter().fold(plain, |text, (_, number)| {
            text.replace(&format!("/*{{{number}*/ "), "").replace(&format!(" /*}}{number}*/"), "")
        });
        assert_eq!(plain, expected);
        syn::parse_file(&woven.text).expect("what is woven parses");
    }

    #[test]
    fn a_body_returns_something_else_first() {
        let source = "fn f() -> u8 { g() }";
        let mutants = [mutant(source, Genre::FnValue, "g()", "0"), mutant(source, Genre::FnValue, "g()", "1")];
        check(source, &mutants, "fn f() -> u8 { if is(0) { return 0; }\nif is(1) { return 1; }\ng() }");
    }

    #[test]
    fn operators_within_operators() {
        let source = "fn f() { a < b && !c }";
        let mutants = [
            mutant(source, Genre::BinaryOperator, "&&", "||"),
            mutant(source, Genre::BinaryOperator, "<", ">"),
            mutant(source, Genre::UnaryOperator, "!c", ""),
        ];
        let (less, not) = ("(if !is(1) { (a < b) } else { (a > b) })", "(if !is(2) { (!c) } else { (c) })");
        let both = format!("fn f() {{ (if !is(0) {{ ({less} && {not}) }} else {{ ({less} || {not}) }}) }}");
        check(source, &mutants, &both);
    }

    #[test]
    fn arms_and_their_guards() {
        let source = "fn f() { match x { A => 1, B if c => 2, _ => 3 } }";
        let mutants = [
            mutant(source, Genre::MatchArm, "A", ""),
            mutant(source, Genre::MatchArm, "B", ""),
            mutant(source, Genre::MatchArmGuard, "c =>", "true"),
        ];
        check(source, &mutants, "fn f() { match x { A if !is(0) => 1, B if !is(1) && (is(2) || (c)) => 2, _ => 3 } }");
    }

    #[test]
    fn a_field_is_left_out() {
        let source = "fn f() { S { a: 1, b, ..s } }";
        let mutants = [mutant(source, Genre::StructField, "a: 1", ""), mutant(source, Genre::StructField, "b,", "")];
        let expected = "fn f() { (if !is(0) && !is(1) { (S { a: 1, b, ..s }) } \
                        else if is(0) { (S {  b, ..s }) } else { (S { a: 1,  ..s }) }) }";
        check(source, &mutants, expected);
    }

    #[test]
    fn an_opaque_type_is_one_type() {
        let source = "fn f() -> impl Iterator<Item = u8> { g() }";
        let mutant = mutant(source, Genre::FnValue, "g()", "std::iter::empty()");
        let woven = weave(source, &[(0, &mutant)]).expect("it parses");
        assert_eq!((woven.text.as_str(), woven.left_out), (source, vec![0]));
    }

    #[test]
    fn what_is_computed_while_compiling_is_left_out() {
        let source = "const fn f() -> u8 { 1 + 2 }";
        let mutants = [mutant(source, Genre::BinaryOperator, "+", "-"), mutant(source, Genre::FnValue, "1 +", "0")];
        let numbered: Vec<(Number, &Mutant)> = mutants.iter().enumerate().collect();
        let woven = weave(source, &numbered).expect("it parses");
        assert_eq!((woven.text.as_str(), woven.left_out), (source, vec![0, 1]));
    }
}
