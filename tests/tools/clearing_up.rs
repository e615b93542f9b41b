//! Cancel, death and what is left behind: nothing.

use std::process::{Command, Stdio};

use futures_util::future::join_all;

use super::*;

/// Starts a job on this runtime and waits until `count` of its processes have written their ids.
async fn started(
    lab: &Lab,
    script: &str,
    count: usize,
) -> (tokio::task::JoinHandle<ToolResult>, CancellationToken) {
    let cancel = CancellationToken::new();
    let work = lab.host.run(lab.shell(script), silent(), cancel.clone());
    let work = tokio::spawn(work);
    until("the processes have started", || pids(lab).len() >= count).await;
    (work, cancel)
}

/// Ignores SIGTERM, as do its child in the group, its grandchild in another session, and one that
/// has no environment besides.
const STUBBORN: &str = "trap '' TERM
    sh -c 'echo $$ >> pids; while :; do sleep 1; done' &
    setsid sh -c 'echo $$ >> pids; while :; do sleep 1; done' &
    setsid env -i sh -c 'echo $$ >> pids; while :; do sleep 1; done' &
    echo $$ >> pids
    while :; do sleep 1; done";

#[tokio::test]
async fn a_family_that_ignores_sigterm_is_gone_when_a_cancel_returns() {
    let lab = Lab::with(|options| options.grace = Duration::from_millis(300));
    let (work, cancel) = started(&lab, STUBBORN, 4).await;
    let asked = Instant::now();
    cancel.cancel();
    let result = work.await.unwrap();
    assert!(
        asked.elapsed() >= Duration::from_millis(300),
        "the grace was not given"
    );
    assert!(
        asked.elapsed() < Duration::from_secs(3),
        "{:?}",
        asked.elapsed()
    );
    assert_eq!(error(&result), "`skill` was cancelled and killed");
    let left: Vec<_> = pids(&lab)
        .into_iter()
        .filter(|pid| !is_gone(*pid))
        .collect();
    assert_eq!(left, Vec::<i32>::new());
}

#[tokio::test]
async fn a_sleeper_ends_at_once_and_a_tidy_child_gets_to_say_farewell() {
    let lab = Lab::with(|options| options.grace = Duration::from_secs(60));
    let (work, cancel) = started(&lab, "echo $$ >> pids; exec sleep 600", 1).await;
    cancel.cancel();
    assert!(
        !tokio::time::timeout(DEADLINE, work)
            .await
            .unwrap()
            .unwrap()
            .ok
    );

    let script =
        "trap 'echo bye > farewell; exit 0' TERM; echo $$ >> pids; while :; do sleep 0.05; done";
    let (work, cancel) = started(&lab, script, 2).await;
    cancel.cancel();
    assert!(
        !tokio::time::timeout(DEADLINE, work)
            .await
            .unwrap()
            .unwrap()
            .ok
    );
    assert_eq!(lab.text("farewell"), "bye\n");
    assert!(pids(&lab).into_iter().all(is_gone));
}

#[tokio::test]
async fn a_cancel_works_while_the_runtime_that_asked_is_stuck() {
    let lab = Lab::new();
    let cancel = CancellationToken::new();
    let work = lab.host.run(lab.shell(STUBBORN), silent(), cancel.clone());
    let (unstick, stuck) = std::sync::mpsc::channel::<()>();
    let asker = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async move {
            let task = tokio::task::spawn_local(work);
            tokio::task::yield_now().await;
            // Blocks the whole runtime, which has neither timers nor I/O to begin with.
            let _ = stuck.recv();
            task.await.unwrap()
        })
    });
    until("the processes have started", || pids(&lab).len() >= 4).await;
    cancel.cancel();
    until("they are gone", || pids(&lab).into_iter().all(is_gone)).await;
    unstick.send(()).unwrap();
    assert!(!asker.join().unwrap().ok);
}

#[tokio::test]
async fn dropping_the_call_kills_the_family() {
    let lab = Lab::with(|options| options.grace = Duration::from_secs(60));
    let (work, _cancel) = started(&lab, STUBBORN, 4).await;
    work.abort();
    until("the dropped are gone", || {
        pids(&lab).into_iter().all(is_gone)
    })
    .await;

    // Dropped before it was ever polled, it never starts.
    drop(lab.host.run(
        lab.shell("echo $$ >> never"),
        silent(),
        CancellationToken::new(),
    ));
    assert!(lab.run(lab.shell("true")).await.ok);
    assert!(!lab.path("never").exists());
}

#[tokio::test]
async fn dropping_the_host_kills_what_it_runs() {
    let lab = Lab::new();
    let (work, _cancel) = started(&lab, STUBBORN, 4).await;
    let running = pids(&lab);
    let Lab {
        folder: _folder,
        host,
    } = lab;
    // The call does not keep its host alive for ever.
    work.abort();
    drop(host);
    until("they are gone", || running.iter().copied().all(is_dead)).await;
}

/// Gone or waiting to be reaped, which nobody does once the host is away.
fn is_dead(pid: i32) -> bool {
    orket::tools::child::process::read(pid).is_none_or(|it| it.dead)
}

#[tokio::test]
async fn daemons_do_not_outlive_their_tool() {
    let lab = Lab::new();
    let script = "sh -c 'echo $$ >> pids; exec sleep 600' &
        setsid sh -c 'echo $$ >> pids; exec sleep 600' &
        setsid env -i sh -c 'echo $$ >> pids; exec sleep 600' &
        while [ \"$(wc -l < pids)\" != 3 ]; do sleep 0.01; done 2>/dev/null
        echo done";
    let began = Instant::now();
    let result = lab.run(lab.shell(script)).await;
    assert_eq!(result, ToolResult::ok(json!({"output": "done\n"})));
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "waited for a daemon's output"
    );
    assert_eq!(pids(&lab).len(), 3);
    let left: Vec<_> = pids(&lab)
        .into_iter()
        .filter(|pid| !is_gone(*pid))
        .collect();
    assert_eq!(left, Vec::<i32>::new());
}

#[tokio::test]
async fn a_time_limit_ends_the_family_too() {
    let lab = Lab::with(|options| options.grace = Duration::from_millis(50));
    let mut job = lab.shell(STUBBORN);
    job.spec.time_limit_ms = Some(700);
    let result = lab.run(job).await;
    assert!(error(&result).contains("time limit of 0.7 s"));
    assert_eq!(pids(&lab).len(), 4);
    assert!(pids(&lab).into_iter().all(is_gone));
}

#[tokio::test]
async fn forty_children_at_once_each_keep_to_themselves() {
    let lab = Lab::new();
    let calls = (0..40).map(|number| {
        let pause = number % 10;
        let script = format!("setsid sleep 600 & echo $! >> pids; sleep 0.0{pause}; echo {number}");
        lab.run(lab.shell(&script))
    });
    for (number, result) in join_all(calls).await.into_iter().enumerate() {
        assert_eq!(
            result,
            ToolResult::ok(json!({"output": format!("{number}\n")}))
        );
    }
    assert_eq!(pids(&lab).len(), 40);
    assert!(pids(&lab).into_iter().all(is_gone));
}

#[tokio::test]
async fn strays_of_an_earlier_owner_are_killed_and_nobody_else() {
    let lab = Lab::new();
    let id = data_folder_id(lab.folder.path()).unwrap();
    let by_hand = |mark: &str, script: &str| {
        Command::new("sh")
            .args(["-c", script])
            .env("ORKET_CHILD_OF", mark)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let family = format!(
        "cd '{}'; env -i sh -c 'echo $$ >> pids; exec sleep 600' & sleep 600; true",
        lab.path("").display()
    );
    let (work, cancel) = started(&lab, "echo $$ >> pids; sleep 600", 1).await;
    let mut stray = by_hand(&format!("{id}:3:0123456789ab-1"), &family);
    let mut stranger = by_hand(&format!("{id}0:3:0123456789ab-1"), "exec sleep 600");
    until("the strays are up", || pids(&lab).len() >= 2).await;

    let host = Arc::clone(&lab.host);
    let killed = tokio::task::spawn_blocking(move || host.reap_strays())
        .await
        .unwrap();
    assert!(killed >= 2, "{killed}");
    assert!(!stray.wait().unwrap().success());
    let own = pids(&lab)[0];
    until("the stray's child is gone", || is_dead(pids(&lab)[1])).await;
    assert!(!is_dead(own), "a child of this owner was taken for a stray");
    assert!(
        stranger.try_wait().unwrap().is_none(),
        "a stranger was killed"
    );
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    assert_eq!(lab.host.reap_strays(), 0);
    cancel.cancel();
    work.await.unwrap();
}
