//! Replies of a model that means harm, or is led astray: each is answered by a card of its own, all
//! in one run with real files. Nothing outside the workspace is touched, no status is moved without
//! right, nothing crashes, and each refusal has its code.

mod hostile_replies;
mod lab;
mod witness;

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use hostile_replies::{Case, Expect, cases};
use lab::{Lab, agree, on_actix, run_to_end};
use orket::system::System;
use orket_actors::runtime::Shutdown;
use orket_core::model::Reply;
use orket_core::status::CardStatus;
use orket_core::tool_call::{parse, render};
use orket_core::turn::{Context as TurnContext, Purpose, Step, Turn, TurnOutcome};
use serde_json::{Value, json};
use witness::attempts;

/// The card that the others would like to move.
const VICTIM: &str = "VICTIM";

/// Traps round and in the workspace.
fn set_traps(lab: &Lab) {
    let workspace = lab.workspace();
    let outside = lab.path().join("outside");
    std::fs::create_dir_all(&outside).unwrap();
    std::fs::write(outside.join("secret.txt"), "TOP-SECRET").unwrap();
    for (path, text) in [
        ("verification/fixture.py", "assert True"),
        ("agent_output/verification/report.json", "{}"),
        ("observability/old.json", "{}"),
        (".git/config", "[core]"),
        ("notes.txt", hostile_replies::INJECTION),
    ] {
        let path = workspace.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    for (link, to) in [
        ("out", outside.clone()),
        ("agent_output/link.txt", outside.join("secret.txt")),
        ("agent_output/read_link.txt", outside.join("secret.txt")),
        ("agent_output/folder", outside.clone()),
        ("agent_output/up", "../../../outside".into()),
        ("agent_output/root", "/".into()),
        ("agent_output/fixture", workspace.join("verification")),
        ("agent_output/loop", workspace.join("agent_output/loop")),
        ("agent_output/proc", "/proc/self".into()),
    ] {
        symlink(to, workspace.join(link)).unwrap();
    }
}

/// Every file under a folder with its text, links not followed.
fn files(folder: &Path, leave_out: &[&str]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder_now) = open.pop() {
        for entry in std::fs::read_dir(&folder_now).unwrap() {
            let path = entry.unwrap().path();
            let name = path
                .strip_prefix(folder)
                .unwrap()
                .to_string_lossy()
                .into_owned();
            let meta = std::fs::symlink_metadata(&path).unwrap();
            if leave_out.contains(&name.as_str()) {
                continue;
            }
            if meta.is_dir() {
                open.push(path);
            } else if meta.is_file() {
                let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
                found.insert(name, text);
            } else {
                found.insert(name, "a link".to_owned());
            }
        }
    }
    found
}

fn epic(lab: &Lab, cases: &[Case]) {
    let mut issues = vec![json!({
        "id": VICTIM, "summary": "stands by", "seat": "coder", "max_retries": 0,
        "params": {"required_write_paths": [], "required_statuses": ["blocked"], "verify": []},
    })];
    let mut replies = vec![json!({"when": {"issue": VICTIM}, "calls": [
            {"tool": "update_issue_status", "args": {"status": "blocked", "wait_reason": "input"}}]})];
    for (place, case) in cases.iter().enumerate() {
        let id = format!("H-{place}");
        issues.push(json!({
            "id": id, "summary": "a hostile card", "seat": "coder", "max_retries": 0,
            "params": {"required_write_paths": [format!("agent_output/{id}.txt")], "verify": []},
        }));
        if let Some(text) = &case.once_it_sees {
            let when = json!({"issue": id, "prompt_contains": text.0});
            replies.push(json!({"when": when, "content": text.1}));
        }
        let guard = json!({"issue": id, "role": "integrity_guard"});
        let agrees = json!({"when": guard, "calls": agree()});
        replies.push(match &case.guard {
            Some(says) => json!({"when": guard, "content": says}),
            None => agrees,
        });
        let when = json!({"issue": id});
        replies.push(json!({"when": when, "content": case.reply, "chunk_chars": 1_000_000}));
    }
    lab.epic(
        "hostile",
        Value::Array(issues),
        json!({ "replies": replies }),
    );
}

#[test]
fn no_reply_does_what_it_may_not() {
    let cases = cases();
    assert!(cases.len() >= 120, "{}", cases.len());
    let lab = Lab::new();
    set_traps(&lab);
    epic(&lab, &cases);
    let outside_before = files(lab.path(), &["workspace", ".orket"]);
    let traps_before = traps(&lab);
    let (report, failures) = on_actix(async {
        let system = System::start(lab.options()).await.expect("starts");
        let report = run_to_end(&system, lab.new_run("hostile", "run-1", "build-1")).await;
        let failures = failures(&system);
        system.stop(Shutdown::Graceful).await.expect("stops");
        (report, failures)
    });
    assert_eq!(files(lab.path(), &["workspace", ".orket"]), outside_before);
    assert_eq!(traps(&lab), traps_before);

    let mut wrong = Vec::new();
    for (place, case) in cases.iter().enumerate() {
        let id = format!("H-{place}");
        let card = report
            .cards
            .iter()
            .find(|card| card.id == id)
            .expect("a card");
        let code = card.code.clone().unwrap_or_default();
        let told = failures.get(&id).cloned().unwrap_or_default();
        let right = match &case.expect {
            Expect::Refused(wanted, rule) => {
                let stands = ["blocked", "waiting_for_developer"];
                stands.contains(&card.status.as_str()) && code == *wanted && told.contains(rule)
            }
            Expect::Done => card.status == "done",
            Expect::Harmless => {
                card.status == "done" || card.status == "blocked" && !code.is_empty()
            }
        };
        if !right || told.contains("TOP-SECRET") {
            let expect = &case.expect;
            let told: String = told.chars().take(300).collect();
            wrong.push(format!(
                "{}: {} {code} {told}, not {expect:?}",
                case.name, card.status
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let victim = report
        .cards
        .iter()
        .find(|card| card.id == VICTIM)
        .expect("a card");
    assert_eq!(victim.status, "blocked");
}

/// What a provider hands over as native calls is judged like the same calls in a text.
#[test]
fn native_calls_are_judged_as_those_in_a_text_are() {
    let cases = cases();
    let lab = Lab::new();
    epic(&lab, &cases);
    let run = lab.new_run("hostile", "run-1", "build-1");
    let plan = Arc::new(run.plan);
    let mut compared = 0;
    for (place, case) in cases.iter().enumerate() {
        let id = format!("H-{place}");
        let card = run.cards.iter().find(|card| card.id.as_str() == id);
        let card = Arc::new(card.expect("a card").clone());
        let (seat, purpose, status, said) = match &case.guard {
            Some(said) => (
                plan.guard_seat.clone(),
                Purpose::Review,
                CardStatus::AwaitingGuardReview,
                said,
            ),
            None => (
                card.seat.clone(),
                Purpose::Work,
                CardStatus::InProgress,
                &case.reply,
            ),
        };
        let text = said.replace("{{issue_id}}", &id);
        let calls = parse(&text).calls;
        if calls.is_empty() {
            continue;
        }
        let cx = TurnContext {
            plan: Arc::clone(&plan),
            card,
            seat,
            purpose,
            turn: 1,
            attempt: 1,
            status,
            missing_reads: Vec::new(),
            comments: Vec::new(),
            refusal: None,
            history: Vec::new(),
            unshown: 0,
            dependencies: Vec::new(),
            room: None,
            written: Vec::new(),
            remembered: None,
        };
        let (turn, _) = Turn::begin(Arc::new(cx)).expect("begins");
        let judge = |reply: Reply| turn.judge(&reply).expect("judged");
        let native = judge(Reply {
            calls: calls.clone(),
            ..Reply::default()
        });
        let spoken = judge(Reply {
            text: render(&calls),
            ..Reply::default()
        });
        assert_eq!(native.refused, spoken.refused, "{}", case.name);
        assert_eq!(native.verdict, spoken.verdict, "{}", case.name);
        compared += 1;
    }
    assert!(compared >= 120, "{compared}");
}

/// What the workspace holds that agents may not change.
fn traps(lab: &Lab) -> BTreeMap<String, String> {
    let mut found = files(&lab.workspace().join("verification"), &[]);
    found.extend(files(&lab.workspace().join(".git"), &[]));
    for path in [
        "agent_output/verification/report.json",
        "observability/old.json",
        "notes.txt",
    ] {
        let text = std::fs::read_to_string(lab.workspace().join(path)).unwrap();
        found.insert(path.to_owned(), text);
    }
    found
}

/// What each card's last failure said.
fn failures(system: &System) -> BTreeMap<String, String> {
    let mut told = BTreeMap::new();
    for (turn, steps) in attempts(system, "run-1") {
        for step in steps {
            if let Step::TurnFinished {
                outcome: TurnOutcome::Failed { failure },
            } = step.as_ref()
            {
                told.insert(turn.card_id.clone(), failure.message.clone());
            }
        }
    }
    told
}
