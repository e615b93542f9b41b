//! How prompts are put together: the settings `prompt_resolver_mode`, `prompt_selection_policy`,
//! `prompt_selection_strict`, `prompt_version_exact`, `prompt_guard_layers` and `context_tokens`, else
//! the organization's `process_rules` of the same names; `num_ctx` of the environment's params bounds
//! the context where nothing else does.

use serde_json::Value;

use super::super::{Context, Findings};
use crate::policy::{PromptPolicy, ResolverMode, Selection};
use crate::status::UnknownWord;

pub(super) fn build<S>(context: &Context<'_, S>, findings: &mut Findings) -> PromptPolicy {
    let mut policy = PromptPolicy::default();
    let mut read = Read { context, findings };
    read.word("prompt_resolver_mode", &mut policy.mode);
    read.word("prompt_selection_policy", &mut policy.selection);
    if let Some((place, text)) = read.text("prompt_selection_strict") {
        match text.to_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => policy.strict = true,
            "false" | "0" | "no" | "off" => policy.strict = false,
            _ => read.problem(
                place,
                "prompt_selection_strict",
                format!("`{text}` is none of: true, false"),
            ),
        }
    }
    policy.exact = read.text("prompt_version_exact").map(|(_, text)| text);
    if policy.selection == Selection::Exact && policy.exact.is_none() {
        read.problem(
            "settings".to_owned(),
            "prompt_version_exact",
            "is missing; `exact` needs `<role's version>/<dialect's version>`".to_owned(),
        );
    }
    if let Some((place, text)) = read.text("prompt_guard_layers") {
        policy.guard_layers.clear();
        for word in text
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
        {
            match word.parse() {
                Ok(layer) => policy.guard_layers.push(layer),
                Err(error) => {
                    let error: UnknownWord = error;
                    read.problem(place.clone(), "prompt_guard_layers", error.to_string());
                }
            }
        }
    }
    if policy.mode != ResolverMode::Resolver {
        let needs = "the prompt resolver mode `resolver`";
        read.idle("prompt_guard_layers", needs);
    }
    if policy.selection != Selection::Exact {
        let needs = "the prompt selection policy `exact`";
        read.idle("prompt_version_exact", needs);
    }
    match read.text("context_tokens") {
        Some((place, text)) => match text.parse() {
            Ok(number) => policy.context_tokens = number,
            Err(_) => read.problem(
                place,
                "context_tokens",
                format!("`{text}` is not a whole number"),
            ),
        },
        None => {
            let of_model = context.environment.asset.params.get("num_ctx");
            if let Some(number) = of_model.and_then(Value::as_u64) {
                policy.context_tokens = u32::try_from(number).unwrap_or(u32::MAX);
            }
        }
    }
    policy
}

struct Read<'a, 'c, S> {
    context: &'a Context<'c, S>,
    findings: &'a mut Findings,
}

impl<S> Read<'_, '_, S> {
    /// What is set, and where.
    fn text(&self, key: &str) -> Option<(String, String)> {
        if let Some(text) = self.context.settings.modes.get(key)
            && !text.trim().is_empty()
        {
            return Some(("settings".to_owned(), text.trim().to_owned()));
        }
        let organization = self.context.organization?;
        let text = match organization.asset.process_rules.get(key)? {
            Value::Null => return None,
            Value::String(text) => text.clone(),
            Value::Array(items) => {
                let words: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                words.join(",")
            }
            other => other.to_string(),
        };
        Some((organization.file.clone(), text))
    }

    fn word<T: std::str::FromStr<Err = UnknownWord>>(&mut self, key: &str, to: &mut T) {
        let Some((place, text)) = self.text(key) else {
            return;
        };
        match text.parse() {
            Ok(word) => *to = word,
            Err(error) => {
                let error: UnknownWord = error;
                self.problem(place, key, error.to_string());
            }
        }
    }

    /// Warns of a setting that has no effect without another.
    fn idle(&mut self, key: &str, needs: &str) {
        if let Some((place, _)) = self.text(key) {
            let message = format!("has no effect without {needs}");
            self.findings.warn(&place, key, message);
        }
    }

    fn problem(&mut self, place: String, key: &str, message: String) {
        self.findings.problem(&place, key, message);
    }
}
