//! Which lines of a log count.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Which lines of a log count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only of the run whose id begins so.
    pub run: Option<String>,
    /// Only from this instant on.
    pub since: Option<Timestamp>,
}

/// A text that says no instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no point in time: 2026-03-01, 2026-03-01T08:00:00Z, or how long ago, such as 90m, 12h or 7d"
)]
pub struct SinceError(String);

impl Selection {
    /// An instant out of a date (midnight, UTC), a time (UTC unless it names an offset), or a duration
    /// before `now` (`90m`, `12h`, `7d`).
    ///
    /// # Errors
    ///
    /// [`SinceError`] for any other text.
    pub fn since(text: &str, now: Timestamp) -> Result<Timestamp, SinceError> {
        let text = text.trim();
        let civil = |time: DateTime| time.to_zoned(TimeZone::UTC).ok().map(|it| it.timestamp());
        ago(text)
            .and_then(|length| now.checked_sub(length).ok())
            .or_else(|| text.parse::<Timestamp>().ok())
            .or_else(|| {
                let date: Date = (text.len() == 10).then(|| text.parse().ok()).flatten()?;
                civil(date.at(0, 0, 0, 0))
            })
            .or_else(|| civil(text.parse::<DateTime>().ok()?))
            .ok_or_else(|| SinceError(text.to_owned()))
    }
}

/// `90m` and the like.
fn ago(text: &str) -> Option<SignedDuration> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    let count: u32 = text.strip_suffix(unit)?.parse().ok()?;
    Some(SignedDuration::from_secs(i64::from(count) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_in_time_is_a_date_a_time_or_how_long_ago() {
        let now: Timestamp = "2026-03-10T12:00:00Z".parse().unwrap();
        let cases = [
            ("2026-03-01", "2026-03-01T00:00:00Z"),
            ("2026-03-01T08:00:00", "2026-03-01T08:00:00Z"),
            ("2026-03-01T08:00:00+02:00", "2026-03-01T06:00:00Z"),
            ("90m", "2026-03-10T10:30:00Z"),
            ("7d", "2026-03-03T12:00:00Z"),
        ];
        for (text, instant) in cases {
            assert_eq!(
                Selection::since(text, now).unwrap().to_string(),
                instant,
                "{text}"
            );
        }
        for text in ["", "yesterday", "7", "-3d", "2026-13-01", "99999999999d"] {
            assert!(Selection::since(text, now).is_err(), "{text}");
        }
    }
}
