//! `orket gc --check`: a plan of before, held against what must stay now.

use std::collections::HashMap;
use std::path::Path;
use std::process::ExitCode;

use orket_keeping::retention::{Action, Policy};
use serde::Deserialize;
use serde_json::json;

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;

/// What `orket gc --plan` wrote, as far as it matters here.
#[derive(Debug, Deserialize)]
pub(super) struct Planned {
    /// What it kept to.
    pub(super) policy: Policy,
    actions: Vec<Step>,
}

#[derive(Debug, Deserialize)]
struct Step {
    namespace: String,
    path: String,
    action: String,
}

/// Reads a plan.
///
/// # Errors
///
/// `E_USAGE`, when it is none.
pub(super) fn read(context: &Context, file: &Path) -> Result<Planned, Failure> {
    let wrong = |reason: String| {
        Failure::usage(format!("--check: {} is no plan: {reason}", file.display()))
            .hint("orket gc --plan FILE writes one")
    };
    let text = std::fs::read_to_string(context.cwd.join(file))
        .map_err(|error| wrong(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
}

/// Tells what of the plan would remove something that must stay, which fails, and what is not there any
/// more.
pub(super) fn tell(context: &Context, planned: &Planned, actions: &[Action]) -> ExitCode {
    let now: HashMap<(&str, &str), &Action> = actions
        .iter()
        .map(|it| ((it.namespace, it.path.as_str()), it))
        .collect();
    let (mut failures, mut warnings) = (Vec::new(), Vec::new());
    // How many digests there are changes with every delivery; the newest stay in any case.
    let removals = planned
        .actions
        .iter()
        .filter(|it| it.action == "delete" && it.namespace != "digests");
    for step in removals {
        let Step {
            namespace, path, ..
        } = step;
        match now.get(&(namespace.as_str(), path.as_str())) {
            Some(action) if action.is_removal() => {}
            Some(action) => failures.push(format!("{namespace} {path}: {}", action.reason)),
            None => warnings.push(format!(
                "{namespace} {path}: not there, or not to be removed"
            )),
        }
    }
    let ok = failures.is_empty();
    if context.json {
        out::json(&json!({
            "ok": ok, "failure_count": failures.len(), "warning_count": warnings.len(),
            "failures": failures, "warnings": warnings, "checked_actions": planned.actions.len(),
        }));
    } else {
        let mut text = if ok {
            format!("OK: {} actions\n", planned.actions.len())
        } else {
            format!("FAIL ({} must stay)\n", failures.len())
        };
        text.extend(failures.iter().map(|it| format!("  {it}\n")));
        text.extend(warnings.iter().map(|it| format!("  warning: {it}\n")));
        out::print(&text);
    }
    ExitCode::from(u8::from(!ok))
}
