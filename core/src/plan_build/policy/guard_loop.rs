//! `guard_loop_control` of the organization's `process_rules`: `{max_retries, retry_backoff,
//! escalation: {on_exceed, fallback_seat, terminal_reason: {code, message}}}`.

use serde_json::{Map, Value};

use super::super::{Context, Findings};
use crate::asset::name;
use crate::policy::GuardLoopPolicy;

const KEY: &str = "process_rules.guard_loop_control";

pub(super) fn build<S>(context: &Context<'_, S>, findings: &mut Findings) -> GuardLoopPolicy {
    let mut policy = GuardLoopPolicy::default();
    let Some(organization) = context.organization else {
        return policy;
    };
    let Some(written) = organization.asset.process_rules.get("guard_loop_control") else {
        return policy;
    };
    let mut told = Told {
        file: &organization.file,
        findings,
    };
    let Some(rules) = told.object(written, "") else {
        return policy;
    };
    for (key, value) in rules {
        match key.as_str() {
            "max_retries" => match value.as_u64().and_then(|it| u32::try_from(it).ok()) {
                Some(number) => policy.max_retries = Some(number),
                None if value.is_null() => {}
                None => told.problem(key, "must be a whole number"),
            },
            "retry_backoff" => told.word(key, value, &mut policy.backoff),
            "escalation" => escalation(context, value, &mut policy, &mut told),
            _ => told.problem(
                key,
                "is unknown; known: max_retries, retry_backoff, escalation",
            ),
        }
    }
    policy
}

fn escalation<S>(
    context: &Context<'_, S>,
    written: &Value,
    policy: &mut GuardLoopPolicy,
    told: &mut Told<'_>,
) {
    let Some(rules) = told.object(written, "escalation") else {
        return;
    };
    for (key, value) in rules {
        let field = format!("escalation.{key}");
        match key.as_str() {
            "on_exceed" => told.word(&field, value, &mut policy.on_exceed),
            "fallback_seat" | "fallback_role" => policy.fallback_seat = told.text(&field, value),
            "terminal_reason" => {
                if let Value::String(code) = value {
                    policy.terminal_code = Some(code.clone());
                } else if let Some(reason) = told.object(value, &field) {
                    let text =
                        |key: &str| reason.get(key).and_then(Value::as_str).map(str::to_owned);
                    policy.terminal_code = text("code");
                    policy.terminal_message = text("message");
                }
            }
            _ => told.problem(
                &field,
                "is unknown; known: on_exceed, fallback_seat, terminal_reason",
            ),
        }
    }
    if policy.on_exceed == crate::policy::OnExceed::FallbackRole {
        let seats = &context.team.asset.seats;
        let known = || seats.iter().map(|seat| seat.key.as_str());
        match &policy.fallback_seat {
            None => told.problem(
                "escalation.fallback_seat",
                "is missing; name the seat that tries then",
            ),
            Some(seat) if !known().any(|it| it == seat) => {
                let hint = name::suggestion(seat, known());
                told.problem(
                    "escalation.fallback_seat",
                    &format!("the team has no seat `{seat}`; {hint}"),
                );
            }
            Some(_) => {}
        }
    }
}

struct Told<'a> {
    file: &'a str,
    findings: &'a mut Findings,
}

impl Told<'_> {
    fn problem(&mut self, key: &str, message: &str) {
        let field = format!("{KEY}.{key}");
        self.findings
            .problem(self.file, field.trim_end_matches('.').to_owned(), message);
    }

    fn object<'v>(&mut self, value: &'v Value, key: &str) -> Option<&'v Map<String, Value>> {
        let map = value.as_object();
        if map.is_none() {
            self.problem(key, "must be an object");
        }
        map
    }

    fn text(&mut self, key: &str, value: &Value) -> Option<String> {
        let text = value.as_str().map(str::to_owned);
        if text.is_none() {
            self.problem(key, "must be a text");
        }
        text
    }

    fn word<T: std::str::FromStr<Err = crate::status::UnknownWord>>(
        &mut self,
        key: &str,
        value: &Value,
        to: &mut T,
    ) {
        match value.as_str().map(str::parse::<T>) {
            Some(Ok(word)) => *to = word,
            Some(Err(error)) => self.problem(key, &error.to_string()),
            None => self.problem(key, "must be a word"),
        }
    }
}
