//! A generated database of ten thousand cards, with everything odd that SQLite lets be in one: as many
//! rows and the same values afterwards, twice is as once, and what stands in the way is named.

mod house;

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use orket_core::card_life::CardLife;
use orket_core::plan::CardPlan;
use orket_legacy::journal::{Occasion, import, preview};
use orket_legacy::plan::{Plan, tables};
use orket_legacy::{Kind, LegacyError, Source};

use house::{CARDS, digest_of_files, house, journal, memory, webhook};

fn occasion() -> Occasion<'static> {
    Occasion {
        source: "legacy.db",
        at_ms: 1_800_000_000_000,
    }
}

#[derive(Debug, PartialEq, QueryableByName)]
struct Pair {
    #[diesel(sql_type = Text)]
    word: String,
    #[diesel(sql_type = BigInt)]
    number: i64,
}

fn pairs(connection: &mut SqliteConnection, sql: &str) -> BTreeMap<String, i64> {
    let found: Vec<Pair> = diesel::sql_query(sql).load(connection).unwrap();
    found.into_iter().map(|it| (it.word, it.number)).collect()
}

fn number(connection: &mut SqliteConnection, sql: &str) -> i64 {
    let found: Pair = diesel::sql_query(format!("SELECT '' AS word, ({sql}) AS number"))
        .get_result(connection)
        .unwrap();
    found.number
}

#[test]
fn ten_thousand_cards_are_the_same_afterwards_and_twice_is_as_once() {
    let house = house(CARDS);
    let before = digest_of_files(house.path());
    let mut source = Source::open(&house.runtime(), house.path()).unwrap();
    assert_eq!(source.kind(), Kind::PythonRuntime);
    let plan = Plan::of(tables(&mut source).unwrap()).unwrap();
    let mut ours = journal(&house.path().join("ours.db"));
    let forecast = preview(&plan, Some(&mut ours)).unwrap();
    let brought = import(&plan, &mut ours, occasion(), || tables(&mut source)).unwrap();
    assert_eq!(brought, forecast);

    // Every table has as many rows as it had, all of them new.
    let theirs = house.counts();
    let kept = pairs(
        &mut ours,
        "SELECT source_table AS word, count(*) AS number FROM legacy_rows GROUP BY 1",
    );
    assert_eq!(kept, theirs);
    assert!(brought.tables.iter().all(|table| table.new == table.rows));

    // Cards by status, by build and by retries, on both sides. Unknown statuses wait for a person.
    let known = house::KNOWN_STATUSES;
    let by_status = |words: &str| {
        format!(
            "SELECT CASE WHEN status IN ({known}) THEN status ELSE 'blocked' END AS word, \
             count(*) AS number FROM {words} GROUP BY 1"
        )
    };
    let mut legacy = house.open();
    assert_eq!(
        pairs(&mut ours, &by_status("cards")),
        pairs(&mut legacy, &by_status("issues"))
    );
    let notes = "SELECT note AS word, count(*) AS number FROM";
    assert_eq!(
        pairs(&mut ours, &format!("{notes} card_definitions GROUP BY 1")),
        pairs(
            &mut legacy,
            &format!(
                "{} issues GROUP BY 1",
                notes.replace("note", "coalesce(note, '')")
            )
        )
    );
    assert_eq!(
        number(&mut ours, "SELECT count(*) FROM comments"),
        number(
            &mut legacy,
            "SELECT count(*) FROM comments WHERE issue_id IN (SELECT id FROM issues)"
        )
    );
    assert_eq!(
        number(
            &mut ours,
            "SELECT count(*) FROM card_events WHERE kind = 'imported_action'"
        ),
        number(
            &mut legacy,
            "SELECT count(*) FROM card_transactions WHERE card_id IN (SELECT id FROM issues)"
        )
    );

    // The program can read each of them.
    #[derive(QueryableByName)]
    struct Stored {
        #[diesel(sql_type = Text)]
        life_json: String,
        #[diesel(sql_type = Text)]
        plan_json: String,
    }
    let stored: Vec<Stored> = diesel::sql_query(
        "SELECT life_json, plan_json FROM cards JOIN card_definitions ON card = row",
    )
    .load(&mut ours)
    .unwrap();
    assert_eq!(stored.len(), usize::try_from(CARDS).unwrap());
    for card in &stored {
        serde_json::from_str::<CardLife>(&card.life_json).unwrap();
        serde_json::from_str::<CardPlan>(&card.plan_json).unwrap();
    }

    // Once more: nothing happens.
    let dump = house::dump(&mut ours);
    let again = Plan::of(tables(&mut source).unwrap()).unwrap();
    let second = import(&again, &mut ours, occasion(), || tables(&mut source)).unwrap();
    assert!(!second.is_something());
    assert_eq!(house::dump(&mut ours), dump);
    drop(source);
    drop(ours);
    house.forget("ours.db");
    assert_eq!(
        digest_of_files(house.path()),
        before,
        "the source was touched"
    );
}

#[test]
fn what_comes_later_is_added_and_what_has_changed_is_refused() {
    let house = house(50);
    let mut ours = journal(&house.path().join("ours.db"));
    let bring = |ours: &mut SqliteConnection| {
        let mut source = Source::open(&house.runtime(), house.path()).unwrap();
        let plan = Plan::of(tables(&mut source).unwrap()).unwrap();
        import(&plan, ours, occasion(), || tables(&mut source))
    };
    bring(&mut ours).unwrap();
    let cards = number(&mut ours, "SELECT count(*) FROM cards");
    house.run("INSERT INTO issues (id, build_id, status) VALUES ('LATE', 'build-late', 'ready');
               INSERT INTO comments (issue_id, author, content) VALUES ('LATE', 'a', 'b'), ('I-1', 'c', 'd')");
    let later = bring(&mut ours).unwrap();
    assert_eq!(later.tables.iter().map(|it| it.new).sum::<u64>(), 3);
    assert_eq!(number(&mut ours, "SELECT count(*) FROM cards"), cards + 1);

    let dump = house::dump(&mut ours);
    house.run("UPDATE issues SET summary = 'another' WHERE id = 'I-1'");
    let refused = bring(&mut ours).unwrap_err();
    assert_eq!(refused.code(), "E_IMPORT_CONFLICT");
    assert!(refused.to_string().contains("issues `I-1`"), "{refused}");
    assert_eq!(house::dump(&mut ours), dump);
}

#[test]
fn a_card_of_our_own_is_never_written_over() {
    let house = house(10);
    let mut ours = journal(&house.path().join("ours.db"));
    diesel::sql_query("INSERT INTO runs (run_id, build_id, epic, status, started_at) VALUES ('R', 'build-0', 'e', 'done', 1)")
        .execute(&mut ours).unwrap();
    diesel::sql_query(
        "INSERT INTO cards VALUES (1, 'R', 'build-0', 'I-0', 0, 0, 'done', NULL, 0, 0, 0, 1, '{}')",
    )
    .execute(&mut ours)
    .unwrap();
    let dump = house::dump(&mut ours);
    let mut source = Source::open(&house.runtime(), house.path()).unwrap();
    let plan = Plan::of(tables(&mut source).unwrap()).unwrap();
    for refused in [
        preview(&plan, Some(&mut ours)).unwrap_err(),
        import(&plan, &mut ours, occasion(), || tables(&mut source)).unwrap_err(),
    ] {
        assert_eq!(
            refused.to_string(),
            "there is a card `I-0` in build `build-0` already"
        );
    }
    assert_eq!(house::dump(&mut ours), dump);
}

#[test]
fn a_source_that_changes_under_the_import_is_seen_and_nothing_is_kept() {
    let house = house(20);
    let mut ours = journal(&house.path().join("ours.db"));
    let dump = house::dump(&mut ours);
    let mut source = Source::open(&house.runtime(), house.path()).unwrap();
    let plan = Plan::of(tables(&mut source).unwrap()).unwrap();
    let other = || {
        let mut all = tables(&mut source)?;
        if let Some(row) = all.iter_mut().find_map(|table| table.rows.first_mut()) {
            row.cells.clear();
        }
        Ok(all)
    };
    let refused = import(&plan, &mut ours, occasion(), other).unwrap_err();
    assert!(matches!(refused, LegacyError::Mismatch { .. }), "{refused}");
    assert_eq!(house::dump(&mut ours), dump);
}

#[test]
fn a_source_with_a_wal_or_a_lock_is_read_right_or_refused_and_never_touched() {
    use diesel::connection::SimpleConnection as _;
    let house = house(5);
    // What is in the WAL counts, and reading it leaves it where it is.
    let mut writer = house.open();
    writer
        .batch_execute("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; DELETE FROM issues WHERE id = 'I-3'")
        .unwrap();
    let before = digest_of_files(house.path());
    let mut source = Source::open(&house.runtime(), house.path()).unwrap();
    assert_eq!(source.rows("issues").unwrap().len(), 4);
    drop(source);
    assert_eq!(digest_of_files(house.path()), before);
    writer
        .batch_execute("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode=DELETE")
        .unwrap();

    // Written to while it is read.
    let source = Source::open(&house.runtime(), house.path());
    drop(writer);
    let source = source.unwrap();
    let longer = std::fs::OpenOptions::new()
        .append(true)
        .open(house.runtime())
        .unwrap();
    std::io::Write::write_all(&mut &longer, &[0]).unwrap();
    assert_eq!(source.unchanged().unwrap_err().code(), "E_IMPORT_BUSY");

    let path = house.path().join("no.db");
    std::fs::write(&path, b"not a database at all, but long enough").unwrap();
    let refused = Source::open(&path, house.path()).unwrap_err();
    assert_eq!(refused.code(), "E_IMPORT_SOURCE");

    let missing = Source::open(&house.path().join("gone.db"), house.path()).unwrap_err();
    assert!(
        missing.to_string().contains("there is no such file"),
        "{missing}"
    );
}

#[test]
fn pull_requests_failures_and_phases_come_over_and_ours_stay() {
    use orket_legacy::webhook::{import, preview};
    let house = house(1);
    let mut ours = webhook(&house.path().join("ours-webhook.db"));
    diesel::sql_query("INSERT INTO pr_review_cycles (pr_key, repo_full_name, pr_number, status) VALUES ('o/r#1', 'o/r', 1, 'merged')")
        .execute(&mut ours).unwrap();
    let mut source = Source::open(&house.webhook(), house.path()).unwrap();
    assert_eq!(source.kind(), Kind::PythonWebhook);
    let read = tables(&mut source).unwrap();
    let forecast = preview(&read, Some(&mut ours)).unwrap();
    let brought = import(&read, &mut ours, || tables(&mut source)).unwrap();
    assert_eq!(brought, forecast);
    let lines: Vec<String> = brought
        .findings
        .iter()
        .map(|it| {
            format!(
                "{} {} {}={}: {}",
                it.table, it.key, it.column, it.found, it.became
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
    insta::assert_snapshot!(house::table(
        &mut ours,
        "SELECT pr_key || ' ' || cycle_count || ' ' || status || ' ' || created_at AS word FROM pr_review_cycles WHERE pr_number > 1
         UNION ALL SELECT pr_key || ' ' || cycle_number || ' ' || reviewer || ' ' || coalesce(reason, '-') FROM review_failures
         UNION ALL SELECT rock_id || ' ' || data_json || ' ' || status || ' ' || updated_at FROM bug_fix_phases"
    ));
    let dump = house::dump(&mut ours);
    let second = import(&read, &mut ours, || tables(&mut source)).unwrap();
    assert!(!second.is_something());
    assert_eq!(house::dump(&mut ours), dump);
}

#[test]
fn what_a_project_remembered_comes_over_once() {
    use orket_legacy::memory::{import, known, record};
    let house = house(1);
    let mut ours = memory(&house.path().join("ours-memory.db"));
    let mut source = Source::open(&house.memory(), house.path()).unwrap();
    assert_eq!(source.kind(), Kind::PythonMemory);
    let records: Vec<_> = source
        .rows("project_memory")
        .unwrap()
        .iter()
        .map(record)
        .collect();
    assert_eq!(known(&mut ours, "default", &records).unwrap(), 0);
    assert_eq!(import(&mut ours, "default", &records).unwrap(), 3);
    assert_eq!(import(&mut ours, "default", &records).unwrap(), 0);
    insta::assert_snapshot!(house::table(
        &mut ours,
        "SELECT record_key || ' ' || record_type || ' ' || created_at || ' ' || content || ' ' || metadata_json AS word FROM records"
    ));
}
