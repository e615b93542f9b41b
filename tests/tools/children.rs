//! Tools that are commands: what goes in, what comes out.

use serde_json::json;

use super::*;

#[tokio::test]
async fn a_command_gets_its_arguments_and_answers_in_json() {
    let lab = Lab::new();
    let result = lab
        .run(lab.shell(r#"printf '{"ok":true,"got":%s}' "$(cat)""#))
        .await;
    assert_eq!(result, ToolResult::ok(json!({"got": {"n": 1}})));

    let plain = lab.run(lab.shell("echo plain text; echo noise >&2")).await;
    assert_eq!(plain, ToolResult::ok(json!({"output": "plain text\n"})));

    let nothing = lab.run(lab.shell("exit 0")).await;
    assert_eq!(nothing, ToolResult::ok(json!({})));
}

#[tokio::test]
async fn a_child_sees_only_what_it_is_given() {
    let lab = Lab::new();
    // Cargo sets these for tests; they stand for the secrets of Orket's own environment.
    assert!(std::env::var_os("CARGO_PKG_NAME").is_some());
    let mut job = lab.command(&["env"]);
    job.command.as_mut().unwrap().environment = vec![
        "CARGO_PKG_VERSION".into(),
        "ABSENT_HERE".into(),
        "ORKET_CHILD_OF".into(),
    ];
    let result = lab.run(job).await;
    let text = result.fields["output"].as_str().unwrap();
    let mut variables: Vec<_> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect();
    variables.sort_unstable();
    let names: Vec<_> = variables.iter().map(|(name, _)| *name).collect();
    let expected = [
        "CARGO_PKG_VERSION",
        "HOME",
        "LANG",
        "ORKET_CHILD_OF",
        "ORKET_IDEMPOTENCY_KEY",
        "ORKET_ISSUE_ID",
        "ORKET_RUN_ID",
        "PATH",
        "TMPDIR",
    ];
    assert_eq!(names, expected);
    let value = |name: &str| variables.iter().find(|(it, _)| *it == name).unwrap().1;
    assert_eq!(
        value("HOME"),
        lab.folder.path().join("workspace").display().to_string()
    );
    assert_eq!(value("ORKET_IDEMPOTENCY_KEY"), "key-1");
    let mark = format!("{}:7:", data_folder_id(lab.folder.path()).unwrap());
    assert!(
        value("ORKET_CHILD_OF").starts_with(&mark),
        "{}",
        value("ORKET_CHILD_OF")
    );
}

#[tokio::test]
async fn a_child_runs_in_its_folder_and_finds_programs_of_the_workspace() {
    let lab = Lab::new();
    lab.put("bin/tool.sh", "#!/bin/sh\npwd -P\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(lab.path("bin/tool.sh"), mode).unwrap();
    lab.put("sub/x", "");
    let mut job = lab.command(&["bin/tool.sh"]);
    job.command.as_mut().unwrap().working_directory = "sub".into();
    let result = lab.run(job).await;
    let expected = lab.path("sub").canonicalize().unwrap();
    assert_eq!(
        result,
        ToolResult::ok(json!({"output": format!("{}\n", expected.display())}))
    );

    std::os::unix::fs::symlink(lab.outside(""), lab.path("out")).unwrap();
    for folder in ["out", "..", "/tmp", "absent"] {
        let mut job = lab.command(&["pwd"]);
        job.command.as_mut().unwrap().working_directory = folder.into();
        let result = lab.run(job).await;
        assert!(!result.ok, "{folder}: {result:?}");
    }
}

#[tokio::test]
async fn failures_say_what_happened() {
    let lab = Lab::new();
    lab.put("plain.txt", "no program");
    let mut said = Vec::new();
    for words in [
        [
            "sh",
            "-c",
            "echo first >&2; echo 'no such table' >&2; exit 3",
        ]
        .as_slice(),
        &[
            "sh",
            "-c",
            r#"echo '{"ok":false,"error":"quota used up","left":0}'"#,
        ],
        &["sh", "-c", r#"echo '{"error":"half done"}'; exit 1"#],
        &["sh", "-c", r#"echo '{"ok":"yes"}'"#],
        &["sh", "-c", "kill -SEGV $$"],
        &["no-such-program"],
        &["bin/absent"],
        &["./plain.txt"],
        &["../escape"],
        &[],
    ] {
        let mut result = lab.run(lab.command(words)).await;
        error(&result);
        // What this machine can close is not what this is about.
        result.fields.shift_remove("sandbox_closed");
        said.push(serde_json::to_string(&result).unwrap());
    }
    insta::assert_snapshot!(said.join("\n"));
}

#[tokio::test]
async fn a_flood_is_read_to_its_end_and_kept_in_part() {
    let lab = Lab::new();
    let script =
        "yes out | head -c 30000000; yes err | head -c 30000000 >&2; echo last >&2; exit 3";
    let (beat, beats) = counted();
    let work = lab
        .host
        .run(lab.shell(script), beat, CancellationToken::new());
    let result = tokio::time::timeout(DEADLINE, work).await.unwrap();
    assert!(error(&result).ends_with("err\nlast"), "{}", error(&result));
    assert!(error(&result).len() < 4_000);
    assert_eq!(result.fields["output"].as_str().unwrap().len(), 1024 * 1024);
    assert_eq!(result.fields["truncated"], json!(true));
    assert_eq!(result.fields["bytes"], json!(30_000_000));
    assert!(
        beats.load(Ordering::Relaxed) > 100,
        "output is a sign of life"
    );
}

#[tokio::test]
async fn input_that_nobody_reads_does_no_harm() {
    let lab = Lab::new();
    let mut job = lab.shell("echo unread");
    job.call
        .args
        .insert("big".into(), json!("x".repeat(4_000_000)));
    let result = lab.run(job).await;
    assert_eq!(result, ToolResult::ok(json!({"output": "unread\n"})));
}

#[tokio::test]
async fn a_child_that_closes_its_output_is_waited_for() {
    let lab = Lab::new();
    let script = "echo said; exec >&- 2>&- <&-; sleep 0.3; echo done > late";
    let result = lab.run(lab.shell(script)).await;
    assert_eq!(result, ToolResult::ok(json!({"output": "said\n"})));
    assert_eq!(lab.text("late"), "done\n");
}

#[tokio::test]
async fn work_without_words_is_a_sign_of_life_and_sleep_is_none() {
    let lab = Lab::new();
    let (beat, beats) = counted();
    let cancel = CancellationToken::new();
    let busy = lab
        .host
        .run(lab.shell("while :; do :; done"), beat, cancel.clone());
    let busy = tokio::spawn(busy);
    until("beats of a busy child", || {
        beats.load(Ordering::Relaxed) >= 5
    })
    .await;
    cancel.cancel();
    assert!(!busy.await.unwrap().ok);

    let (beat, beats) = counted();
    let mut job = lab.command(&["sleep", "60"]);
    job.spec.time_limit_ms = Some(1_500);
    let result = lab.host.run(job, beat, CancellationToken::new()).await;
    assert_eq!(
        error(&result),
        "`skill` ran longer than its time limit of 1.5 s and was killed"
    );
    // Its start, and its end, may be seen.
    assert!(beats.load(Ordering::Relaxed) <= 3, "{beats:?}");
}
