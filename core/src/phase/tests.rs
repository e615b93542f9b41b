use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::asset::{Epic, Library, MemorySource, Rock};
use crate::status::CardStatus;

/// 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600_000;
const HOUR: i64 = 3_600_000;

fn found(total: u32, critical: u32) -> Looked {
    Looked {
        ids: (1..=total).map(|number| format!("B-{number}")).collect(),
        total,
        critical,
        ..Looked::default()
    }
}

fn fresh() -> Phase {
    start("shop", NOW, &PhaseRules::default())
}

fn bug(id: &str) -> BugCard {
    BugCard {
        id: id.to_owned(),
        summary: format!("Bug: {id} is wrong"),
        seat: "coder".to_owned(),
        priority: 2.0,
        status: CardStatus::Ready,
        epic: "shop-bugs".to_owned(),
        department: "core".to_owned(),
        description: String::new(),
        note: String::new(),
        requirements: String::new(),
        max_retries: None,
        depends_on: Vec::new(),
        params: serde_json::Map::new(),
        labels: Vec::new(),
        references: Vec::new(),
        verification: Value::Null,
    }
}

fn seen(origin: Origin, created_ms: i64, card: BugCard) -> SeenCard {
    SeenCard {
        card,
        origin,
        created_ms: Some(created_ms),
        updated_ms: Some(created_ms),
    }
}

#[test]
fn six_bugs_in_a_day_extend_to_fourteen_days() {
    let mut phase = fresh();
    assert_eq!(observe(&mut phase, &found(6, 0), NOW + HOUR), 7);
    assert_eq!(phase.current_duration_days, 14);
    assert_eq!(phase.status, PhaseStatus::Extended);
    assert_eq!(phase.scheduled_end, Moment(NOW + 14 * DAY_MS));
    assert_eq!(
        phase.extensions[0].reason,
        "6.0 bugs a day are found, more than 5.0"
    );
    assert_eq!(phase.bug_issue_ids.len(), 6);
}

#[test]
fn neither_five_a_day_nor_three_critical_ones_extend_it() {
    let mut phase = fresh();
    assert_eq!(observe(&mut phase, &found(5, 3), NOW + HOUR), 0);
    assert_eq!(phase.status, PhaseStatus::Active);
    // The fourth critical one does.
    assert_eq!(observe(&mut phase, &found(5, 4), NOW + HOUR), 7);
    assert_eq!(
        phase.extensions[0].reason,
        "4 bugs are critical, more than 3"
    );
}

#[test]
fn both_causes_are_named_and_twenty_eight_days_are_the_most() {
    let mut phase = fresh();
    assert_eq!(observe(&mut phase, &found(9, 4), NOW), 7);
    assert_eq!(
        phase.extensions[0].reason,
        "9.0 bugs a day are found, more than 5.0; 4 bugs are critical, more than 3"
    );
    phase.current_duration_days = 26;
    let later = NOW + DAY_MS;
    assert_eq!(observe(&mut phase, &found(90, 40), later), 2);
    assert_eq!(phase.current_duration_days, 28);
    assert_eq!(observe(&mut phase, &found(900, 400), later + DAY_MS), 0);
}

#[test]
fn a_cause_counts_again_after_a_day_and_with_more_bugs_only() {
    let mut phase = fresh();
    assert_eq!(observe(&mut phase, &found(6, 0), NOW), 7);
    for minute in 0..5_000 {
        assert_eq!(observe(&mut phase, &found(6, 0), NOW + minute * 60_000), 0);
    }
    assert_eq!(observe(&mut phase, &found(60, 0), NOW + DAY_MS - 1), 0);
    assert_eq!(observe(&mut phase, &found(60, 0), NOW + DAY_MS), 7);
    // Another cause does not wait for the first one's day.
    assert_eq!(observe(&mut phase, &found(60, 4), NOW + DAY_MS + HOUR), 7);
    assert_eq!(phase.current_duration_days, 28);
}

#[test]
fn it_ends_with_a_second_rock_when_bugs_are_open_and_without_when_not() {
    let mut phase = fresh();
    assert!(!phase.is_expired(NOW + 7 * DAY_MS - 1));
    assert!(phase.is_expired(NOW + 7 * DAY_MS));
    let at = NOW + 7 * DAY_MS;
    let mut clean = phase.clone();
    end(&mut clean, Vec::new(), at).unwrap();
    assert_eq!(clean.phase2_rock_id, None);
    let removal = Todo::RemoveSandbox {
        made_before: Some(Moment(at)),
        problem: None,
    };
    assert_eq!(clean.orket.todo, [removal]);
    end(&mut phase, vec![bug("B-1")], at).unwrap();
    assert_eq!(phase.phase2_rock_id.as_deref(), Some("shop-phase2"));
    assert_eq!(phase.status, PhaseStatus::Completed);
    assert_eq!(phase.actual_end, Some(Moment(at)));
    let again = end(&mut phase, Vec::new(), at).unwrap_err();
    assert_eq!(again.status, PhaseStatus::Completed);
    assert_eq!(observe(&mut phase, &found(99, 99), at), 0);
    let events: Vec<&str> = phase
        .orket
        .untold
        .iter()
        .map(|told| told.event.as_str())
        .collect();
    assert_eq!(
        events,
        [
            "rock_phase_transition",
            "bug_fix_phase_started",
            "bug_fix_phase_completed"
        ]
    );
}

#[test]
fn one_that_runs_is_not_overwritten_and_what_an_earlier_one_left_to_do_is_not_lost() {
    let rules = PhaseRules::default();
    let mut known = fresh();
    let Begun::Live(same) = begin(Some(known.clone()), "shop", NOW + HOUR, &rules) else {
        panic!("overwritten")
    };
    assert_eq!(same, known);
    end(&mut known, vec![bug("B-1")], NOW + HOUR).unwrap();
    let Begun::New(next) = begin(Some(known), "shop", NOW + 2 * HOUR, &rules) else {
        panic!("not started")
    };
    assert_eq!(next.started_at, Moment(NOW + 2 * HOUR));
    assert!(matches!(
        next.orket.todo.as_slice(),
        [Todo::WriteRock { .. }]
    ));
    assert_eq!(next.orket.untold.len(), 5);
    assert!(next.has_handed_over(&bug("B-1")) && !next.has_handed_over(&bug("B-2")));
    assert_eq!(
        next.orket.earlier[0].phase2_rock_id.as_deref(),
        Some("shop-phase2")
    );
}

#[test]
fn an_abort_leaves_nothing_to_do_but_to_tell_it() {
    let mut phase = fresh();
    abort(&mut phase, "ada", "shipped", NOW + HOUR).unwrap();
    assert_eq!(phase.status, PhaseStatus::Aborted);
    assert_eq!(phase.orket.aborted.as_deref(), Some("by ada: shipped"));
    assert!(phase.orket.todo.is_empty() && phase.is_open());
    abort(&mut phase, "ada", "", NOW).unwrap_err();
}

#[test]
fn rows_of_the_python_orket_are_read_and_unknown_fields_kept() {
    let row = json!({
        "id": "phase-shop", "rock_id": "shop", "status": "extended",
        "initial_duration_days": 7, "max_duration_days": 28, "current_duration_days": 14,
        "started_at": "2026-01-01T01:00:00.123456+01:00", "scheduled_end": "2026-01-15 00:00:00",
        "actual_end": null,
        "metrics": {"total_bugs": 6, "critical_bugs": 0, "bugs_found_today": 6, "bugs_fixed_today": 0,
            "discovery_rate": 6.0, "high_rate_threshold": 5.0, "critical_threshold": 3, "trend": "up"},
        "bug_issue_ids": ["B-1"], "phase2_rock_id": null,
        "extensions": [{"date": "2026-01-01T12:00:00", "reason": "x", "added_days": "7"}],
        "mood": ["kept"],
    });
    let phase: Phase = serde_json::from_value(row.clone()).unwrap();
    assert_eq!(phase.started_at, Moment(NOW + 123));
    assert_eq!(phase.scheduled_end, Moment(NOW + 14 * DAY_MS));
    assert_eq!(phase.extensions[0].added_days, 7);
    let mut expected = row;
    expected["started_at"] = json!("2026-01-01T00:00:00.123+00:00");
    expected["scheduled_end"] = json!("2026-01-15T00:00:00.000+00:00");
    assert_eq!(serde_json::to_value(&phase).unwrap(), expected);
}

#[test]
fn rules_that_cannot_be_meant_are_refused_in_words() {
    let read = |rules: Value| PhaseRules::read(rules.as_object().unwrap());
    assert_eq!(read(json!({"default_llm": "x"})), Ok(PhaseRules::default()));
    let rules = read(json!({
        "bug_fix_initial_days": 3, "bug_fix_max_days": 5, "bug_discovery_high_rate": 2,
        "bug_critical_threshold": 0,
    }));
    let expected = PhaseRules {
        initial_days: 3,
        max_days: 5,
        high_rate: 2.0,
        critical_threshold: 0,
    };
    assert_eq!(rules, Ok(expected));
    let wrong = read(json!({
        "bug_fix_initial_days": 40, "bug_fix_max_day": 50, "bug_discovery_high_rate": -1,
        "bug_critical_threshold": 1.5,
    }));
    assert_eq!(
        wrong.unwrap_err(),
        [
            "process_rules.bug_fix_max_day is not known; did you mean `bug_fix_max_days`?",
            "process_rules.bug_discovery_high_rate must be a number of bugs a day, not below 0",
            "process_rules.bug_critical_threshold must be a whole number of bugs, not below 0",
            "process_rules.bug_fix_initial_days (40) must not be above bug_fix_max_days (28)",
        ]
    );
}

#[test]
fn what_counts_as_a_bug() {
    let began = Moment(NOW);
    let mut labelled = bug("L");
    labelled.summary = "The basket is empty".to_owned();
    let plain = labelled.clone();
    labelled.labels = vec!["Bug".to_owned(), "critical".to_owned()];
    let mut other_work = plain;
    other_work.id = "O".to_owned();
    let mut fixed = bug("F");
    fixed.status = CardStatus::Done;
    let mut withdrawn = bug("W");
    withdrawn.status = CardStatus::Archived;
    let mut high = bug("H");
    high.priority = 3.0;
    let mut unrun = seen(Origin::BugsEpic, 0, bug("U"));
    unrun.created_ms = None;
    let old = |origin| seen(origin, NOW - 1, bug("OLD"));
    let mut old_fixed = seen(Origin::BugsEpic, NOW - 1, fixed.clone());
    old_fixed.card.id = "OLDFIXED".to_owned();
    let mut elsewhere = old(Origin::Rock);
    elsewhere.card.epic = "another".to_owned();
    // The same card in a later build: not new because its row is.
    let mut rebuilt = seen(Origin::Rock, NOW + 5, elsewhere.card.clone());
    rebuilt.card.status = CardStatus::Blocked;
    let looked = look(
        vec![
            old(Origin::BugsEpic),
            elsewhere,
            rebuilt,
            seen(Origin::Rock, NOW, labelled),
            seen(Origin::Rock, NOW, other_work),
            seen(Origin::Rock, NOW, bug("F")),
            seen(Origin::Rock, NOW + 9, fixed),
            seen(Origin::BugsEpic, NOW, withdrawn),
            seen(Origin::BugsEpic, NOW + DAY_MS, high),
            old_fixed,
            unrun,
        ],
        began,
        NOW + DAY_MS + HOUR,
    );
    assert_eq!(looked.ids, ["OLD", "L", "F", "H", "U"]);
    let open: Vec<&str> = looked.open.iter().map(|bug| bug.id.as_str()).collect();
    assert_eq!(open, ["OLD", "L", "H", "U"]);
    assert_eq!((looked.total, looked.critical), (5, 2));
    assert_eq!((looked.found_today, looked.fixed_today), (1, 0));
}

#[test]
fn the_second_rock_is_read_by_the_loader() {
    let mut second = bug("B-2");
    second.depends_on = vec!["B-1".to_owned(), "GONE".to_owned()];
    second.labels = vec!["BUG".to_owned()];
    let mut other = bug("B-1");
    other.epic = "other".to_owned();
    let mut twin = bug("B-1");
    twin.summary = "The same id of another epic".to_owned();
    let names = NamesOfTwo::of("shop", 1);
    let house = |bug: &BugCard| {
        Some(EpicHouse {
            team: if bug.epic == "other" { "two" } else { "one" }.to_owned(),
            environment: "standard".to_owned(),
        })
    };
    let bugs = [bug("B-1"), second, twin, other];
    let files = second_rock("shop", "core", &names, &bugs, house).unwrap();
    let source = files.iter().fold(MemorySource::default(), |source, file| {
        source.with(&file.path, file.text.clone())
    });
    let library = Library::new(source);
    let rock = library.load::<Rock>("shop-phase2", "core").unwrap();
    assert!(rock.warnings.is_empty(), "{:?}", rock.warnings);
    let epics: Vec<&str> = rock.asset.epics.iter().map(|it| it.epic.as_str()).collect();
    assert_eq!(epics, ["shop-phase2-bugs", "shop-phase2-bugs-2"]);
    let epic = library.load::<Epic>("shop-phase2-bugs", "core").unwrap();
    assert!(epic.warnings.is_empty(), "{:?}", epic.warnings);
    let ids: Vec<&str> = epic.asset.issues.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["B-1", "B-2", "BUG-2"]);
    assert_eq!(epic.asset.issues[1].depends_on, ["B-1"]);
    assert_eq!(epic.asset.team, "one");
    assert_eq!(
        second_rock("shop", "core", &names, &bugs, |_| None),
        Err(NotMade("shop-bugs".to_owned()))
    );
    let long = NamesOfTwo::of(&"x".repeat(96), 12);
    assert_eq!(
        crate::asset::name::check(&format!("{}-99", long.epic)),
        Ok(())
    );
}

/// An id means something only within its epic, also when two epics share a team.
#[test]
fn bugs_of_two_epics_wait_for_those_of_their_own() {
    let of = |epic: &str, id: &str, needs: &[&str]| {
        let mut card = bug(id);
        card.epic = epic.to_owned();
        card.depends_on = needs.iter().map(|need| (*need).to_owned()).collect();
        card
    };
    let bugs = [
        of("one", "A", &["B"]),
        of("one", "B", &[]),
        // Read by the ids alone, these two would wait for each other and for those above.
        of("two", "B", &["A"]),
        of("two", "A", &["GONE"]),
        of("two", "C", &["B", "A"]),
        // Would be the name of a renamed one.
        of("two", "BUG-2", &["B"]),
    ];
    let house = |_: &BugCard| {
        Some(EpicHouse {
            team: "one".to_owned(),
            environment: "standard".to_owned(),
        })
    };
    let names = NamesOfTwo::of("shop", 1);
    let files = second_rock("shop", "core", &names, &bugs, house).unwrap();
    let source = files.iter().fold(MemorySource::default(), |source, file| {
        source.with(&file.path, file.text.clone())
    });
    let epic = Library::new(source)
        .load::<Epic>("shop-phase2-bugs", "core")
        .unwrap();
    let needs: Vec<(&str, Vec<&str>)> = epic
        .asset
        .issues
        .iter()
        .map(|it| {
            let needs = it.depends_on.iter().map(String::as_str).collect();
            (it.id.as_str(), needs)
        })
        .collect();
    assert_eq!(
        needs,
        [
            ("A", vec!["B"]),
            ("B", vec![]),
            ("BUG-3", vec!["BUG-4"]),
            ("BUG-4", vec![]),
            ("C", vec!["BUG-3", "BUG-4"]),
            ("BUG-2", vec!["BUG-3"]),
        ]
    );
}

proptest! {
    /// Whatever is seen whenever: never more than the most days, never shorter, never more than one
    /// extension a cause and day, and looking again changes nothing.
    #[test]
    fn it_never_runs_away(
        looks in proptest::collection::vec((0_u32..200, 0_u32..20, 0_i64..3 * DAY_MS), 1..60)
    ) {
        let mut phase = fresh();
        let mut now = NOW;
        let mut seen = found(0, 0);
        for (total, critical, later) in looks {
            now += later;
            seen.total = total;
            seen.critical = critical.min(total);
            let before = phase.clone();
            let added = observe(&mut phase, &seen, now);
            prop_assert!(added <= 7);
            prop_assert_eq!(phase.current_duration_days, before.current_duration_days + added);
            prop_assert!(phase.current_duration_days <= 28);
            prop_assert_eq!(
                phase.scheduled_end,
                Moment(NOW + i64::from(phase.current_duration_days) * DAY_MS)
            );
            let rate = phase.metrics.discovery_rate > 5.0;
            prop_assert!(added == 0 || rate || seen.critical > 3);
            let settled = phase.clone();
            prop_assert_eq!(observe(&mut phase, &seen, now), 0);
            prop_assert_eq!(&phase, &settled);
            let text = serde_json::to_string(&phase).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Phase>(&text).unwrap(), &phase);
        }
        let days = (now - NOW) / DAY_MS + 1;
        prop_assert!(i64::try_from(phase.extensions.len()).unwrap() <= 2 * days);
    }

    #[test]
    fn a_moment_reads_what_it_writes(ms in -62_135_596_800_000_i64..253_402_300_800_000) {
        prop_assert_eq!(Moment::parse(&Moment(ms).to_string()), Some(Moment(ms)));
    }

    #[test]
    fn no_text_breaks_the_reader(text in "[0-9TZ:. +-]{0,40}|\\PC{0,40}") {
        let _ = Moment::parse(&text);
    }
}
