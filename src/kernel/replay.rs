//! Whether the descriptor of a run says all that replaying it would need. Nothing is replayed: the
//! report says that only the shape was looked at.

use serde_json::{Map, Value};

use super::CONTRACT_VERSION;
use super::event::Event;
use super::report::{Checked, Report};
use super::result::Issue;
use super::words::{Code, Outcome, Stage};

/// What a descriptor must say, in this order.
const NEEDED: [&str; 9] = [
    "run_id",
    "workflow_id",
    "contract_version",
    "schema_version",
    "policy_profile_ref",
    "model_profile_ref",
    "runtime_profile_ref",
    "trace_ref",
    "state_ref",
];

/// Looks at a descriptor.
#[must_use]
pub fn replay(descriptor: &Map<String, Value>) -> Report {
    let mut report = Report::begun("replay_run", Checked::Shape);
    let text = |name: &str| {
        let text = descriptor.get(name).and_then(Value::as_str);
        text.filter(|text| !text.trim().is_empty())
    };
    report.parity.expected.run_id = text("run_id").map(str::to_owned);
    let missing: Vec<&str> = NEEDED
        .into_iter()
        .filter(|name| text(name).is_none())
        .collect();
    if let Some(first) = missing.first() {
        let at = format!("/run_descriptor/{first}");
        let why = "the descriptor is not complete";
        let issue = Issue::new(Stage::Replay, Code::EReplayInputMissing, at, why);
        report.fail(issue.with("missing_fields", missing.clone()));
    } else if text("contract_version") != Some(CONTRACT_VERSION) {
        let at = "/run_descriptor/contract_version";
        let why = format!("must be `{CONTRACT_VERSION}`");
        report.fail(Issue::new(
            Stage::Replay,
            Code::EReplayVersionMismatch,
            at,
            why,
        ));
    }
    if report.outcome == Outcome::Pass {
        let text = "the descriptor is complete; nothing was replayed";
        let event = Event::info(
            Stage::Replay,
            Code::IReplayShapeOnly,
            "/run_descriptor",
            text,
        );
        report.events.push(event.to_string());
    }
    report
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn whole() -> Map<String, Value> {
        let mut descriptor: Map<String, Value> = NEEDED
            .iter()
            .map(|name| ((*name).to_owned(), json!("x")))
            .collect();
        descriptor.insert("contract_version".into(), json!(CONTRACT_VERSION));
        descriptor
    }

    #[test]
    fn what_is_missing_is_named_from_the_first_on() {
        let mut descriptor = Map::new();
        descriptor.insert("run_id".into(), json!("run-a"));
        let issue = replay(&descriptor).issues.remove(0);
        assert_eq!(issue.code, Code::EReplayInputMissing);
        assert_eq!(issue.location, "/run_descriptor/workflow_id");
        assert_eq!(issue.details["missing_fields"].as_array().unwrap().len(), 8);
        for nothing in [Value::Null, json!(""), json!("  "), json!(7)] {
            let mut descriptor = whole();
            descriptor.insert("state_ref".into(), nothing);
            assert_eq!(
                replay(&descriptor).issues[0].details["missing_fields"],
                json!(["state_ref"])
            );
        }
    }

    #[test]
    fn a_whole_descriptor_passes_and_the_report_says_how_little_that_is() {
        let report = replay(&whole());
        assert_eq!(
            (report.outcome, report.checked),
            (Outcome::Pass, Checked::Shape)
        );
        assert_eq!((report.mode, report.runs_compared), ("replay_run", 0));
        assert_eq!(
            report.events,
            [
                "[INFO] [STAGE:replay] [CODE:I_REPLAY_SHAPE_ONLY] [LOC:/run_descriptor] the descriptor is complete; nothing was replayed |"
            ]
        );
        let mut old = whole();
        old.insert("contract_version".into(), json!("kernel_api/v0"));
        assert_eq!(replay(&old).issues[0].code, Code::EReplayVersionMismatch);
    }
}
