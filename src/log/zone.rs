//! The zone of timestamps, and timestamps that are formatted once a second.

use std::fmt::Write as _;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use orket_core::artifact::rfc3339;

/// A zone that `ORKET_TIMEZONE` may name.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Zone {
    /// UTC, the default.
    #[default]
    Utc,
    /// A fixed distance from UTC.
    Fixed {
        /// East of Greenwich, in minutes.
        minutes: i32,
    },
    /// A zone of the IANA database: the system's, or the one that is built in.
    Named(TimeZone),
}

/// No zone is called that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown time zone `{given}`: use `UTC`, an offset such as `+02:00`, or an IANA name such as {examples}"
)]
pub struct ZoneError {
    /// What was given.
    pub given: String,
    /// Names that may have been meant.
    pub examples: String,
}

impl FromStr for Zone {
    type Err = ZoneError;

    fn from_str(text: &str) -> Result<Self, ZoneError> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("utc") || text.eq_ignore_ascii_case("z") {
            return Ok(Self::Utc);
        }
        if let Some(minutes) = offset_minutes(text) {
            return Ok(Self::Fixed { minutes });
        }
        if !text.is_empty()
            && let Ok(zone) = TimeZone::get(text)
        {
            return Ok(Self::Named(zone));
        }
        Err(ZoneError {
            given: text.to_owned(),
            examples: examples(text),
        })
    }
}

/// Minutes of `+HH:MM`, `-HH:MM`, at most 18 hours away.
fn offset_minutes(text: &str) -> Option<i32> {
    let (sign, rest) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(rest), _) => (1, rest),
        (_, Some(rest)) => (-1, rest),
        (None, None) => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let number = |digits: &str| {
        (digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| digits.parse::<i32>().ok())
            .flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours <= 18 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// Names of the database that contain what was typed, or a few well-known ones.
fn examples(given: &str) -> String {
    let wanted = given.to_ascii_lowercase().replace(' ', "_");
    let mut names: Vec<String> = jiff::tz::db()
        .available()
        .map(|name| name.as_str().to_owned())
        .filter(|name| !wanted.is_empty() && name.to_ascii_lowercase().contains(&wanted))
        .collect();
    names.sort();
    names.truncate(5);
    if names.is_empty() {
        names = ["Europe/Berlin", "America/New_York", "Asia/Tokyo"]
            .map(str::to_owned)
            .to_vec();
    }
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

impl Zone {
    /// The instant at which a clock on a wall of this zone shows this; the earlier one when it shows it
    /// twice, and as if there were no gap when never.
    /// `None` beyond the years that there are.
    #[must_use]
    pub fn instant_of(&self, shown: DateTime) -> Option<Timestamp> {
        let zone = match self {
            Self::Utc => TimeZone::UTC,
            Self::Fixed { minutes } => {
                TimeZone::fixed(Offset::from_seconds(minutes.saturating_mul(60)).ok()?)
            }
            Self::Named(zone) => zone.clone(),
        };
        zone.to_timestamp(shown).ok()
    }

    /// The day that it is there.
    #[must_use]
    pub fn day(&self, unix_ms: i64) -> Date {
        let second = unix_ms.div_euclid(1_000);
        let local = second.saturating_add(i64::from(self.minutes_at(second)) * 60);
        let local = Timestamp::from_second(local).unwrap_or(Timestamp::UNIX_EPOCH);
        TimeZone::UTC.to_datetime(local).date()
    }

    /// An instant, milliseconds since 1970-01-01 UTC, as text: `2026-01-02T03:04:05.678+02:00`.
    #[must_use]
    pub fn stamp(&self, unix_ms: i64) -> String {
        Stamp::new(self).at(unix_ms).to_owned()
    }

    /// Minutes east of UTC at this second.
    pub(crate) fn minutes_at(&self, unix_second: i64) -> i32 {
        match self {
            Self::Utc => 0,
            Self::Fixed { minutes } => *minutes,
            Self::Named(zone) => Timestamp::from_second(unix_second)
                .map_or(0, |instant| zone.to_offset(instant).seconds() / 60),
        }
    }
}

/// Makes timestamps: `2026-01-02T03:04:05.678+02:00`.
pub(crate) struct Stamp<'a> {
    zone: &'a Zone,
    /// The second that `text` begins with.
    second: Option<i64>,
    offset: String,
    text: String,
}

impl<'a> Stamp<'a> {
    /// The length of a date and time up to the second.
    const TO_SECOND: usize = 19;

    pub fn new(zone: &'a Zone) -> Self {
        Self {
            zone,
            second: None,
            offset: String::new(),
            text: String::new(),
        }
    }

    /// The text of an instant, milliseconds since 1970-01-01 UTC.
    pub fn at(&mut self, unix_ms: i64) -> &str {
        let second = unix_ms.div_euclid(1_000);
        if self.second != Some(second) {
            let minutes = self.zone.minutes_at(second);
            let local_ms = unix_ms.saturating_add(i64::from(minutes) * 60_000);
            self.text = rfc3339(local_ms);
            self.offset.clear();
            let sign = if minutes < 0 { '-' } else { '+' };
            let away = minutes.abs();
            // Writing to a text cannot fail.
            let _ = write!(self.offset, "{sign}{:02}:{:02}", away / 60, away % 60);
            self.second = Some(second);
        }
        self.text.truncate(Self::TO_SECOND);
        let _ = write!(
            self.text,
            ".{:03}{}",
            unix_ms.rem_euclid(1_000),
            self.offset
        );
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(zone: &str, ms: i64) -> String {
        let zone: Zone = zone.parse().unwrap();
        Stamp::new(&zone).at(ms).to_owned()
    }

    #[test]
    fn a_timestamp_follows_its_zone_through_the_clock_change() {
        // 2024-03-31T00:59:59.999Z and one millisecond later, when Berlin goes from +1 to +2.
        let before = 1_711_846_799_999;
        assert_eq!(shown("UTC", before), "2024-03-31T00:59:59.999+00:00");
        assert_eq!(shown("-03:30", before), "2024-03-30T21:29:59.999-03:30");
        let berlin: Zone = "Europe/Berlin".parse().unwrap();
        let mut stamp = Stamp::new(&berlin);
        assert_eq!(stamp.at(before), "2024-03-31T01:59:59.999+01:00");
        assert_eq!(stamp.at(before + 1), "2024-03-31T03:00:00.000+02:00");
        assert_eq!(stamp.at(before + 2), "2024-03-31T03:00:00.001+02:00");
    }

    #[test]
    fn a_day_begins_where_the_zone_is() {
        // 2026-02-15T22:30:00Z, a Sunday.
        let late = 1_771_194_600_000;
        for (zone, day) in [
            ("UTC", "2026-02-15"),
            ("+02:00", "2026-02-16"),
            ("Asia/Tokyo", "2026-02-16"),
            ("America/New_York", "2026-02-15"),
        ] {
            let zone: Zone = zone.parse().unwrap();
            assert_eq!(zone.day(late).to_string(), day, "{zone:?}");
        }
    }

    #[test]
    fn an_unknown_zone_says_what_is_accepted() {
        for bad in ["", "Mars/Olympus", "+2", "+25:00", "+02:61"] {
            assert!(bad.parse::<Zone>().is_err(), "{bad:?} was accepted");
        }
        let error = "berlin".parse::<Zone>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown time zone `berlin`: use `UTC`, an offset such as `+02:00`, or an IANA name such as `Europe/Berlin`"
        );
    }
}
