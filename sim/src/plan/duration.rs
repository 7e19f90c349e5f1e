use std::time::Duration;

/// The units of a duration, the longest first.
const UNITS: [(&str, u128); 4] = [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1)];

/// A whole number of the longest unit that takes it exactly: `250ms`.
pub(crate) fn format_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    // Seconds only where there are many: a plan's times are compared by eye.
    let fits = |(name, unit): &&(&str, u128)| nanos.is_multiple_of(*unit) && (*name != "s" || nanos >= 2 * unit);
    let (name, unit) = UNITS.iter().find(fits).copied().unwrap_or(("ns", 1));
    format!("{}{name}", nanos / unit)
}

/// The inverse of [`format_duration`]; also `1.5s`.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
    let (number, unit) = text.split_at(digits);
    let (_, nanos) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let mut sum = whole.parse::<u128>().ok()?.checked_mul(*nanos)?;
    let mut place = *nanos;
    for digit in part.chars() {
        place /= 10;
        sum += u128::from(digit.to_digit(10)?) * place;
    }
    Some(Duration::from_nanos(u64::try_from(sum).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_they_are_written() {
        for (nanos, text) in [(0, "0s"), (1, "1ns"), (1_500, "1500ns"), (250_000_000, "250ms"), (2_000_000_000, "2s")] {
            assert_eq!(format_duration(Duration::from_nanos(nanos)), text);
            assert_eq!(parse_duration(text), Some(Duration::from_nanos(nanos)));
        }
        assert_eq!(parse_duration("1.25s"), Some(Duration::from_millis(1250)));
        for wrong in ["", "5", "s", "1m", "1.2.3s", "-1s", "99999999999999999999s"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }
}
