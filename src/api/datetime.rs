//! Times in queries: ISO 8601, with a zone or without.

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::fmt::temporal::Pieces;

use crate::log::Zone;

/// The instant that a text means; without a zone of its own it is read in `zone`, without a time it is
/// midnight. A space where a `+` was not encoded is understood. `None` when it is no time.
#[must_use]
pub fn instant(text: &str, zone: &Zone) -> Option<Timestamp> {
    let text = text.trim();
    parse(text, zone).or_else(|| {
        let (before, after) = text.rsplit_once(' ')?;
        parse(&format!("{before}+{after}"), zone)
    })
}

fn parse(text: &str, zone: &Zone) -> Option<Timestamp> {
    let pieces = Pieces::parse(text).ok()?;
    let shown = pieces
        .date()
        .to_datetime(pieces.time().unwrap_or(Time::midnight()));
    if let Some(offset) = pieces.to_numeric_offset() {
        return offset.to_timestamp(shown).ok();
    }
    match pieces.to_time_zone() {
        Ok(Some(named)) => named.to_timestamp(shown).ok(),
        Ok(None) => zone.instant_of(shown),
        Err(_) => None,
    }
}

/// The first millisecond that is not before an instant.
#[must_use]
pub fn first_ms(instant: Timestamp) -> i64 {
    let ms = last_ms(instant);
    if instant.as_nanosecond().rem_euclid(1_000_000) == 0 {
        ms
    } else {
        ms.saturating_add(1)
    }
}

/// The last millisecond that is not after an instant.
#[must_use]
pub fn last_ms(instant: Timestamp) -> i64 {
    i64::try_from(instant.as_nanosecond().div_euclid(1_000_000)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str, zone: &str) -> Option<i64> {
        instant(text, &zone.parse().unwrap()).map(last_ms)
    }

    #[test]
    fn a_time_says_its_zone_or_has_the_server_s() {
        // 2026-01-02T03:04:05.678Z.
        let expected = Some(1_767_323_045_678);
        for text in [
            "2026-01-02T03:04:05.678Z",
            "2026-01-02T05:04:05.678+02:00",
            "2026-01-02 05:04:05.678+0200",
            // An unencoded plus.
            "2026-01-02T05:04:05.678 02:00",
            "2026-01-02 05:04:05.678 02:00",
        ] {
            assert_eq!(ms(text, "America/New_York"), expected, "{text}");
        }
        assert_eq!(ms("2026-01-01T22:04:05.678", "America/New_York"), expected);
        assert_eq!(ms("2026-01-02T03:04:05.678", "UTC"), expected);
        assert_eq!(ms("2026-01-02", "+02:00"), Some(1_767_304_800_000));
        assert_eq!(ms("2026-01-02 03:04", "UTC"), Some(1_767_323_040_000));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "junk",
            "2026-13-01",
            "2026-01-02T25:00",
            "2026-01-02T03:04:05 x",
            "1",
            " ",
        ] {
            assert_eq!(ms(text, "UTC"), None, "{text:?}");
        }
    }

    #[test]
    fn bounds_are_instants_not_texts() {
        let parsed = |text: &str| instant(text, &Zone::Utc).unwrap();
        let between = parsed("2026-01-02T03:04:05.6785Z");
        assert_eq!(first_ms(between) - last_ms(between), 1);
        let exact = parsed("1969-12-31T23:59:59.999Z");
        assert_eq!((first_ms(exact), last_ms(exact)), (-1, -1));
    }
}
