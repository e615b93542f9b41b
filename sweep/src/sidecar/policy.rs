//! Whether the sidecars of a summary keep their contract: every figure has its key, and one that must be
//! known is a number where the status says so.

use serde::Serialize;
use serde_json::Value;

use super::{SidecarFigures, SidecarStatus};

/// What was looked at, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Rows.
    pub checked_rows: u64,
    /// `<model>:<quant>:<what>`.
    pub failures: Vec<String>,
}

/// Looks at every row of a summary, as it stands in the file.
#[must_use]
pub fn check(summary: &Value) -> Checked {
    let mut checked = Checked {
        checked_rows: 0,
        failures: Vec::new(),
    };
    let sessions = summary.get("sessions").and_then(Value::as_array);
    for session in sessions.into_iter().flatten() {
        let model = text(session, "model_id");
        for row in session
            .get("per_quant")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            checked.checked_rows += 1;
            let head = format!("{model}:{}", text(row, "quant_tag"));
            let wrong = row_failures(row.get("hardware_sidecar"));
            checked
                .failures
                .extend(wrong.into_iter().map(|it| format!("{head}:{it}")));
        }
    }
    if checked.checked_rows == 0 {
        checked.failures.push("no_rows".to_owned());
    }
    checked
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or("?")
}

fn row_failures(sidecar: Option<&Value>) -> Vec<String> {
    let Some(sidecar) = sidecar.filter(|it| it.is_object()) else {
        return vec!["missing:hardware_sidecar".to_owned()];
    };
    let mut failures = Vec::new();
    let status: Option<SidecarStatus> = sidecar
        .get("sidecar_parse_status")
        .and_then(|it| serde_json::from_value(it.clone()).ok());
    if status.is_none() {
        failures.push("invalid:sidecar_parse_status".to_owned());
    }
    if !sidecar
        .get("sidecar_parse_errors")
        .is_some_and(Value::is_array)
    {
        failures.push("invalid:sidecar_parse_errors".to_owned());
    }
    let names = SidecarFigures::default();
    let must_be_known: &[_] = match status {
        Some(SidecarStatus::Ok | SidecarStatus::OptionalFieldMissing) => &names.required(),
        Some(
            SidecarStatus::RequiredFieldMissing
            | SidecarStatus::ParseError
            | SidecarStatus::NotApplicable,
        )
        | None => &[],
    };
    for (name, _) in names.all() {
        match sidecar.get(name) {
            None => failures.push(format!("missing:{name}")),
            Some(value) if value.is_number() => {}
            Some(Value::Null) if must_be_known.iter().all(|(known, _)| known != &name) => {}
            Some(_) => failures.push(format!("not_a_number:{name}")),
        }
    }
    failures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::QuantRow;
    use crate::summary::{Session, Summary};

    fn summary(status: SidecarStatus, figures: SidecarFigures) -> Value {
        let mut row = QuantRow {
            quant_tag: "Q6_K".to_owned(),
            ..QuantRow::default()
        };
        row.hardware_sidecar.sidecar_parse_status = status;
        row.hardware_sidecar.figures = figures;
        let session = Session {
            model_id: "qwen".to_owned(),
            per_quant: vec![row],
            ..Session::default()
        };
        serde_json::to_value(Summary {
            sessions: vec![session],
            ..Summary::default()
        })
        .unwrap()
    }

    #[test]
    fn what_we_write_keeps_it_and_says_ok_only_with_figures() {
        let nothing = summary(SidecarStatus::NotApplicable, SidecarFigures::default());
        assert_eq!(
            check(&nothing),
            Checked {
                checked_rows: 1,
                failures: vec![]
            }
        );
        let boast = summary(
            SidecarStatus::Ok,
            SidecarFigures {
                vram_total_mb: Some(1.0),
                ..SidecarFigures::default()
            },
        );
        let failures = check(&boast).failures;
        assert_eq!(failures.len(), 6, "{failures:?}");
        assert_eq!(failures[0], "qwen:Q6_K:not_a_number:vram_used_mb");
    }

    #[test]
    fn a_missing_key_is_not_a_null() {
        let mut value = summary(SidecarStatus::NotApplicable, SidecarFigures::default());
        let sidecar = &mut value["sessions"][0]["per_quant"][0]["hardware_sidecar"];
        sidecar.as_object_mut().unwrap().remove("ttft_ms");
        sidecar["sidecar_parse_status"] = "FINE".into();
        assert_eq!(
            check(&value).failures,
            [
                "qwen:Q6_K:invalid:sidecar_parse_status",
                "qwen:Q6_K:missing:ttft_ms"
            ]
        );
        assert_eq!(check(&serde_json::json!({})).failures, ["no_rows"]);
    }
}
