//! Which sprint a day belongs to.
//!
//! A sprint is a week of the ISO 8601 calendar. A quarter has thirteen of them, a year four
//! quarters; in a year of 53 weeks the last one is the fourteenth sprint of the fourth quarter. So
//! quarters begin again with each year, and stay with the seasons.

use jiff::civil::{Date, ISOWeekDate, Weekday};

/// Sprints of a quarter.
const OF_A_QUARTER: u8 = 13;
/// Quarters of a year.
const OF_A_YEAR: u8 = 4;

/// A sprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sprint {
    /// The year of its week.
    pub year: i16,
    /// From 1 to 4.
    pub quarter: u8,
    /// From 1 to 13; 14 in the last quarter of a long year.
    pub number: u8,
    /// Its Monday.
    pub start: Date,
    /// Its Friday.
    pub end: Date,
}

impl Sprint {
    /// The sprint of a day; a weekend belongs to the week before it. `None` where the calendar ends.
    #[must_use]
    pub fn of(day: Date) -> Option<Self> {
        let week = day.iso_week_date();
        let whole = week.week().unsigned_abs().saturating_sub(1);
        let quarter = (whole / OF_A_QUARTER).min(OF_A_YEAR - 1);
        let weekday = |weekday| {
            let day = ISOWeekDate::new(week.year(), week.week(), weekday).ok()?;
            Some(day.date())
        };
        Some(Self {
            year: week.year(),
            quarter: quarter + 1,
            number: whole - quarter * OF_A_QUARTER + 1,
            start: weekday(Weekday::Monday)?,
            end: weekday(Weekday::Friday)?,
        })
    }
}

impl std::fmt::Display for Sprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Q{} S{}", self.quarter, self.number)
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;
    use jiff::civil::date;

    use super::*;

    fn told(day: Date) -> (String, String, String) {
        let sprint = Sprint::of(day).expect("a sprint");
        (
            sprint.to_string(),
            sprint.start.to_string(),
            sprint.end.to_string(),
        )
    }

    /// Case 14 of the reference, and the week that it counts from.
    #[test]
    fn a_day_in_february_is_in_the_seventh_sprint() {
        for day in 9..=15 {
            let told = told(date(2026, 2, day));
            assert_eq!(
                told,
                ("Q1 S7".into(), "2026-02-09".into(), "2026-02-13".into())
            );
        }
        assert_eq!(told(date(2026, 2, 2)).0, "Q1 S6");
    }

    #[test]
    fn quarters_begin_again_with_each_year() {
        for (day, sprint) in [
            (date(2025, 12, 28), "Q4 S13"),
            (date(2025, 12, 29), "Q1 S1"),
            (date(2026, 3, 29), "Q1 S13"),
            (date(2026, 3, 30), "Q2 S1"),
            (date(2026, 12, 27), "Q4 S13"),
            // 2026 has 53 weeks.
            (date(2026, 12, 28), "Q4 S14"),
            (date(2027, 1, 3), "Q4 S14"),
            (date(2027, 1, 4), "Q1 S1"),
        ] {
            assert_eq!(told(day).0, sprint, "{day}");
        }
    }

    /// Every day of four centuries: the week around it, and the sprint after the one before.
    #[test]
    fn sprints_follow_each_other_without_a_gap() {
        let mut day = date(2000, 1, 3);
        let mut before: Option<Sprint> = None;
        while day.year() < 2400 {
            let sprint = Sprint::of(day).expect("a sprint");
            assert_eq!((sprint.start, sprint.end), (day, day + 4.days()));
            assert_eq!(Sprint::of(day + 6.days()), Some(sprint));
            if let Some(before) = before {
                let follows = (sprint.number == before.number + 1
                    && sprint.quarter == before.quarter)
                    || (sprint.number == 1
                        && before.number >= 13
                        && sprint.quarter == before.quarter % 4 + 1);
                assert!(follows, "{before} then {sprint}");
                assert!(sprint.number <= 13 || sprint.quarter == 4);
            }
            before = Some(sprint);
            day += 7.days();
        }
    }
}
