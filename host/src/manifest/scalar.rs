use std::time::Duration;

/// Reads a duration: a whole number and `ms`, `s`, `m` or `h`.
///
/// # Errors
/// What is wrong, for people.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let factor = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        _ => return Err(format!("{text:?} is no duration")),
    };
    let count: u64 = number.parse().map_err(|_| format!("{text:?} is no duration"))?;
    count.checked_mul(factor).map(Duration::from_millis).ok_or_else(|| format!("{text:?} is too long"))
}

/// Reads a size in bytes: a whole number and `B`, `KiB`, `MiB` or `GiB`, or `kB`, `MB` or `GB`.
///
/// # Errors
/// What is wrong, for people.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let factor = match unit {
        "B" => 1,
        "kB" => 1000,
        "MB" => 1000 * 1000,
        "GB" => 1000 * 1000 * 1000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(format!("{text:?} is no size")),
    };
    let count: u64 = number.parse().map_err(|_| format!("{text:?} is no size"))?;
    count.checked_mul(factor).ok_or_else(|| format!("{text:?} is too large"))
}

/// Digits and what follows them.
fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

/// What to do about a duration that cannot be read.
pub(super) const DURATION_REMEDY: &str = "Write a whole number with `ms`, `s`, `m` or `h`, as in \"5s\"";
/// What to do about a size that cannot be read.
pub(super) const SIZE_REMEDY: &str = "Write a whole number with `B`, `KiB`, `MiB` or `GiB`, as in \"64MiB\"";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        let check = |input: &str, expected: Result<u64, &str>| {
            let found = parse_duration(input).map(|duration| duration.as_millis());
            assert_eq!(found, expected.map(u128::from).map_err(str::to_owned), "{input}");
        };
        check("0s", Ok(0));
        check("250ms", Ok(250));
        check("5 s", Ok(5000));
        check("2m", Ok(120_000));
        check("1h", Ok(3_600_000));
        check("5", Err("\"5\" is no duration"));
        check("s", Err("\"s\" is no duration"));
        check("-5s", Err("\"-5s\" is no duration"));
        check("1.5s", Err("\"1.5s\" is no duration"));
        check("18446744073709551615h", Err("\"18446744073709551615h\" is too long"));
        check("18446744073709551616ms", Err("\"18446744073709551616ms\" is no duration"));
    }

    #[test]
    fn sizes_have_a_unit() {
        let check = |input: &str, expected: Result<u64, &str>| {
            assert_eq!(parse_size(input), expected.map_err(str::to_owned), "{input}");
        };
        check("12B", Ok(12));
        check("1kB", Ok(1000));
        check("1KiB", Ok(1024));
        check("64MiB", Ok(67_108_864));
        check("2 GiB", Ok(2_147_483_648));
        check("64", Err("\"64\" is no size"));
        check("64mib", Err("\"64mib\" is no size"));
        check("18446744073709551615KiB", Err("\"18446744073709551615KiB\" is too large"));
    }
}
