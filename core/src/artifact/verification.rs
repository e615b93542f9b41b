//! `runtime_verification.json`: what the verifier found, one file for each card and attempt.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::{TurnMeta, rfc3339};
use crate::turn::{CommandReport, FixtureReport, SyntaxFinding, UncheckedFile, VerifyReport};

/// The file's shape.
#[derive(Serialize)]
pub(super) struct File<'a> {
    run_id: &'a str,
    issue_id: &'a str,
    turn_index: u32,
    attempt: u32,
    ok: bool,
    checked_files: &'a [String],
    unchecked_files: &'a [UncheckedFile],
    syntax_errors: &'a [SyntaxFinding],
    #[serde(skip_serializing_if = "<[SyntaxFinding]>::is_empty")]
    syntax_elsewhere: &'a [SyntaxFinding],
    errors: &'a [String],
    command_results: &'a [CommandReport],
    failure_breakdown: BTreeMap<String, u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fixture: Option<&'a FixtureReport>,
    guard_contract: Value,
    /// What follows a failure is the card's to decide, by its budget; the record of its statuses
    /// says what did.
    guard_decision: Value,
    timestamp: String,
}

impl<'a> File<'a> {
    pub fn of(meta: &TurnMeta<'a>, report: &'a VerifyReport) -> Self {
        Self {
            run_id: meta.run_id,
            issue_id: meta.issue_id,
            turn_index: meta.turn,
            attempt: meta.attempt,
            ok: report.ok,
            checked_files: &report.checked_files,
            unchecked_files: &report.unchecked_files,
            syntax_errors: &report.syntax_errors,
            syntax_elsewhere: &report.syntax_elsewhere,
            errors: &report.errors,
            command_results: &report.command_results,
            failure_breakdown: report.failure_breakdown(),
            fixture: report.fixture.as_ref(),
            guard_contract: report.guard_contract(),
            guard_decision: if report.ok {
                json!({"action": "pass"})
            } else {
                Value::Null
            },
            timestamp: rfc3339(meta.ended_ms),
        }
    }
}
