use anyhow::{Context, bail};

/// One program of a file: its number and its lines.
pub(super) struct Program {
    pub(super) id: String,
    pub(super) lines: Vec<String>,
}

/// The programs of a file. Each begins with `KEYWORD ID` and ends with `end`; empty lines and comments are left out.
pub(super) fn programs(text: &str, keyword: &str) -> anyhow::Result<Vec<Program>> {
    let mut programs = Vec::new();
    let mut current: Option<Program> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let at = || format!("line {}: {line:?}", number + 1);
        match (&mut current, line.split_once(' ')) {
            (None, Some((first, id))) if first == keyword => {
                current = Some(Program { id: id.trim().to_owned(), lines: Vec::new() });
            }
            (None, _) => bail!("{}: expected `{keyword} ID`", at()),
            (Some(_), None) if line == "end" => programs.extend(current.take()),
            (Some(program), _) => program.lines.push(line.to_owned()),
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
