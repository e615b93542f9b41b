//! `orket report failure-modes`.

use super::house::House;

const LOG: &str = r#"{"timestamp":"2026-03-01T10:00:00Z","role":"coder","event":"turn_start","data":{"run_id":"aa11"}}
{"timestamp":"2026-03-01T10:00:01Z","role":"coder","event":"turn_failed","data":{"run_id":"aa11","issue_id":"C-1","type":"tool_violation"}}
{"timestamp":"2026-03-01T10:00:02Z","role":"coder","event":"retry_triggered","data":{"run_id":"aa11"}}
[]
{"timestamp":"2026-03-02T10:00:00Z","role":"integrity_guard","event":"guard_approved","data":{"run_id":"bb22"}}
"#;

#[test]
fn a_log_is_counted_and_a_rule_that_holds_fails() {
    let house = House::new();
    house.put("workspace/default/orket.log", LOG);
    house.put(
        "workspace/default/orket.log.1",
        "{\"event\":\"turn_start\"}\n",
    );
    let ended = house.orket(&[
        "report",
        "failure-modes",
        "--out",
        "deep/report.json",
        "--json",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let report = ended.json();
    assert_eq!(report, house.read_json("deep/report.json"));
    assert_eq!(report["failure_by_type"]["tool_violation"], 1);
    assert_eq!(report["retry_triggered"], 1);
    assert_eq!(report["lines"]["malformed"], 1);
    assert_eq!(report["events"]["turn_start"], 2);
    let keys: Vec<_> = report.as_object().unwrap().keys().take(5).collect();
    assert_eq!(
        keys,
        [
            "events",
            "failure_by_type",
            "non_progress_by_role",
            "guard_outcomes",
            "retry_triggered"
        ]
    );

    let gate = |rule: &str| {
        house
            .orket(&["report", "failure-modes", "--fail-on", rule])
            .code
    };
    assert_eq!(gate("failed>0"), Some(1));
    assert_eq!(gate("failed>1"), Some(0));
    assert_eq!(gate("rates.turn_failure>=0.5"), Some(1));
    assert_eq!(gate("speed>0"), Some(2));
    assert_eq!(gate("failed"), Some(2));
    // Gates that could never refuse anything.
    assert_eq!(gate("turn_faild>0"), Some(2));
    let no_run = [
        "report",
        "failure-modes",
        "--run",
        "zz",
        "--fail-on",
        "failed>0",
    ];
    assert_eq!(house.orket(&no_run).code, Some(1));

    let of_run = house
        .orket(&["report", "failure-modes", "--run", "bb", "--json"])
        .json();
    assert_eq!(of_run["lines"]["counted"], 1);
    let late = ["report", "failure-modes", "--since", "2026-03-02", "--json"];
    assert_eq!(house.orket(&late).json()["lines"]["counted"], 1);
    assert_eq!(
        house
            .orket(&["report", "failure-modes", "--since", "soon"])
            .code,
        Some(2)
    );
    let text = house
        .orket(&["report", "failure-modes", "--fail-on", "failed>0"])
        .stdout;
    insta::assert_snapshot!(text.replace(&house.project().display().to_string(), "FOLDER"));
}

#[test]
fn no_log_is_no_empty_report() {
    let house = House::new();
    let ended = house.orket(&["report", "failure-modes", "--json"]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.json()["error"]["code"], "E_NOT_FOUND");
}
