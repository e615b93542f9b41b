//! Models that may not answer: `model_compliance_policy` of the user settings, with that of the
//! organization's process rules laid over it, key by key.
//!
//! ```json
//! {"enabled": true, "fallback_model": "ollama:small", "blocked_models": ["ollama:wild"],
//!  "min_score": 0.8, "model_scores": {"ollama:tame": 0.9}, "score_source": "where scores are from"}
//! ```

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::asset::{Loaded, Organization, Problem};
use crate::model::ModelName;

/// Its key in files.
pub const KEY: &str = "model_compliance_policy";

const OF_THE_USER: &str = "user_settings.json";

/// What the policy says of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It was given on the command line, which no policy binds.
    Override,
    /// There is no policy.
    PolicyMissing,
    /// It is switched off.
    PolicyDisabled,
    /// The model is blocked.
    BlockedModel,
    /// No score is demanded.
    MinScoreMissing,
    /// The model has no score, so nothing speaks against it.
    ScoreMissing,
    /// Its score is too low.
    ScoreBelowThreshold,
    /// Its score is high enough.
    ScoreOk,
}

impl Reason {
    /// As a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::PolicyMissing => "policy_missing",
            Self::PolicyDisabled => "policy_disabled",
            Self::BlockedModel => "blocked_model",
            Self::MinScoreMissing => "min_score_missing",
            Self::ScoreMissing => "score_missing",
            Self::ScoreBelowThreshold => "score_below_threshold",
            Self::ScoreOk => "score_ok",
        }
    }

    /// Whether another model answers instead.
    #[must_use]
    pub const fn is_demotion(self) -> bool {
        matches!(self, Self::BlockedModel | Self::ScoreBelowThreshold)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The policy; `None` in it where nobody wrote one.
#[derive(Debug, Default)]
pub(super) struct Policy(Option<Rules>);

#[derive(Debug)]
struct Rules {
    enabled: bool,
    fallback: Option<Written>,
    blocked: Vec<ModelName>,
    min_score: Option<f64>,
    scores: Vec<(ModelName, f64)>,
}

/// A model and where it is written.
#[derive(Debug)]
struct Written {
    file: String,
    field: String,
    text: String,
}

impl Policy {
    pub(super) fn judge(&self, model: &ModelName) -> Reason {
        let Some(rules) = &self.0 else {
            return Reason::PolicyMissing;
        };
        if !rules.enabled {
            return Reason::PolicyDisabled;
        }
        if rules.blocked.iter().any(|blocked| is_same(blocked, model)) {
            return Reason::BlockedModel;
        }
        let Some(min_score) = rules.min_score else {
            return Reason::MinScoreMissing;
        };
        let score = rules
            .scores
            .iter()
            .find(|(scored, _)| is_same(scored, model));
        match score {
            None => Reason::ScoreMissing,
            Some((_, score)) if *score < min_score => Reason::ScoreBelowThreshold,
            Some(_) => Reason::ScoreOk,
        }
    }

    /// File, field and text of the model that answers in place of another.
    pub(super) fn fallback(&self) -> Option<(&str, &str, &str)> {
        let Written { file, field, text } = self.0.as_ref()?.fallback.as_ref()?;
        Some((file, field, text))
    }
}

/// Servers do not tell names apart by case.
fn is_same(a: &ModelName, b: &ModelName) -> bool {
    a.provider == b.provider && a.model.eq_ignore_ascii_case(&b.model)
}

/// The policy as user and organization wrote it.
///
/// # Errors
///
/// Everything that is wrong with it.
pub(super) fn read(
    user: Option<&Value>,
    organization: Option<&Loaded<Organization>>,
) -> Result<Policy, Vec<Problem>> {
    let of_organization = organization.and_then(|loaded| {
        let written = loaded.asset.process_rules.get(KEY)?;
        Some((
            loaded.file.as_str(),
            format!("process_rules.{KEY}"),
            written,
        ))
    });
    let user = user.map(|written| (OF_THE_USER, KEY.to_owned(), written));
    let mut reader = Reader::default();
    for (file, field, written) in user.into_iter().chain(of_organization) {
        match written {
            Value::Null => {}
            Value::Object(keys) => reader.lay(file, &field, keys),
            _ => reader
                .problems
                .push(Problem::new(file, field, "must be an object")),
        }
    }
    reader.policy()
}

/// Each key with where it stands; a later one takes the place of an earlier one.
#[derive(Default)]
struct Reader<'a> {
    is_written: bool,
    keys: Map<String, Value>,
    places: Vec<(&'a str, &'a str, String)>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn lay(&mut self, file: &'a str, field: &str, keys: &'a Map<String, Value>) {
        const KNOWN: [&str; 6] = [
            "enabled",
            "fallback_model",
            "blocked_models",
            "min_score",
            "model_scores",
            "score_source",
        ];
        self.is_written = true;
        for (key, value) in keys {
            let field = format!("{field}.{key}");
            if !KNOWN.contains(&key.as_str()) {
                let message = format!("is not known; known: {}", KNOWN.join(", "));
                self.problems.push(Problem::new(file, field, message));
                continue;
            }
            self.keys.insert(key.clone(), value.clone());
            self.places.retain(|(known, _, _)| known != key);
            self.places.push((key, file, field));
        }
    }

    /// File and field of a key.
    fn place(&self, key: &str) -> (String, String) {
        let place = self.places.iter().find(|(known, _, _)| *known == key);
        place.map_or_else(
            || (OF_THE_USER.to_owned(), format!("{KEY}.{key}")),
            |(_, file, field)| ((*file).to_owned(), field.clone()),
        )
    }

    fn wrong(&mut self, key: &str, message: impl Into<String>) {
        let (file, field) = self.place(key);
        self.problems.push(Problem::new(&file, field, message));
    }

    fn value(&self, key: &str) -> Option<Value> {
        self.keys.get(key).filter(|value| !value.is_null()).cloned()
    }

    fn policy(mut self) -> Result<Policy, Vec<Problem>> {
        let rules = Rules {
            enabled: self.enabled(),
            fallback: self.fallback(),
            blocked: self.blocked(),
            min_score: self.min_score(),
            scores: self.scores(),
        };
        if self.problems.is_empty() {
            Ok(Policy(self.is_written.then_some(rules)))
        } else {
            Err(self.problems)
        }
    }

    /// A policy that says nothing of it is on.
    fn enabled(&mut self) -> bool {
        match self.value("enabled") {
            None => true,
            Some(Value::Bool(enabled)) => enabled,
            Some(_) => {
                self.wrong("enabled", "must be true or false");
                true
            }
        }
    }

    fn fallback(&mut self) -> Option<Written> {
        const NAME: &str = "fallback_model";
        match self.value(NAME)? {
            Value::String(text) if text.trim().is_empty() => None,
            Value::String(text) => {
                let (file, field) = self.place(NAME);
                Some(Written { file, field, text })
            }
            _ => {
                self.wrong(NAME, "must be a model's name");
                None
            }
        }
    }

    fn blocked(&mut self) -> Vec<ModelName> {
        const NAME: &str = "blocked_models";
        let items = match self.value(NAME) {
            None => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(_) => {
                self.wrong(NAME, "must be a list of models");
                return Vec::new();
            }
        };
        let mut blocked = Vec::with_capacity(items.len());
        for item in items {
            match item.as_str().map(ModelName::parse) {
                Some(Ok(model)) => blocked.push(model),
                Some(Err(_)) | None => self.wrong(NAME, format!("{item} is no model's name")),
            }
        }
        blocked
    }

    fn min_score(&mut self) -> Option<f64> {
        const NAME: &str = "min_score";
        let value = self.value(NAME)?;
        let score = value.as_f64();
        if score.is_none() {
            self.wrong(NAME, "must be a number");
        }
        score
    }

    fn scores(&mut self) -> Vec<(ModelName, f64)> {
        const NAME: &str = "model_scores";
        let entries = match self.value(NAME) {
            None => return Vec::new(),
            Some(Value::Object(entries)) => entries,
            Some(_) => {
                self.wrong(NAME, "must be an object of numbers by model");
                return Vec::new();
            }
        };
        let mut scores = Vec::with_capacity(entries.len());
        for (model, score) in entries {
            match (ModelName::parse(&model), score.as_f64()) {
                (Ok(model), Some(score)) => scores.push((model, score)),
                (Err(_), _) | (_, None) => {
                    self.wrong(NAME, format!("`{model}`: {score} is no score of a model"));
                }
            }
        }
        scores
    }
}
