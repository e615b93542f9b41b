//! The stall lab: every way in which a model or a tool can hang, on real sockets and with real
//! processes, while a thousand other turns go on slowly.

#[path = "stall_lab/answers.rs"]
mod answers;
#[path = "stall_lab/kinds.rs"]
mod kinds;
mod lab;
#[path = "stall_lab/plans.rs"]
mod plans;
#[path = "stall_lab/processes.rs"]
mod processes;
#[path = "stall_lab/servers.rs"]
mod servers;
#[path = "stall_lab/story.rs"]
mod story;

use kinds::{CLOCK, LIVING, LIVING_IDLE, THINKING_CLOCK, TIMES, stalling};
use orket::storage::reader::TurnSummary;
use orket_actors::port::store::StoreError;
use serde_json::json;
use story::{STORY, lateness};

/// How late a stall may be noticed, in milliseconds.
const BAR: i64 = 250;

/// The bar, on this machine, now. It is widened only when this process stood in line for a
/// processor longer than it ran: others were at work, and a thread that is not let run sees nothing.
fn bar() -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "small")]
    let bar = (BAR as f64 * STORY.crowding.max(1.0)) as i64;
    bar
}

#[test]
fn every_stall_is_noticed_within_its_clock_and_a_quarter_second() {
    let mut table = String::from("late by (ms)     n   min  median   max\n");
    let mut medians = Vec::new();
    for kind in stalling() {
        let mut late = lateness(&STORY, kind.name);
        assert_eq!(late.len(), TIMES, "{}", kind.name);
        late.sort_unstable();
        let (min, median, max) = (late[0], late[TIMES / 2], late[TIMES - 1]);
        table += &format!(
            "{:<14} {TIMES:>3} {min:>5} {median:>7} {max:>5}\n",
            kind.name
        );
        medians.push((kind.name, min, median));
    }
    println!("{table}bar: {} ms\n", bar());
    for (kind, min, median) in medians {
        // Milliseconds are cut off at both ends; a repetition is seen by what came, not by a clock.
        // On a choked machine a server's last word may come when it was too late.
        let in_time = min >= -2 || kind == "repeat" || STORY.crowding > 1.0;
        assert!(in_time, "{kind} was called before its clock\n{table}");
        assert!(median <= bar(), "{kind} was noticed too late\n{table}");
    }
    // By the runtime's own figure, whatever the machine does.
    for kind in stalling() {
        for event in STORY.events("turn_stalled", kind.name) {
            let phase = event.data["phase"].as_str().unwrap();
            if matches!(phase, "connect" | "first_token" | "idle" | "tool_idle") {
                assert!(event.data["silent_ms"].as_u64() >= Some(CLOCK), "{event:?}");
            }
        }
    }
    let fewest = STORY.open_at_stalls.iter().min();
    assert_eq!(fewest, Some(&(LIVING as u64)), "turns in flight");
}

#[test]
fn slow_but_living_turns_are_never_called_a_stall() {
    for (kind, clock) in [("living", LIVING_IDLE), ("thinking", THINKING_CLOCK)] {
        // On a machine that is choked by others a server may have been silent itself.
        let silent = |card: &str| {
            let mut starts = STORY.events("turn_start", kind);
            let started = starts.find(|it| it.issue_id.as_deref() == Some(card));
            let started = started.unwrap().at_ms;
            let gap = STORY.servers.seen.asks(card, |asks| {
                asks[0].longest_gap_ms.max(asks[0].asked_ms - started)
            });
            gap >= i64::try_from(clock).unwrap()
        };
        for event in STORY.events("turn_stalled", kind) {
            let card = event.issue_id.as_deref().unwrap();
            assert!(silent(card), "{card} was alive: {event:?}");
        }
        let report = &STORY.reports[kind];
        assert_eq!(report.status, "done");
        for card in &report.cards {
            assert_eq!(card.status, "done", "{card:?}");
            assert!(
                card.attempts == 2 || silent(&card.id),
                "work and review: {card:?}"
            );
        }
    }
    assert_eq!(STORY.reports["living"].cards.len(), LIVING);
}

#[test]
fn a_checkpoint_says_what_stalled_and_keeps_what_had_come() {
    let mut pages = String::new();
    for (kind, words) in [
        ("no_connect", "connect"),
        ("mute", "first_token"),
        ("headers", "first_token"),
        ("silence", "idle"),
        ("silence_sse", "idle"),
        ("endless", "turn"),
        ("repeat", "repeat"),
        ("nap", "tool_idle"),
        ("stubborn", "tool_idle"),
        ("once", "tool_idle"),
        ("chatter", "tool"),
        ("loop", "repeat"),
    ] {
        let all: Vec<_> = STORY.turns[kind]
            .iter()
            .filter(|turn| turn.attempt == 1 && turn.role == "worker")
            .collect();
        assert_eq!(all.len(), TIMES, "{kind}");
        let mut kept = 0;
        for turn in all {
            let card = turn.card_id.as_str();
            assert_eq!(turn.status, "stalled", "{card}");
            let page = STORY.checkpoint(card, 1);
            assert_eq!(page["status"], "stalled", "{card}");
            // A child that was hardly let run could not show its life.
            let starved = kind == "chatter" && STORY.crowding > 1.0 && page["phase"] == "tool_idle";
            assert!(page["phase"] == words || starved, "{card}: {page}");
            let partial = STORY.attempt(card, 1).join("partial_response.txt");
            let partial = std::fs::read_to_string(partial).unwrap();
            assert!(
                page["bytes"].as_u64() >= Some(partial.len() as u64),
                "{card}"
            );
            if matches!(kind, "silence" | "silence_sse" | "endless" | "repeat") {
                let sent = STORY.servers.seen.asks(card, |asks| asks[0].sent.clone());
                assert!(sent.starts_with(&partial), "{card}: {partial}");
                assert_eq!(page["bytes"], json!(partial.len()), "{card}");
                kept += usize::from(!partial.is_empty());
            }
            if kind.starts_with("silence") {
                assert!(page["silent_ms"].as_u64() >= Some(CLOCK), "{page}");
            }
        }
        if matches!(kind, "silence" | "silence_sse" | "endless" | "repeat") {
            let enough = kept > TIMES / 2 || STORY.crowding > 1.0;
            assert!(enough, "{kept} partial replies of {kind}");
        }
        let mut of_kind = (0..TIMES).map(|n| STORY.checkpoint(&format!("{kind}-{n:02}"), 1));
        let mut page = of_kind.find(|page| page["phase"] == words).unwrap();
        page["issue_id"] = json!(format!("{kind}-[n]"));
        let (provider, _) = page["model"].as_str().unwrap().split_once(':').unwrap();
        page["model"] = json!(format!("{provider}:[model]"));
        let message = page["failure"]["message"].as_str().unwrap().to_owned();
        page["failure"]["message"] = json!(without_numbers(&message));
        let failure = &page["failure"];
        let shown = json!({
            "issue_id": page["issue_id"], "attempt": page["attempt"], "model": page["model"],
            "tool_calls": page["tool_calls"], "status": page["status"], "phase": page["phase"],
            "failure": format!("{}: {}", failure["code"].as_str().unwrap(), failure["message"].as_str().unwrap()),
        });
        pages += &format!("{}\n", serde_json::to_string_pretty(&shown).unwrap());
    }
    insta::assert_snapshot!("the checkpoints of stalled turns", pages);
}

#[test]
fn nothing_of_a_stalled_attempt_is_alive_or_able_to_write() {
    let overlaps = STORY.servers.seen.overlaps.lock().unwrap();
    assert_eq!(*overlaps, Vec::<String>::new());
    assert_eq!(STORY.left, Vec::<String>::new(), "processes with the mark");
    for (kind, processes) in [("nap", 1), ("stubborn", 3), ("once", 1), ("chatter", 1)] {
        let workspace = plans::workspace(&STORY.lab, kind);
        let mut known = 0;
        for number in 0..TIMES {
            let card = format!("{kind}-{number:02}");
            known += processes::pids(&workspace, &card).len();
            let left = processes::living_pids(&workspace, &card);
            assert_eq!(left, Vec::<i32>::new(), "{card}");
        }
        // A slow start may be cut off before the id is written; as a rule it is not.
        assert!(known > processes * TIMES / 2, "{kind}: {known}");
    }
    let stalled: usize = STORY.steps.len();
    assert!(stalled >= 12 * TIMES, "{stalled}");
    assert_eq!(STORY.late_writes.len(), stalled);
    for (card, met) in &STORY.late_writes {
        assert!(matches!(met, Err(StoreError::Fenced)), "{card}: {met:?}");
    }
    for (row, steps) in &STORY.steps {
        let [.., stalled, finished] = steps.as_slice() else {
            panic!("{row}: {steps:?}");
        };
        assert_eq!([*stalled, *finished], ["stalled", "turn_finished"], "{row}");
    }
}

#[test]
fn a_card_whose_turn_stalled_waits_a_little_and_is_done_by_the_next() {
    let stalled = stalling().into_iter().map(|kind| kind.name);
    for kind in stalled.chain(["loop", "half_closed"]) {
        if matches!(kind, "once" | "no_connect") {
            continue;
        }
        let report = &STORY.reports[kind];
        assert_eq!(report.status, "done", "{kind}: {report:#?}");
        // Two at work and one at review; where others choke the machine a good one may stall too.
        let as_told = report.cards.iter().filter(|card| card.attempts == 3);
        let enough = as_told.count() > TIMES / 2 || STORY.crowding > 1.0;
        assert!(enough, "{kind}: {report:#?}");
        for card in &report.cards {
            let turns = of_card(kind, &card.id);
            let waited = turns[1].started_ms - turns[0].ended_ms.unwrap();
            let least = i64::try_from(plans::BACKOFF / 2).unwrap();
            assert!(
                waited >= least,
                "{} was tried again after {waited} ms",
                card.id
            );
        }
    }
}

#[test]
fn a_card_that_stalls_every_time_is_blocked_in_words() {
    let mut words = String::new();
    for kind in ["never", "no_connect"] {
        let report = &STORY.reports[kind];
        assert_eq!(report.status, "terminal_failure");
        for card in &report.cards {
            assert_eq!(card.status, "blocked", "{card:?}");
            assert_eq!(card.code.as_deref(), Some("E_TURN_STALLED"));
        }
        let card = &report.cards[0];
        assert_eq!(
            STORY.blocked[&card.id].as_deref(),
            Some("system"),
            "{}",
            card.id
        );
        words += &format!("{}: {}\n", card.id, without_numbers(&card.note));
    }
    insta::assert_snapshot!("the notes of blocked cards", words);
}

#[test]
fn an_effect_that_was_cut_off_is_asked_about_and_not_repeated() {
    let workspace = plans::workspace(&STORY.lab, "once");
    let report = &STORY.reports["once"];
    let mut happened = 0;
    for card in &report.cards {
        let effects = std::fs::read_to_string(workspace.join(format!("effects-{}", card.id)));
        let effects = effects.unwrap_or_default().lines().count();
        assert!(effects <= 1, "{} took effect {effects} times", card.id);
        happened += effects;
        assert_eq!(card.attempts, 1, "{card:?}");
        assert_eq!(card.status, "blocked", "{card:?}");
        assert_eq!(card.code.as_deref(), Some("E_UNKNOWN_OUTCOME"), "{card:?}");
        assert_eq!(
            STORY.blocked[&card.id].as_deref(),
            Some("input"),
            "{}",
            card.id
        );
        let gates = STORY.gates.iter().filter(|gate| gate.card_id == card.id);
        let gates: Vec<_> = gates.collect();
        // One commit: a crash in between would have the effect repeated.
        assert!(
            STORY.gated_at_once.contains(&card.id),
            "{} {:?}",
            card.id,
            STORY.gated_at_once
        );
        assert_eq!(gates.len(), 1, "{}", card.id);
        assert_eq!(gates[0].request_type, "unknown_outcome");
        assert_eq!(gates[0].status, "pending");
        assert_eq!(gates[0].payload["tool"], "once");
    }
    assert_eq!(STORY.gates.len(), TIMES, "no other gate");
    assert!(happened > TIMES / 2, "{happened} effects");
    let card = &report.cards[0];
    insta::assert_snapshot!(
        "the note of a card with a cut off effect",
        without_numbers(&card.note)
    );
}

#[test]
fn a_turn_that_asks_the_same_thing_again_and_again_is_stuck() {
    for card in &STORY.reports["loop"].cards {
        let first = of_card("loop", &card.id)[0];
        assert_eq!(
            (first.status.as_str(), first.code.as_deref()),
            ("stalled", Some("E_TURN_STALLED"))
        );
        let calls = STORY.steps[&first.row]
            .iter()
            .filter(|step| **step == "call_finished");
        assert_eq!(calls.count(), 3, "{}", card.id);
    }
}

#[test]
fn a_reply_whose_sender_has_left_is_broken_at_once_and_no_stall() {
    for card in &STORY.reports["half_closed"].cards {
        let first = of_card("half_closed", &card.id)[0];
        assert_eq!(
            (first.status.as_str(), first.code.as_deref()),
            ("failed", Some("E_MODEL_BROKEN"))
        );
        let sent = STORY
            .servers
            .seen
            .asks(&card.id, |asks| asks[0].last_sent_ms);
        let took = first.ended_ms.unwrap() - sent;
        assert!(took < 5_000, "{} took {took} ms", card.id);
    }
}

#[test]
fn a_run_over_its_clock_ends_and_says_so() {
    let clock = i64::try_from(2 * CLOCK).unwrap();
    let mut late = Vec::new();
    for number in 0..TIMES {
        let name = format!("late-{number:02}");
        let [stalled] = STORY.events("run_stalled", &name).collect::<Vec<_>>()[..] else {
            panic!("{name} was not ended by its clock");
        };
        late.push(stalled.at_ms - STORY.began[&name] - clock);
        let report = &STORY.reports[&name];
        assert_eq!(report.status, "incomplete");
        assert_eq!(report.cards[0].status, "ready", "a resume can take it up");
    }
    late.sort_unstable();
    println!("late: {late:?}");
    assert!(late[0] >= -2, "before its clock: {late:?}");
    assert!(late[TIMES / 2] <= bar(), "{late:?}");
}

fn of_card(run: &str, card: &str) -> Vec<&'static TurnSummary> {
    let of_run = STORY.turns[run].iter();
    of_run.filter(|turn| turn.card_id == card).collect()
}

/// Times differ from run to run; what is said does not.
fn without_numbers(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let digits = !word.is_empty() && word.chars().all(|c| c.is_ascii_digit());
        if digits { "[n]" } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}
