use http::HeaderValue;
use parking_lot::Mutex;
use std::time::{Duration, UNIX_EPOCH};

/// The value of the header `date`, made once a second.
#[derive(Default)]
pub(super) struct Date(Mutex<Option<(u64, HeaderValue)>>);

impl Date {
    /// For that time of day; `None` before 1970 and after 9999, which no header can say.
    pub(super) fn header(&self, wall: Duration) -> Option<HeaderValue> {
        let seconds = wall.as_secs();
        let mut kept = self.0.lock();
        if let Some((of, value)) = &*kept
            && *of == seconds
        {
            return Some(value.clone());
        }
        // The year 10000.
        if seconds >= 253_402_300_800 {
            return None;
        }
        let text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
        let value = HeaderValue::from_str(&text).ok()?;
        *kept = Some((seconds, value.clone()));
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_is_that_of_the_wall_clock() {
        let date = Date::default();
        let check = |seconds: u64, expected: Option<&str>| {
            let value = date.header(Duration::from_secs(seconds));
            assert_eq!(value.as_ref().and_then(|value| value.to_str().ok()), expected);
        };
        check(784_111_777, Some("Sun, 06 Nov 1994 08:49:37 GMT"));
        check(784_111_778, Some("Sun, 06 Nov 1994 08:49:38 GMT"));
        check(253_402_300_799, Some("Fri, 31 Dec 9999 23:59:59 GMT"));
        check(253_402_300_800, None);
        check(u64::MAX, None);
    }
}
