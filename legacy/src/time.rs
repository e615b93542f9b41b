//! Times as the Python Orket wrote them: ISO 8601 with an offset, or without one, which is UTC; with
//! `T` or a space between; and SQLite's CURRENT_TIMESTAMP.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Milliseconds since 1970-01-01 UTC; nothing when it is no time.
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_millisecond());
    }
    let civil: DateTime = text.parse().ok()?;
    let at = civil.to_zoned(TimeZone::UTC).ok()?;
    Some(at.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_the_python_orket_writes_a_time_is_read_and_nothing_else() {
        for (text, ms) in [
            ("2026-02-11T09:30:00.123456+00:00", Some(1_770_802_200_123)),
            ("2026-02-11T09:30:00.123456", Some(1_770_802_200_123)),
            ("2026-02-11 09:30:00", Some(1_770_802_200_000)),
            ("2026-02-11T02:30:00-07:00", Some(1_770_802_200_000)),
            ("2026-02-11T09:30:00Z", Some(1_770_802_200_000)),
            ("1969-12-31T23:59:59.999Z", Some(-1)),
            ("", None),
            ("yesterday", None),
            ("1770802200", None),
            ("2026-02-30 09:30:00", None),
        ] {
            assert_eq!(parse(text), ms, "{text}");
        }
    }
}
