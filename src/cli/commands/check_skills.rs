//! `orket check skills`: what is wrong with skill manifests, in the words of their contract.

use std::path::Path;
use std::process::ExitCode;

use orket_core::skill::{Checked, Refusal, Validation, check, unreadable};
use serde::Serialize;

use crate::cli::args::CheckSkillsArgs;
use crate::cli::context::Context;
use crate::cli::out;

/// What is said of one manifest.
#[derive(Serialize)]
struct Report {
    status: &'static str,
    manifest: String,
    skill_id: String,
    skill_version: String,
    validation: Validation,
    failures: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Refusal>,
}

impl Report {
    fn of(manifest: &Path, checked: Checked) -> Self {
        let errors = &checked.validation.errors;
        Self {
            status: status(errors.is_empty()),
            manifest: manifest.display().to_string(),
            skill_id: checked.skill_id,
            skill_version: checked.skill_version,
            failures: errors.iter().map(ToString::to_string).collect(),
            validation: checked.validation,
            refusal: checked.refusal,
        }
    }
}

const fn status(ok: bool) -> &'static str {
    if ok { "PASS" } else { "FAIL" }
}

pub fn run(context: &Context, args: &CheckSkillsArgs) -> ExitCode {
    let reports: Vec<_> = args
        .manifest
        .iter()
        .map(|file| {
            let checked = match std::fs::read(context.cwd.join(file)) {
                Ok(bytes) => check(&bytes),
                Err(error) => unreadable(format!("the manifest cannot be read: {error}")),
            };
            Report::of(file, checked)
        })
        .collect();
    let all_pass = reports.iter().all(|report| report.failures.is_empty());
    match (context.json, reports.as_slice()) {
        (true, [one]) => out::json(one),
        (true, several) => {
            out::json(&serde_json::json!({"status": status(all_pass), "reports": several}));
        }
        (false, reports) => {
            reports.iter().for_each(|report| out::print(&words(report)));
        }
    }
    if all_pass {
        ExitCode::SUCCESS
    } else {
        if !context.json {
            out::warn("hint: docs/errors/E_SKILL_MANIFEST.md says what each code means");
        }
        ExitCode::from(1)
    }
}

fn words(report: &Report) -> String {
    let mut text = format!(
        "{} {} ({} {})\n",
        report.status, report.manifest, report.skill_id, report.skill_version
    );
    if let Some(refusal) = &report.refusal {
        text.push_str(&format!(
            "  {} at stage {}\n",
            refusal.error_code, refusal.validation_stage
        ));
    }
    for failure in &report.failures {
        text.push_str(&format!("  {failure}\n"));
    }
    text
}
