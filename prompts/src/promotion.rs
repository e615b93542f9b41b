//! The report that lets a prompt be promoted: `{"pass": true}`, or what stands in its way.

use serde_json::Value;

use crate::error::PromptError;
use crate::id::PromptId;

/// Whether the report in `text` lets `id` be promoted.
///
/// # Errors
///
/// When it is no report, or does not pass.
pub fn check(text: &str, path: &str, id: &PromptId) -> Result<(), PromptError> {
    let wrong = |reason: String| PromptError::Report {
        path: path.to_owned(),
        reason,
    };
    let report: Value = serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text))
        .map_err(|error| wrong(format!("is no valid JSON: {error}")))?;
    match report.get("pass") {
        Some(Value::Bool(true)) => Ok(()),
        Some(Value::Bool(false)) => Err(PromptError::Blocked {
            id: id.to_string(),
            blockers: blockers(&report),
        }),
        Some(_) | None => Err(wrong("`pass` must be true or false".to_owned())),
    }
}

/// Codes of blockers, which are texts or objects with a `code`.
fn blockers(report: &Value) -> Vec<String> {
    let items = report.get("blockers").and_then(Value::as_array);
    let code = |item: &Value| match item {
        Value::String(code) => Some(code.clone()),
        other => Some(other.get("code")?.as_str()?.to_owned()),
    };
    items.into_iter().flatten().filter_map(code).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_passes_is_let_through() {
        let id: PromptId = "role.coder".parse().unwrap();
        let told = |text: &str| check(text, "r.json", &id).map_err(|error| error.to_string());
        assert_eq!(told(r#"{"pass": true}"#), Ok(()));
        assert_eq!(
            told(
                r#"{"pass": false, "blockers": [{"code": "LOW_SCORE", "detail": 1}, "NO_RUNS", 3]}"#
            ),
            Err(
                "role.coder is not promoted: the report does not pass (LOW_SCORE, NO_RUNS)"
                    .to_owned()
            )
        );
        for bad in ["", "[]", "{}", r#"{"pass": "true"}"#, r#"{"pass": 1}"#] {
            let error = check(bad, "r.json", &id).unwrap_err();
            assert_eq!(error.code(), "E_PROMPT_REPORT", "{bad}");
        }
    }
}
