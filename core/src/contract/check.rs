//! Whether an answer meets its contract, clause by clause.

use super::{
    Answer, CONSISTENCY, Contract, PROGRESS, READ_PATH, RULE_EMPTY_ANSWER, RULE_OUTPUT_FORMAT,
    TRUNCATED, WRITE_PATH, needs_reason, same_path, words,
};
use crate::gate::status_asked;
use crate::tool::ToolCall;
use crate::tool_catalogue::{READ_FILE, UPDATE_ISSUE_STATUS, WRITE_FILE, is_observational};
use crate::turn::Violation;

/// The longest evidence shown, in characters.
const EVIDENCE: usize = 120;

impl<'a> Answer<'a> {
    fn all_calls(&self) -> impl Iterator<Item = &'a ToolCall> {
        self.earlier_calls.iter().chain(self.calls)
    }

    fn calls_of(&self, tool: &str) -> impl Iterator<Item = &'a ToolCall> {
        self.all_calls().filter(move |call| call.tool == tool)
    }

    fn called(&self, tool: &str) -> bool {
        self.calls_of(tool).next().is_some()
    }

    /// The tools called, for evidence.
    fn calls_in_words(&self) -> String {
        let names: Vec<&str> = self.all_calls().map(|call| call.tool.as_str()).collect();
        match names.as_slice() {
            [] => "no tool calls".to_owned(),
            _ => cut(&format!("called: {}", names.join(", "))),
        }
    }

    /// The paths given to `tool`, for evidence.
    fn paths_in_words(&self, tool: &str) -> String {
        let paths: Vec<&str> = self
            .calls_of(tool)
            .filter_map(|call| call.text("path"))
            .collect();
        match paths.as_slice() {
            [] => format!("no {tool} call"),
            _ => cut(&format!("{tool}: {}", paths.join(", "))),
        }
    }
}

impl Contract {
    /// What the answer lacks; empty when it meets the contract.
    #[must_use]
    pub fn check(&self, answer: &Answer<'_>) -> Vec<Violation> {
        let mut lacks = Vec::new();
        if self.words_suffice(answer.seat) {
            let said = !answer.prose.trim().is_empty() || answer.all_calls().next().is_some();
            if !said {
                let message = "the answer is empty; answer in words".to_owned();
                lacks.push(Violation {
                    rule_id: Some(RULE_EMPTY_ANSWER.to_owned()),
                    ..violation(PROGRESS, message, String::new())
                });
            }
        } else {
            self.check_calls(answer, &mut lacks);
            self.check_status(answer, &mut lacks);
            self.check_paths(answer, &mut lacks);
            self.check_decision(answer, &mut lacks);
            self.check_rejection(answer, &mut lacks);
        }
        if let Some(place) = answer.truncated
            && !lacks.is_empty()
        {
            let message = "the answer breaks off in the middle of a tool call; write it again, \
                           shorter or in several calls";
            lacks.insert(0, violation(TRUNCATED, message.to_owned(), cut(place)));
        }
        self.check_form(answer, &mut lacks);
        self.check_scope(answer, &mut lacks);
        lacks
    }

    fn check_calls(&self, answer: &Answer<'_>, lacks: &mut Vec<Violation>) {
        let missing: Vec<&str> = self
            .demanded_tools(answer.missing_reads)
            .filter(|tool| !answer.called(tool))
            .collect();
        let offered = |call: &ToolCall| answer.seat.tools.iter().any(|tool| tool.name == call.tool);
        let problem = if answer.all_calls().next().is_none() {
            "the answer holds no tool call"
        } else if !answer.all_calls().any(offered) {
            "none of the calls is to a tool of this seat"
        } else if !self.only_looks() && answer.all_calls().all(|call| is_observational(&call.tool))
        {
            "the answer only looks and changes nothing"
        } else if !missing.is_empty() {
            "a required tool was not called"
        } else {
            return;
        };
        let instead = if missing.is_empty() {
            let useful: Vec<&str> = answer
                .seat
                .tools
                .iter()
                .map(|tool| tool.name.as_str())
                .filter(|tool| self.only_looks() || !is_observational(tool))
                .collect();
            format!("call one of: {}", useful.join(", "))
        } else {
            format!("call: {}", missing.join(", "))
        };
        lacks.push(violation(
            PROGRESS,
            format!("{problem}; {instead}"),
            answer.calls_in_words(),
        ));
    }

    fn check_status(&self, answer: &Answer<'_>, lacks: &mut Vec<Violation>) {
        if self.required_statuses.is_empty() {
            return;
        }
        // The last one is where the card would stand; what came before it does not count.
        let last = answer
            .calls_of(UPDATE_ISSUE_STATUS)
            .filter_map(status_asked)
            .last();
        let asked = last.filter(|(status, _)| self.required_statuses.contains(status));
        if asked.is_some_and(|(status, reason)| reason.is_some() || !needs_reason(status)) {
            return;
        }
        let message = match asked {
            Some((status, _)) => format!(
                "the status `{status}` came without a wait_reason; add one of: {}",
                words::wait_reasons()
            ),
            None if last.is_some() => format!(
                "the card would not stand where it should; call update_issue_status last with one of: {}",
                words::list(self.required_statuses.iter().map(|status| status.as_str()))
            ),
            None => format!(
                "the card's status was not set; call update_issue_status with one of: {}",
                words::list(self.required_statuses.iter().map(|status| status.as_str()))
            ),
        };
        let set: Vec<&str> = answer
            .calls_of(UPDATE_ISSUE_STATUS)
            .filter_map(|call| call.text("status"))
            .collect();
        let evidence = match set.as_slice() {
            [] => answer.calls_in_words(),
            _ => cut(&format!("update_issue_status: {}", set.join(", "))),
        };
        lacks.push(violation(PROGRESS, message, evidence));
    }

    fn check_paths(&self, answer: &Answer<'_>, lacks: &mut Vec<Violation>) {
        let unmet = |tool: &str, path: &str| {
            !answer
                .calls_of(tool)
                .filter_map(|call| call.text("path"))
                .any(|given| same_path(given, path))
        };
        let unwritten = words::list(
            self.required_write_paths
                .iter()
                .map(String::as_str)
                .filter(|path| unmet(WRITE_FILE, path)),
        );
        if !unwritten.is_empty() {
            lacks.push(violation(
                WRITE_PATH,
                format!("not written; call write_file with the path: {unwritten}"),
                answer.paths_in_words(WRITE_FILE),
            ));
        }
        let unread = words::list(
            self.demanded_reads(answer.missing_reads)
                .filter(|path| unmet(READ_FILE, path)),
        );
        if !unread.is_empty() {
            lacks.push(violation(
                READ_PATH,
                format!("not read; call read_file with the path: {unread}"),
                answer.paths_in_words(READ_FILE),
            ));
        }
    }

    fn check_form(&self, answer: &Answer<'_>, lacks: &mut Vec<Violation>) {
        let calls_only = self.tool_calls_only || self.has_rule(RULE_OUTPUT_FORMAT);
        if !calls_only || answer.seat.tools.is_empty() || answer.prose.trim().is_empty() {
            return;
        }
        let message =
            "the answer holds text besides the tool calls; write nothing but the JSON objects";
        lacks.push(Violation {
            rule_id: Some(RULE_OUTPUT_FORMAT.to_owned()),
            ..violation(CONSISTENCY, message.to_owned(), cut(answer.prose.trim()))
        });
    }
}

pub(super) fn violation(reason: &str, message: String, evidence: String) -> Violation {
    Violation {
        reason: reason.to_owned(),
        rule_id: None,
        message,
        evidence,
    }
}

/// The first characters of an evidence.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(EVIDENCE).collect()
}
