//! The verifier on real files and real children, and cards whose end it decides.

#[path = "cli/house.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod house;
mod verifier_lab;

use std::time::{Duration, Instant};

use orket::tools::child::sandbox::abilities::SandboxAbilities;
use orket_core::turn::FixtureFault;
use orket_core::verify::FixtureLimits;
use serde_json::{Value, json};

use house::House;
use verifier_lab::{Lab, syntax};

/// For each language a right text, and a wrong one with the line and column of what is wrong.
const TEXTS: [(&str, &str, &str, (u32, u32)); 12] = [
    (
        "a.py",
        "async def f(x, /, *, y: int = 1) -> str:\n    match x:\n        case {\"a\": [*r]} if (n := len(r)):\n            return f\"{n!r:>{y}}\"\n    return \"}{\"\n",
        "def f(x):\n    return (x +\n\ndef g():\n    pass\n",
        (2, 12),
    ),
    (
        "b.js",
        "const f = async ({a = 1, ...r}) => a?.b ?? r;\nclass A { #p = 1; static { f(); } }\n",
        "function f() {\n  return 1;\n",
        (2, 12),
    ),
    (
        "c.jsx",
        "export const A = () => <p className=\"x\">{1}</p>;\n",
        "const a = <p>;\n",
        (1, 1),
    ),
    (
        "d.ts",
        "export type A<T> = { readonly [K in keyof T]?: T[K] };\nlet x = 1 satisfies number;\n",
        "interface A {\n  a: ;\n}\n",
        (2, 4),
    ),
    (
        "e.tsx",
        "const A = <T,>(p: T) => <b>{String(p)}</b>;\n",
        "const a: number = = 1;\n",
        (1, 17),
    ),
    (
        "f.rs",
        "fn f<'a>(x: &'a [u8]) -> impl Iterator<Item = u8> + 'a { x.iter().map(|b| b ^ 1) }\n",
        "fn f() {\n    let x = ;\n}\n",
        (2, 11),
    ),
    (
        "g.json",
        "{\"a\": [1, 2.5e3, null, \"\\u00e9\"]}\n",
        "{\n  \"a\": 1,\n}\n",
        (3, 1),
    ),
    (
        "h.yaml",
        "a: &x\n  - {b: 1, c: [2]}\nd: *x\n",
        "a: [1, 2\nb: 3\n",
        (1, 4),
    ),
    (
        "i.toml",
        "[a.b]\nc = 1979-05-27\nd = [1, { e = \"f\" }]\n",
        "[a]\nb = \n",
        (2, 1),
    ),
    (
        "j.html",
        "<!doctype html>\n<html><body><p>a<p>b<br></body></html>\n",
        "<div>\n</span>\n</div>\n",
        (2, 1),
    ),
    (
        "k.sh",
        "for x in \"$@\"; do case $x in a|b) echo \"${x%.*}\" ;; esac; done\n",
        "if true; then\n  echo 1\n",
        (3, 1),
    ),
    (
        "l.rs",
        "macro_rules! m { ($($x:expr),*) => { vec![$($x),*] } }\n",
        "fn main() { println!(\"a\" }\n",
        (1, 25),
    ),
];

#[tokio::test]
async fn every_language_is_told_right_from_wrong() {
    let lab = Lab::new();
    for (name, right, wrong, _) in TEXTS {
        lab.put(&format!("agent_output/right/{name}"), right);
        lab.put(&format!("agent_output/wrong/{name}"), wrong);
    }
    for (name, right, wrong, place) in TEXTS {
        let path = format!("agent_output/right/{name}");
        let report = lab.parse(&[&path]).await;
        assert!(report.ok, "{right}\n{report:#?}");
        assert!(report.checked_files.contains(&path), "{report:#?}");

        let path = format!("agent_output/wrong/{name}");
        let report = lab.parse(&[&path]).await;
        assert!(!report.ok, "{wrong}\n{report:#?}");
        let first = report.syntax_errors.first().expect("a finding");
        assert_eq!(first.path, path);
        assert_eq!((first.line, first.column), place, "{wrong}\n{first:#?}");
        let at_the_end = first.line > u32::try_from(wrong.lines().count()).unwrap();
        assert_eq!(first.text.is_empty(), at_the_end, "{first:#?}");
        let sentence = &report.errors[0];
        assert!(
            sentence.starts_with(&format!("{path}:{}:{}: ", place.0, place.1)),
            "{sentence}"
        );
        let class = format!("{}_compile", first.language);
        assert!(report.failure_breakdown().contains_key(&class));
        assert_eq!(report.guard_contract()["result"], "fail");
    }
}

#[tokio::test]
async fn a_file_without_an_ending_is_read_as_its_first_line_says() {
    let lab = Lab::new();
    lab.put("agent_output/tool", "#!/usr/bin/env python3\nprint((1)\n");
    lab.put("agent_output/run", "#!/bin/sh -e\necho $((1 + 1))\n");
    lab.put("agent_output/notes", "if (this is prose\n");
    lab.put("agent_output/old.py", "print 'x'\n");
    let own = [
        "agent_output/notes",
        "agent_output/old.py",
        "agent_output/run",
        "agent_output/tool",
    ];
    let report = lab.parse(&own).await;
    assert_eq!(
        report.checked_files,
        [
            "agent_output/old.py",
            "agent_output/run",
            "agent_output/tool"
        ]
    );
    let found: Vec<_> = report
        .syntax_errors
        .iter()
        .map(|it| (it.path.as_str(), it.language.as_str(), it.line))
        .collect();
    assert_eq!(
        found,
        [
            ("agent_output/old.py", "python", 1),
            ("agent_output/tool", "python", 2)
        ]
    );
}

#[tokio::test]
async fn what_is_not_checked_is_said_and_does_not_count_as_right() {
    let lab = Lab::new();
    lab.put("agent_output/large.py", "x = 1\n".repeat(200_000));
    lab.put("agent_output/bytes.py", [b'#', 0xff, 0xfe, b'\n']);
    std::fs::create_dir(lab.path("agent_output/folder.py")).unwrap();
    std::fs::write(lab.path("../secret.py"), "def secret(:\n").unwrap();
    std::os::unix::fs::symlink(lab.path("../secret.py"), lab.path("agent_output/link.py")).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(lab.path("agent_output/pipe.py"))
        .status()
        .unwrap();
    assert!(made.success());
    let own = [
        "bytes.py",
        "folder.py",
        "gone.py",
        "large.py",
        "link.py",
        "pipe.py",
    ]
    .map(|name| format!("agent_output/{name}"));
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    let report = lab.parse(&own).await;
    assert_eq!(report.checked_files, Vec::<String>::new());
    assert_eq!(report.syntax_errors, []);
    let unchecked: Vec<_> = report
        .unchecked_files
        .iter()
        .map(|it| it.path.as_str())
        .collect();
    assert_eq!(
        unchecked,
        [
            "agent_output/bytes.py",
            "agent_output/large.py",
            "agent_output/link.py"
        ]
    );
    assert!(
        report.unchecked_files[1]
            .reason
            .contains("larger than 1048576 bytes")
    );
}

#[tokio::test]
async fn a_script_that_its_shell_can_read_is_not_refused() {
    let lab = Lab::new();
    // The grammar knows no test whose operator is in a variable.
    let loops = "#!/bin/sh\nfor file in \"$@\"; do\n  [ \"$how\" \"$file\" ] || continue\n";
    lab.put("agent_output/each.sh", format!("{loops}done\n"));
    lab.put("agent_output/broken.sh", loops);
    let report = lab.parse(&["agent_output/each.sh"]).await;
    assert!(report.ok, "{report:#?}");
    assert_eq!(report.unchecked_files[0].path, "agent_output/each.sh");
    let report = lab
        .parse(&["agent_output/broken.sh", "agent_output/each.sh"])
        .await;
    assert!(!report.ok, "{report:#?}");
    assert_eq!(report.syntax_errors[0].path, "agent_output/broken.sh");
    assert!(
        !report.errors.iter().any(|it| it.contains("each.sh")),
        "{report:#?}"
    );
}

#[tokio::test]
async fn a_parser_that_breaks_costs_the_file_it_was_at_its_check() {
    let names = ["a", "b", "c", "d", "e", "f", "g"].map(|it| format!("agent_output/{it}.py"));
    let own: Vec<&str> = names.iter().map(String::as_str).collect();
    let with = async |script: Option<&str>| {
        let tools = tempfile::tempdir().unwrap();
        let parser = tools.path().join("parser");
        if let Some(script) = script {
            std::fs::write(&parser, format!("#!/bin/sh\ncat > /dev/null\n{script}\n")).unwrap();
            let may = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(&parser, may).unwrap();
        }
        let lab = Lab::with_parser(parser);
        for name in &own {
            lab.put(name, "x = 1\n");
        }
        let report = lab.parse(&own).await;
        let reasons = report.unchecked_files.into_iter();
        let reasons: Vec<(String, String)> = reasons.map(|it| (it.path, it.reason)).collect();
        (report.checked_files, reasons)
    };
    let broke = |name: &str| {
        (
            format!("agent_output/{name}.py"),
            "the parser broke on it".to_owned(),
        )
    };
    let left = |name: &str| {
        (
            format!("agent_output/{name}.py"),
            "the parser did not come to it".to_owned(),
        )
    };

    let (checked, unchecked) = with(Some(r#"echo '{"Ok":[]}'; kill -SEGV $$"#)).await;
    assert_eq!(
        checked,
        [
            "agent_output/a.py",
            "agent_output/c.py",
            "agent_output/e.py"
        ]
    );
    assert_eq!(unchecked, [broke("b"), broke("d"), broke("f"), left("g")]);
    let (checked, unchecked) = with(Some("echo 'thread panicked'; exit 101")).await;
    assert_eq!((checked.len(), unchecked.len()), (0, 7));
    assert_eq!(unchecked[3], left("d"));
    // It says more than it was asked.
    let (checked, _) = with(Some(r#"yes '{"Ok":[]}' | head -n 50"#)).await;
    assert_eq!(checked, own);
    let (checked, unchecked) = with(None).await;
    assert_eq!((checked.len(), &unchecked[0]), (0, &left("a")));
}

#[tokio::test]
async fn nesting_a_hundred_thousand_deep_neither_hangs_nor_breaks_anything() {
    const DEEP: usize = 100_000;
    let lab = Lab::new();
    let shapes = [
        ("a.py", "x = ", "(", ")"),
        ("b.js", "x = ", "[", "]"),
        ("c.ts", "let x = ", "{a:", "}"),
        ("d.rs", "fn f() { ", "{", "}"),
        ("e.json", "", "[", "]"),
        ("f.yaml", "a: ", "[", "]"),
        ("g.toml", "a = ", "[", "]"),
        ("h.html", "", "<b>", "</b>"),
        ("i.sh", "echo ", "$(", ")"),
        ("j.py", "x = ", "f'{", "}'"),
        ("k.js", "x = ", "`${", "}`"),
        ("l.jsonc", "", "{\"a\":", "}"),
    ];
    for (name, start, open, close) in shapes {
        let opened = format!("{start}{}", open.repeat(DEEP));
        lab.put(&format!("deep/open_{name}"), &opened);
        lab.put(
            &format!("deep/both_{name}"),
            format!("{opened}{}", close.repeat(DEEP)),
        );
    }
    let indented: String = (0..1_000)
        .map(|depth| format!("{}if x:\n", " ".repeat(depth)))
        .collect();
    lab.put("deep/both_m.py", &indented);
    lab.put("deep/open_m.py", indented.replace(':', ""));
    let began = Instant::now();
    for prefix in ["open", "both"] {
        for name in shapes.iter().map(|it| it.0).chain(["m.py"]) {
            let path = format!("deep/{prefix}_{name}");
            let report = lab.parse(&[&path]).await;
            let known = report.checked_files.contains(&path);
            let unknown = report.unchecked_files.iter().any(|it| it.path == path);
            assert!(known != unknown, "{path}: {report:#?}");
            if prefix == "open" && known {
                assert!(!report.ok, "{path} ends in the middle");
            }
        }
    }
    assert!(began.elapsed() < Duration::from_secs(240));
}

#[tokio::test]
async fn errors_of_other_cards_are_shown_and_refuse_nothing() {
    let lab = Lab::new();
    lab.put("agent_output/mine.py", "x = 1\n");
    lab.put("agent_output/theirs/b.py", "def f(:\n");
    lab.put("agent_output/node_modules/c.js", "function (\n");
    for _ in 0..2 {
        let report = lab.parse(&["agent_output/mine.py"]).await;
        assert!(report.ok, "{report:#?}");
        assert_eq!(
            report.checked_files,
            ["agent_output/mine.py", "agent_output/theirs/b.py"]
        );
        assert_eq!(report.syntax_elsewhere[0].path, "agent_output/theirs/b.py");
    }
    let report = lab.review(syntax(&["agent_output/mine.py"], true)).await;
    assert!(!report.ok);
    assert_eq!(report.syntax_errors[0].path, "agent_output/theirs/b.py");
    // What was found before is not what is there now.
    lab.put("agent_output/theirs/b.py", "def f(): pass\n");
    let report = lab.parse(&["agent_output/mine.py"]).await;
    assert_eq!(report.syntax_elsewhere, []);
}

#[tokio::test]
async fn deployment_files_and_the_profile_s_commands_are_looked_for() {
    let lab = Lab::new();
    lab.put("agent_output/dependencies/requirements.txt", "x==1\n");
    lab.put("agent_output/deployment/Dockerfile", "FROM scratch\n");
    let command = |word: &str| {
        serde_json::from_value(json!({"command": ["sh", "-c", format!("echo {word}")]})).unwrap()
    };
    let job = |profile: Option<&str>| orket_core::verify::VerifyJob {
        by_profile: [
            ("python".to_owned(), vec![command("py")]),
            ("node".to_owned(), vec![command("js")]),
        ]
        .into(),
        profile: profile.map(str::to_owned),
        required_files: vec![
            "agent_output/deployment/Dockerfile".into(),
            "agent_output/deployment/run_local.sh".into(),
        ],
        ..Default::default()
    };
    let report = lab.review(job(None)).await;
    assert_eq!(
        report.missing_files,
        ["agent_output/deployment/run_local.sh"]
    );
    assert_eq!(
        report.failure_breakdown(),
        [("deployment_missing".to_owned(), 1)].into()
    );
    assert_eq!(report.command_results[0].stdout, "py\n");
    assert_eq!(
        report.command_results[0].policy_source,
        "profile_policy:python"
    );
    let report = lab.review(job(Some("node"))).await;
    assert_eq!(report.command_results[0].stdout, "js\n");
    let report = lab.review(job(Some("other"))).await;
    assert_eq!(report.command_results, []);
}

/// A fixture that answers with what `sh` makes of the input.
fn answers(script: &str) -> String {
    format!(
        "#!/bin/sh\nquestion=$(cat)\nactual=$({script})\nprintf '{{\"ok\":true,\"results\":[{{\"id\":\"S1\",\"status\":\"pass\",\"actual_output\":%s}}],\"fatal_error\":null}}' \"$actual\"\n"
    )
}

#[tokio::test]
async fn a_fixture_in_any_language_passes_by_its_answer_alone() {
    let lab = Lab::new();
    lab.put("agent_output/add.sh", "echo $(($1 + $2))\n");
    lab.put(
        "verification/by_ending.sh",
        answers("sh ../agent_output/add.sh 2 3"),
    );
    lab.put(
        "verification/by_first_line",
        answers("sh ../agent_output/add.sh 2 3"),
    );
    lab.put_program(
        "verification/deep/by_itself.test",
        &answers("pwd >&2; echo 5"),
    );
    lab.put(
        "verification/functions.py",
        "import sys\nprint('noise')\ndef verify(data):\n    return data['a'] + data['b']\ndef verify_S2(data):\n    sys.exit(1)\n",
    );
    lab.put(
        "verification/protocol.py",
        "import json, sys\nasked = json.load(sys.stdin)\nresults = [dict(id=s['id'], status='pass', actual_output=sum(s['input_data'].values())) for s in asked['scenarios']]\njson.dump({'ok': True, 'results': results}, sys.stdout)\n",
    );
    let mut fixtures = vec![
        "by_ending.sh",
        "by_first_line",
        "deep/by_itself.test",
        "functions.py",
        "protocol.py",
    ];
    if which("node") {
        lab.put(
            "verification/protocol.js",
            "const asked = JSON.parse(require('fs').readFileSync(0));\nconst results = asked.scenarios.map(s => ({id: s.id, status: 'pass', actual_output: s.input_data.a + s.input_data.b}));\nconsole.log(JSON.stringify({ok: true, results}));\n",
        );
        fixtures.push("protocol.js");
    }
    for name in fixtures {
        let path = format!("verification/{name}");
        let (report, fixture) = lab.fixture(&path, json!(5)).await;
        assert!(report.ok, "{name}: {report:#?}");
        assert_eq!(
            (fixture.total_scenarios, fixture.passed, fixture.failed),
            (1, 1, 0)
        );
        let (report, fixture) = lab.fixture(&path, json!(6)).await;
        assert!(!report.ok, "{name}");
        assert_eq!(
            fixture.code,
            Some(FixtureFault::Failed),
            "{name}: {fixture:#?}"
        );
        assert_eq!(fixture.results[0].actual_output, json!(5));
        assert!(
            report.errors[0].starts_with("E_FIXTURE_FAILED: verification/"),
            "{:?}",
            report.errors
        );
    }
}

fn which(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[tokio::test]
async fn a_fixture_that_gives_no_verdict_never_passes() {
    use FixtureFault::{Crashed, Missing, Output, Outside, Runtime};
    let lab = Lab::new();
    let pass = r#"{"ok":true,"results":[{"id":"S1","status":"pass","actual_output":5}]}"#;
    lab.put("verification/garbage.sh", "echo 'all is well'\n");
    lab.put(
        "verification/two.sh",
        format!("echo '{pass}'; echo '{pass}'\n"),
    );
    lab.put("verification/silent.sh", "true\n");
    lab.put(
        "verification/flood.sh",
        format!("echo '{pass}'; yes | head -c 3000000\n"),
    );
    lab.put(
        "verification/late_crash.sh",
        format!("echo '{pass}'; echo 'no such thing' >&2; exit 3\n"),
    );
    lab.put(
        "verification/killed.sh",
        format!("echo '{pass}'; kill -SEGV $$\n"),
    );
    lab.put(
        "verification/no_runtime",
        "#!/usr/bin/env no-such-language\n",
    );
    lab.put("verification/nothing.xyz", "hello\n");
    lab.put(
        "verification/broken.py",
        "import no_such_module\ndef verify(data): return 5\n",
    );
    lab.put("agent_output/mine.sh", format!("echo '{pass}'\n"));
    std::os::unix::fs::symlink("../agent_output/mine.sh", lab.path("verification/link.sh"))
        .unwrap();
    std::os::unix::fs::symlink("/bin/sh", lab.path("verification/away.sh")).unwrap();
    std::fs::create_dir(lab.path("verification/folder.sh")).unwrap();
    let cases = [
        ("garbage.sh", Output),
        ("two.sh", Output),
        ("silent.sh", Output),
        ("flood.sh", Output),
        ("late_crash.sh", Crashed),
        ("killed.sh", Crashed),
        ("broken.py", Crashed),
        ("no_runtime", Runtime),
        ("nothing.xyz", Runtime),
        ("gone.sh", Missing),
        ("folder.sh", Missing),
        ("link.sh", Outside),
        ("away.sh", Outside),
    ];
    for (name, fault) in cases {
        let (report, fixture) = lab.fixture(&format!("verification/{name}"), json!(5)).await;
        assert!(!report.ok, "{name}");
        assert_eq!(fixture.code, Some(fault), "{name}: {fixture:#?}");
        assert_eq!((fixture.passed, fixture.failed), (0, 1), "{name}");
        assert_eq!(fixture.results[0].status, "fail", "{name}");
        let may_be_mended = matches!(fault, Output | Crashed);
        assert_eq!(report.is_beyond_the_seat(), !may_be_mended, "{name}");
    }
    let (_, fixture) = lab.fixture("verification/late_crash.sh", json!(5)).await;
    assert_eq!(
        fixture.fatal_error.as_deref(),
        Some("it ended with exit code 3: no such thing")
    );
    assert_eq!(fixture.logs, ["no such thing"]);
}

#[tokio::test]
async fn a_fixture_is_held_to_its_limits_and_sees_no_secrets() {
    let lab = Lab::new();
    lab.put(
        "verification/sleeps.sh",
        "echo $$ > ../pid; sleep 600 & sleep 600\n",
    );
    lab.put("verification/spins.sh", "while :; do :; done\n");
    lab.put(
        "verification/eats.py",
        "def verify(data):\n    return len(bytearray(900_000_000))\n",
    );
    lab.put(
        "verification/looks.sh",
        answers(r#"test -z "$CARGO_MANIFEST_DIR" && echo 5"#),
    );
    let limits = |wall_ms, cpu_sec| FixtureLimits {
        wall_ms,
        cpu_sec,
        memory_mb: 256,
    };
    let (_, fixture) = lab
        .limited("verification/sleeps.sh", json!(5), limits(300, 2))
        .await;
    assert_eq!(fixture.code, Some(FixtureFault::Timeout), "{fixture:#?}");
    let pid = std::fs::read_to_string(lab.path("pid")).unwrap();
    assert!(!std::path::Path::new(&format!("/proc/{}", pid.trim())).exists());
    let (_, fixture) = lab
        .limited("verification/spins.sh", json!(5), limits(50_000, 1))
        .await;
    assert_eq!(fixture.code, Some(FixtureFault::Timeout), "{fixture:#?}");
    assert!(fixture.fatal_error.unwrap().contains("processor time"));
    let (_, fixture) = lab
        .limited(
            "verification/eats.py",
            json!(900_000_000),
            limits(50_000, 20),
        )
        .await;
    assert_eq!(fixture.code, Some(FixtureFault::Failed), "{fixture:#?}");
    assert!(
        fixture.results[0]
            .error
            .as_deref()
            .unwrap()
            .contains("MemoryError")
    );
    assert!(
        std::env::var_os("CARGO_MANIFEST_DIR").is_some(),
        "there is something to be seen"
    );
    let (report, fixture) = lab.fixture("verification/looks.sh", json!(5)).await;
    assert!(report.ok, "{fixture:#?}");
}

/// A fixture that never passes, and the command that puts one in its place that always does.
const STRICT: &str = "cat > /dev/null; echo '{\"ok\":false,\"results\":[]}'\n";
const OVERWRITE: &str = "cat > verification/check.sh <<'EOF'
cat > /dev/null
echo '{\"ok\":true,\"results\":[{\"id\":\"S1\",\"status\":\"pass\",\"actual_output\":5}]}'
EOF
";

/// What that command puts there.
const PASSING: &str = "cat > /dev/null
echo '{\"ok\":true,\"results\":[{\"id\":\"S1\",\"status\":\"pass\",\"actual_output\":5}]}'
";

#[tokio::test]
async fn a_fixture_that_a_command_changed_is_not_trusted() {
    let lab = Lab::without_locks();
    lab.put(FIXTURE, STRICT);
    let limits = FixtureLimits::default();
    let review = async |scripts: &[&str]| {
        let (report, fixture) = lab.after(scripts, FIXTURE, json!(5), limits).await;
        assert!(!report.ok, "{report:?}");
        assert_eq!((fixture.passed, fixture.failed), (0, 1));
        (report, fixture.code)
    };
    let (report, code) = review(&[OVERWRITE]).await;
    assert_eq!(code, Some(FixtureFault::Changed));
    assert!(report.is_beyond_the_seat());
    assert_eq!(
        report.errors,
        [
            "E_FIXTURE_CHANGED: verification/check.sh: `verification/` was changed while the card's commands ran"
        ]
    );
    // Nor is it later, whoever's card it is.
    assert_eq!(review(&[]).await.1, Some(FixtureFault::Changed));
    lab.put(FIXTURE, STRICT);
    assert_eq!(review(&["true"]).await.1, Some(FixtureFault::Failed));
    // What lies beside it counts, and so does what the fixture itself runs.
    let beside = "echo x > verification/helper.sh";
    assert_eq!(review(&[beside]).await.1, Some(FixtureFault::Changed));
    std::fs::remove_file(lab.path("verification/helper.sh")).unwrap();
    lab.put(FIXTURE, OVERWRITE.replace("verification/", ""));
    assert_eq!(review(&[]).await.1, Some(FixtureFault::Changed));
}

/// Waits until something is at this path.
fn wait_for(path: &std::path::Path) {
    let started = Instant::now();
    while !path.exists() {
        assert!(started.elapsed() < Duration::from_secs(30), "{path:?}");
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn an_operator_s_edit_during_a_review_is_looked_at_afresh_by_the_next_one() {
    if !SandboxAbilities::here().locks.on {
        eprintln!("not tried: {}", SandboxAbilities::here().locks.reason);
        return;
    }
    let lab = Lab::new();
    lab.put(FIXTURE, STRICT);
    let limits = FixtureLimits::default();
    let waits = "touch begun; while [ ! -e edited ]; do sleep 0.01; done";
    let (begun, fixture, edited) = (lab.path("begun"), lab.path(FIXTURE), lab.path("edited"));
    let operator = std::thread::spawn(move || {
        wait_for(&begun);
        std::fs::write(fixture, PASSING).unwrap();
        std::fs::write(edited, "").unwrap();
    });
    let (report, found) = lab.after(&[waits], FIXTURE, json!(5), limits).await;
    operator.join().unwrap();
    assert_eq!(found.code, Some(FixtureFault::Changed));
    assert_eq!(
        report.errors,
        [
            "E_FIXTURE_CHANGED: verification/check.sh: somebody else changed `verification/` during \
             the review: the card's commands cannot write there; the next review looks at what is \
             there then"
        ]
    );
    let (report, found) = lab.after(&["true"], FIXTURE, json!(5), limits).await;
    assert!(report.ok, "{report:?}");
    assert_eq!((found.passed, found.code), (1, None));
}

#[tokio::test]
async fn a_folder_of_fixtures_that_is_a_link_is_not_taken_for_locked() {
    let lab = Lab::new();
    lab.put("elsewhere/check.sh", STRICT);
    std::os::unix::fs::symlink("elsewhere", lab.path("verification")).unwrap();
    let limits = FixtureLimits::default();
    let exchange = format!("rm verification && mkdir verification && {OVERWRITE}");
    let (_, found) = lab
        .after(&[exchange.as_str()], FIXTURE, json!(5), limits)
        .await;
    assert_eq!(found.code, Some(FixtureFault::Changed));
    let (report, found) = lab.after(&["true"], FIXTURE, json!(5), limits).await;
    assert_eq!(found.code, Some(FixtureFault::Changed), "{report:?}");
}

#[test]
fn the_code_that_a_card_writes_does_not_reach_its_fixture() {
    let house = House::new();
    let mut card = with_fixture();
    card["params"] = json!({"required_write_paths": ["agent_output/main.sh"],
        "verify": [{"command": ["sh", "agent_output/main.sh"], "timeout_ms": 5000}]});
    card["max_retries"] = json!(0);
    epic(&house, "agent_output/main.sh", [OVERWRITE; 2], card);
    put_fixture(&house, STRICT);
    let done = house.run(&["run", "--epic", "add"]);
    assert_eq!(done.code, 1, "{done:?}");
    let report = verdict(&house, "002_integrity_guard");
    assert_eq!(report["ok"], json!(false), "{report}");
    let is_locked = report["gaps"].as_array().is_none_or(Vec::is_empty);
    let text = std::fs::read_to_string(house.path().join("workspace/default").join(FIXTURE));
    assert!(!is_locked || text.unwrap() == STRICT, "{report}");
    holds(&house);
}

/// An epic of one card whose coder first writes `first` and, sent back, `second`.
fn epic(house: &House, path: &str, texts: [&str; 2], card: Value) {
    let mut issue = json!({"id": "ADD-1", "summary": "Add", "seat": "coder", "max_retries": 2,
        "params": {"required_write_paths": [path], "review_required_read_paths": []}});
    for (key, value) in card.as_object().unwrap() {
        issue[key] = value.clone();
    }
    house.write("config/epics/add.json", &json!({"epic": {"name": "add", "team": "standard", "environment": "add", "issues": [issue]}}));
    house.write(
        "config/environments/add.json",
        &json!({"environment": {"name": "add", "model": "scripted:add"}}),
    );
    let writes = |text: &str, when: Value| {
        json!({"when": when, "calls": [
            {"tool": "write_file", "args": {"path": path, "content": text}},
            {"tool": "update_issue_status", "args": {"status": "code_review"}}]})
    };
    let done = |seen: &str| {
        json!({"when": {"role": "integrity_guard", "prompt_contains": seen},
        "calls": [{"tool": "update_issue_status", "args": {"status": "done"}}]})
    };
    house.write(
        "config/scenarios/add.json",
        &json!({"name": "add", "replies": [
        writes(texts[0], json!({"role": "coder", "turn": 1})), writes(texts[1], json!({"role": "coder"})),
        done("1 held, 0 did not"), done("follow the grammar of their languages")],
        "default": {"content": "I see no evidence."}}),
    );
}

fn verdict(house: &House, turn: &str) -> Value {
    let runs = house.path().join("workspace/default/observability");
    let run = std::fs::read_dir(runs).unwrap().next().unwrap().unwrap();
    let file = run
        .path()
        .join("ADD-1")
        .join(turn)
        .join("runtime_verification.json");
    serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap()
}

const FIXTURE: &str = "verification/check.sh";

fn with_fixture() -> Value {
    json!({"verification": {"fixture_path": FIXTURE, "scenarios": [
        {"id": "S1", "input_data": {"a": 2, "b": 3}, "expected_output": 5}]}})
}

fn put_fixture(house: &House, text: &str) {
    let path = house.path().join("workspace/default").join(FIXTURE);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn holds(house: &House) {
    for args in [["verify", "last", "--json"], ["replay", "last", "--verify"]] {
        let done = house.run(&args);
        assert_eq!(done.code, 0, "{done:?}");
    }
}

#[test]
fn a_failing_fixture_sends_the_card_back_and_the_guard_sees_it_pass() {
    let house = House::new();
    epic(
        &house,
        "agent_output/add.sh",
        ["echo $(($1 - $2))\n", "echo $(($1 + $2))\n"],
        with_fixture(),
    );
    put_fixture(&house, &answers("sh ../agent_output/add.sh 2 3"));
    let done = house.run(&["--epic", "add", "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(done.json()["cards"][0]["status"], "done");
    let first = verdict(&house, "002_integrity_guard");
    assert_eq!(first["ok"], false);
    assert_eq!(first["fixture"]["code"], "E_FIXTURE_FAILED");
    assert_eq!(first["fixture"]["results"][0]["actual_output"], -1);
    assert_eq!(first["failure_breakdown"]["fixture_failed"], 1);
    assert_eq!(
        first["guard_contract"]["violations"][0]["code"],
        "RUNTIME_VERIFIER_FAILED"
    );
    assert_eq!(first["checked_files"], json!(["agent_output/add.sh"]));
    let second = verdict(&house, "004_integrity_guard");
    assert_eq!(second["ok"], true);
    assert_eq!(second["fixture"]["passed"], 1);
    assert_eq!(second["guard_contract"]["result"], "pass");
    holds(&house);
}

#[test]
fn a_fixture_that_never_holds_keeps_the_card_from_being_done() {
    let house = House::new();
    let mut card = with_fixture();
    card["max_retries"] = json!(1);
    epic(
        &house,
        "agent_output/add.sh",
        ["echo '\"one\"'\n", "echo '\"two\"'\n"],
        card,
    );
    put_fixture(&house, &answers("sh ../agent_output/add.sh 2 3"));
    let done = house.run(&["--epic", "add", "--json"]);
    assert_eq!(done.code, 1, "{done:?}");
    let card = &done.json()["cards"][0];
    assert_eq!(
        (&card["status"], &card["code"]),
        (&json!("blocked"), &json!("GUARD_RETRY_EXCEEDED"))
    );
    assert!(
        card["note"].as_str().unwrap().contains("E_FIXTURE_FAILED"),
        "{card}"
    );
    holds(&house);
}

#[test]
fn what_no_seat_can_mend_waits_for_a_person_at_once() {
    let house = House::new();
    epic(
        &house,
        "agent_output/add.sh",
        ["echo 5\n", "echo 5\n"],
        with_fixture(),
    );
    let done = house.run(&["--epic", "add", "--json"]);
    assert_eq!(done.code, 1, "{done:?}");
    let card = &done.json()["cards"][0];
    assert_eq!(card["status"], "blocked");
    assert!(
        card["note"].as_str().unwrap().contains("E_FIXTURE_MISSING"),
        "{card}"
    );
    assert_eq!(
        verdict(&house, "002_integrity_guard")["fixture"]["code"],
        "E_FIXTURE_MISSING"
    );
    let runs = house.path().join("workspace/default/observability");
    let run = std::fs::read_dir(runs).unwrap().next().unwrap().unwrap();
    assert!(
        !run.path().join("ADD-1/003_coder").exists(),
        "the coder was asked again"
    );
    holds(&house);
}

#[test]
fn what_does_not_parse_is_sent_back_with_the_place() {
    let house = House::new();
    epic(
        &house,
        "agent_output/add.py",
        [
            "def add(a, b:\n    return a\n",
            "def add(a, b):\n    return a + b\n",
        ],
        json!({}),
    );
    let done = house.run(&["--epic", "add", "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    let first = verdict(&house, "002_integrity_guard");
    assert_eq!(first["ok"], false);
    assert_eq!(first["failure_breakdown"], json!({"python_compile": 1}));
    assert_eq!(first["syntax_errors"][0]["path"], "agent_output/add.py");
    assert_eq!(verdict(&house, "004_integrity_guard")["ok"], true);
    let runs = house.path().join("workspace/default/observability");
    let run = std::fs::read_dir(runs).unwrap().next().unwrap().unwrap();
    let asked = std::fs::read_to_string(run.path().join("ADD-1/003_coder/messages.json")).unwrap();
    assert!(asked.contains("agent_output/add.py:1:"), "{asked}");
    holds(&house);

    let off = House::new();
    epic(
        &off,
        "agent_output/add.py",
        ["def add(a, b:\n", "x = 1\n"],
        json!({}),
    );
    let mut command = off.command(&["--epic", "add", "--json"]);
    let output = command
        .env("ORKET_DISABLE_RUNTIME_VERIFIER", "1")
        .output()
        .unwrap();
    assert!(
        !output.status.success(),
        "the guard saw no evidence and refused"
    );
    let runs = off.path().join("workspace/default/observability");
    let run = std::fs::read_dir(runs).unwrap().next().unwrap().unwrap();
    assert!(
        !run.path()
            .join("ADD-1/002_integrity_guard/runtime_verification.json")
            .exists()
    );
}

#[test]
fn killed_before_or_after_the_verifier_s_look_the_card_goes_on_as_if_it_had_not_been() {
    // The first tool is the coder's write.
    for fault in ["kill@skill_actor.started#2", "kill@skill_actor.ended#2"] {
        let house = House::new();
        epic(
            &house,
            "agent_output/add.sh",
            ["echo $(($1 - $2))\n", "echo $(($1 + $2))\n"],
            with_fixture(),
        );
        put_fixture(&house, &answers("sh ../agent_output/add.sh 2 3"));
        let mut command = house.command(&["--epic", "add", "--json"]);
        let killed = command.env("ORKET_FAULT", fault).output().unwrap();
        assert_eq!(killed.status.code(), None, "{fault}: {killed:?}");
        let done = house.run(&["resume", "last", "--json"]);
        assert_eq!(done.code, 0, "{fault}: {done:?}");
        assert_eq!(done.json()["cards"][0]["status"], "done", "{fault}");
        holds(&house);
    }
}
