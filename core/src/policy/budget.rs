//! What a run may spend: limits of a tree rock > epic > card, and what models cost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::amounts::{Amounts, Limits, MOST_AMOUNT, Unit};
use super::output_bound::{DEFAULT_OUTPUT_TOKENS, bounded};
use crate::build_name::rock_build;
use crate::ids::CardId;
use crate::model::{ModelName, ModelOptions, ModelRequest, Usage};

/// Tokens that a server may add around a message or a tool: the marks of its chat template.
const FRAME_TOKENS: u64 = 64;

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
    /// The longest reply where a model's options bound none, in tokens; put into every request.
    /// `None` where neither tokens nor money is limited, and in the plans of earlier versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<u64>,
}

impl BudgetPolicy {
    /// Whether anything is limited.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        self.any(|limits| !limits.is_empty())
    }

    /// Whether this unit is limited somewhere.
    #[must_use]
    pub fn limits(&self, unit: Unit) -> bool {
        self.any(|limits| limits.of(unit).is_some())
    }

    fn any(&self, is_so: impl Fn(&Limits) -> bool) -> bool {
        let all = [self.rock, self.epic, self.card];
        all.iter().chain(self.cards.values()).any(is_so)
    }

    /// The limits of one card.
    #[must_use]
    pub fn of_card(&self, card: &CardId) -> Limits {
        let own = self.cards.get(card).copied().unwrap_or_default();
        own.tighter(self.card)
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

    /// The options that a model is asked with: where tokens or money are limited they bound the reply.
    #[must_use]
    pub fn options(&self, model: &ModelName, options: &ModelOptions) -> ModelOptions {
        let mut options = options.clone();
        if let Some(bound) = self.output {
            options.params = bounded(model, &options.params, bound).params;
        }
        options
    }

    /// What to say of a reply that its server cut off at the longest one; `written` are the options as
    /// the operator wrote them.
    #[must_use]
    pub fn cut_note(&self, model: &ModelName, written: &ModelOptions) -> Option<String> {
        let bounded = bounded(model, &written.params, self.output?);
        Some(match bounded.put {
            Some(key) => format!(
                "the reply was cut off at {} tokens: that is the longest one where a budget limits tokens or money and the environment's params say nothing; a larger `{key}` there lets replies be longer and sets more of the budget aside",
                bounded.most
            ),
            None => format!(
                "the reply was cut off at {} tokens, as the environment's params say; a budget sets aside as much before each question",
                bounded.most
            ),
        })
    }

    /// The most that a question can cost: a token has at least one byte, what a server adds around a
    /// message is a few, the reply has the length that the server is told, and the turn's clock bounds
    /// the time (`turn_ms`, 0 for none).
    #[must_use]
    pub fn most(&self, request: &ModelRequest, turn_ms: u64) -> Amounts {
        let messages = request.messages.iter().map(|it| it.content.len());
        let tools = request.tools.iter().map(|tool| {
            tool.name.len() + tool.description.len() + tool.parameters.to_string().len()
        });
        let schema = request.schema.iter().map(|it| it.to_string().len());
        let input = messages.chain(tools).chain(schema).fold(0, |sum: u64, it| {
            let bytes = u64::try_from(it).unwrap_or(u64::MAX);
            sum.saturating_add(bytes).saturating_add(FRAME_TOKENS)
        });
        let default = self.output.unwrap_or(DEFAULT_OUTPUT_TOKENS);
        let output = bounded(&request.model, &request.options.params, default).most;
        Amounts {
            tokens: input.saturating_add(output).min(MOST_AMOUNT),
            micro_usd: self
                .price(&request.model)
                .cost(input, output)
                .min(MOST_AMOUNT),
            wall_ms: turn_ms.min(MOST_AMOUNT),
            turns: 1,
        }
    }

    /// What a question did cost, by its provider's own count, be it more than what was set aside. What
    /// the provider does not tell is what was set aside, which is more. The time is at most that which
    /// bounded the question.
    #[must_use]
    pub fn spent(&self, model: &ModelName, most: Amounts, usage: Usage, ms: u64) -> Amounts {
        let wall_ms = if most.wall_ms == 0 {
            ms.min(MOST_AMOUNT)
        } else {
            ms.min(most.wall_ms)
        };
        match (usage.prompt_tokens, usage.output_tokens) {
            (Some(input), Some(output)) => Amounts {
                tokens: input.saturating_add(output).min(MOST_AMOUNT),
                micro_usd: self.price(model).cost(input, output).min(MOST_AMOUNT),
                wall_ms,
                turns: 1,
            },
            _ => Amounts { wall_ms, ..most },
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
