//! What commands print.

use serde::Serialize;
use std::io::{ErrorKind, Write as _};

/// Prints; that nobody reads any more is no error. False then.
///
/// # Errors
/// It cannot be written.
pub(super) fn print(text: &str) -> anyhow::Result<bool> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Prints JSON for scripts.
///
/// # Errors
/// It cannot be written.
pub(super) fn print_json(value: &impl Serialize) -> anyhow::Result<bool> {
    print(&format!("{}\n", serde_json::to_string_pretty(value)?))
}

/// Rows under a head, in columns; those in `numbers` are set to the right. What would move the cursor is written out.
pub(super) fn table<const N: usize>(head: [&str; N], numbers: &[usize], rows: Vec<[String; N]>) -> String {
    let rows: Vec<[String; N]> = std::iter::once(head.map(str::to_owned))
        .chain(rows.into_iter().map(|row| row.map(|cell| printable(&cell))))
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let draw = |row: &[String; N]| {
        let padded = row.iter().enumerate().map(|(column, cell)| {
            let gap = " ".repeat(widths[column] - cell.chars().count());
            if numbers.contains(&column) { format!("{gap}{cell}") } else { format!("{cell}{gap}") }
        });
        let line = padded.collect::<Vec<_>>().join("  ");
        format!("{}\n", line.trim_end())
    };
    rows.iter().map(draw).collect()
}

/// `-` where there is nothing.
pub(super) fn or_dash(cell: Option<String>) -> String {
    cell.filter(|cell| !cell.is_empty()).unwrap_or_else(|| "-".to_owned())
}

/// With control characters written out: components choose names and log what they like.
pub(super) fn printable(text: &str) -> String {
    let written = |char: char| {
        let control = char.is_control() && char != '\t';
        let escaped = control.then(|| char.escape_default());
        escaped.into_iter().flatten().chain((!control).then_some(char))
    };
    text.chars().flat_map(written).collect()
}

/// With one digit after the point: `1.5 MiB`.
pub(super) fn size(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    match units.into_iter().find(|(shift, _)| bytes >> shift > 0) {
        Some((shift, unit)) => {
            let tenths = (bytes >> (shift - 10)) * 10 / 1024;
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_as_wide_as_its_cells() {
        let rows = vec![["a".to_owned(), "1".to_owned()], ["b\u{1b}[2J".to_owned(), "100".to_owned()]];
        let expected = "\
NAME          N
a             1
b\\u{1b}[2J  100
";
        assert_eq!(table(["NAME", "N"], &[1], rows), expected);
    }

    #[test]
    fn sizes_have_one_digit_after_the_point() {
        let check = |bytes: u64, expected: &str| assert_eq!(size(bytes), expected);
        check(1023, "1023 B");
        check(1024, "1.0 KiB");
        check((1 << 20) - 1, "1023.9 KiB");
        check(3 << 29, "1.5 GiB");
        check(u64::MAX, "17179869183.9 GiB");
    }
}
