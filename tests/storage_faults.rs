//! Panics inside the writer, the death of its thread, and SIGKILL in the middle of its work. Faults
//! are armed for a whole process, so each case runs in a child process: this test binary again,
//! asked for the one test `child` with the case in its environment.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use orket::storage::{Journal, JournalOptions};
use orket_actors::port::store::{FlushFolder, Guard, Op, Store, StoreError, Write};
use orket_core::ids::RunId;
use serde_json::json;

mod support {
    pub mod journal;
}
use support::journal::*;

const CARDS: i64 = 24;
/// The place of the write that panics where `poison` is armed.
const POISONED: usize = 10;

fn start(case: &str, faults: &str, folder: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    as_child(&mut command, case, faults, folder)
        .spawn()
        .unwrap()
}

fn as_child<'a>(
    command: &'a mut Command,
    case: &str,
    faults: &str,
    folder: &Path,
) -> &'a mut Command {
    command
        .args(["child", "--exact", "--nocapture", "--test-threads=1"])
        .env("STORAGE_CASE", case)
        .env("STORAGE_FAULTS", faults)
        .env("STORAGE_FOLDER", folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
}

/// Runs a case to its end; fails with its output when it fails.
fn passes(case: &str, faults: &str) {
    let folder = tempfile::tempdir().unwrap();
    let output = start(case, faults, folder.path())
        .wait_with_output()
        .unwrap();
    assert!(
        output.status.success(),
        "{case} with {faults}: {:?}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_passing_panic_before_the_commit_costs_nothing() {
    for point in ["writer.before_begin", "writer.in_transaction"] {
        passes("all_are_applied_once", &format!("panic@{point}#3"));
    }
    for point in ["writer.before_flush", "writer.after_flush"] {
        passes("all_are_applied_once", &format!("panic@{point}#1"));
    }
}

#[test]
fn a_panic_after_the_commit_does_not_apply_anything_twice() {
    passes("all_are_applied_once", "panic@writer.after_commit#*");
}

#[test]
fn a_write_that_always_panics_is_refused_alone() {
    passes("one_is_refused", "panic@poison#*");
    passes("all_panic", "panic@writer.in_transaction#*");
}

#[test]
fn a_panic_in_the_last_checkpoint_loses_nothing() {
    passes("checkpoint", "panic@writer.checkpoint#*");
}

#[test]
fn the_death_of_the_thread_is_told_at_once() {
    // The third time it has set the run up and waits; the fourth time, with luck, writes wait too.
    passes("death", "panic@writer.thread#3");
    passes("death", "panic@writer.thread#4");
}

#[test]
fn sigkill_at_a_point_of_the_commit_keeps_what_was_acknowledged() {
    for point in [
        "kill@writer.before_begin#60",
        "kill@writer.in_transaction#60",
        "kill@writer.after_commit#60",
        "kill@writer.before_flush#5",
        "kill@writer.after_flush#5",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut child = start("until_killed", point, folder.path());
        let acknowledged = acknowledgements(&mut child, usize::MAX);
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(9), "{point}: {status:?}");
        all_are_there(folder.path(), &acknowledged, point);
    }
}

#[test]
fn sigkill_at_any_moment_keeps_what_was_acknowledged() {
    for after in [1, 40, 333] {
        let folder = tempfile::tempdir().unwrap();
        let mut child = start("until_killed", "", folder.path());
        let mut acknowledged = acknowledgements(&mut child, after);
        child.kill().unwrap();
        // What it still said before it died counts too.
        acknowledged.extend(acknowledgements(&mut child, usize::MAX));
        child.wait().unwrap();
        all_are_there(folder.path(), &acknowledged, "kill");
    }
}

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // No file may grow beyond 4 MiB (the shell counts in 512 bytes), and the signal that says so is
    // ignored: writing fails as it does on a full disk.
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 8192; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap());
    let output = as_child(&mut limited, "disk_full", "", folder.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    // With room again, everything acknowledged is there and it goes on.
    let journal = Journal::open(&folder.path().join("db"), JournalOptions::default()).unwrap();
    let next = journal.reader().steps(1).unwrap().len();
    assert!(next > 10, "{next}");
    let next = u32::try_from(next).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let more = guarded(Guard::Turn(1, 1), vec![steps(1, next..next + 1)]);
    assert_eq!(runtime.block_on(journal.submit(more)), Ok(()));
}

/// Reads `turn seq` lines, at most `count` of them.
fn acknowledgements(child: &mut Child, count: usize) -> Vec<(i64, u32)> {
    let Some(stdout) = child.stdout.as_mut() else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    for line in BufReader::with_capacity(1, stdout).lines() {
        // A line cut by the kill was not said.
        let Ok(line) = line else { break };
        let words: Vec<&str> = line.split(' ').collect();
        if let ["ack", turn, seq, "."] = words.as_slice() {
            lines.push((turn.parse().unwrap(), seq.parse().unwrap()));
        }
        if lines.len() == count {
            break;
        }
    }
    lines
}

fn all_are_there(folder: &Path, acknowledged: &[(i64, u32)], what: &str) {
    assert!(!acknowledged.is_empty(), "{what}: nothing was acknowledged");
    let journal = Journal::open(&folder.join("db"), JournalOptions::default()).unwrap();
    let run = RunId::new("R").unwrap();
    let run = journal.reader().load_run(&run).unwrap().unwrap();
    for turn in &run.open_turns {
        // Each card waited for its answer, so its steps are a sequence without a hole.
        let last = acknowledged
            .iter()
            .filter(|(row, _)| *row == turn.row)
            .map(|(_, seq)| *seq)
            .max();
        let steps = journal.reader().steps(turn.row).unwrap();
        let seqs: Vec<u32> = steps.iter().map(|step| step.seq).collect();
        let count = u32::try_from(seqs.len()).unwrap();
        assert_eq!(seqs, (0..count).collect::<Vec<_>>(), "{what}");
        assert!(
            last.is_none_or(|last| count > last && count <= last + 2),
            "{what}: attempt {} has {count} steps, {last:?} was acknowledged",
            turn.row
        );
    }
}

/// Does nothing unless it is asked for a case.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(case) = std::env::var("STORAGE_CASE") else {
        return;
    };
    let folder = std::env::var("STORAGE_FOLDER").unwrap();
    let folder = Path::new(&folder);
    orket_actors::fault::arm(&std::env::var("STORAGE_FAULTS").unwrap()).unwrap();
    let journal = Journal::open(&folder.join("db"), JournalOptions::default()).unwrap();
    let mut setup = Vec::new();
    for write in run_with_open_turns("R", usize::try_from(CARDS).unwrap(), 1) {
        setup.push(journal.submit(write).await);
    }
    match case.as_str() {
        "all_are_applied_once" => {
            assert_eq!(setup, vec![Ok(()); 2]);
            let answers = batch(&journal, Some(folder)).await;
            assert!(answers.iter().all(Result::is_ok), "{answers:?}");
            assert_eq!(events(&journal), vec![1; 24]);
        }
        "one_is_refused" => {
            let mut answers = batch(&journal, None).await;
            let poisoned = answers.remove(POISONED);
            assert!(
                matches!(&poisoned, Err(StoreError::Panicked(message)) if message.contains("poison")),
                "{poisoned:?}"
            );
            assert!(answers.iter().all(Result::is_ok), "{answers:?}");
            let mut expected = vec![1; 24];
            expected[POISONED] = 0;
            assert_eq!(events(&journal), expected);
        }
        "all_panic" => {
            // The attempts were refused because their cards had not been written.
            assert!(matches!(setup.pop(), Some(Err(StoreError::Conflict(_)))));
            let all = setup.into_iter().chain(batch(&journal, None).await);
            for answer in all {
                assert!(matches!(answer, Err(StoreError::Panicked(_))), "{answer:?}");
            }
            assert_eq!(journal.running_runs().await, Ok(Vec::new()));
            assert_eq!(journal.room(), JournalOptions::default().queue);
        }
        "checkpoint" => {
            let closing = Arc::clone(&journal);
            let closed = tokio::task::spawn_blocking(move || closing.close()).await;
            assert!(
                matches!(closed.unwrap(), Err(StoreError::Panicked(_))),
                "the panic is told"
            );
            let again = Journal::open(&folder.join("db"), JournalOptions::default()).unwrap();
            assert_eq!(again.running_runs().await.unwrap().len(), 1);
        }
        "death" => {
            let answers = tokio::time::timeout(Duration::from_secs(20), batch(&journal, None))
                .await
                .expect("nobody waits for a dead thread");
            for answer in answers {
                assert!(
                    matches!(answer, Ok(()) | Err(StoreError::Unavailable(_))),
                    "{answer:?}"
                );
            }
            journal.ended().await;
            let later = journal.submit(write(Vec::new())).await;
            assert!(
                matches!(later, Err(StoreError::Unavailable(_))),
                "{later:?}"
            );
            // Reading still works, and the folder can be opened again.
            assert!(!journal.running_runs().await.unwrap().is_empty());
            assert!(matches!(journal.close(), Err(StoreError::Panicked(_))));
            assert_eq!(
                journal.submit(write(Vec::new())).await,
                Err(StoreError::Closed)
            );
        }
        "disk_full" => {
            let mut large = step_row(0);
            large.step = Arc::new(orket_core::turn::Step::Stalled {
                phase: orket_core::stall::Phase::Idle,
                silent_ms: 1,
                chunks: 1,
                bytes: 1,
                partial: "x".repeat(100_000),
            });
            let submit = |seq: u32| {
                let mut row = large.clone();
                row.seq = seq;
                journal.submit(guarded(
                    Guard::Turn(1, 1),
                    vec![Op::Steps {
                        turn: 1,
                        steps: vec![row],
                    }],
                ))
            };
            let mut acknowledged = 0;
            let error = loop {
                match submit(acknowledged).await {
                    Ok(()) => acknowledged += 1,
                    Err(error) => break error,
                }
                assert!(acknowledged < 1_000, "the disk never became full");
            };
            assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
            // It goes on refusing, does not die, and shows exactly what it acknowledged.
            let again = submit(acknowledged).await;
            assert!(
                matches!(again, Err(StoreError::Unavailable(_))),
                "{again:?}"
            );
            let steps = journal.reader().steps(1).unwrap();
            assert_eq!(u32::try_from(steps.len()).unwrap(), acknowledged);
        }
        "until_killed" => until_killed(&journal, folder).await,
        other => panic!("no case `{other}`"),
    }
}

/// One event for each card, after a write that keeps the writer busy while these gather.
async fn batch(journal: &Journal, flush: Option<&Path>) -> Vec<Result<(), StoreError>> {
    let busy = journal.submit(write(vec![
        insert_run("S", "S", "epic"),
        insert_cards("S", "S", 1_000, 500),
    ]));
    let events = (1..=CARDS).map(|card| {
        let event = Op::CardEvent {
            run_id: RunId::new("R").unwrap(),
            card: Some(card),
            kind: if card == POISONED as i64 + 1 {
                "poison"
            } else {
                "once"
            }
            .to_owned(),
            data: json!(null),
            at_ms: AT,
        };
        journal.submit(Write {
            guard: Guard::Turn(card, 1),
            flush: flush
                .filter(|_| card % 2 == 0)
                .map(|folder| FlushFolder(Arc::new(folder.to_owned()))),
            ops: vec![event],
        })
    });
    let mut answers = join_all(std::iter::once(busy).chain(events)).await;
    let _busy = answers.remove(0);
    answers
}

/// How many events each card of run R has.
fn events(journal: &Journal) -> Vec<usize> {
    let events = journal.reader().events("R", 0, 1_000).unwrap();
    (1..=CARDS)
        .map(|card| {
            events
                .iter()
                .filter(|event| event.card == Some(card))
                .count()
        })
        .collect()
}

/// Every card writes step after step, some with files, and says each one that was acknowledged.
async fn until_killed(journal: &Arc<Journal>, folder: &Path) {
    let cards = (1..=CARDS).map(|turn| {
        let (journal, folder) = (Arc::clone(journal), Arc::new(folder.to_owned()));
        tokio::spawn(async move {
            for seq in 0..100_000 {
                journal
                    .submit(Write {
                        guard: Guard::Turn(turn, 1),
                        flush: (turn % 8 == 0).then(|| FlushFolder(Arc::clone(&folder))),
                        ops: vec![steps(turn, seq..seq + 1)],
                    })
                    .await
                    .unwrap();
                let mut stdout = std::io::stdout().lock();
                writeln!(stdout, "\nack {turn} {seq} .").unwrap();
                stdout.flush().unwrap();
            }
        })
    });
    join_all(cards).await;
}
