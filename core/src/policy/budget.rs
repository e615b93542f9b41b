//! What a run may spend: limits of a tree rock > epic > card, and what models cost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::build_name::rock_build;
use crate::ids::CardId;
use crate::model::{ModelName, ModelRequest, Usage};
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

/// Tokens that a reply is taken to have at most where neither the seat's model options nor the
/// provider bound it.
pub const DEFAULT_OUTPUT_TOKENS: u64 = 4_096;
/// The names under which providers take the longest reply, in tokens.
const OUTPUT_KEYS: [&str; 4] = [
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "num_predict",
];

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

    /// These limits, and those of `other` where these say nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.or(other.tokens),
            micro_usd: self.micro_usd.or(other.micro_usd),
            wall_ms: self.wall_ms.or(other.wall_ms),
            turns: self.turns.or(other.turns),
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
    match unit {
        Unit::Tokens | Unit::Turns => text
            .trim()
            .replace('_', "")
            .parse()
            .map_err(|_| wrong("a whole number")),
        Unit::Money | Unit::Wall => {
            let number: f64 = text
                .trim()
                .parse()
                .map_err(|_| wrong("a number that is not negative"))?;
            if !(0.0..=1.0e12).contains(&number) {
                return Err(wrong("a number that is not negative"));
            }
            let scale = match unit {
                Unit::Money => 1.0e6,
                Unit::Tokens | Unit::Turns | Unit::Wall => 1.0e3,
            };
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "finite and between 0 and 10^18"
            )]
            Ok((number * scale).round() as u64)
        }
    }
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

/// What a model costs, in millionths of a US dollar for a million tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Tokens read.
    pub input: u64,
    /// Tokens written.
    pub output: u64,
}

impl Price {
    /// What so many tokens cost, rounded up, in millionths of a US dollar.
    #[must_use]
    pub fn cost(&self, input: u64, output: u64) -> u64 {
        let part = |tokens: u64, price: u64| u128::from(tokens) * u128::from(price);
        let cost = (part(input, self.input) + part(output, self.output)).div_ceil(1_000_000);
        u64::try_from(cost).unwrap_or(u64::MAX)
    }
}

/// Where in the tree an amount counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// `rock`, `epic` or `card`.
    pub kind: String,
    /// The rock's build, the epic's build, or the card within its build.
    pub id: String,
    /// Its limits by the plan.
    pub limits: Limits,
}

/// What a run may spend.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BudgetPolicy {
    /// All epics of the rock together.
    pub rock: Limits,
    /// The epic, over all runs of its build.
    pub epic: Limits,
    /// Each card, unless it says otherwise.
    pub card: Limits,
    /// Cards that say otherwise.
    pub cards: BTreeMap<CardId, Limits>,
    /// By model, for those in use; kept only where money is limited.
    pub prices: BTreeMap<String, Price>,
}

impl BudgetPolicy {
    /// Whether anything is limited.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        let all = [self.rock, self.epic, self.card];
        all.iter()
            .chain(self.cards.values())
            .any(|limits| !limits.is_empty())
    }

    /// Whether money is limited somewhere.
    #[must_use]
    pub fn limits_money(&self) -> bool {
        let all = [self.rock, self.epic, self.card];
        all.iter()
            .chain(self.cards.values())
            .any(|limits| limits.micro_usd.is_some())
    }

    /// The limits of one card.
    #[must_use]
    pub fn of_card(&self, card: &CardId) -> Limits {
        let own = self.cards.get(card).copied().unwrap_or_default();
        own.or(self.card)
    }

    /// Where a turn of this card counts, the widest first. Scopes without limits count too, so that
    /// `orket budget` shows who spent what.
    #[must_use]
    pub fn scopes(&self, build: &str, rock: Option<&str>, epic: &str, card: &CardId) -> Vec<Scope> {
        let mut scopes = Vec::with_capacity(3);
        if rock.is_some()
            && let Some(of_rock) = rock_build(build, epic)
        {
            scopes.push(Scope {
                kind: "rock".to_owned(),
                id: of_rock.to_owned(),
                limits: self.rock,
            });
        }
        scopes.push(Scope {
            kind: "epic".to_owned(),
            id: build.to_owned(),
            limits: self.epic,
        });
        scopes.push(Scope {
            kind: "card".to_owned(),
            id: format!("{build}/{card}"),
            limits: self.of_card(card),
        });
        scopes
    }

    /// The most that a question can cost: a token has at least one byte, the reply has the length
    /// that is asked for, and the turn's clock bounds the time (`turn_ms`, 0 for none).
    #[must_use]
    pub fn most(&self, request: &ModelRequest, turn_ms: u64) -> Amounts {
        let messages: usize = request.messages.iter().map(|it| it.content.len()).sum();
        let tools: usize = request
            .tools
            .iter()
            .map(|tool| {
                tool.name.len() + tool.description.len() + tool.parameters.to_string().len()
            })
            .sum();
        let input = u64::try_from(messages.saturating_add(tools)).unwrap_or(u64::MAX);
        let asked = OUTPUT_KEYS
            .iter()
            .find_map(|key| request.options.params.get(*key)?.as_u64());
        let output = asked.unwrap_or(DEFAULT_OUTPUT_TOKENS);
        Amounts {
            tokens: input.saturating_add(output),
            micro_usd: self.price(&request.model).cost(input, output),
            wall_ms: turn_ms,
            turns: 1,
        }
    }

    /// What a question did cost. What the provider does not tell counts as the reply's bytes, which
    /// is more.
    #[must_use]
    pub fn spent(&self, model: &ModelName, most: Amounts, usage: Usage, ms: u64) -> Amounts {
        match (usage.prompt_tokens, usage.output_tokens) {
            (Some(input), Some(output)) => Amounts {
                tokens: input.saturating_add(output),
                micro_usd: self.price(model).cost(input, output),
                wall_ms: ms,
                turns: 1,
            },
            _ => Amounts {
                wall_ms: ms,
                ..most
            },
        }
    }

    fn price(&self, model: &ModelName) -> Price {
        self.prices
            .get(&model.to_string())
            .copied()
            .unwrap_or_default()
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
    fn a_price_is_rounded_up() {
        let price = Price {
            input: 2_500_000,
            output: 10_000_000,
        };
        assert_eq!(price.cost(1_000, 100), 3_500);
        assert_eq!(price.cost(1, 0), 3);
        assert_eq!(price.cost(u64::MAX, u64::MAX), u64::MAX);
    }

    #[test]
    fn a_card_counts_in_its_epic_and_its_rock() {
        let policy = BudgetPolicy::default();
        let card = CardId::new("C-1").unwrap();
        let kinds = |build: &str, rock| -> Vec<String> {
            let scopes = policy.scopes(build, rock, "demo", &card);
            scopes
                .into_iter()
                .map(|it| format!("{} {}", it.kind, it.id))
                .collect()
        };
        assert_eq!(
            kinds("build-demo", None),
            ["epic build-demo", "card build-demo/C-1"]
        );
        assert_eq!(
            kinds("rock-r.demo", Some("r")),
            ["rock rock-r", "epic rock-r.demo", "card rock-r.demo/C-1"]
        );
        let scopes = policy.scopes("rock-r.my._epic", Some("r"), "my epic", &card);
        assert_eq!(
            (scopes[0].kind.as_str(), scopes[0].id.as_str()),
            ("rock", "rock-r")
        );
    }
}
