//! `orket sweep` for files that are there, through the program: what an operator does after a sweep, and
//! what a pipeline notices.

#[path = "sweep_reports/house.rs"]
mod house;

use std::fs;

use house::{House, clean, polluted, summary};
use orket_sweep::baselines::{GoldTelemetry, Metadata, Record, Store};
use serde_json::Value;

#[test]
fn a_sweep_is_reported_explored_and_checked() {
    let house = House::new();
    house.save(
        "s.json",
        &summary(&[
            clean("Q8_0", 1.0, 3000.0),
            clean("Q6_K", 0.98, 2300.0),
            clean("Q4_K_M", 0.75, 1600.0),
        ]),
    );
    let report = house.run(&[
        "sweep",
        "report",
        "--summary",
        "s.json",
        "--out-md",
        "out/report.md",
    ]);
    assert_eq!(
        report.told(),
        (
            0,
            "out/report.md\nout/quant_sweep_scatter.json\nout/quant_sweep_scatter.svg\n"
        )
    );
    let markdown = house.text("out/report.md");
    assert!(
        markdown.contains("](quant_sweep_scatter.svg)"),
        "{markdown}"
    );
    assert!(
        house
            .text("out/quant_sweep_scatter.svg")
            .contains("1 Q4_K_M")
    );

    for _ in 0..2 {
        let explored = house.run(&[
            "sweep",
            "frontier",
            "--summary",
            "s.json",
            "--out",
            "out/frontier.json",
            "--storage-root",
            "kept",
            "--provenance-ref",
            "ci/7",
        ]);
        assert_eq!(explored.code, 0, "{}", explored.stderr);
        insta::assert_snapshot!("frontier", explored.stdout);
    }
    let kept: Vec<_> = fs::read_dir(house.path("kept"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "json"))
        .collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    let history: Value = serde_json::from_str(&fs::read_to_string(&kept[0]).unwrap()).unwrap();
    assert_eq!(history["history"].as_array().unwrap().len(), 2);
    assert_eq!(history["history"][1], house.json("out/frontier.json"));

    let heat = house.run(&[
        "sweep",
        "thermal",
        "--summaries",
        "s.json,s.json",
        "--out",
        "out/thermal.json",
    ]);
    assert_eq!(heat.code, 0, "{}", heat.stderr);
    let checked = house.run(&[
        "sweep",
        "check",
        "--frontier",
        "out/frontier.json",
        "--thermal",
        "out/thermal.json",
        "--summary",
        "s.json",
        "--sidecar",
        "s.json",
        "--preset",
        "common,logic_only,mixed,refactor_heavy",
    ]);
    assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);
    let index = house.run(&["sweep", "index", "--root", "out", "--json"]);
    let kinds: Vec<_> = index.json()["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["frontier", "thermal"]);
}

#[test]
fn a_pipeline_notices_what_is_not_good_enough() {
    let house = House::new();
    house.save("good.json", &summary(&[clean("Q8_0", 1.0, 3000.0)]));
    house.save(
        "bad.json",
        &summary(&[clean("Q8_0", 1.0, 3000.0), polluted("Q6_K")]),
    );
    house.save("empty.json", &summary(&[]));
    let gate = |file: &str| {
        house
            .run(&["sweep", "kpi", "--check", "--summary", file])
            .code
    };
    assert_eq!(
        [gate("good.json"), gate("bad.json"), gate("empty.json")],
        [0, 2, 2]
    );
    let wide = [
        "--max-polluted-run-rate",
        "0.5",
        "--max-missing-telemetry-rate",
        "0.5",
    ];
    let mut arguments = vec![
        "sweep",
        "check-quant-sweep-kpis",
        "--check",
        "--summary",
        "bad.json",
    ];
    arguments.extend(wide);
    assert_eq!(house.run(&arguments).code, 0);
    // Figures alone are an answer, however bad they are.
    let figures = house.run(&[
        "sweep",
        "kpi",
        "--summary",
        "bad.json",
        "--json",
        "--out",
        "kpis.json",
    ]);
    assert_eq!(figures.code, 0);
    assert_eq!(figures.json(), house.json("kpis.json"));
    assert_eq!(figures.json()["stability_kpis"]["polluted_run_rate"], 0.5);
    let failed = house.run(&["sweep", "kpi", "--check", "--summary", "bad.json"]);
    insta::assert_snapshot!("kpi_failed", format!("{}{}", failed.stdout, failed.stderr));

    let guards = |file: &str, more: &[&str]| {
        let mut arguments = vec!["sweep", "guards", "--summary", file];
        arguments.extend(more);
        house.run(&arguments).code
    };
    let mut hot = clean("Q8_0", 1.0, 3000.0);
    hot.hardware_sidecar.figures.thermal_start_c = Some(51.0);
    house.save("hot.json", &summary(&[hot]));
    assert_eq!(guards("good.json", &[]), 3);
    assert_eq!(guards("good.json", &["--allow-skip"]), 0);
    assert_eq!(
        guards("good.json", &["--vram-profile", "stress", "--allow-skip"]),
        2
    );
    assert_eq!(guards("hot.json", &["--allow-skip"]), 2);
    assert_eq!(guards("hot.json", &["--cooldown-target-c", "51"]), 0);

    assert_eq!(house.run(&["sweep", "check"]).code, 2);
    assert_eq!(
        house
            .run(&["sweep", "check", "--summary", "empty.json"])
            .code,
        2
    );
    assert_eq!(
        house
            .run(&["sweep", "check", "--summary", "good.json", "--strict"])
            .code,
        2
    );
}

#[test]
fn a_file_that_is_none_is_said_with_its_code() {
    let house = House::new();
    fs::write(house.path("none.json"), "{\"a\": 1}").unwrap();
    fs::write(house.path("torn.json"), "{").unwrap();
    for (verb, flag) in [
        ("report", "--summary"),
        ("kpi", "--summary"),
        ("frontier", "--summary"),
        ("thermal", "--summaries"),
        ("guards", "--summary"),
        ("score", "--report"),
        ("rollup", "--context"),
    ] {
        for file in ["missing.json", "none.json", "torn.json"] {
            let refused = house.run(&["sweep", verb, flag, file, "--json"]);
            assert_eq!(refused.code, 1, "{verb} {file}: {}", refused.stderr);
            assert_eq!(
                refused.json()["error"]["code"],
                "E_SWEEP_FILE",
                "{verb} {file}"
            );
        }
    }
}

#[test]
fn baselines_answer_with_their_exit_code() {
    let house = House::new();
    let none = house.run(&["sweep", "baselines", "list"]);
    assert_eq!(none.told(), (0, "there are no baselines\n"));
    assert_eq!(house.run(&["sweep", "baselines", "health"]).code, 2);
    let store = Store::new(house.path("benchmarks/baselines"));
    for (reference, revision) in [("run-1", "r1"), ("run-2", "r1"), ("run-3", "r2")] {
        let record = Record {
            baseline_metadata: Metadata {
                test_run_id: reference.to_owned(),
                hardware_fingerprint: "m1".to_owned(),
                task_revision: revision.to_owned(),
                ..Metadata::default()
            },
            gold_telemetry: GoldTelemetry::default(),
            pinned: false,
        };
        store.add("001", record).unwrap();
    }
    let resolve = |machine: &str, revision: &str, more: &[&str]| {
        let mut arguments = vec![
            "sweep",
            "baselines",
            "resolve",
            "--json",
            "--test-id",
            "001",
            "--hardware-fingerprint",
            machine,
            "--task-revision",
            revision,
        ];
        arguments.extend(more);
        let ended = house.run(&arguments);
        let status = ended.json()["status"].as_str().unwrap().to_owned();
        (ended.code, status)
    };
    let status = |code: i32, word: &str| (code, word.to_owned());
    assert_eq!(resolve("m1", "r1", &[]), status(0, "OK"));
    assert_eq!(resolve("m2", "r1", &[]), status(2, "HW_MISMATCH"));
    assert_eq!(resolve("m1", "r9", &[]), status(2, "REV_MISMATCH"));
    assert_eq!(
        resolve("m1", "r1", &["--baseline-ref", "run-3"]),
        status(2, "REV_MISMATCH")
    );
    assert_eq!(
        resolve("m1", "r1", &["--baseline-ref", "run-9"]),
        status(2, "REF_NOT_FOUND")
    );
    let verb = |arguments: &[&str]| {
        let mut all = vec!["sweep", "baselines"];
        all.extend(arguments);
        house.run(&all)
    };
    assert_eq!(
        verb(&[
            "pin-baseline",
            "--test-id",
            "001",
            "--baseline-ref",
            "run-1"
        ])
        .code,
        0
    );
    assert_eq!(
        verb(&[
            "pin-baseline",
            "--test-id",
            "001",
            "--baseline-ref",
            "run-7"
        ])
        .code,
        2
    );
    let would = verb(&["prune", "--keep-last", "1", "--dry-run"]);
    assert_eq!(
        would.told(),
        (
            0,
            "would remove: 001 run-2\nDRY_RUN  1 baselines of 1 tests\n"
        )
    );
    assert_eq!(verb(&["prune", "--keep-last", "1"]).code, 0);
    assert_eq!(verb(&["prune", "--test-id", "002"]).code, 2);
    assert_eq!(verb(&["show", "--test-id", "002"]).code, 2);
    let left = verb(&["show", "--test-id", "001"]);
    insta::assert_snapshot!("baselines_shown", left.stdout);

    fs::write(house.path("task.json"), r#"{"id": "001"}"#).unwrap();
    assert_eq!(
        verb(&["pin", "--task", "task.json", "--baseline-ref", "run-2"]).code,
        2
    );
    assert_eq!(
        verb(&["pin", "--task", "task.json", "--baseline-ref", "run-1"]).code,
        0
    );
    assert_eq!(
        house.json("task.json")["acceptance_contract"]["baseline_ref"],
        "run-1"
    );
}

#[test]
fn the_cards_are_asked_and_joined() {
    let house = House::new();
    let absent = house.run(&["sweep", "sidecar", "--backend", "nvidia", "--json"]);
    assert_eq!(absent.code, 0, "{}", absent.stderr);
    assert_eq!(absent.json()["sidecar_parse_status"], "NOT_APPLICABLE");
    assert_eq!(absent.json()["vram_total_mb"], Value::Null);

    house.program(
        "nvidia-smi",
        "echo '24576, 9000, 40, 1800, 100.5, 30'\necho '24576, 0, 38, 1500, 50.0, [N/A]'",
    );
    let before = house.run(&[
        "sweep",
        "sidecar",
        "--backend",
        "nvidia",
        "--out",
        "before.json",
        "--json",
    ]);
    assert_eq!(before.json()["thermal_start_c"], Value::Null);
    assert_eq!(before.json()["thermal_end_c"], 40.0);
    house.program(
        "nvidia-smi",
        "echo '24576, 8000, 71, 1700, 200.0, 60'\necho '24576, 500, 50, 1600, 50.0, 20'",
    );
    let after = house.run(&[
        "sweep",
        "sidecar",
        "--backend",
        "nvidia",
        "--before",
        "before.json",
        "--model",
        "qwen",
        "--quant",
        "Q6_K",
    ]);
    insta::assert_snapshot!("cards", after.stdout);

    house.program("nvidia-smi", "echo 'NVIDIA-SMI has failed' >&2; exit 9");
    let failed = house.run(&["sweep", "sidecar", "--backend", "nvidia"]);
    assert_eq!(
        (failed.code, failed.stdout.contains("NVIDIA-SMI has failed")),
        (0, true)
    );
    house.program("nvidia-smi", "echo gibberish");
    let gibberish = house.run(&["sweep", "sidecar", "--backend", "nvidia", "--json"]);
    assert_eq!(gibberish.code, 1);
    assert_eq!(gibberish.json()["sidecar_parse_status"], "PARSE_ERROR");
    house.program("nvidia-smi", "exec sleep 600");
    let silent = house.run(&[
        "sweep",
        "sidecar",
        "--backend",
        "nvidia",
        "--timeout-sec",
        "1",
    ]);
    assert_eq!(silent.code, 1);
    assert_eq!(house.run(&["sweep", "sidecar", "--backend", "tpu"]).code, 2);
    let other = house.run(&[
        "sweep",
        "sidecar",
        "--backend",
        "cpu",
        "--before",
        "before.json",
    ]);
    assert_eq!(other.code, 2);
}

#[test]
fn every_verb_says_how_it_is_used() {
    let house = House::new();
    for verb in [
        "report",
        "kpi",
        "frontier",
        "thermal",
        "guards",
        "sidecar",
        "rollup",
        "check",
        "index",
        "score",
        "baselines",
    ] {
        let help = house.run(&["sweep", verb, "--help"]);
        assert_eq!(help.code, 0);
        assert!(help.stdout.contains("Examples:"), "{verb}");
        assert!(help.stdout.lines().count() <= 40, "{verb} fits no screen");
    }
}

/// Every line that begins with `orket` in the runbook's shell blocks, and the exit code said behind it.
fn runbook_lines() -> Vec<(String, i32)> {
    let mut lines = Vec::new();
    let mut is_shell = false;
    let mut begun = String::new();
    for line in include_str!("../docs/QUANT_SWEEP_RUNBOOK.md").lines() {
        if line.starts_with("```") {
            is_shell = line == "```sh";
            continue;
        }
        if !is_shell {
            continue;
        }
        begun.push_str(line.trim());
        if let Some(rest) = begun.strip_suffix('\\') {
            begun = rest.to_owned();
            continue;
        }
        let whole = std::mem::take(&mut begun);
        let (command, said) = whole.split_once(" # exit ").unwrap_or((&whole, "0"));
        if let Some(arguments) = command.trim().strip_prefix("orket ") {
            lines.push((arguments.to_owned(), said.trim().parse().unwrap()));
        }
    }
    lines
}

#[test]
fn the_runbook_works_from_nothing() {
    let house = House::new();
    let lines = runbook_lines();
    assert!(lines.len() >= 15, "{lines:?}");
    for (line, code) in lines {
        assert!(
            !line.contains(['\'', '"', '$', '|']),
            "this reads words, no shell: {line}"
        );
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let ended = house.run(&arguments);
        assert_eq!(
            ended.code, code,
            "orket {line}\n{}{}",
            ended.stdout, ended.stderr
        );
    }
}
