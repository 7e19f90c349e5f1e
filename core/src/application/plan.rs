use super::ApplicationError;
use std::collections::BTreeMap;

/// In which order to start an application and all that it depends on and that does not run, dependencies first.
///
/// # Errors
/// One of them is not loaded, or depends on itself.
pub(super) fn start_order(
    name: &str,
    dependencies: impl Fn(&str) -> Option<Vec<String>>,
    is_running: impl Fn(&str) -> bool,
) -> Result<Vec<String>, ApplicationError> {
    /// Whether the dependencies of an application have all been put into the order.
    #[derive(PartialEq)]
    enum Visit {
        Under,
        Done,
    }
    let (mut order, mut visits) = (Vec::new(), BTreeMap::new());
    // A stack of its own: dependencies may be deep. `true` comes back to an application behind its dependencies.
    let mut stack = vec![(name.to_owned(), false)];
    while let Some((name, behind)) = stack.pop() {
        if behind {
            visits.insert(name.clone(), Visit::Done);
            order.push(name);
            continue;
        }
        if is_running(&name) {
            continue;
        }
        match visits.get(&name) {
            Some(Visit::Done) => continue,
            Some(Visit::Under) => return Err(ApplicationError::Circle(name)),
            None => {}
        }
        let needs = dependencies(&name).ok_or_else(|| ApplicationError::NotLoaded(name.clone()))?;
        visits.insert(name.clone(), Visit::Under);
        stack.push((name, true));
        stack.extend(needs.into_iter().rev().map(|need| (need, false)));
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn order(name: &str, edges: &[(&str, &[&str])], running: &[&str]) -> Result<Vec<String>, ApplicationError> {
        let known = |name: &str| {
            let needs = edges.iter().find(|(known, _)| *known == name)?.1;
            Some(needs.iter().map(|&need| need.to_owned()).collect())
        };
        start_order(name, known, |name| running.contains(&name))
    }

    #[test]
    fn dependencies_come_first_each_once_and_what_runs_not_at_all() {
        let edges: &[(&str, &[&str])] =
            &[("a", &["b", "c"]), ("b", &["d"]), ("c", &["d", "e"]), ("d", &[]), ("e", &[])];
        assert_eq!(order("a", edges, &[]), Ok(["d", "b", "e", "c", "a"].map(str::to_owned).to_vec()));
        assert_eq!(order("a", edges, &["c", "d"]), Ok(["b", "a"].map(str::to_owned).to_vec()));
        assert_eq!(order("a", edges, &["a"]), Ok(vec![]));
    }

    #[test]
    fn what_is_not_loaded_and_a_circle_are_errors() {
        let edges: &[(&str, &[&str])] = &[("a", &["b"]), ("b", &["c"]), ("c", &["b"]), ("d", &["gone"])];
        assert_eq!(order("a", edges, &[]), Err(ApplicationError::Circle("b".to_owned())));
        assert_eq!(order("d", edges, &[]), Err(ApplicationError::NotLoaded("gone".to_owned())));
    }

    proptest! {
        /// Of applications that only depend on ones of a lower number: whatever is in the order stands behind all that it needs.
        #[test]
        fn each_stands_behind_all_that_it_needs(needs in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..4), 1..20)) {
            let needs: Vec<Vec<String>> = needs.iter().enumerate().map(|(i, needs)| {
                needs.iter().filter(|_| i > 0).map(|need| need.index(i).to_string()).collect()
            }).collect();
            let known = |name: &str| name.parse::<usize>().ok().and_then(|i| needs.get(i).cloned());
            let order = start_order(&(needs.len() - 1).to_string(), known, |_| false).expect("there is no circle");
            for (place, name) in order.iter().enumerate() {
                prop_assert!(!order[..place].contains(name));
                for need in known(name).expect("it is known") {
                    prop_assert!(order[..place].contains(&need), "{} before {}", name, need);
                }
            }
        }
    }
}
