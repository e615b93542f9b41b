//! The contract as the model reads it: what to call, and a template of the calls.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::rejection::refuses;
use super::{Contract, PAYLOAD_KEYS, needs_reason, rules};
use crate::status::{CardStatus, WaitReason};
use crate::tool_catalogue::{
    ADD_ISSUE_COMMENT, CREATE_ISSUE, LIST_DIRECTORY, READ_FILE, UPDATE_ISSUE_STATUS, WRITE_FILE,
};

impl Contract {
    /// The contract in words, with a template of the calls it demands. It speaks of what
    /// [`Contract::check`] looks at, and of nothing else.
    #[must_use]
    pub fn prompt_section(&self, missing_reads: &[String]) -> String {
        let mut out = String::with_capacity(1_024);
        out.push_str("## What your answer must hold\n\n");
        let tools = list(self.demanded_tools(missing_reads));
        if !tools.is_empty() {
            line(
                &mut out,
                format_args!("- Call each of these tools: {tools}."),
            );
        }
        let reads = list(self.demanded_reads(missing_reads));
        if !reads.is_empty() {
            line(&mut out, format_args!("- Read with read_file: {reads}."));
        }
        if !missing_reads.is_empty() {
            line(
                &mut out,
                format_args!(
                    "- These files do not exist, so do not read them: {}.",
                    list(missing_reads.iter().map(String::as_str))
                ),
            );
        }
        let writes = list(self.demanded_writes());
        if !writes.is_empty() {
            line(
                &mut out,
                format_args!("- Write with write_file, each whole: {writes}."),
            );
        }
        if let Some(rule) = &self.architecture_decision {
            line(&mut out, format_args!("{}", rule.in_words()));
        }
        self.status_line(&mut out);
        self.scope_lines(&mut out);
        out.push_str(
            "- Calls that only look, such as reading a file, are answered in the next message, and \
             you go on from there.",
        );
        out.push_str(if self.only_looks() {
            "\n"
        } else {
            " The turn counts only once another call has changed something.\n"
        });
        out.push_str(
            if self.tool_calls_only || self.has_rule(rules::OUTPUT_FORMAT) {
                "- Write nothing but tool calls: no words before, between or after them.\n"
            } else {
                "- Words around the calls are allowed; only the calls are carried out.\n"
            },
        );
        // Where a server decodes under a schema it is the list; each form is read everywhere.
        out.push_str(
            "\nA call is a JSON object, a code fence round it is allowed. Several stand one after the \
             other, or all in one list: {\"tool_calls\":[…]}. The calls of this turn:\n\n",
        );
        self.template(missing_reads, &mut out);
        out
    }

    fn status_line(&self, out: &mut String) {
        if self.required_statuses.is_empty() {
            return;
        }
        let statuses = list(self.required_statuses.iter().map(|status| status.as_str()));
        let one_of = if self.required_statuses.len() > 1 {
            "one of "
        } else {
            ""
        };
        line(
            out,
            format_args!(
                "- Set this card's status with update_issue_status to {one_of}{statuses}."
            ),
        );
        let waiting = list(
            self.required_statuses
                .iter()
                .filter(|status| needs_reason(**status))
                .map(|status| status.as_str()),
        );
        if !waiting.is_empty() {
            line(
                out,
                format_args!(
                    "- With {waiting} give a wait_reason, one of {}.",
                    wait_reasons()
                ),
            );
        }
    }

    /// What must not be named, said or looked at.
    fn scope_lines(&self, out: &mut String) {
        let refusals = self
            .required_statuses
            .iter()
            .filter(|status| refuses(**status));
        let refusals = list(refusals.map(|status| status.as_str()));
        if self.rejection_payload && !refusals.is_empty() {
            line(
                out,
                format_args!(
                    "- With {refusals} also give {}, each filled in, among the args of the call.",
                    PAYLOAD_KEYS.join(", ")
                ),
            );
        }
        if let Some(files) = self.only_files() {
            line(
                out,
                format_args!("- Read and write these files only: {}.", files.join(", ")),
            );
        }
        if self.has_rule(rules::INVENTED_DETAIL) {
            out.push_str(
                "- Say only what you were given; do not write of what is assumed or likely.\n",
            );
        }
        if self.has_rule(rules::CONTRADICTION) && !self.forbidden_phrases.is_empty() {
            let phrases: Vec<String> = self
                .forbidden_phrases
                .iter()
                .map(|phrase| format!("{phrase:?}"))
                .collect();
            line(out, format_args!("- Do not write: {}.", phrases.join(", ")));
        }
        if self.has_rule(rules::CONTEXT_NOT_PROVIDED) {
            let given = list(self.required_read_paths.iter().map(String::as_str));
            if given.is_empty() {
                out.push_str("- Give get_issue_context no section.\n");
            } else {
                let text = format_args!("- Give get_issue_context no section but one of: {given}.");
                line(out, text);
            }
        }
        self.limit_lines(out);
    }

    /// How much may be touched and looked at.
    fn limit_lines(&self, out: &mut String) {
        let limits = &self.limits;
        for (most, what, things) in [
            (limits.max_workspace_items, "Read or write", "files"),
            (limits.max_active_context_items, "Read", "files"),
            (limits.max_passive_context_items, "List", "folders"),
            (
                limits.max_archived_context_items,
                "Ask get_issue_context for",
                "cards by their id",
            ),
            (
                limits.max_total_context_items,
                "Look at",
                "things (files read, folders listed, cards looked up by id)",
            ),
        ] {
            if let Some(most) = most {
                line(
                    out,
                    format_args!("- {what} at most {most} different {things} in this turn."),
                );
            }
        }
    }

    /// What a call that sets `status` is given.
    fn status_args(&self, status: CardStatus) -> Map<String, Value> {
        let mut args = Map::from_iter([("status".to_owned(), json!(status))]);
        if needs_reason(status) {
            args.insert("wait_reason".to_owned(), json!("<wait_reason>"));
        }
        if self.rejection_payload && refuses(status) {
            let [rationale, violations, remedies] = PAYLOAD_KEYS;
            for (key, value) in [
                (rationale, json!("<why>")),
                (violations, json!(["<what is wrong, and where>"])),
                (remedies, json!(["<what is to be done about it>"])),
            ] {
                args.insert(key.to_owned(), value);
            }
        }
        args
    }

    /// The calls that are needed, one a line, to be filled in.
    pub(crate) fn template(&self, missing_reads: &[String], out: &mut String) {
        let begun = out.len();
        for path in self.demanded_reads(missing_reads) {
            call(out, READ_FILE, &json!({ "path": path }));
        }
        for path in self.demanded_writes() {
            let args = json!({"path": path, "content": "<the whole text of the file>"});
            call(out, WRITE_FILE, &args);
        }
        for tool in self.demanded_tools(missing_reads) {
            let args = match tool {
                READ_FILE if self.demanded_reads(missing_reads).next().is_some() => continue,
                WRITE_FILE if self.demanded_writes().next().is_some() => continue,
                UPDATE_ISSUE_STATUS if !self.required_statuses.is_empty() => continue,
                READ_FILE => json!({"path": "<path>"}),
                WRITE_FILE => json!({"path": "<path>", "content": "<the whole text of the file>"}),
                UPDATE_ISSUE_STATUS => json!({"status": "<status>"}),
                LIST_DIRECTORY => json!({"path": "."}),
                CREATE_ISSUE => json!({"seat": "<seat>", "summary": "<what is to be done>"}),
                ADD_ISSUE_COMMENT => json!({"comment": "<text>"}),
                _ => json!({"<argument>": "<value>"}),
            };
            call(out, tool, &args);
        }
        for (index, status) in self.required_statuses.iter().enumerate() {
            if index > 0 {
                out.push_str("or ");
            }
            let args = self.status_args(*status);
            call(out, UPDATE_ISSUE_STATUS, &Value::Object(args));
        }
        if out.len() == begun {
            call(out, "<tool>", &json!({"<argument>": "<value>"}));
        }
    }
}

fn call(out: &mut String, tool: &str, args: &serde_json::Value) {
    line(out, format_args!("{{\"tool\":\"{tool}\",\"args\":{args}}}"));
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing into a string cannot fail.
    let _ = writeln!(out, "{text}");
}

/// The words, comma-separated.
pub(super) fn list<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let mut out = String::new();
    for word in words {
        if !out.is_empty() {
            out.push_str(", ");
        }
        out.push_str(word);
    }
    out
}

/// The wait reasons, comma-separated.
pub(super) fn wait_reasons() -> String {
    list(WaitReason::ALL.iter().map(|reason| reason.as_str()))
}
