//! The commands that check what a card wrote, before the guard looks.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Context, Findings};
use crate::asset::Verification;
use crate::asset::reader::{Reader, Report, expected};
use crate::asset::skill::words_of;
use crate::plan::VerifyCommand;
use crate::verify::{FixturePlan, Scenario, fixture_path};

const DEFAULT_TIMEOUT_MS: u64 = 60_000;
/// The mode that switches the verifier off, but for what a card itself demands.
pub(super) const OFF: &str = "disable_runtime_verifier";

/// A card's own commands; `None` when it says nothing.
pub(super) fn of_card(
    params: &Map<String, Value>,
    file: &str,
    field: &str,
    findings: &mut Findings,
) -> Option<Vec<VerifyCommand>> {
    let value = params.get("verify").filter(|value| !value.is_null())?;
    let field = format!("{field}.verify");
    Some(list(value, DEFAULT_TIMEOUT_MS, file, &field, findings))
}

/// The organization's commands, for cards that write files and have none of their own.
pub(super) fn of_organization<S>(
    context: &Context<'_, S>,
    findings: &mut Findings,
) -> Vec<VerifyCommand> {
    let Some(organization) = context.organization else {
        return Vec::new();
    };
    let report = Report::new(&organization.file);
    let rules = &organization.asset.process_rules;
    let reader = Reader::new(&report, rules, "process_rules".to_owned());
    let off = match context.settings.modes.get(OFF) {
        Some(word) => matches!(word.as_str(), "true" | "1"),
        None => reader.flag(OFF, false),
    };
    let seconds = reader.count("runtime_verifier_timeout_sec").unwrap_or(60);
    let commands = reader.value("runtime_verifier_commands");
    let mut found = Vec::new();
    if let Some(commands) = commands.filter(|_| !off) {
        let timeout_ms = u64::from(seconds.max(1)).saturating_mul(1_000);
        let field = reader.path_of("runtime_verifier_commands");
        found = list(commands, timeout_ms, &organization.file, &field, findings);
    }
    drop(reader);
    findings.problems.extend(report.into_parts().0);
    found
}

/// The organization's commands by profile, for cards that have no others.
pub(super) fn by_profile(
    rules: &Map<String, Value>,
    file: &str,
    findings: &mut Findings,
) -> BTreeMap<String, Vec<VerifyCommand>> {
    const KEY: &str = "runtime_verifier_commands_by_profile";
    let field = format!("process_rules.{KEY}");
    let seconds = rules
        .get("runtime_verifier_timeout_sec")
        .and_then(Value::as_u64);
    let timeout_ms = seconds.unwrap_or(60).max(1).saturating_mul(1_000);
    match rules.get(KEY) {
        None | Some(Value::Null) => BTreeMap::new(),
        Some(Value::Object(profiles)) => profiles
            .iter()
            .map(|(profile, commands)| {
                let field = format!("{field}.{profile}");
                let commands = list(commands, timeout_ms, file, &field, findings);
                (profile.clone(), commands)
            })
            .collect(),
        Some(other) => {
            findings.problem(file, field, expected("lists of commands by profile", other));
            BTreeMap::new()
        }
    }
}

/// The card's fixture.
pub(super) fn fixture(
    verification: &Verification,
    file: &str,
    field: &str,
    findings: &mut Findings,
) -> Option<FixturePlan> {
    let field = format!("{field}.verification");
    let Some(path) = &verification.fixture_path else {
        if !verification.scenarios.is_empty() {
            let message = "are not tried without a fixture; give verification.fixture_path";
            findings.warn(file, format!("{field}.scenarios"), message);
        }
        return None;
    };
    if verification.scenarios.is_empty() {
        let message = "has no scenarios to try, so it can only show that it runs";
        findings.warn(file, format!("{field}.fixture_path"), message);
    }
    let mut seen = BTreeSet::new();
    for (place, scenario) in verification.scenarios.iter().enumerate() {
        if !seen.insert(scenario.id.as_str()) {
            let message = format!("`{}` is the id of an earlier scenario", scenario.id);
            findings.problem(file, format!("{field}.scenarios[{place}].id"), message);
        }
    }
    match fixture_path(path) {
        Ok(path) => Some(FixturePlan {
            path,
            scenarios: verification
                .scenarios
                .iter()
                .map(|scenario| Scenario {
                    id: scenario.id.clone(),
                    input_data: scenario.input_data.clone(),
                    expected_output: scenario.expected_output.clone(),
                })
                .collect(),
        }),
        Err(message) => {
            findings.problem(file, format!("{field}.fixture_path"), message);
            None
        }
    }
}

fn list(
    value: &Value,
    timeout_ms: u64,
    file: &str,
    field: &str,
    findings: &mut Findings,
) -> Vec<VerifyCommand> {
    let Value::Array(items) = value else {
        findings.problem(file, field, expected("a list of commands", value));
        return Vec::new();
    };
    let commands = items.iter().enumerate().filter_map(|(place, item)| {
        let field = format!("{field}[{place}]");
        match item {
            Value::Object(map) => object(map, timeout_ms, file, field, findings),
            other => match words_of(other) {
                Ok(command) => Some(VerifyCommand {
                    command,
                    expect_stdout: None,
                    expect_exit: 0,
                    timeout_ms,
                }),
                Err(message) => {
                    findings.problem(file, field, message);
                    None
                }
            },
        }
    });
    commands.collect()
}

fn object(
    map: &Map<String, Value>,
    timeout_ms: u64,
    file: &str,
    field: String,
    findings: &mut Findings,
) -> Option<VerifyCommand> {
    let report = Report::new(file);
    let reader = Reader::new(&report, map, field);
    let command = match reader.value("command") {
        None => Err("is missing; give program and arguments as a list".to_owned()),
        Some(value) => words_of(value),
    };
    let command = command.map_err(|message| reader.problem("command", message));
    let exit = reader.value("expect_exit");
    let expect_exit = exit.map_or(Some(0), |value| {
        let code = value.as_i64().and_then(|code| i32::try_from(code).ok());
        if code.is_none() {
            reader.problem("expect_exit", expected("an exit code", value));
        }
        code
    });
    let timeout = reader.count("timeout_ms").map(u64::from);
    if timeout == Some(0) {
        reader.problem("timeout_ms", "must be greater than 0");
    }
    let expect_stdout = reader.text("expect_stdout");
    reader.warn_of_misspelt_keys();
    drop(reader);
    let (problems, warnings) = report.into_parts();
    let sound = problems.is_empty();
    findings.problems.extend(problems);
    findings.warnings.extend(warnings);
    let command = command.ok().filter(|_| sound)?;
    Some(VerifyCommand {
        command,
        expect_stdout,
        expect_exit: expect_exit?,
        timeout_ms: timeout.unwrap_or(timeout_ms),
    })
}
