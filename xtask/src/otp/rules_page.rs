//! `docs/otp-rules.md` says which test holds which rule: every rule has one, and each test that it names exists.

use std::path::Path;

/// The tests that a line of the page links to: name and file.
fn tests(line: &str) -> Vec<(&str, &str)> {
    let links = line.split('[').skip(1).filter_map(|rest| rest.split_once("](../"));
    links.filter_map(|(name, rest)| Some((name, rest.split_once(')')?.0))).collect()
}

/// The number of the rule in a table's row.
fn rule(line: &str) -> Option<&str> {
    let number = line.strip_prefix("| ")?.split(' ').next()?;
    let (section, rest) = number.split_once('.')?;
    (section.parse::<u32>().is_ok() && rest.parse::<u32>().is_ok()).then_some(number)
}

/// Whether a file has that test: of Rust's, or one that runs a scenario for each of many seeds.
fn has_test(source: &str, name: &str) -> bool {
    let function = format!("fn {name}(");
    let plain = source.split("#[test]").skip(1);
    let of_seeds = source.split("#[rusm_sim::test(").skip(1).filter_map(|rest| Some(rest.split_once(")]\n")?.1));
    plain.chain(of_seeds).any(|after| after.trim_start().trim_start_matches("async ").starts_with(&function))
}

/// What is wrong with the page.
fn problems(page: &str, source: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut problems = Vec::new();
    for line in page.lines() {
        let tests = tests(line);
        if let Some(rule) = rule(line)
            && tests.is_empty()
        {
            problems.push(format!("rule {rule} has no test"));
        }
        for (name, file) in tests.into_iter().filter(|(_, file)| file.ends_with(".rs")) {
            if !source(file).is_some_and(|source| has_test(&source, name)) {
                problems.push(format!("there is no test {name} in {file}"));
            }
        }
    }
    problems
}

#[test]
fn every_rule_has_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let page = std::fs::read_to_string(root.join("docs/otp-rules.md")).expect("the page");
    let rules: Vec<&str> = page.lines().filter_map(rule).collect();
    for (section, count) in [(1, 28), (2, 5), (3, 14), (4, 15), (5, 5), (6, 4)] {
        for number in 1..=count {
            let wanted = format!("{section}.{number}");
            assert!(rules.contains(&wanted.as_str()), "rule {wanted} is not on the page");
        }
    }
    let problems = problems(&page, |file| std::fs::read_to_string(root.join(file)).ok());
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_rule_without_a_test_and_a_test_that_does_not_exist_are_problems() {
    let of_seeds = "#[rusm_sim::test(\n  sometimes = [\"x\"]\n)]\nasync fn seeded() {}";
    let source = |_: &str| Some(format!("#[test]\nfn there() {{}}\n{of_seeds}\nfn helper() {{}}"));
    let check = |page: &str, expected: &[&str]| assert_eq!(problems(page, source), expected);
    check("| 1.1 | holds | [there](../a.rs) |", &[]);
    check("| 1.1 | holds | [seeded](../a.rs) |", &[]);
    check("| 1.2 | holds | |", &["rule 1.2 has no test"]);
    check("| 1.3 | holds | [gone](../a.rs) |", &["there is no test gone in a.rs"]);
    check("| 1.4 | holds | [helper](../a.rs) |", &["there is no test helper in a.rs"]);
    check("| what | why |", &[]);
}
