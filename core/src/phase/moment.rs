//! An instant as the record has it: ISO 8601 in JSON, milliseconds here.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::artifact::rfc3339;

/// Milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub i64);

impl Moment {
    /// Reads `2026-01-02T03:04:05[.678901][Z|+01:00]`, with a space for the `T` if need be. Without an
    /// offset it is UTC, as the Python Orket meant it. What is below a millisecond is cut off.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (date, rest) = text.split_once(['T', 't', ' '])?;
        let mut parts = date.splitn(3, '-').map(whole);
        let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
        let (time, offset) = match rest.find(['Z', 'z', '+', '-']) {
            Some(at) => (rest.get(..at)?, minutes_ahead(rest.get(at..)?)?),
            None => (rest, 0),
        };
        let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
        let mut parts = clock.splitn(3, ':').map(whole);
        let (hour, minute) = (parts.next()??, parts.next()??);
        let second = parts.next().unwrap_or(Some(0))?;
        if !(1..=12).contains(&month)
            || !(1..=days_of(year, month)).contains(&day)
            || !(1..=9_999).contains(&year)
            || hour > 23
            || minute > 59
            || second > 60
            || fraction.is_empty()
            || !fraction.bytes().all(|byte| byte.is_ascii_digit())
        {
            return None;
        }
        let millis: String = fraction.chars().chain("00".chars()).take(3).collect();
        let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute - offset) * 60 + second;
        Some(Self(seconds * 1_000 + whole(&millis)?))
    }

    /// The day in UTC, counted from 1970-01-01.
    #[must_use]
    pub const fn day(self) -> i64 {
        self.0.div_euclid(super::DAY_MS)
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&rfc3339(self.0))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is no time")))
    }
}

fn whole(digits: &str) -> Option<i64> {
    let is_plain =
        !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| digits.parse().ok()).flatten()
}

/// `Z`, `+01:00`, `-0530`.
fn minutes_ahead(offset: &str) -> Option<i64> {
    if offset.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) = offset.split_at_checked(1)?;
    let digits: String = rest.chars().filter(|c| *c != ':').collect();
    let (hours, minutes) = digits.split_at_checked(2)?;
    let minutes = if minutes.is_empty() { "0" } else { minutes };
    let (hours, minutes) = (whole(hours)?, whole(minutes)?);
    let ahead = hours * 60 + minutes;
    (hours < 24 && minutes < 60).then_some(if sign == "-" { -ahead } else { ahead })
}

const fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the Gregorian calendar.
///
/// H. Hinnant, *chrono-Compatible Low-Level Date Algorithms*, `days_from_civil`.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    era * 146_097 + of_era - 719_468
}
