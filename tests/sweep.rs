//! `orket sweep run` and `orket sweep context`: whole sweeps through the program.

#[path = "sweep/house.rs"]
mod house;
#[path = "sweep/ollama.rs"]
mod ollama;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use house::{House, same_but_for_times};
use orket_sweep::bank::{Bank, OWN, answer};
use serde_json::{Value, json};

/// What is held still in every sweep here.
const STILL: [&str; 6] = ["--seed", "7", "--threads", "2", "--affinity-policy", "none"];

#[test]
fn a_full_sweep_on_the_scripted_model_has_a_clean_frontier() {
    let house = House::new();
    let swept = house.ok(
        &[
            "sweep",
            "run",
            "--json",
            "--model-id",
            "scripted:sweep",
            "--quant-tags",
            "Q8_0,Q6_K,Q4_K_M",
            "--runs",
            "2",
            "--canary-runs",
            "2",
            "--warmup-steps",
            "1",
            "--out-dir",
            "out",
        ],
        &STILL,
    );
    let summary = house.read("out/sweep_summary.json");
    assert_eq!(swept, summary, "the summary is what is printed");
    let session = &summary["sessions"][0];
    let rows = session["per_quant"].as_array().unwrap();
    let of = |key: &str| rows.iter().map(|row| row[key].clone()).collect::<Vec<_>>();
    assert_eq!(of("quant_tag"), ["Q8_0", "Q6_K", "Q4_K_M"]);
    assert_eq!(of("run_quality_status"), ["CLEAN"; 3], "{rows:#?}");
    assert_eq!(of("token_metrics_status"), ["OK"; 3]);
    assert_eq!(of("valid"), [true; 3]);
    assert_eq!(of("test_runs"), [48; 3]);
    assert_eq!(of("determinism_rate"), [1.0; 3]);
    assert_eq!(of("peak_memory_rss"), [8200.0, 6400.0, 4700.0]);
    let adherence: Vec<f64> = of("adherence_score")
        .iter()
        .map(|it| it.as_f64().unwrap())
        .collect();
    assert_eq!(adherence[0], 1.0);
    assert!(adherence[1] < 1.0 && adherence[1] >= 0.95, "{adherence:?}");
    assert!(
        adherence[2] < 0.95 && adherence[2] < adherence[1],
        "{adherence:?}"
    );
    assert_eq!(session["baseline_quant"], "Q8_0");
    assert_eq!(
        session["recommendation_detail"]["minimum_viable_quant"],
        "Q6_K"
    );
    assert_eq!(session["recommendation_detail"]["best_value_quant"], "Q6_K");
    assert_eq!(summary["canary"]["passed"], true);
    assert_eq!(summary["execution_lane"], "lab");
    let kpis = &summary["stability_kpis"];
    assert_eq!(
        *kpis,
        json!({
            "determinism_rate": 1.0, "missing_telemetry_rate": 0.0, "polluted_run_rate": 0.0,
            "frontier_success_rate": 1.0, "quant_rows": 3, "sessions": 1, "weighted_runs": 144,
        })
    );
    house.ok(
        &[
            "sweep",
            "kpi",
            "--summary",
            "out/sweep_summary.json",
            "--check",
        ],
        &[],
    );
    house.ok(
        &[
            "sweep",
            "report",
            "--summary",
            "out/sweep_summary.json",
            "--out-md",
            "report.md",
            "--out-scatter",
            "scatter.json",
            "--out-svg",
            "scatter.svg",
        ],
        &[],
    );
    let markdown = std::fs::read_to_string(house.path().join("report.md")).unwrap();
    assert!(markdown.contains("Q6_K"), "{markdown}");
    let drawing = std::fs::read_to_string(house.path().join("scatter.svg")).unwrap();
    assert!(
        drawing.starts_with("<svg") || drawing.starts_with("<?xml"),
        "{drawing}"
    );
    // Nothing was written where assets or the operator's own work are kept.
    assert!(!house.path().join("model").exists() && !house.path().join("workspace").exists());
}

#[test]
fn a_sweep_that_is_stopped_and_killed_goes_on_to_the_same_summary() {
    let flags = [
        "sweep",
        "run",
        "--model-id",
        "scripted:sweep",
        "--quant-tags",
        "Q8_0,Q4_K_M",
        "--runs",
        "2",
        "--task-limit",
        "3",
    ];
    let (straight, broken) = (House::new(), House::new());
    straight.ok(&flags, &[&STILL[..], &["--out-dir", "out"]].concat());
    let mut more = [&STILL[..], &["--out-dir", "out"]].concat();
    let at_least = |house: &House, runs: usize, more: &[&str]| {
        let mut child = house
            .command(&flags, more)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let told = BufReader::new(child.stderr.take().unwrap());
        let lines: Vec<String> = told.lines().map(Result::unwrap).take(runs).collect();
        assert_eq!(lines.len(), runs, "{lines:#?}");
        child
    };
    let mut child = at_least(&broken, 2, &more);
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap(),
        rustix::process::Signal::INT,
    )
    .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    more.push("--resume");
    let mut child = at_least(&broken, 5, &more);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!broken.path().join("out/sweep_summary.json").exists());
    broken.ok(&flags, &more);
    let summaries =
        [&straight, &broken].map(|house| same_but_for_times(house.read("out/sweep_summary.json")));
    assert_eq!(summaries[0], summaries[1]);
    // Asked for otherwise, it does not go on.
    let other = broken.fails(&flags, &[&more[..], &["--temperature", "0.5"]].concat(), 1);
    assert!(other.contains("error[E_SWEEP_PLAN]"), "{other}");
}

#[test]
fn model_quantization_context_seed_and_threads_reach_the_server() {
    let house = House::new();
    let server = ollama::Server::start();
    let flags = [
        "sweep",
        "context",
        "--json",
        "--model-id",
        "coder:1b",
        "--quant-tags",
        "Q8_0,Q4_K_M",
        "--contexts",
        "4096,8192",
        "--task-limit",
        "1",
        "--warmup-steps",
        "1",
        "--temperature",
        "0",
        "--out-dir",
        "out",
        "--include-invalid",
        "--ttft-ceiling-ms",
        "1000",
    ];
    let mut command = house.command(&flags, &STILL);
    let output = command
        .env("ORKET_OLLAMA_URL", &server.url)
        .env("ORKET_CONSTRAINED_DECODING", "off")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["safe_context_ceiling"], 8192, "{found:#}");
    let asked: BTreeSet<(String, String)> = server
        .asked()
        .iter()
        .map(|body| (body["model"].to_string(), body["options"].to_string()))
        .collect();
    let options = |tokens: u32| {
        format!("{{\"temperature\":0.0,\"seed\":7,\"num_ctx\":{tokens},\"num_thread\":2}}")
    };
    let model = |tag: &str| format!("\"coder:1b-instruct-{tag}\"");
    let expected = [
        (model("q4_K_M"), options(4096)),
        (model("q4_K_M"), options(8192)),
        (model("q8_0"), options(4096)),
        (model("q8_0"), options(8192)),
    ];
    assert_eq!(asked.into_iter().collect::<Vec<_>>(), expected);
    let summary = house.read("out/context_4096/sweep_summary.json");
    let row = &summary["sessions"][0]["per_quant"][0];
    assert_eq!(row["served_model"], "coder:1b-instruct-q8_0");
    assert_eq!(row["adherence_score"], 1.0, "{row:#}");
    assert_eq!(row["token_metrics_status"], "OK");
    // What the server holds, not what this program does.
    assert_eq!(row["peak_memory_rss"], 2048.0);
    // Two questions of 150 ms prefill and 600 ms decode each, 100 ms of loading.
    let report = house.read(row["report_path"].as_str().unwrap());
    let telemetry = &report["test_runs"][0]["telemetry"];
    assert_eq!(telemetry["internal_model_seconds"], 1.5, "{telemetry:#}");
    assert_eq!(telemetry["init_latency"], 0.2);
    assert_eq!(telemetry["token_metrics"]["counts"]["output_tokens"], 60);
    assert_eq!(
        telemetry["token_metrics"]["throughput"]["generation_tokens_per_second"],
        50.0
    );
}

#[test]
fn a_canary_that_knows_nothing_fails_and_nothing_is_measured() {
    let house = House::new();
    let flags = [
        "sweep",
        "run",
        "--model-id",
        "m",
        "--quant-tags",
        "Q8_0",
        "--canary-runs",
        "2",
        "--out-dir",
        "out",
        "--runner-template",
        "echo '{\"adherence_score\": 1.0}'; test {quant} = Q8_0 && test -s {task_file}",
    ];
    let output = house.command(&flags, &STILL).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["canary"]["passed"], false);
    assert_eq!(
        told["canary"]["adherence_variance"], 0.0,
        "the command was run and read"
    );
    assert_eq!(told["canary"]["internal_latency_variance"], Value::Null);
    assert!(!house.path().join("out/sweep_summary.json").exists());
}

#[test]
fn a_command_that_hangs_is_killed_and_one_that_is_silent_has_no_adherence() {
    let house = House::new();
    let flags = [
        "sweep",
        "run",
        "--json",
        "--model-id",
        "m",
        "--task-limit",
        "1",
        "--out-dir",
        "out",
    ];
    let quants = [
        "--quant-tags",
        "Q8_0,Q4_0",
        "--task-timeout-sec",
        "1",
        "--runner-template",
        "test {quant} = Q8_0 && exit 0; sleep 600",
    ];
    let summary = house.ok(&flags, &quants);
    let rows = &summary["sessions"][0]["per_quant"];
    for row in rows.as_array().unwrap() {
        assert_eq!(row["adherence_score"], Value::Null);
        assert_eq!(row["run_quality_reasons"], json!(["MISSING_TELEMETRY"]));
    }
    assert_eq!(
        house.read("out/m/Q4_0_report.json")["test_runs"][0]["outcome"],
        "fail"
    );
    assert_eq!(
        house.read("out/m/Q8_0_report.json")["test_runs"][0]["outcome"],
        "pass"
    );
}

#[test]
fn a_dry_run_says_what_would_be_asked_and_a_flag_wins_over_the_matrix() {
    let house = House::new();
    let matrix = json!({"models": ["qwen2.5-coder:7b"], "quants": ["Q8_0", "Q4_K_M"], "runs_per_quant": 3,
        "seed": 1337, "latency_ceiling": 8.0, "task_limit": 2});
    std::fs::write(house.path().join("matrix.json"), matrix.to_string()).unwrap();
    let mut plan = house.ok(
        &[
            "sweep",
            "run",
            "--matrix-config",
            "matrix.json",
            "--dry-run",
            "--runs",
            "1",
        ],
        &[],
    );
    plan["dry_run"]["commit_sha"] = "…".into();
    insta::assert_snapshot!(serde_json::to_string_pretty(&plan).unwrap());
    assert!(!house.path().join("benchmarks").exists());
    let same = house.fails(
        &[
            "sweep",
            "run",
            "--matrix-config",
            "matrix.json",
            "--dry-run",
            "--model-template",
            "{model}",
        ],
        &[],
        2,
    );
    insta::assert_snapshot!(same);
}

#[test]
fn the_scripted_answers_are_those_of_the_bank() {
    let bank = Bank::load(OWN).unwrap();
    let wrong = [("Q8_0", 0), ("Q6_K", 2), ("Q4_K_M", 17)];
    for (quant, expected) in wrong {
        let file = format!("model/core/scenarios/sweep-{quant}.json");
        let text = std::fs::read_to_string(file).unwrap();
        let scenario: Value = serde_json::from_str(&text).unwrap();
        let mut found = 0;
        for task in &bank.tasks {
            let issue = format!("SW-{}", task.id);
            let replies = scenario["replies"].as_array().unwrap();
            let is_it = |reply: &&Value| {
                reply["when"]["issue"] == issue.as_str() && reply["when"]["role"] == "coder"
            };
            let reply = replies.iter().find(is_it).expect(&issue);
            let content = reply["calls"][0]["args"]["content"].as_str();
            if content != answer(task, true) {
                assert_eq!(content, answer(task, false), "{quant} {issue}");
                found += 1;
            }
        }
        assert_eq!(found, expected, "{quant}");
    }
}
