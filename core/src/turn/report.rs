//! What the verifier found before the guard was asked: evidence, journaled whole, so that every later
//! reader judges by the same.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The longest evidence of the verifier's guard contract, in characters.
const EVIDENCE: usize = 240;
/// How much of a command's output the evidence for the card's seat quotes, in characters.
const QUOTED: usize = 600;

/// What a verify command did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandReport {
    /// The command as one would type it.
    pub command_display: String,
    /// Its exit code; -1 when a signal ended it, 124 at a time-out, 127 when it is not there.
    pub returncode: i32,
    /// Standard output, cut at 2,000 characters.
    pub stdout: String,
    /// Standard error, cut at 2,000 characters.
    pub stderr: String,
    /// `none`, `timeout`, `missing_runtime`, `command_failed`, `unexpected_output` or
    /// `sandbox_limit`.
    pub failure_class: String,
    /// Whose wish it was: `card`, `policy_override` or `profile_policy:<profile>`; empty in the
    /// record of earlier versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub policy_source: String,
}

/// A place where a file does not follow the grammar of its language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyntaxFinding {
    /// The file, relative to the workspace.
    pub path: String,
    /// The language it was read as.
    pub language: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, in characters from 1.
    pub column: u32,
    /// What stands there, cut to one line.
    pub text: String,
    /// What is wrong with it.
    pub message: String,
}

/// A file that was not checked; that says nothing about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UncheckedFile {
    /// The file, relative to the workspace.
    pub path: String,
    /// Why not.
    pub reason: String,
}

/// Why a fixture's verdict is no pass; each has a page under `docs/errors/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FixtureFault {
    /// It leads out of the workspace's `verification/`.
    #[serde(rename = "E_FIXTURE_OUTSIDE")]
    Outside,
    /// It is not there, or is no file.
    #[serde(rename = "E_FIXTURE_MISSING")]
    Missing,
    /// It, or something beside it, was changed while the verifier ran the card's commands.
    #[serde(rename = "E_FIXTURE_CHANGED")]
    Changed,
    /// Nothing on this machine runs it.
    #[serde(rename = "E_FIXTURE_RUNTIME")]
    Runtime,
    /// It used up its time.
    #[serde(rename = "E_FIXTURE_TIMEOUT")]
    Timeout,
    /// It ended by a signal or with another exit code than 0, or said that it broke.
    #[serde(rename = "E_FIXTURE_CRASHED")]
    Crashed,
    /// What it printed is not the answer it owes.
    #[serde(rename = "E_FIXTURE_OUTPUT")]
    Output,
    /// A scenario did not hold.
    #[serde(rename = "E_FIXTURE_FAILED")]
    Failed,
}

impl FixtureFault {
    /// Every value, in order.
    pub const ALL: [Self; 8] = [
        Self::Outside,
        Self::Missing,
        Self::Changed,
        Self::Runtime,
        Self::Timeout,
        Self::Crashed,
        Self::Output,
        Self::Failed,
    ];

    /// The code, as it is stored and shown.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Outside => "E_FIXTURE_OUTSIDE",
            Self::Missing => "E_FIXTURE_MISSING",
            Self::Changed => "E_FIXTURE_CHANGED",
            Self::Runtime => "E_FIXTURE_RUNTIME",
            Self::Timeout => "E_FIXTURE_TIMEOUT",
            Self::Crashed => "E_FIXTURE_CRASHED",
            Self::Output => "E_FIXTURE_OUTPUT",
            Self::Failed => "E_FIXTURE_FAILED",
        }
    }

    /// Whether nothing that the card's seat may write can mend it: agents cannot touch fixtures.
    #[must_use]
    pub const fn is_beyond_the_seat(self) -> bool {
        match self {
            Self::Outside | Self::Missing | Self::Changed | Self::Runtime => true,
            Self::Timeout | Self::Crashed | Self::Output | Self::Failed => false,
        }
    }
}

/// What came of one scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScenarioReport {
    /// Its id.
    pub id: String,
    /// What should have come.
    pub expected_output: Value,
    /// What came.
    pub actual_output: Value,
    /// `pass` or `fail`.
    pub status: String,
    /// Why it failed, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What a fixture said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FixtureReport {
    /// The fixture, relative to the workspace.
    pub fixture_path: String,
    /// How many scenarios there are.
    pub total_scenarios: u32,
    /// How many held.
    pub passed: u32,
    /// How many did not.
    pub failed: u32,
    /// Each of them, in the card's order.
    pub results: Vec<ScenarioReport>,
    /// Why this is no pass; `None` when it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<FixtureFault>,
    /// The same in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fatal_error: Option<String>,
    /// The end of its standard error, as lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<String>,
}

/// What the verifier found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct VerifyReport {
    /// Everything held.
    pub ok: bool,
    /// What did not, one sentence each.
    pub errors: Vec<String>,
    /// The commands that were run.
    pub command_results: Vec<CommandReport>,
    /// The files whose syntax was checked, relative to the workspace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checked_files: Vec<String>,
    /// Those that were not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unchecked_files: Vec<UncheckedFile>,
    /// Where the card's files break their grammar.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub syntax_errors: Vec<SyntaxFinding>,
    /// Where files of others do; they are shown and refuse nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub syntax_elsewhere: Vec<SyntaxFinding>,
    /// Deployment files that should be there and are not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_files: Vec<String>,
    /// What the fixture said, if the card has one and everything before it held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixture: Option<FixtureReport>,
    /// What commands and fixture were not kept from, because the machine cannot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<String>,
    /// What was closed to those of them that failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed: Vec<String>,
}

impl VerifyReport {
    /// How often what went wrong, by class.
    #[must_use]
    pub fn failure_breakdown(&self) -> BTreeMap<String, u32> {
        let mut found = BTreeMap::new();
        let mut count = |class: String, times: u32| *found.entry(class).or_insert(0) += times;
        for error in &self.syntax_errors {
            count(format!("{}_compile", error.language), 1);
        }
        let failed = |it: &&CommandReport| it.failure_class != "none";
        for command in self.command_results.iter().filter(failed) {
            count(command.failure_class.clone(), 1);
        }
        for _ in &self.missing_files {
            count("deployment_missing".to_owned(), 1);
        }
        if let Some(fixture) = &self.fixture
            && fixture.code.is_some()
        {
            count("fixture_failed".to_owned(), fixture.failed.max(1));
        }
        found
    }

    /// The verifier's guard contract: a pass, or one strict violation with the first error.
    #[must_use]
    pub fn guard_contract(&self) -> Value {
        if self.ok {
            return json!({
                "result": "pass", "violations": [], "severity": "soft", "fix_hint": null,
                "terminal_failure": false, "terminal_reason": null,
            });
        }
        let first = self.errors.first().map_or("", String::as_str);
        let evidence: String = first.chars().take(EVIDENCE).collect();
        json!({
            "result": "fail",
            "violations": [{
                "rule_id": "RUNTIME_VERIFIER.FAIL", "code": "RUNTIME_VERIFIER_FAILED",
                "message": "The verifier did not accept what was written.",
                "location": "output", "severity": "strict", "evidence": evidence,
            }],
            "severity": "strict",
            "fix_hint": "Mend what the errors name, then ask for review again.",
            "terminal_failure": false, "terminal_reason": null,
        })
    }

    /// Whether only a person can mend what failed.
    #[must_use]
    pub fn is_beyond_the_seat(&self) -> bool {
        let code = self.fixture.as_ref().and_then(|fixture| fixture.code);
        code.is_some_and(FixtureFault::is_beyond_the_seat)
    }

    /// Everything that failed, as the card's seat is told.
    #[must_use]
    pub fn evidence(&self) -> String {
        let mut text = self.errors.join("; ");
        let failed = |it: &&CommandReport| it.failure_class != "none";
        for command in self.command_results.iter().filter(failed) {
            let output = command.stderr.chars().chain(command.stdout.chars());
            let output: String = output.take(QUOTED).collect();
            text.push_str(&format!(
                "\n$ {} -> exit {} ({})\n{output}",
                command.command_display, command.returncode, command.failure_class
            ));
        }
        if let Some(fixture) = self.fixture.as_ref().filter(|it| !it.logs.is_empty()) {
            let logs: String = fixture.logs.join("\n").chars().take(QUOTED).collect();
            text.push_str(&format!("\n{} said:\n{logs}", fixture.fixture_path));
        }
        text
    }
}
