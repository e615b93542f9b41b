//! Verify commands.

use orket_core::plan::VerifyCommand;

use super::*;

fn verify(words: &[&str], expect_stdout: Option<&str>) -> VerifyCommand {
    VerifyCommand {
        command: words.iter().map(|word| (*word).to_owned()).collect(),
        expect_stdout: expect_stdout.map(str::to_owned),
        expect_exit: 0,
        timeout_ms: 60_000,
    }
}

#[tokio::test]
async fn every_command_is_run_and_reported() {
    let lab = Lab::new();
    lab.put("main.sh", "echo \"  sum: $((2 + 3))\"\n");
    lab.put("plain.txt", "no program");
    let slow = VerifyCommand {
        timeout_ms: 200,
        ..verify(&["sh", "-c", "echo begun; sleep 600"], None)
    };
    let three = VerifyCommand {
        expect_exit: 3,
        ..verify(&["sh", "-c", "exit 3"], None)
    };
    let commands = vec![
        verify(&["sh", "main.sh"], Some("sum: 5\n")),
        verify(&["sh", "main.sh"], Some("sum: 6")),
        verify(&["sh", "-c", "echo 'no such file: x.py' >&2; exit 2"], None),
        slow,
        three,
        verify(&["no-such-runtime", "main.x"], None),
        verify(&["./plain.txt"], None),
        verify(&["sh", "-c", "kill -KILL $$"], None),
        verify(&["sh", "-c", "yes | head -c 5000"], None),
    ];
    let (beat, beats) = counted();
    let work = lab
        .host
        .verify(lab.scope(), commands.into(), beat, CancellationToken::new());
    let mut report = tokio::time::timeout(DEADLINE, work).await.unwrap();
    assert!(!report.ok);
    assert!(beats.load(Ordering::Relaxed) >= 3);
    let long = report.command_results.pop().unwrap();
    assert_eq!(
        (long.stdout.len(), long.failure_class.as_str()),
        (2_000, "none")
    );
    // What this machine can close is not what this is about.
    report.closed.clear();
    insta::assert_json_snapshot!(report);
}

#[tokio::test]
async fn all_well_is_ok_and_nothing_to_do_is_too() {
    let lab = Lab::new();
    let scope = lab.scope();
    let commands = vec![verify(&["true"], None), verify(&["pwd"], None)];
    let report = lab
        .host
        .verify(
            scope.clone(),
            commands.into(),
            silent(),
            CancellationToken::new(),
        )
        .await;
    assert_eq!((report.ok, report.errors), (true, vec![]));
    let report = lab
        .host
        .verify(scope, vec![].into(), silent(), CancellationToken::new())
        .await;
    assert_eq!((report.ok, report.command_results.len()), (true, 0));
}

#[tokio::test]
async fn a_cancel_ends_the_command_and_leaves_out_the_rest() {
    let lab = Lab::new();
    let cancel = CancellationToken::new();
    let commands = vec![
        verify(
            &["sh", "-c", "echo $$ >> pids; setsid sleep 600 & sleep 600"],
            None,
        ),
        verify(&["touch", "never"], None),
    ];
    let work = lab
        .host
        .verify(lab.scope(), commands.into(), silent(), cancel.clone());
    let work = tokio::spawn(work);
    until("the first runs", || pids(&lab).len() == 1).await;
    cancel.cancel();
    let report = tokio::time::timeout(DEADLINE, work).await.unwrap().unwrap();
    assert!(!report.ok);
    assert_eq!(report.command_results.len(), 1);
    assert_eq!(
        report.errors.last().unwrap(),
        "the verification was cancelled with 1 command(s) left"
    );
    assert!(pids(&lab).into_iter().all(is_gone));
    assert!(!lab.path("never").exists());
}
