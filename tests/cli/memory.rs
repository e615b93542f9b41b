//! Traces of memory: every turn leaves them, they are whole, and two runs of the same work agree.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::house::{House, QUICK};

/// The folders of the coder's turns, one for each run.
fn turns(house: &House) -> Vec<PathBuf> {
    let runs = house.path().join("workspace/default/observability");
    let mut turns: Vec<_> = std::fs::read_dir(runs)
        .unwrap()
        .map(|run| run.unwrap().path().join("TRACE-1/001_coder"))
        .filter(|turn| turn.exists())
        .collect();
    turns.sort();
    turns
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn two_runs_of_the_same_work_remember_alike_and_a_change_is_named() {
    let house = House::new();
    house.epic("trace", 1, QUICK);
    // The content of the scripted file names the run, which is a difference.
    let scenario = house.path().join("config/scenarios/trace.json");
    let replies = std::fs::read_to_string(&scenario).unwrap();
    std::fs::write(
        &scenario,
        replies.replace("by {{run_id}}", "always the same"),
    )
    .unwrap();
    for build in ["one", "two"] {
        let done = house.run(&["run", "--epic", "trace", "--build-id", build]);
        assert_eq!(done.code, 0, "{done:?}");
    }
    let turns = turns(&house);
    let [first, second] = turns.as_slice() else {
        panic!("two runs: {turns:?}")
    };
    let trace = first.join("memory_trace.json");
    let retrieval = first.join("memory_retrieval_trace.json");
    let args = [
        "check",
        "memory",
        "--trace",
        text(&trace),
        "--retrieval",
        text(&retrieval),
        "--json",
    ];
    let done = house.run(&args);
    assert_eq!(
        (done.code, &done.json()["failures"]),
        (0, &json!([])),
        "{done:?}"
    );

    let other = second.join("memory_trace.json");
    let args = [
        "compare",
        "memory",
        "--left",
        text(&trace),
        "--right",
        text(&other),
        "--json",
    ];
    let done = house.run(&args);
    assert_eq!(
        (done.code, &done.json()["failures"]),
        (0, &json!([])),
        "{done:?}"
    );

    let mut changed: Value = serde_json::from_slice(&std::fs::read(&other).unwrap()).unwrap();
    changed["events"][2]["tool_calls"][0]["tool_name"] = json!("read_file");
    house.write("changed.json", &changed);
    let args = [
        "compare",
        "memory",
        "--left",
        text(&trace),
        "--right",
        "changed.json",
        "--out",
        "report.json",
    ];
    let done = house.run(&args);
    assert_eq!(
        (done.code, done.out.as_str()),
        (1, "FAIL\n  tool_name_mismatch:2:0\n")
    );
    let report: Value =
        serde_json::from_slice(&std::fs::read(house.path().join("report.json")).unwrap()).unwrap();
    assert_eq!(report["status"], "FAIL");
    // What is no trace is told before anything is compared.
    changed.as_object_mut().unwrap().shift_remove("run_id");
    house.write("changed.json", &changed);
    let done = house.run(&args);
    assert_eq!(
        (done.code, done.out.as_str()),
        (1, "FAIL\n  right:trace:missing:run_id\n")
    );
    for none in [json!({}), json!([]), json!(null)] {
        house.write("none.json", &none);
        let args = [
            "compare",
            "memory",
            "--left",
            "none.json",
            "--right",
            "none.json",
        ];
        let done = house.run(&args);
        assert_eq!(done.code, 1, "{none}: {done:?}");
        assert!(
            done.out.contains("left:trace:missing:events"),
            "{}",
            done.out
        );
    }
    let one = text(&retrieval);
    let done = house.run(&[
        "compare",
        "memory",
        "--left",
        text(&trace),
        "--right",
        text(&trace),
        "--left-retrieval",
        one,
    ]);
    assert_eq!(done.code, 2, "{done:?}");
    assert!(done.err.contains("--right-retrieval"), "{}", done.err);
    let done = house.run(&["check", "memory", "--trace", "changed.json"]);
    assert_eq!(
        (done.code, done.out.as_str()),
        (1, "FAIL\n  trace:missing:run_id\n")
    );

    // What the journal holds gives the same bytes again.
    let before = std::fs::read(&trace).unwrap();
    let run = first
        .ancestors()
        .nth(2)
        .unwrap()
        .file_name()
        .unwrap()
        .to_str()
        .unwrap();
    std::fs::remove_file(&trace).unwrap();
    assert_eq!(house.run(&["export", run]).code, 0);
    assert_eq!(std::fs::read(&trace).unwrap(), before);
}
