//! Amounts of what a run may spend: their units, their limits, and how people write them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::status::words;

words! {
    /// What is counted.
    Unit, "budget unit" {
        /// Tokens read and written.
        Tokens = "tokens",
        /// Money, in millionths of a US dollar.
        Money = "usd",
        /// Time that models are asked, in milliseconds, added up over all turns.
        Wall = "wall_sec",
        /// Questions to models: each round of each attempt at a turn is one.
        Turns = "turns",
    }
}

/// The most that can be written down of any unit: 10^15. Thousands of such amounts can be added up
/// before a journal's integers end.
pub const MOST_AMOUNT: u64 = 1_000_000_000_000_000;

/// What became of a question that something was set aside for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// It cost this much.
    Exactly(Amounts),
    /// No server took it up: it cost the time and its turn, and no token.
    Unheard,
    /// It broke off, and nobody knows how far it came: it cost the time and all else that was set
    /// aside.
    Unknown,
}

impl Spent {
    /// The amounts, where `reserved` was set aside and `wall_ms` went by.
    #[must_use]
    pub fn amounts(self, reserved: Amounts, wall_ms: u64) -> Amounts {
        match self {
            Self::Exactly(amounts) => amounts,
            Self::Unheard => Amounts {
                wall_ms,
                turns: reserved.turns,
                ..Amounts::default()
            },
            Self::Unknown => Amounts {
                wall_ms,
                ..reserved
            },
        }
    }
}

/// An amount of each unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Amounts {
    /// Tokens.
    pub tokens: u64,
    /// Millionths of a US dollar.
    pub micro_usd: u64,
    /// Milliseconds.
    pub wall_ms: u64,
    /// Questions.
    pub turns: u64,
}

impl Amounts {
    /// The amount of one unit.
    #[must_use]
    pub const fn of(&self, unit: Unit) -> u64 {
        match unit {
            Unit::Tokens => self.tokens,
            Unit::Money => self.micro_usd,
            Unit::Wall => self.wall_ms,
            Unit::Turns => self.turns,
        }
    }
}

/// The most of each unit; `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Millionths of a US dollar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub micro_usd: Option<u64>,
    /// Milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall_ms: Option<u64>,
    /// Questions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turns: Option<u64>,
}

impl Limits {
    /// The limit of one unit.
    #[must_use]
    pub const fn of(&self, unit: Unit) -> Option<u64> {
        match unit {
            Unit::Tokens => self.tokens,
            Unit::Money => self.micro_usd,
            Unit::Wall => self.wall_ms,
            Unit::Turns => self.turns,
        }
    }

    fn slot(&mut self, unit: Unit) -> &mut Option<u64> {
        match unit {
            Unit::Tokens => &mut self.tokens,
            Unit::Money => &mut self.micro_usd,
            Unit::Wall => &mut self.wall_ms,
            Unit::Turns => &mut self.turns,
        }
    }

    /// Sets the limit of a unit from its text.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong with the text.
    pub fn set(&mut self, unit: Unit, text: &str) -> Result<(), String> {
        *self.slot(unit) = Some(amount(unit, text)?);
        Ok(())
    }

    /// Whether nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Of each unit the tighter of two limits.
    #[must_use]
    pub fn tighter(self, other: Self) -> Self {
        let least = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Self {
            tokens: least(self.tokens, other.tokens),
            micro_usd: least(self.micro_usd, other.micro_usd),
            wall_ms: least(self.wall_ms, other.wall_ms),
            turns: least(self.turns, other.turns),
        }
    }

    /// The limits that an asset writes as `{"tokens", "usd", "wall_sec", "turns"}`.
    ///
    /// # Errors
    ///
    /// For each field that is wrong, its name and a sentence.
    pub fn read(written: &Value) -> Result<Self, Vec<(String, String)>> {
        let known = || {
            let words: Vec<&str> = Unit::ALL.iter().map(|unit| unit.as_str()).collect();
            words.join(", ")
        };
        let Some(map) = written.as_object() else {
            let message = format!("must be an object with some of: {}", known());
            return Err(vec![(String::new(), message)]);
        };
        let mut limits = Self::default();
        let mut problems = Vec::new();
        for (name, value) in map {
            let set = match name.parse::<Unit>() {
                Err(_) => Err(format!("is no unit of a budget; known: {}", known())),
                Ok(_) if value.is_null() => Ok(()),
                Ok(unit) => match value {
                    Value::Number(number) => limits.set(unit, &number.to_string()),
                    Value::String(text) => limits.set(unit, text),
                    _ => Err("must be a number".to_owned()),
                },
            };
            if let Err(message) = set {
                problems.push((name.clone(), message));
            }
        }
        if problems.is_empty() {
            Ok(limits)
        } else {
            Err(problems)
        }
    }
}

/// An amount as people write it: tokens and turns whole, dollars and seconds with a fraction.
///
/// # Errors
///
/// A sentence that says what would be right.
pub fn amount(unit: Unit, text: &str) -> Result<u64, String> {
    let wrong = |what: &str| format!("`{text}` is not {what}");
    let too_much = || {
        let most = shown(unit, MOST_AMOUNT);
        format!("`{text}` is more than a budget can hold; {most} is the most")
    };
    let read = match unit {
        Unit::Tokens | Unit::Turns => {
            let digits = text.trim().replace('_', "");
            match digits.parse() {
                Ok(number) => number,
                Err(_) if is_digits(&digits) => return Err(too_much()),
                Err(_) => return Err(wrong("a whole number")),
            }
        }
        Unit::Money | Unit::Wall => {
            let number: f64 = text
                .trim()
                .parse()
                .map_err(|_| wrong("a number that is not negative"))?;
            if number.is_nan() || number < 0.0 {
                return Err(wrong("a number that is not negative"));
            }
            let scale = match unit {
                Unit::Money => 1.0e6,
                Unit::Tokens | Unit::Turns | Unit::Wall => 1.0e3,
            };
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "not negative, and what is too large becomes the largest"
            )]
            let read = (number * scale).round() as u64;
            read
        }
    };
    if read > MOST_AMOUNT {
        return Err(too_much());
    }
    Ok(read)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// An amount as people read it.
#[must_use]
pub fn shown(unit: Unit, amount: u64) -> String {
    let fraction = |scale: u64, digits: usize| {
        let (whole, rest) = (amount / scale, amount % scale);
        let text = format!("{whole}.{rest:0digits$}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        text.to_owned()
    };
    match unit {
        Unit::Tokens | Unit::Turns => amount.to_string(),
        Unit::Money => fraction(1_000_000, 6),
        Unit::Wall => fraction(1_000, 3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn limits_are_read_in_the_units_of_people() {
        let read =
            Limits::read(&json!({"tokens": 1_000, "usd": 1.25, "wall_sec": "0.5", "turns": 3}));
        let limits = read.unwrap();
        assert_eq!(limits.tokens, Some(1_000));
        assert_eq!(limits.micro_usd, Some(1_250_000));
        assert_eq!(limits.wall_ms, Some(500));
        assert_eq!(limits.turns, Some(3));
        assert_eq!(shown(Unit::Money, 1_250_000), "1.25");
        assert_eq!(shown(Unit::Wall, 500), "0.5");
        assert_eq!(shown(Unit::Tokens, 1_000), "1000");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (written, field) in [
            (json!({"token": 1}), "token"),
            (json!({"tokens": -1}), "tokens"),
            (json!({"tokens": 1.5}), "tokens"),
            (json!({"usd": "much"}), "usd"),
            (json!({"turns": [1]}), "turns"),
            (json!(7), ""),
        ] {
            let problems = Limits::read(&written).unwrap_err();
            assert_eq!(problems[0].0, field, "{written}");
        }
    }

    #[test]
    fn amounts_end_where_sums_of_them_could_not_be_stored() {
        for (unit, most, more) in [
            (Unit::Tokens, "1000000000000000", "1000000000000001"),
            (Unit::Turns, "1_000_000_000_000_000", "9223372036854775807"),
            (Unit::Turns, "0", "99999999999999999999999"),
            (Unit::Money, "1000000000", "1000000000.1"),
            (Unit::Wall, "1e12", "inf"),
        ] {
            assert!(
                amount(unit, most).is_ok_and(|it| it <= MOST_AMOUNT),
                "{most}"
            );
            let error = amount(unit, more).unwrap_err();
            assert!(error.contains("more than a budget can hold"), "{error}");
        }
        assert!(amount(Unit::Money, "NaN").is_err());
    }

    #[test]
    fn the_tighter_of_two_limits_counts() {
        let limits = |tokens, turns| Limits {
            tokens,
            turns,
            ..Limits::default()
        };
        let both = limits(Some(5), None).tighter(limits(Some(3), Some(7)));
        assert_eq!(both, limits(Some(3), Some(7)));
    }

    #[test]
    fn what_nobody_knows_costs_the_time_that_went_by_and_the_rest_as_set_aside() {
        let reserved = Amounts {
            tokens: 100,
            micro_usd: 7,
            wall_ms: 1_800_000,
            turns: 1,
        };
        let unknown = Spent::Unknown.amounts(reserved, 40);
        assert_eq!(
            unknown,
            Amounts {
                wall_ms: 40,
                ..reserved
            }
        );
        let unheard = Spent::Unheard.amounts(reserved, 40);
        let time_alone = Amounts {
            wall_ms: 40,
            turns: 1,
            ..Amounts::default()
        };
        assert_eq!(unheard, time_alone);
    }
}
