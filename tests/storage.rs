//! What the journal takes and what it refuses: fences, whole writes in shared commits, order, room.

use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;
use orket::storage::{Journal, JournalOptions};
use orket_actors::port::store::{FlushFolder, Guard, Op, Store, StoreError, Write};
use orket_core::ids::RunId;
use orket_core::status::CardStatus;

mod support {
    pub mod journal;
}
use support::journal::*;

fn open(folder: &Path) -> Arc<Journal> {
    Journal::open(folder, JournalOptions::default()).unwrap()
}

fn id(text: &str) -> RunId {
    RunId::new(text).unwrap()
}

/// The places of the steps of an attempt.
fn seqs(journal: &Journal, turn: i64) -> Vec<u32> {
    let steps = journal.reader().steps(turn).unwrap();
    steps.iter().map(|step| step.seq).collect()
}

fn set_card(row: i64, status: CardStatus, fence: Option<i64>) -> Op {
    Op::SetCard {
        row,
        life: Box::new(life(status)),
        fence,
        changes: Vec::new(),
        at_ms: AT,
    }
}

#[tokio::test]
async fn a_stale_attempt_is_fenced_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    for write in run_with_open_turns("R", 2, 1) {
        journal.submit(write).await.unwrap();
    }
    let submit = |guard, ops| journal.submit(guarded(guard, ops));
    let turn = Guard::Turn(1, 1);
    assert_eq!(submit(turn, vec![steps(1, 0..2)]).await, Ok(()));
    // The card's fence is raised: so is that of its open attempt, and only that.
    let raise = vec![set_card(1, CardStatus::InProgress, Some(2))];
    assert_eq!(submit(Guard::Card(1, 0), raise.clone()).await, Ok(()));
    assert_eq!(
        submit(turn, vec![steps(1, 2..3)]).await,
        Err(StoreError::Fenced)
    );
    let other_order = vec![set_card(2, CardStatus::Done, None), steps(1, 2..3)];
    assert_eq!(submit(turn, other_order).await, Err(StoreError::Fenced));
    assert_eq!(
        submit(Guard::Card(1, 0), raise).await,
        Err(StoreError::Fenced)
    );
    assert_eq!(
        submit(Guard::Turn(2, 1), vec![steps(2, 0..1)]).await,
        Ok(())
    );
    assert_eq!(
        submit(Guard::Turn(1, 2), vec![steps(1, 2..4)]).await,
        Ok(())
    );
    // An attempt that is taken over, then ended, is ended once.
    let fence = Op::FenceTurn { turn: 1, fence: 3 };
    assert_eq!(submit(Guard::Turn(1, 2), vec![fence]).await, Ok(()));
    let end = Op::CloseTurn {
        turn: 1,
        status: "failed",
        code: Some("E_TOOL_FAILED"),
        prompt_tokens: 3,
        output_tokens: 4,
        at_ms: AT + 1,
    };
    assert_eq!(submit(Guard::Turn(1, 3), vec![end.clone()]).await, Ok(()));
    assert_eq!(
        submit(Guard::Turn(1, 3), vec![end]).await,
        Err(StoreError::Fenced)
    );
    // An attempt that has ended writes no more, whatever fence it shows.
    let raise = vec![set_card(1, CardStatus::Ready, Some(9))];
    assert_eq!(submit(Guard::Card(1, 2), raise).await, Ok(()));
    for fence in [3, 9] {
        assert_eq!(
            submit(Guard::Turn(1, fence), Vec::new()).await,
            Err(StoreError::Fenced)
        );
    }
    assert_eq!(
        submit(Guard::Turn(77, 1), Vec::new()).await,
        Err(StoreError::Fenced)
    );
    assert_eq!(seqs(&journal, 1), vec![0, 1, 2, 3]);
    assert_eq!(seqs(&journal, 2), vec![0]);
    let run = journal.load_run(id("R")).await.unwrap().unwrap();
    assert_eq!(run.cards[1].life, life(CardStatus::Ready));
}

#[tokio::test]
async fn a_refused_write_leaves_nothing_and_its_neighbours_stand() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    for write in run_with_open_turns("R", 40, 1) {
        journal.submit(write).await.unwrap();
    }
    // The first keeps the writer busy while the others gather into one batch.
    let busy = write(vec![
        insert_run("S", "S", "epic"),
        insert_cards("S", "S", 1_000, 2_000),
    ]);
    let mut writes = vec![busy];
    writes.extend((1..=40).map(|turn| {
        let mut ops = vec![steps(turn, 0..1)];
        match turn % 4 {
            // The second step of the same place is refused after the first was written.
            0 => ops.push(steps(turn, 0..1)),
            1 => ops.push(insert_run("R", "B", "epic")),
            2 => ops.push(set_card(4_711, CardStatus::Done, None)),
            _ => {}
        }
        let fence = if turn == 3 { 99 } else { 1 };
        guarded(Guard::Turn(turn, fence), ops)
    }));
    let answers = join_all(writes.into_iter().map(|write| journal.submit(write))).await;
    assert_eq!(answers[0], Ok(()));
    for turn in 1..=40_i64 {
        let answer = &answers[usize::try_from(turn).unwrap()];
        let expected = match turn % 4 {
            0 => Err(StoreError::Conflict(format!(
                "step 0 of attempt row {turn}: UNIQUE constraint failed: turn_steps.turn, turn_steps.seq"
            ))),
            1 => Err(StoreError::Conflict(
                "there is a run `R` already; start again with a new run id".to_owned(),
            )),
            2 => Err(StoreError::Conflict("there is no card row 4711".to_owned())),
            _ if turn == 3 => Err(StoreError::Fenced),
            _ => Ok(()),
        };
        let applied = expected.is_ok();
        assert_eq!(*answer, expected, "attempt {turn}");
        assert_eq!(!seqs(&journal, turn).is_empty(), applied, "attempt {turn}");
    }
}

#[tokio::test]
async fn files_are_flushed_first_and_order_holds() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder.path().join("db"));
    for write in run_with_open_turns("R", 8, 1) {
        journal.submit(write).await.unwrap();
    }
    let step = |turn: i64, seq: u32, flush: Option<&Path>| Write {
        guard: Guard::Turn(turn, 1),
        flush: flush.map(|path| FlushFolder(Arc::new(path.to_owned()))),
        ops: vec![steps(turn, seq..seq + 1)],
    };
    // Every second write waits for files; those behind it on the same attempt must not pass it.
    let writes = (0..20).flat_map(|seq| (1..=8).map(move |turn| (turn, seq)));
    let all = join_all(writes.map(|(turn, seq)| {
        let flush = (seq % 2 == 0).then_some(folder.path());
        journal.submit(step(turn, seq, flush))
    }));
    // Without tokio's budget, the futures are first polled in their order.
    let answers = tokio::task::unconstrained(all).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    for turn in 1..=8 {
        let ids = step_ids(folder.path(), turn);
        assert_eq!(ids, (0..20).collect::<Vec<_>>(), "attempt {turn}");
    }
    // Below a file there is nothing to look at.
    let unusable = folder.path().join("db/orket_persistence.db/below");
    let answer = journal.submit(step(1, 20, Some(&unusable))).await;
    assert!(
        matches!(&answer, Err(StoreError::Unavailable(reason)) if reason.contains("below")),
        "{answer:?}"
    );
    assert_eq!(seqs(&journal, 1).len(), 20);
    // Where there is no folder, no file was written.
    let missing = folder.path().join("missing");
    let answer = journal.submit(step(1, 20, Some(&missing))).await;
    assert_eq!(answer, Ok(()));
}

/// The places of an attempt's steps in the order in which they were written.
fn step_ids(folder: &Path, turn: i64) -> Vec<i64> {
    use diesel::prelude::*;
    let path = folder.join("db").join("orket_persistence.db");
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    diesel::dsl::sql::<diesel::sql_types::BigInt>(&format!(
        "SELECT seq FROM turn_steps WHERE turn = {turn} ORDER BY id"
    ))
    .load(&mut connection)
    .unwrap()
}

#[tokio::test]
async fn a_full_queue_makes_writers_wait_not_fail() {
    let folder = tempfile::tempdir().unwrap();
    let options = JournalOptions {
        queue: 2,
        batch: 2,
        ..JournalOptions::default()
    };
    let journal = Journal::open(folder.path(), options).unwrap();
    for write in run_with_open_turns("R", 1, 1) {
        journal.submit(write).await.unwrap();
    }
    let answers = join_all(
        (0..100)
            .map(|seq| journal.submit(guarded(Guard::Turn(1, 1), vec![steps(1, seq..seq + 1)]))),
    )
    .await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(seqs(&journal, 1), (0..100).collect::<Vec<_>>());
    // Its room is given back by the thread that answers, just after the answer.
    let all_back = async {
        while journal.room() != 2 {
            tokio::task::yield_now().await;
        }
    };
    let deadline = std::time::Duration::from_secs(30);
    assert!(tokio::time::timeout(deadline, all_back).await.is_ok());
}
