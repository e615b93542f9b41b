//! Sums: `+ - * /`, parentheses and decimals. Answered without a model.

/// How deep parentheses and signs may nest.
const DEEPEST: usize = 64;
/// The longest sum, in bytes.
const LONGEST: usize = 200;
/// What may stand before a sum.
const LEADS: [&str; 7] = [
    "what is",
    "what's",
    "what’s",
    "how much is",
    "calculate",
    "compute",
    "solve",
];

/// The result of a message that is a sum and nothing else, in words; `None` when it is none.
#[must_use]
pub fn answer(message: &str) -> Option<String> {
    let lower = message.trim().to_lowercase();
    let lead = LEADS.iter().find_map(|lead| lower.strip_prefix(lead));
    let sum = lead
        .unwrap_or(&lower)
        .trim()
        .trim_end_matches(['?', '=', '.', '!', ' ']);
    let is_sum = sum.len() <= LONGEST
        && sum.chars().any(|c| c.is_ascii_digit())
        && sum.chars().skip(1).any(|c| "+-*/".contains(c))
        && sum
            .chars()
            .all(|c| c.is_ascii_digit() || " .+-*/()".contains(c));
    if !is_sum {
        return None;
    }
    let mut parser = Parser {
        rest: sum,
        depth: 0,
    };
    let value = parser.sum()?;
    if !parser.next_is_end() {
        return None;
    }
    if !value.is_finite() {
        return Some("That has no result: something is divided by zero, or too large.".to_owned());
    }
    Some(shown(value))
}

/// Whole numbers up to here are exact: 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Whole numbers as they are; else twelve digits, without the noise of binary fractions. What is larger than
/// numbers are exact is said to be about right.
fn shown(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if value.fract() == 0.0 && value.abs() < EXACT {
        return format!("{value}");
    }
    if value.abs() >= EXACT {
        return format!("about {value:.11e}");
    }
    let rounded: f64 = format!("{value:.11e}").parse().unwrap_or(value);
    format!("{rounded}")
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        found
    }

    fn next_is_end(&mut self) -> bool {
        self.peek().is_none()
    }

    fn sum(&mut self) -> Option<f64> {
        let mut value = self.product()?;
        loop {
            if self.take('+') {
                value += self.product()?;
            } else if self.take('-') {
                value -= self.product()?;
            } else {
                return Some(value);
            }
        }
    }

    fn product(&mut self) -> Option<f64> {
        let mut value = self.signed()?;
        loop {
            if self.take('*') {
                value *= self.signed()?;
            } else if self.take('/') {
                value /= self.signed()?;
            } else {
                return Some(value);
            }
        }
    }

    fn signed(&mut self) -> Option<f64> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let value = if self.take('-') {
            self.signed().map(|value| -value)
        } else if self.take('+') {
            self.signed()
        } else if self.take('(') {
            let value = self.sum()?;
            self.take(')').then_some(value)
        } else {
            self.number()
        };
        self.depth -= 1;
        value
    }

    fn number(&mut self) -> Option<f64> {
        self.peek()?;
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        digits.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sums_are_right() {
        for (message, expected) in [
            ("what is 2+3*4?", Some("14")),
            ("(2+3)*4", Some("20")),
            ("What's 0.1 + 0.2 ?", Some("0.3")),
            ("-3 - -4", Some("1")),
            ("7/2=", Some("3.5")),
            (
                "1/0",
                Some("That has no result: something is divided by zero, or too large."),
            ),
            ("999999999999*7", Some("6999999999993")),
            (
                "999999999*999999999*99999999999",
                Some("about 9.99999997990e28"),
            ),
            ("42", None),
            ("2 +", None),
            ("1.2.3 + 1", None),
            ("(1+2", None),
            ("1 2 + 3", None),
            ("what is love?", None),
            ("1+a", None),
        ] {
            assert_eq!(answer(message).as_deref(), expected, "{message}");
        }
        assert_eq!(
            answer(&format!("{}1+1{}", "(".repeat(90), ")".repeat(90))),
            None
        );
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "[0-9+*/(). -]{0,60}") {
            let _ = answer(&text);
        }

        #[test]
        fn whole_numbers_are_exact(a in -999_999_i64..999_999, b in 0_i64..999) {
            prop_assert_eq!(answer(&format!("{a} * {b}")), Some((a * b).to_string()));
        }
    }
}
