//! Kills at named points.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use rustix::process::Signal;

use super::cases::{Case, all, finish, reference};
use super::epic::{Ask, PAYING};
use super::model::Manner;
use super::points::{choose, count, in_docs, in_sources};
use super::verdict::{State, Verdict, judge};
use super::world::{Ended, PARALLEL, SERIAL, Setup, World};

/// Points that an undisturbed run does not pass, and the test that kills at each: one here, or that of the
/// webhook receiver, `tests/webhook/crash.rs`.
const ELSEWHERE: [(&str, &str); 29] = [
    ("recovery.loaded", "recovery"),
    ("recovery.handed_over", "recovery"),
    ("recovery.take_up", "recovery"),
    ("watchdog.before_fence", "watchdog"),
    ("watchdog.after_fence", "watchdog"),
    ("reconciler.round", "reconciler"),
    ("webhook.in_transaction", RECEIVER),
    ("webhook.after_commit", RECEIVER),
    ("webhook.before_attempt", RECEIVER),
    ("webhook.after_attempt", RECEIVER),
    ("webhook.after_note", RECEIVER),
    ("backup.before_rename", BACKUP),
    ("backup.in_the_middle", BACKUP),
    ("gc.in_transaction", GC),
    ("import.before_commit", IMPORT),
    ("import.before_rename", IN_PLACE),
    ("import.in_transaction", IMPORT),
    ("import.memory_written", IMPORT),
    ("import.webhook_written", IMPORT),
    ("import.written", IMPORT),
    ("migrate.before", MIGRATE),
    ("migrate.in_transaction", MIGRATE),
    ("migrate.after", MIGRATE),
    ("move.copied", MOVE),
    ("move.preferences", PREFERENCES),
    ("restore.laid_out", RESTORE),
    ("restore.noted", RESTORE),
    ("restore.in_the_middle", RESTORE),
    ("restore.before_forgetting", RESTORE),
];
/// Tests of `tests/storage_moves`, which kill commands that move what is stored.
const BACKUP: &str = "a_backup_that_is_killed_is_none";
const GC: &str = "old_steps_go_and_verify_says_so_while_what_is_pinned_or_new_stays";
const IMPORT: &str =
    "ten_thousand_cards_killed_at_every_point_and_repeated_are_the_same_as_undisturbed";
const IN_PLACE: &str = "a_database_of_theirs_in_the_place_of_ours_is_kept_beside_it";
const MIGRATE: &str = "killed_in_the_middle_the_old_schema_is_there_and_the_next_time_goes_on";
const MOVE: &str = "what_the_python_orket_left_is_moved_once_and_its_databases_are_told_of";
const PREFERENCES: &str = "preferences_killed_between_their_two_files_are_moved_the_next_time";
const RESTORE: &str = "a_restore_that_is_killed_is_either_not_begun_or_finished_by_the_next_owner";
const RECEIVER: &str = "killed_at_each_point_a_rejection_is_carried_out_once";

/// The kinds of points round which something becomes durable.
const DURABLE: [&str; 5] = ["recovery", "turn", "writer", "run", "card_actor"];

fn elsewhere(test: &str) -> BTreeSet<&'static str> {
    let own = ELSEWHERE.iter().filter(|(_, by)| *by == test);
    own.map(|(point, _)| *point).collect()
}

fn listed(world: &World) -> BTreeMap<String, u64> {
    let ended = world.live("list");
    assert!(ended.status.code().is_some(), "{}", ended.err);
    count(&ended.passed())
}

fn play(cases: &[Case], reference: &State) -> Vec<Verdict> {
    let began = Instant::now();
    let verdicts = all(cases, Case::text, |case| case.play(reference));
    let points: BTreeSet<&str> = cases
        .iter()
        .map(|it| it.kills.last().unwrap().0.as_str())
        .collect();
    let kills: usize = cases.iter().map(|it| it.kills.len()).sum();
    let parked = verdicts.iter().filter(|it| **it == Verdict::Parked).count();
    println!(
        "{}: {} worlds at {} points, {kills} kills, {parked} parked an unknown outcome, {:.1} s",
        cases[0].name,
        cases.len(),
        points.len(),
        began.elapsed().as_secs_f64()
    );
    verdicts
}

#[test]
fn killed_at_every_point_of_a_run() {
    let reference = reference();
    let serial = listed(&World::new(SERIAL));
    let reached: BTreeSet<String> = serial.keys().cloned().collect();
    let known: BTreeSet<String> = ELSEWHERE
        .iter()
        .map(|(point, _)| (*point).to_owned())
        .collect();
    let named: BTreeSet<String> = in_sources().union(&in_docs()).cloned().collect();
    let unreached: Vec<String> = named.difference(&reached).cloned().collect();
    let unreached: Vec<String> = unreached
        .into_iter()
        .filter(|it| !known.contains(it))
        .collect();
    assert_eq!(
        unreached,
        Vec::<String>::new(),
        "points that no scenario passes: let the epic pass them, or another test of this file"
    );
    let mut cases = Vec::new();
    for (point, all) in &serial {
        // Every effect and every journal step of a turn; of the others the first, the last and some between.
        let most = match point.split_once('.').unwrap().0 {
            "tool" => *all,
            "turn" | "writer" => 6,
            _ => 3,
        };
        let case = |setup, pass| Case {
            name: "matrix",
            setup,
            kills: vec![(point.clone(), pass)],
        };
        cases.extend(
            choose(*all, most)
                .into_iter()
                .map(|pass| case(SERIAL, pass)),
        );
        cases.push(case(PARALLEL, all.div_ceil(2)));
    }
    let verdicts = play(&cases, &reference);
    assert!(
        verdicts.contains(&Verdict::Parked),
        "no kill came between intent and outcome of the call that must not be repeated"
    );
}

#[test]
fn killed_again_in_the_middle_of_recovery() {
    let reference = reference();
    let serial = listed(&World::new(SERIAL));
    let dead = |kill: (String, u64)| {
        let world = World::new(SERIAL);
        let ended = world.live(&format!("kill@{}#{}", kill.0, kill.1));
        assert!(ended.was_killed(), "{kill:?} did not come");
        (world, kill)
    };
    let last = |point: &str| dead((point.to_owned(), serial[point]));
    // Passes of one card come in the same order each time, those of all cards together do not: what a
    // kill leaves can be counted on only where it strikes one card. From the middle on, the first that
    // leaves an open reply, or none.
    let by_card = World::new(SERIAL).live("list").passed_by_card();
    let leaves = |point: &str, reply: bool| {
        let of_point = format!("{point}@");
        let passes: Vec<(String, u64)> = count(&by_card)
            .into_iter()
            .filter(|(name, _)| name.starts_with(&of_point))
            .flat_map(|(name, all)| (1..=all).map(move |pass| (name.clone(), pass)))
            .collect();
        (0..passes.len())
            .map(|it| dead(passes[(passes.len() / 2 + it) % passes.len()].clone()))
            .find(|(world, _)| world.journal().has_open_reply() == reply)
            .expect("a kill that leaves what it should")
    };
    // What the first life leaves: a reply not yet acted on, none at all, a call without an outcome,
    // a turn without its end, everything done but the last word.
    let first_lives = [
        (leaves("turn.after_step", true), 2),
        (leaves("turn.before_ask", false), 1),
        (paying_call(SERIAL), 1),
        (leaves("turn.before_finish", true), 1),
        (last("run.before_finish"), 1),
    ];
    let mut cases = Vec::new();
    let mut reached = BTreeSet::new();
    for ((world, first), most) in first_lives {
        for (point, all) in listed(&world) {
            reached.insert(point.clone());
            let kind = point.split_once('.').unwrap().0;
            if most == 1 && !DURABLE.contains(&kind) {
                continue;
            }
            cases.extend(choose(all, most).into_iter().map(|pass| Case {
                name: "recovery",
                setup: SERIAL,
                kills: vec![first.clone(), (point.clone(), pass)],
            }));
        }
    }
    assert!(
        elsewhere("recovery").iter().all(|it| reached.contains(*it)),
        "not all of recovery is passed: {reached:?}"
    );
    play(&cases, &reference);
}

/// A world that died when the call that must not be repeated had just been made, and the kill that
/// does it.
fn paying_call(setup: Setup) -> (World, (String, u64)) {
    let point = "tool.after_effect".to_owned();
    for pass in 1.. {
        let world = World::new(setup);
        assert!(
            world.live(&format!("kill@{point}#{pass}")).was_killed(),
            "no call pays"
        );
        if world.journal().is_cut_off("pay") {
            return (world, (point, pass));
        }
    }
    unreachable!()
}

/// The model has been asked the second question of a turn and does not answer.
const HOLDING: Setup = Setup {
    manners: |ask: &Ask| {
        if ask.card == "CR-3" && ask.round == 1 {
            Manner::Holds
        } else {
            Manner::Answers
        }
    },
    ..SERIAL
};

/// One life that is asked to stop while the model is silent.
fn stop_a_life(world: &World, fault: &str) -> Ended {
    let mut life = world.start(fault);
    world.model.until_held(|| life.has_ended());
    world.was_stopped.set(true);
    life.signal(Signal::TERM);
    let ended = life.end();
    world.model.release();
    world.bury(ended)
}

#[test]
fn killed_while_it_shuts_down() {
    let reference = reference();
    let world = World::new(HOLDING);
    let ended = stop_a_life(&world, "list");
    assert_eq!(ended.status.code(), Some(130), "{}", ended.err);
    assert_eq!(world.journal().run().unwrap().1, "interrupted");
    finish(&world, &reference);
    let passed = ended.passed();
    let begin = passed.iter().position(|it| it == "shutdown.begin").unwrap();
    let before = count(&passed[..begin]);
    let mut cases = Vec::new();
    for (point, all) in count(&passed) {
        let earlier = before.get(&point).copied().unwrap_or(0);
        cases.extend(
            choose(all - earlier, 3)
                .into_iter()
                .map(|it| (point.clone(), earlier + it)),
        );
    }
    let began = Instant::now();
    let text = |(point, pass): &(String, u64)| format!("shutdown: {point}#{pass}");
    let struck = all(&cases, text, |(point, pass)| {
        let world = World::new(HOLDING);
        let ended = stop_a_life(&world, &format!("kill@{point}#{pass}"));
        finish(&world, &reference);
        ended.was_killed().then(|| point.clone())
    });
    let points: BTreeSet<String> = struck.iter().flatten().cloned().collect();
    for needed in [
        "shutdown.begin",
        "shutdown.drained",
        "run.before_finish",
        "run.after_finish",
        "writer.checkpoint",
    ] {
        assert!(
            points.contains(needed),
            "`{needed}` was not struck: {points:?}"
        );
    }
    println!(
        "shutdown: {} worlds at {} points, {} kills struck, {:.1} s",
        cases.len(),
        points.len(),
        struck.iter().flatten().count(),
        began.elapsed().as_secs_f64()
    );
}

/// The model keeps silent about the last card of the epic.
const HOLDING_THE_LAST: Setup = Setup {
    manners: |ask: &Ask| {
        if ask.card == "CR-7" {
            Manner::Holds
        } else {
            Manner::Answers
        }
    },
    ..SERIAL
};

#[test]
fn a_call_of_unknown_outcome_stays_parked_when_a_stopped_run_goes_on() {
    let reference = reference();
    let (world, _) = paying_call(HOLDING_THE_LAST);
    let ended = stop_a_life(&world, "");
    assert_eq!(ended.status.code(), Some(130), "{}", ended.err);
    let parked = world.journal();
    assert_eq!(
        parked.card(PAYING)["wait_reason"],
        "input",
        "{:#?}",
        parked.cards
    );
    assert_eq!(finish(&world, &reference), Verdict::Parked);
}

#[test]
fn a_call_cut_off_in_an_attempt_that_cannot_be_followed_is_parked_too() {
    let reference = reference();
    let (world, _) = paying_call(SERIAL);
    // As if another version of the program had read the reply otherwise.
    world.write_journal(
        "UPDATE turn_steps SET body_json = replace(body_json, 'update_issue_status', 'nothing') \
         WHERE body_json ->> '$.kind' = 'model_replied' AND body_json LIKE '%\"pay%'",
    );
    assert_eq!(finish(&world, &reference), Verdict::Parked);
}

/// The first reply about one card breaks off.
const STALLING: Setup = Setup {
    manners: |ask: &Ask| {
        if ask.card == "CR-4" && ask.turn == 1 && ask.attempt == 1 {
            Manner::Stalls
        } else {
            Manner::Answers
        }
    },
    env: &[
        ("ORKET_MAX_CONCURRENT_TURNS", "1"),
        ("ORKET_CLOCK_IDLE_SEC", "0.4"),
    ],
};

#[test]
fn killed_while_the_watchdog_ends_an_attempt() {
    let reference = reference();
    let world = World::new(STALLING);
    let ended = world.live("list");
    judge(&world, &reference, Some(&ended));
    let passed = ended.passed();
    let fence = passed
        .iter()
        .position(|it| it == "watchdog.before_fence")
        .unwrap();
    let before = count(&passed[..fence]);
    // Around the fence: the first pass of every point from there on.
    let cases: Vec<Case> = count(&passed[fence..])
        .into_keys()
        .map(|point| Case {
            name: "watchdog",
            setup: STALLING,
            kills: vec![(point.clone(), before.get(&point).copied().unwrap_or(0) + 1)],
        })
        .collect();
    for needed in elsewhere("watchdog") {
        assert!(
            cases.iter().any(|it| it.kills[0].0 == needed),
            "`{needed}` is not passed"
        );
    }
    play(&cases, &reference);
}

#[test]
fn killed_as_the_reconciler_looks_round() {
    let reference = reference();
    let world = World::new(HOLDING);
    for point in elsewhere("reconciler") {
        assert!(world.live(&format!("kill@{point}#1")).was_killed());
    }
    world.model.release();
    assert_eq!(finish(&world, &reference), Verdict::Same);
}
