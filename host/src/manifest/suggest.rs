/// What to do about a word that is none of those known: the nearest one, or all of them.
pub(super) fn suggestion<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let folded = fold(word);
    let nearest = known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(&folded, &fold(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().max(3) / 3)
        .min();
    match (nearest, known.as_slice()) {
        (Some((_, candidate)), _) => format!("Did you mean `{candidate}`?"),
        (None, []) => "There are none".to_owned(),
        (None, known) => format!("Use one of {}", list(known)),
    }
}

/// `a`, `b`, `c`
pub(super) fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// Case and the choice between `-` and `_` are the commonest mistakes: they count for nothing.
fn fold(word: &str) -> String {
    word.to_lowercase().replace('_', "-")
}
