//! What is wrong with a prompt.
//!
//! | Rule | What it asks for |
//! |---|---|
//! | PL001 | The file is JSON, and an asset of its kind that says something of itself |
//! | PL002 | Placeholders are closed and declared; what is declared is used (a warning) |
//! | PL005 | Id, version, status, owner, date, lineage, and an entry of the changelog for the version |
//! | PL006 | A role that came with the program keeps its name, and what its turns must bring (a warning) |

use std::collections::BTreeSet;
use std::str::FromStr;

use jiff::civil::Date;
use orket_core::asset::{Dialect, Problems, Role, parse};
use pep440_rs::Version;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::document::Document;
use crate::id::Kind;
use crate::placeholders;
use crate::shelf::Prompt;
use crate::status::Status;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The file.
    pub path: String,
    /// The rule, `PL…`.
    pub code: &'static str,
    /// The field.
    pub field: String,
    /// In words.
    pub message: String,
}

/// What was found in all prompts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether there are no errors.
    pub ok: bool,
    /// How many errors.
    pub error_count: usize,
    /// How many warnings.
    pub warning_count: usize,
    /// The errors, by file.
    pub errors: Vec<Finding>,
    /// The warnings, by file.
    pub warnings: Vec<Finding>,
}

/// Looks at them all. `shown` says how a prompt's file is called; `shipped` gives the text that came with
/// the program.
#[must_use]
pub fn lint(
    prompts: &[Prompt],
    shown: impl Fn(&Prompt) -> String,
    shipped: fn(&str) -> Option<&'static str>,
) -> Report {
    let mut report = Report::default();
    for prompt in prompts {
        let mut look = Look {
            path: shown(prompt),
            report: &mut report,
        };
        look.at(prompt, shipped);
    }
    report.errors.sort();
    report.warnings.sort();
    report.error_count = report.errors.len();
    report.warning_count = report.warnings.len();
    report.ok = report.errors.is_empty();
    report
}

struct Look<'a> {
    path: String,
    report: &'a mut Report,
}

impl Look<'_> {
    fn finding(&self, code: &'static str, field: &str, message: String) -> Finding {
        Finding {
            path: self.path.clone(),
            code,
            field: field.to_owned(),
            message,
        }
    }

    fn wrong(&mut self, code: &'static str, field: &str, message: impl Into<String>) {
        let finding = self.finding(code, field, message.into());
        self.report.errors.push(finding);
    }

    fn odd(&mut self, code: &'static str, field: &str, message: impl Into<String>) {
        let finding = self.finding(code, field, message.into());
        self.report.warnings.push(finding);
    }

    fn at(&mut self, prompt: &Prompt, shipped: fn(&str) -> Option<&'static str>) {
        if let Some(reason) = &prompt.unreadable {
            self.wrong("PL001", "file", reason);
            return;
        }
        let parsed: Result<_, Problems> = match prompt.id.kind {
            Kind::Role => parse::<Role>(&prompt.text, &prompt.path).map(|it| it.warnings),
            Kind::Dialect => parse::<Dialect>(&prompt.text, &prompt.path).map(|it| it.warnings),
        };
        match parsed {
            Ok(warnings) => {
                for warning in warnings {
                    self.odd("PL001", &warning.field, warning.message);
                }
            }
            Err(Problems(problems)) => {
                for problem in problems {
                    self.wrong("PL001", &problem.field, problem.message);
                }
            }
        }
        let Ok(document) = prompt.document() else {
            return;
        };
        let Some(metadata) = document.metadata() else {
            self.wrong("PL001", "prompt_metadata", "is missing");
            return;
        };
        self.placeholders(prompt.id.kind, &document, metadata);
        self.metadata(prompt, &document, metadata);
        let original = shipped(&format!("model/core/roles/{}.json", prompt.id.name));
        if let (Kind::Role, Some(original)) = (prompt.id.kind, original)
            && !prompt.is_shipped
        {
            self.drift(prompt, original);
        }
    }

    fn placeholders(&mut self, kind: Kind, document: &Document, metadata: &Map<String, Value>) {
        const DECLARED: &str = "prompt_metadata.placeholders";
        let declared: BTreeSet<&str> = metadata
            .get("placeholders")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let mut used: BTreeSet<String> = BTreeSet::new();
        for field in texts_of(kind) {
            for text in lines(document.fields().get(*field)) {
                let found = placeholders::find(text);
                for fault in found.faults {
                    self.wrong("PL002", field, fault);
                }
                for name in found.names {
                    if !declared.contains(name.as_str()) && !used.contains(&name) {
                        let message = format!("`{name}` is not declared in {DECLARED}");
                        self.wrong("PL002", field, message);
                    }
                    used.insert(name);
                }
            }
        }
        for name in declared.iter().filter(|name| !used.contains(**name)) {
            self.odd("PL002", DECLARED, format!("`{name}` is used nowhere"));
        }
    }

    fn metadata(&mut self, prompt: &Prompt, document: &Document, metadata: &Map<String, Value>) {
        let expected = prompt.id.to_string();
        if document.word("id") != Some(expected.as_str()) {
            self.meta("id", format!("must be `{expected}`"));
        }
        let version = document.word("version");
        if version.is_none_or(|it| Version::from_str(it).is_err()) {
            self.meta("version", "must be a version, such as 1.0.0");
        }
        match document.word("status").map(Status::from_str) {
            Some(Ok(_)) => {}
            Some(Err(error)) => self.meta("status", error.to_string()),
            None => self.meta("status", "is missing"),
        }
        if document.word("owner").is_none() {
            self.meta("owner", "is missing");
        }
        let day = document.word("updated_at").and_then(|it| it.get(..10));
        if day.is_none_or(|it| it.parse::<Date>().is_err()) {
            self.meta("updated_at", "must be a date, such as 2026-01-31");
        }
        if !metadata.get("lineage").is_some_and(Value::is_object) {
            self.meta("lineage", "must be an object");
        }
        let entries = metadata.get("changelog").and_then(Value::as_array);
        let of_version = |entry: &Value, version: &str| match entry {
            Value::String(text) => text.contains(version),
            other => other.get("version").and_then(Value::as_str) == Some(version),
        };
        if let Some(version) = version
            && !entries
                .into_iter()
                .flatten()
                .any(|entry| of_version(entry, version))
        {
            self.meta("changelog", format!("says nothing of version {version}"));
        }
    }

    fn meta(&mut self, key: &str, message: impl Into<String>) {
        self.wrong("PL005", &format!("prompt_metadata.{key}"), message);
    }

    /// A role that came with the program and was changed here.
    fn drift(&mut self, prompt: &Prompt, original: &str) {
        let ours = parse::<Role>(&prompt.text, &prompt.path);
        let theirs = parse::<Role>(original, &prompt.path);
        let (Ok(ours), Ok(theirs)) = (ours, theirs) else {
            return;
        };
        let (ours, theirs) = (ours.asset, theirs.asset);
        if ours.name != theirs.name {
            let message = format!("must be `{}`, is `{}`", theirs.name, ours.name);
            self.wrong("PL006", "name", message);
        }
        if ours.contract != theirs.contract {
            let message = "asks for something else than the role that came with the program";
            self.odd("PL006", "contract", message);
        }
        let missing: Vec<&str> = theirs
            .tools
            .iter()
            .filter(|tool| !ours.tools.contains(tool))
            .map(String::as_str)
            .collect();
        if !missing.is_empty() {
            let message = format!(
                "the role that came with the program has {} too",
                missing.join(", ")
            );
            self.odd("PL006", "tools", message);
        }
    }
}

/// The fields that models are told.
const fn texts_of(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Role => &[
            "description",
            "intent",
            "responsibilities",
            "constraints",
            "prompt",
        ],
        Kind::Dialect => &[
            "system_prefix",
            "dsl_format",
            "constraints",
            "hallucination_guard",
            "style_guidelines",
        ],
    }
}

/// A text, or a list of them.
fn lines(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        Some(_) | None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn prompt(id: &str, text: String) -> Prompt {
        let id: crate::PromptId = id.parse().unwrap();
        Prompt {
            path: format!("model/core/{}/{}.json", id.kind.category(), id.name),
            id,
            text,
            is_shipped: false,
            unreadable: None,
        }
    }

    fn whole() -> Value {
        json!({"role": {
            "name": "coder",
            "description": "You write.",
            "tools": ["write_file", "read_file"],
            "contract": {"required_tools": ["write_file"]},
            "prompt_metadata": {
                "id": "role.coder", "version": "1.0.0", "status": "stable", "owner": "core",
                "updated_at": "2026-01-31", "lineage": {"parent": null},
                "changelog": [{"version": "1.0.0"}]
            }
        }})
    }

    fn original(path: &str) -> Option<&'static str> {
        (path == "model/core/roles/coder.json").then_some(
            r#"{"role": {"name": "coder", "tools": ["write_file", "read_file"], "contract": {"required_tools": ["write_file"]}}}"#,
        )
    }

    fn told(prompts: &[Prompt]) -> String {
        let report = lint(prompts, |prompt| prompt.path.clone(), original);
        let line = |word: &str, it: &Finding| {
            format!(
                "{word} {} {}: {}: {}\n",
                it.code, it.path, it.field, it.message
            )
        };
        let errors = report.errors.iter().map(|it| line("error", it));
        let warnings = report.warnings.iter().map(|it| line("warning", it));
        errors.chain(warnings).collect()
    }

    #[test]
    fn a_prompt_that_keeps_the_rules_is_let_be() {
        assert_eq!(told(&[prompt("role.coder", whole().to_string())]), "");
    }

    #[test]
    fn each_rule_is_told_of() {
        let mut metadata = whole();
        metadata["role"]["prompt_metadata"] = json!({
            "id": "role.other", "version": "one", "status": "retired", "updated_at": "soon",
            "lineage": [], "changelog": []
        });
        let mut texts = whole();
        texts["role"]["description"] = json!("Dear {{name}}, {{name}}, {{day");
        texts["role"]["constraints"] = json!(["{{declared}}"]);
        texts["role"]["prompt_metadata"]["placeholders"] = json!(["declared", "unused"]);
        let mut drifted = whole();
        drifted["role"]["name"] = json!("writer");
        drifted["role"]["tools"] = json!(["write_file"]);
        drifted["role"]["contract"] = json!({});
        let mut old = whole();
        old["role"]["prompt_metadata"]["version"] = json!("1.1.0");
        let prompts = [
            prompt("role.a_no_json", "{".to_owned()),
            prompt(
                "role.b_no_schema",
                json!({"role": {"tools": "all"}}).to_string(),
            ),
            prompt("role.c_metadata", metadata.to_string()),
            prompt("role.coder", drifted.to_string()),
            prompt("role.d_texts", texts.to_string()),
            prompt(
                "dialect.e_old",
                old.to_string().replacen("role", "dialect", 1),
            ),
        ];
        insta::assert_snapshot!(told(&prompts));
    }
}
