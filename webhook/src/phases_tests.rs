use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use orket_core::phase::{DAY_MS, Moment, PhaseStatus};

use super::*;
use crate::store::{FILE_NAME, StoreOptions};

const NOW: i64 = 1_767_225_600_000;

fn store(folder: &tempfile::TempDir) -> Store {
    Store::open(folder.path(), StoreOptions { is_durable: false }).unwrap()
}

fn found(total: u32) -> Looked {
    Looked {
        ids: (1..=total).map(|number| format!("B-{number}")).collect(),
        total,
        ..Looked::default()
    }
}

#[tokio::test]
async fn a_phase_comes_back_as_it_was_and_one_that_runs_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let (one, rules) = (store(&folder), PhaseRules::default());
    assert_eq!(
        find(&one, "shop").await,
        Err(PhaseError::Unknown("shop".to_owned()))
    );
    let Begun::New(phase) = start(&one, "shop", NOW, &rules).await.unwrap() else {
        panic!("not started")
    };
    let other_rules = PhaseRules {
        initial_days: 1,
        ..rules
    };
    // Through another connection, as another process would.
    let two = store(&folder);
    let again = start(&two, "shop", NOW + 1, &other_rules).await.unwrap();
    assert_eq!(again, Begun::Live(phase.clone()));
    assert_eq!(find(&two, "shop").await, Ok(phase));
    assert!(matches!(
        start(&one, "../up", NOW, &rules).await,
        Err(PhaseError::Name(_))
    ));
}

#[tokio::test]
async fn it_is_extended_and_ends_when_its_time_is_up() {
    let folder = tempfile::tempdir().unwrap();
    let (store, rules) = (store(&folder), PhaseRules::default());
    start(&store, "shop", NOW, &rules).await.unwrap();
    let extended = advance(&store, "shop", found(6), NOW + 1).await.unwrap();
    assert_eq!((extended.added_days, extended.is_over), (7, false));
    let late = NOW + 14 * DAY_MS;
    let ended = advance(&store, "shop", found(6), late).await.unwrap();
    assert!(ended.is_over && ended.phase.status == PhaseStatus::Completed);
    let refused = end(&store, "shop", found(6), late).await.unwrap_err();
    assert!(matches!(refused, PhaseError::NotLive(_)), "{refused}");
    // The build that it was about does not start another one; a later build does.
    for built in [NOW, late] {
        let same = start_for_build(&store, "shop", built, &rules).await;
        assert_eq!(same, Ok(None));
    }
    let next = start_for_build(&store, "shop", late + 1, &rules).await;
    let Ok(Some(Begun::New(next))) = next else {
        panic!("not started: {next:?}")
    };
    assert_eq!(next.started_at, Moment(late + 1));
    let aborted = abort(&store, "shop", "ada", "", late + 2).await.unwrap();
    assert_eq!(aborted.status, PhaseStatus::Aborted);
    assert_eq!(find(&store, "shop").await, Ok(aborted));
}

#[tokio::test]
async fn processes_that_share_the_file_lose_nothing_of_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let stores: Vec<Store> = (0..4).map(|_| store(&folder)).collect();
    let rules = PhaseRules::default();
    start(&stores[0], "shop", NOW, &rules).await.unwrap();
    let changes = (0..80).map(|number| {
        let store = stores[number % stores.len()].clone();
        async move {
            let note = format!("B-{number}");
            change(&store, "shop", move |phase| {
                phase.bug_issue_ids.push(note);
                Ok(())
            })
            .await
        }
    });
    for outcome in futures_util::future::join_all(changes).await {
        outcome.unwrap();
    }
    let mut ids = find(&stores[1], "shop").await.unwrap().bug_issue_ids;
    ids.sort();
    let mut expected: Vec<String> = (0..80).map(|number| format!("B-{number}")).collect();
    expected.sort();
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn rows_of_others_are_kept_and_a_damaged_one_stops_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let mut connection =
        SqliteConnection::establish(folder.path().join(FILE_NAME).to_str().unwrap()).unwrap();
    connection
        .batch_execute(
            r#"INSERT INTO bug_fix_phases (rock_id, data_json, status) VALUES
                ('bad', '{"id":', 'active'),
                ('shop', '{"id":"phase-shop","rock_id":"shop","status":"active","initial_duration_days":7,
                  "max_duration_days":28,"current_duration_days":7,"started_at":"2026-01-01T00:00:00+00:00",
                  "scheduled_end":"2026-01-08T00:00:00+00:00","mood":{"deep":[1]},
                  "metrics":{"total_bugs":0,"trend":"up"},"extensions":[]}', 'active')"#,
        )
        .unwrap();
    let advanced = advance(&store, "shop", found(6), NOW + 1).await.unwrap();
    assert_eq!(advanced.added_days, 7);
    let all = open(&store).await.unwrap();
    assert_eq!((all.phases.len(), all.damaged.len()), (1, 1));
    let kept = &all.phases[0];
    assert_eq!(kept.other["mood"]["deep"][0], 1);
    assert_eq!(kept.metrics.other["trend"], "up");
    let refused = start(&store, "bad", NOW, &PhaseRules::default()).await;
    assert!(matches!(refused, Err(PhaseError::Damaged { .. })));
    #[derive(QueryableByName)]
    struct Text1 {
        #[diesel(sql_type = Text)]
        data_json: String,
    }
    let bad: Text1 =
        diesel::sql_query("SELECT data_json FROM bug_fix_phases WHERE rock_id = 'bad'")
            .get_result(&mut connection)
            .unwrap();
    assert_eq!(bad.data_json, r#"{"id":"#);
}

#[tokio::test]
async fn looking_again_at_the_same_bugs_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    start(&store, "shop", NOW, &PhaseRules::default())
        .await
        .unwrap();
    advance(&store, "shop", found(6), NOW + 1).await.unwrap();
    let changes = |connection: &mut SqliteConnection| {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            count: i64,
        }
        let row: Count =
            diesel::sql_query("SELECT total_changes() AS count").get_result(connection)?;
        Ok(row.count)
    };
    let before = store.write(changes).await.unwrap();
    for minute in 1..100 {
        let now = NOW + minute * 60_000;
        advance(&store, "shop", found(6), now).await.unwrap();
    }
    assert_eq!(store.write(changes).await.unwrap(), before);
}

#[tokio::test]
async fn a_rock_is_found_however_its_name_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let rules = PhaseRules::default();
    for rock in ["my_shop", "Site", "site"] {
        start(&store, rock, NOW, &rules).await.unwrap();
    }
    for (given, meant) in [
        ("my_shop", Some("my_shop")),
        ("My Shop", Some("my_shop")),
        ("Site", Some("Site")),
        ("SITE", None),
        ("other", None),
    ] {
        let found = spelt(&store, given).await;
        let unknown = || PhaseError::Unknown(given.to_owned());
        assert_eq!(found, meant.map(str::to_owned).ok_or_else(unknown));
    }
}

#[tokio::test]
async fn phases_that_are_over_are_not_looked_at_and_are_let_go_of_after_a_year() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let rules = PhaseRules::default();
    for rock in ["aborted", "fixed", "left", "live", "untold"] {
        start(&store, rock, NOW, &rules).await.unwrap();
    }
    abort(&store, "aborted", "ada", "", NOW).await.unwrap();
    end(&store, "fixed", Looked::default(), NOW).await.unwrap();
    end(&store, "left", Looked::default(), NOW).await.unwrap();
    abort(&store, "untold", "ada", "", NOW).await.unwrap();
    for rock in ["aborted", "fixed", "left"] {
        change(&store, rock, move |phase| {
            phase.orket.todo.clear();
            phase.orket.untold.clear();
            if rock == "left" {
                phase.orket.handed_over.insert("left-bugs/B-1".to_owned());
            }
            Ok(())
        })
        .await
        .unwrap();
    }
    // One as the Python Orket writes it; and rows damaged so that whoever reads those that are over sees.
    let damaging = |connection: &mut SqliteConnection| {
        connection.batch_execute(
            r#"INSERT INTO bug_fix_phases (rock_id, data_json, status)
                SELECT 'python', replace(data_json, '"fixed"', '"python"'), status
                FROM bug_fix_phases WHERE rock_id = 'fixed';
            UPDATE bug_fix_phases SET data_json = '{' WHERE rock_id IN ('aborted', 'left')"#,
        )
    };
    store.write(damaging).await.unwrap();
    let names = |all: &Phases| -> Vec<String> {
        let rocks = all.phases.iter().map(|phase| phase.rock_id.clone());
        rocks.collect()
    };
    let looked_at = open(&store).await.unwrap();
    assert_eq!(names(&looked_at), ["live", "untold"]);
    assert_eq!(looked_at.damaged, []);
    let year = i64::from(KEPT_DAYS) * DAY_MS;
    assert_eq!(forget(&store, NOW + year).await, Ok(0));
    // One that the Python Orket wrote is noted of when it is seen, and goes like the others.
    assert_eq!(forget(&store, NOW + year + 1).await, Ok(3));
    assert_eq!(names(&list(&store).await.unwrap()), ["live", "untold"]);
    assert!(matches!(
        find(&store, "left").await,
        Err(PhaseError::Damaged { .. })
    ));
}
