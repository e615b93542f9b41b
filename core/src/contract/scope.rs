//! What a turn may name and look at: tools it was offered, files and sections it was given, paths of
//! the workspace, and no more of them than the limits say.

use std::collections::BTreeSet;

use super::{Answer, Contract, HALLUCINATION, SECURITY, rules, same_path};
use crate::contract::check::{cut, violation};
use crate::gate::{self, normal_path};
use crate::tool::ToolCall;
use crate::tool_catalogue::{GET_ISSUE_CONTEXT, LIST_DIRECTORY, READ_FILE, WRITE_FILE};
use crate::turn::Violation;

/// Words by which a model says that it does not know.
const GUESSES: [&str; 4] = ["assume", "assumed", "probably", "maybe"];

impl Contract {
    /// Whether a rule that must be chosen was chosen.
    pub(super) fn has_rule(&self, rule: &str) -> bool {
        self.rules.iter().any(|id| id == rule)
    }

    /// The files that the contract names.
    fn named(&self) -> impl Iterator<Item = &str> {
        let decision = self.architecture_decision.iter().map(|rule| &rule.path);
        self.required_write_paths
            .iter()
            .chain(&self.required_read_paths)
            .chain(decision)
            .map(String::as_str)
    }

    /// The files that may be touched, where only some may.
    pub(super) fn only_files(&self) -> Option<Vec<&str>> {
        let files: Vec<&str> = self.named().collect();
        (self.has_rule(rules::FILE_NOT_FOUND) && !files.is_empty()).then_some(files)
    }

    /// Rules about single calls, which hold for looking as for doing.
    pub(super) fn check_scope(&self, answer: &Answer<'_>, lacks: &mut Vec<Violation>) {
        for call in answer.calls {
            // The gate says the same; here it counts as the contract's.
            if let Some(found) = gate::undeclared(call, answer.seat) {
                lacks.push(Violation {
                    reason: HALLUCINATION.to_owned(),
                    ..found
                });
            } else if let Some(found) = gate::stray_path(call) {
                lacks.push(Violation {
                    reason: SECURITY.to_owned(),
                    ..found
                });
            } else {
                self.check_files(call, lacks);
                self.check_section(call, lacks);
            }
        }
        self.check_limits(answer, lacks);
        self.check_words(answer, lacks);
    }

    fn check_files(&self, call: &ToolCall, lacks: &mut Vec<Violation>) {
        if ![READ_FILE, WRITE_FILE].contains(&call.tool.as_str()) {
            return;
        }
        let (Some(files), Some(path)) = (self.only_files(), call.text("path")) else {
            return;
        };
        if !files.iter().any(|file| same_path(file, path)) {
            let message = format!(
                "{}: {path:?} is no file of this turn; its files are: {}",
                call.tool,
                files.join(", ")
            );
            lacks.push(ruled(HALLUCINATION, rules::FILE_NOT_FOUND, message, path));
        }
    }

    fn check_section(&self, call: &ToolCall, lacks: &mut Vec<Violation>) {
        if call.tool != GET_ISSUE_CONTEXT || !self.has_rule(rules::CONTEXT_NOT_PROVIDED) {
            return;
        }
        let Some(section) = call.text("section").filter(|it| !it.trim().is_empty()) else {
            return;
        };
        let given = &self.required_read_paths;
        if !given.iter().any(|path| same_path(path, section)) {
            let message = format!(
                "get_issue_context: there is no section {section:?} in what you were given; leave \
                 `section` out"
            );
            lacks.push(ruled(
                HALLUCINATION,
                rules::CONTEXT_NOT_PROVIDED,
                message,
                section,
            ));
        }
    }

    fn check_limits(&self, answer: &Answer<'_>, lacks: &mut Vec<Violation>) {
        if self.limits.is_empty() {
            return;
        }
        let looked = Looked::at(answer.earlier_calls.iter().chain(answer.calls));
        let names = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<String>>();
        let total: Vec<String> = looked.total().into_iter().map(str::to_owned).collect();
        let limits = &self.limits;
        for (rule, most, what, found) in [
            (
                rules::WORKSPACE_BUDGET,
                limits.max_workspace_items,
                "files named",
                names(&looked.touched),
            ),
            (
                rules::ACTIVE_BUDGET,
                limits.max_active_context_items,
                "files read",
                names(&looked.read),
            ),
            (
                rules::PASSIVE_BUDGET,
                limits.max_passive_context_items,
                "folders listed",
                names(&looked.listed),
            ),
            (
                rules::ARCHIVED_BUDGET,
                limits.max_archived_context_items,
                "cards looked at",
                names(&looked.cards),
            ),
            (
                rules::TOTAL_BUDGET,
                limits.max_total_context_items,
                "things looked at",
                total,
            ),
        ] {
            let Some(most) = most else { continue };
            if found.len() > usize::try_from(most).unwrap_or(usize::MAX) {
                let message = format!(
                    "{} {what} in this turn, and {most} are allowed; do with fewer",
                    found.len()
                );
                lacks.push(ruled(HALLUCINATION, rule, message, &found.join(", ")));
            }
        }
    }

    fn check_words(&self, answer: &Answer<'_>, lacks: &mut Vec<Violation>) {
        let prose = answer.prose.trim();
        if self.has_rule(rules::INVENTED_DETAIL)
            && let Some(word) = prose
                .split(|c: char| !c.is_alphanumeric())
                .find(|word| GUESSES.iter().any(|guess| guess.eq_ignore_ascii_case(word)))
        {
            let message = format!("the answer guesses ({word:?}); say only what you were given");
            lacks.push(ruled(HALLUCINATION, rules::INVENTED_DETAIL, message, prose));
        }
        if self.has_rule(rules::CONTRADICTION) {
            let said = answer.text.to_lowercase();
            let phrase = self.forbidden_phrases.iter().find(|phrase| {
                !phrase.trim().is_empty() && said.contains(&phrase.trim().to_lowercase())
            });
            if let Some(phrase) = phrase {
                let message = format!("the answer says what this card excludes: {phrase:?}");
                lacks.push(ruled(HALLUCINATION, rules::CONTRADICTION, message, phrase));
            }
        }
    }
}

/// What calls named and looked at, each thing once.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Files read or written.
    pub(super) touched: BTreeSet<String>,
    /// Files read.
    pub(super) read: BTreeSet<String>,
    /// Folders listed.
    pub(super) listed: BTreeSet<String>,
    /// Other cards.
    pub(super) cards: BTreeSet<String>,
}

impl Looked {
    pub(super) fn at<'a>(calls: impl IntoIterator<Item = &'a ToolCall>) -> Self {
        let mut looked = Self::default();
        for call in calls {
            let path = call.text("path");
            match (call.tool.as_str(), path) {
                (READ_FILE, Some(path)) => looked.read(path),
                (WRITE_FILE, Some(path)) => looked.touch(path),
                (LIST_DIRECTORY | "list_dir", Some(path)) => {
                    looked.listed.insert(named(path));
                }
                (GET_ISSUE_CONTEXT, _) => {
                    looked.cards.extend(call.text("issue_id").map(named));
                }
                _ => {}
            }
        }
        looked
    }

    pub(super) fn read(&mut self, path: &str) {
        self.read.insert(named(path));
        self.touch(path);
    }

    pub(super) fn touch(&mut self, path: &str) {
        self.touched.insert(named(path));
    }

    /// Whatever was looked at.
    pub(super) fn total(&self) -> BTreeSet<&str> {
        let all = self.read.iter().chain(&self.listed).chain(&self.cards);
        all.map(String::as_str).collect()
    }
}

fn named(text: &str) -> String {
    normal_path(text).unwrap_or_else(|| text.to_owned())
}

/// Whether a violation also stops calls that only look.
#[must_use]
pub fn bars_looking(violation: &Violation) -> bool {
    [HALLUCINATION, SECURITY].contains(&violation.reason.as_str())
}

fn ruled(reason: &str, rule: &str, message: String, evidence: &str) -> Violation {
    Violation {
        rule_id: Some(rule.to_owned()),
        ..violation(reason, message, cut(evidence))
    }
}
