//! Cards in lists, and archiving them, in the journal.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use diesel::connection::{
    Instrumentation, InstrumentationEvent, SimpleConnection, set_default_instrumentation,
};
use diesel::prelude::*;
use diesel::sql_types::Text;
use orket::storage::reader::{ArchiveWish, CardFilter, CardPage};
use orket::storage::{Journal, JournalOptions};
use orket_actors::port::store::{Op, RunStatus, Store, StoreError, Write};
use orket_core::ids::RunId;
use orket_core::status::CardStatus;

mod support {
    pub mod journal;
}
use support::journal::*;

fn open(folder: &Path) -> Arc<Journal> {
    Journal::open(folder, JournalOptions::default()).unwrap()
}

fn over(run: &str) -> Op {
    Op::SetRun {
        run_id: RunId::new(run).unwrap(),
        status: RunStatus::Halted,
        summary: serde_json::Value::Null,
        at_ms: AT,
    }
}

fn archive(cards: &[(i64, CardStatus)]) -> Write {
    write(vec![Op::Archive {
        cards: cards.to_vec(),
        by: "Ada".to_owned(),
        reason: "old".to_owned(),
        at_ms: AT,
    }])
}

fn listed(journal: &Journal, filter: &CardFilter) -> Vec<(String, CardStatus)> {
    let page = CardPage {
        before: None,
        offset: 0,
        limit: 500,
    };
    let page = journal.reader().issue_rows(filter, page).unwrap();
    let rows = page.items.into_iter();
    rows.map(|row| (row.id, row.status.parse().unwrap()))
        .collect()
}

#[tokio::test]
async fn cards_saved_at_once_are_all_there_and_damaged_ones_do_not_hide_them() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let run = write(vec![insert_run("R", "B", "epic"), over("R")]);
    journal.submit(run).await.unwrap();
    let saves = (1..=20).map(|row| journal.submit(write(vec![insert_cards("R", "B", row, 1)])));
    for saved in futures_util::future::join_all(saves).await {
        saved.unwrap();
    }
    assert_eq!(listed(&journal, &CardFilter::default()).len(), 20);
    drop(journal);
    let path = folder.path().join("orket_persistence.db");
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    connection
        .batch_execute("UPDATE card_definitions SET depends_on_json = '[\"C-1' WHERE card = 7")
        .unwrap();
    let journal = open(folder.path());
    assert_eq!(listed(&journal, &CardFilter::default()).len(), 20);
    let row = journal.reader().find_card("C-7", None, None).unwrap();
    let card = journal.reader().card_detail(row.unwrap()).unwrap().unwrap();
    assert_eq!(card.listed.depends_on, Vec::<String>::new());
}

#[tokio::test]
async fn cards_are_archived_all_or_none_and_stay_so() {
    use CardStatus::{Archived, Done, Ready};
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let begun = vec![
        insert_run("R", "B", "epic"),
        insert_cards("R", "B", 1, 2),
        open_turn("R", 1, 1, 0),
    ];
    journal.submit(write(begun)).await.unwrap();
    let both = [(1, Ready), (2, Ready)];
    let refused = |answer: Result<(), StoreError>| match answer {
        Err(StoreError::Conflict(why)) => why,
        other => panic!("{other:?}"),
    };
    let why = refused(journal.submit(archive(&both)).await);
    assert!(why.contains("run `R` is under way"), "{why}");
    journal.submit(write(vec![over("R")])).await.unwrap();
    let why = refused(journal.submit(archive(&[(1, Ready), (2, Done)])).await);
    assert!(why.contains("card row 2 is `ready` by now"), "{why}");
    let all = CardFilter::default();
    let ready = |id: &str| (id.to_owned(), Ready);
    assert_eq!(listed(&journal, &all), [ready("C-2"), ready("C-1")]);

    journal.submit(archive(&both)).await.unwrap();
    let archived = |id: &str| (id.to_owned(), Archived);
    assert_eq!(listed(&journal, &all), [archived("C-2"), archived("C-1")]);
    let turns = journal.reader().turns("R", None).unwrap();
    assert_eq!(turns[0].status, "abandoned");
    // Whoever read the card before cannot make it ready again, nor go on with its attempt.
    let late = Op::SetCard {
        row: 1,
        life: Box::new(life(Ready)),
        fence: None,
        changes: Vec::new(),
        at_ms: AT,
    };
    let why = refused(journal.submit(write(vec![late])).await);
    assert!(why.contains("archived"), "{why}");
    assert!(journal.submit(write(vec![steps(1, 0..1)])).await.is_err());
    assert_eq!(listed(&journal, &all), [archived("C-2"), archived("C-1")]);
}

/// What SQL this thread sends.
static SENT: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn watch() -> Option<Box<dyn Instrumentation>> {
    Some(Box::new(|event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let sql = text.split(" -- binds").next().unwrap_or_default();
            if sql.contains("`cards`") && sql.starts_with("SELECT") {
                let mut sent = SENT.lock().unwrap_or_else(PoisonError::into_inner);
                sent.push(sql.to_owned());
            }
        }
    }))
}

/// A page far back in the list must cost what the first one does: each statement seeks, and none sorts.
#[tokio::test]
async fn a_page_of_cards_is_a_seek_wherever_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let first = vec![
        insert_run("R", "B", "epic"),
        insert_cards("R", "B", 1, 40),
        insert_run("S", "B", "epic"),
        insert_cards("S", "B", 41, 40),
        insert_run("T", "B", "epic"),
    ];
    journal.submit(write(first)).await.unwrap();
    set_default_instrumentation(watch).unwrap();
    drop(journal);
    let journal = open(folder.path());
    let page = CardPage {
        before: Some(60),
        offset: 0,
        limit: 30,
    };
    let (session, build) = (Some("S".to_owned()), Some("B".to_owned()));
    let mut counted = Vec::new();
    for status in [None, Some(CardStatus::Ready)] {
        for (session_id, build_id) in [
            (&None, &None),
            (&session, &None),
            (&None, &build),
            (&session, &build),
        ] {
            let filter = CardFilter {
                build_id: build_id.clone(),
                session_id: session_id.clone(),
                status,
            };
            let found = journal.reader().issue_rows(&filter, page).unwrap();
            counted.push(found.items.len());
        }
    }
    assert_eq!(counted, [30, 19, 30, 19, 30, 19, 30, 19]);
    let wish = ArchiveWish {
        card_ids: vec!["C-3".to_owned(), "B/C-4".to_owned()],
        ..ArchiveWish::default()
    };
    assert_eq!(journal.reader().to_archive(&wish).unwrap().cards.len(), 2);
    journal.reader().run_issue_rows("S", Some(50), 10).unwrap();
    let mut sent = std::mem::take(&mut *SENT.lock().unwrap_or_else(PoisonError::into_inner));
    sent.sort();
    sent.dedup();
    assert!(sent.len() >= 6, "{sent:?}");
    let path = folder.path().join("orket_persistence.db");
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    for sql in sent {
        let plan = explained(&mut connection, &sql);
        assert!(
            plan.iter().all(|step| step.starts_with("SEARCH")),
            "{sql}\n{plan:?}"
        );
    }
}

fn explained(connection: &mut SqliteConnection, sql: &str) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = Text)]
        detail: String,
    }
    let steps = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load::<Step>(connection);
    steps.unwrap().into_iter().map(|step| step.detail).collect()
}
