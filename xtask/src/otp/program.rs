use anyhow::{Context, bail, ensure};

/// One program of a file: its number and its lines.
pub(super) struct Program {
    pub(super) id: String,
    pub(super) lines: Vec<Line>,
}

/// A line, without the blanks around it, and its number in the file.
pub(super) struct Line {
    pub(super) number: usize,
    pub(super) text: String,
}

impl Line {
    /// Says of an error which line it is about.
    pub(super) fn explain<T>(&self, result: anyhow::Result<T>) -> anyhow::Result<T> {
        result.with_context(|| format!("line {}: {:?}", self.number, self.text))
    }
}

/// The programs of a file. Each begins with `KEYWORD ID` and ends with `end`; empty lines and comments are left out.
pub(super) fn programs(text: &str, keyword: &str) -> anyhow::Result<Vec<Program>> {
    let mut programs = Vec::new();
    let mut current: Option<Program> = None;
    for (index, text) in text.lines().enumerate() {
        let line = Line { number: index + 1, text: text.trim().to_owned() };
        if line.text.is_empty() || line.text.starts_with('#') {
            continue;
        }
        let words: Vec<&str> = line.text.split_whitespace().collect();
        match &mut current {
            None => {
                let begin = || match words[..] {
                    [first, id] if first == keyword => Ok(id.to_owned()),
                    _ => bail!("expected `{keyword} ID`"),
                };
                current = Some(Program { id: line.explain(begin())?, lines: Vec::new() });
            }
            Some(_) if words == ["end"] => programs.extend(current.take()),
            Some(program) if words[0] == keyword => {
                return line.explain(Err(anyhow::anyhow!("program {} has no end", program.id)));
            }
            Some(program) => program.lines.push(line),
        }
    }
    match current {
        Some(program) => bail!("program {} has no end", program.id),
        None => Ok(programs),
    }
}

/// The next word of a line.
pub(super) fn word<'a>(words: &mut impl Iterator<Item = &'a str>, what: &str) -> anyhow::Result<&'a str> {
    words.next().with_context(|| format!("expected {what}"))
}

/// The next word of a line, a number.
pub(super) fn number<'a, T: std::str::FromStr>(
    words: &mut impl Iterator<Item = &'a str>,
    what: &str,
) -> anyhow::Result<T> {
    parse(word(words, what)?, what)
}

/// A word that is to be a number.
pub(super) fn parse<T: std::str::FromStr>(word: &str, what: &str) -> anyhow::Result<T> {
    word.parse().ok().with_context(|| format!("expected {what}, not {word:?}"))
}

/// Nothing may follow on the line.
pub(super) fn no_more<'a>(mut words: impl Iterator<Item = &'a str>) -> anyhow::Result<()> {
    let more = words.next();
    ensure!(more.is_none(), "nothing was expected after it, but {:?}", more.unwrap_or_default());
    Ok(())
}
