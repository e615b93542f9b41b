//! What goes wrong at one card stays at that card: it is tried again within its budgets, told to the
//! seat that can put it right, and in the end blocks that card and what hangs on it, in words.

mod lab;
mod witness;

use lab::{Lab, agree, events_until, on_actix, run_to_end, statuses, write_and_hand_in};
use orket::system::System;
use orket_actors::runtime::{NewRun, RunReport, Shutdown};
use orket_core::tool_catalogue::catalogue;
use serde_json::{Value, json};
use witness::{
    agrees, attempt_lines, attempts, card, each_once, is, offer, prompts, steps_of, told, works,
};

/// Runs one epic to its end in a system of its own, and looks at it before the system stops.
fn run<T>(
    lab: &Lab,
    epic: &str,
    change: impl FnOnce(&mut NewRun),
    look: impl FnOnce(&System, RunReport) -> T,
) -> T {
    on_actix(async {
        let system = System::start(lab.options()).await.expect("starts");
        let mut new = lab.new_run(epic, "run-1", "build-1");
        change(&mut new);
        let report = run_to_end(&system, new).await;
        let seen = look(&system, report);
        system.stop(Shutdown::Graceful).await.expect("stops");
        seen
    })
}

fn fault(id: &str, fault: &str, more: Value) -> Value {
    let mut reply = json!({"when": {"issue": id, "role": "coder"}, "times": 1, "fault": fault});
    for (name, value) in more.as_object().expect("fields") {
        reply[name] = value.clone();
    }
    reply
}

fn guard(id: &str, status: &str, says: &str, more: Value) -> Value {
    let mut args = json!({"status": status});
    for (name, value) in more.as_object().expect("fields") {
        args[name] = value.clone();
    }
    let call = json!({"tool": "update_issue_status", "args": args});
    json!({"when": {"issue": id, "role": "integrity_guard"}, "times": 1,
           "content": format!("{says}\n{call}")})
}

#[test]
fn every_fault_of_a_model_is_tried_again_and_then_forgotten() {
    let lab = Lab::new();
    let ids = ["CONNECT", "SERVER", "SLOW-DOWN", "CUT", "GARBAGE"];
    let whole = "I write it now: ".repeat(20);
    let mut replies = vec![
        fault("CONNECT", "connect", json!({})),
        fault("SERVER", "http_500", json!({})),
        fault("SLOW-DOWN", "http_429", json!({"retry_after_ms": 400})),
        fault("CUT", "truncate", json!({"content": whole})),
        // Once more when it is asked to put that right.
        fault("GARBAGE", "garbage", json!({"times": 2})),
    ];
    replies.extend(each_once(&ids));
    let cards: Vec<Value> = ids.iter().map(|id| card(id, json!({}))).collect();
    lab.epic("faults", json!(cards), json!({"replies": replies}));
    run(
        &lab,
        "faults",
        |_| (),
        |system, report| {
            insta::assert_snapshot!("faults", attempt_lines(system, "run-1").join("\n"));
            assert_eq!(report.status, "done", "{}", told(&report));
            let tries: Vec<_> = attempts(system, "run-1")
                .into_iter()
                .map(|(turn, _)| turn)
                .filter(|turn| turn.card_id == "SLOW-DOWN" && turn.turn == 1)
                .collect();
            let waited = tries[1].started_ms - tries[0].ended_ms.expect("ended");
            assert!(
                waited >= 400,
                "the server asked for 400 ms, it got {waited}"
            );
            assert_eq!(steps_of(system, "run-1", "reprompted")["GARBAGE"], 1);
        },
    );
}

#[test]
fn a_spent_budget_blocks_its_card_and_what_hangs_on_it_alone() {
    let lab = Lab::new();
    let mut replies = vec![
        fault("BAD", "http_500", json!({"times": 100})),
        fault(
            "MUTE",
            "truncate",
            json!({"times": 100, "content": "half of it"}),
        ),
    ];
    replies.extend(each_once(&["GOOD", "AFTER-GOOD"]));
    lab.epic(
        "spent",
        json!([
            card("BAD", json!({})),
            card("AFTER-BAD", json!({"depends_on": ["BAD"]})),
            card("LAST", json!({"depends_on": ["AFTER-BAD", "AFTER-GOOD"]})),
            card("MUTE", json!({"max_retries": 1})),
            card("GOOD", json!({})),
            card("AFTER-GOOD", json!({"depends_on": ["GOOD"]})),
        ]),
        json!({"replies": replies}),
    );
    let few = |new: &mut NewRun| new.plan.max_model_retries = 2;
    run(&lab, "spent", few, |system, report| {
        insta::assert_snapshot!("spent", told(&report));
        let row = system.reader().find_run("run-1").expect("the run");
        assert_eq!(row.status.as_str(), "terminal_failure");
        let why = row.summary["failure_reason"].to_string();
        for id in ["BAD: ", "MUTE: ", "AFTER-BAD: ", "LAST: "] {
            assert!(why.contains(id), "{id} is not in {why}");
        }
        // Two halves of the model's words were kept for whoever looks.
        let mute = attempt_lines(system, "run-1");
        assert_eq!(
            mute.iter().filter(|line| line.starts_with("MUTE ")).count(),
            2
        );
    });
}

#[test]
fn a_guard_sends_work_back_with_its_words_until_it_is_right_or_enough() {
    let lab = Lab::new();
    let reasons = |why: &str| {
        json!({"rationale": why, "violations": ["the file"], "remediation_actions": ["ask"]})
            .to_string()
    };
    let changes = |id: &str| {
        let words = json!({"rationale": "it names nobody", "violations": ["no name"], "remediation_actions": ["greet Ada by name"]});
        guard(id, "guard_requested_changes", &words.to_string(), json!({}))
    };
    let told_so = json!({"when": {"issue": "FIXED", "role": "coder", "prompt_contains": "greet Ada by name"}, "times": 1,
                         "calls": write_and_hand_in("agent_output/FIXED.txt")});
    // It finds something else each time, but for the last.
    let stubborn: Vec<Value> = ["the name", "the date", "the place"]
        .map(|what| {
            let words = reasons(&format!("It lacks {what}."));
            let mut reply = guard("STUBBORN", "guard_requested_changes", &words, json!({}));
            reply["times"] = json!(1);
            reply
        })
        .to_vec();
    let mut repeating = changes("SAME");
    repeating["times"] = json!(100);
    let mut again = works("SAME");
    again["times"] = json!(100);
    let mut deaf = works("STUBBORN");
    deaf["times"] = json!(100);
    let mut replies = vec![
        told_so,
        works("FIXED"),
        changes("FIXED"),
        agrees("FIXED"),
        deaf,
        repeating,
        again,
        works("REFUSED"),
        guard(
            "REFUSED",
            "guard_rejected",
            &reasons("It copies a secret into the file."),
            json!({}),
        ),
        works("HELD"),
        guard(
            "HELD",
            "blocked",
            &reasons("The licence is not decided."),
            json!({"wait_reason": "input"}),
        ),
        works("APPROVED"),
        guard("APPROVED", "guard_approved", "Fine.", json!({})),
    ];
    replies.extend(stubborn);
    lab.epic(
        "guarded",
        json!([
            card("FIXED", json!({})),
            card("STUBBORN", json!({"max_retries": 2})),
            card("SAME", json!({"max_retries": 9})),
            card("REFUSED", json!({})),
            card("HELD", json!({})),
            card("APPROVED", json!({})),
            card("AFTER-REFUSED", json!({"depends_on": ["REFUSED"]})),
        ]),
        json!({"replies": replies}),
    );
    run(
        &lab,
        "guarded",
        |_| (),
        |system, report| {
            insta::assert_snapshot!("guarded", told(&report));
            let asked = prompts(system, "run-1", "FIXED");
            assert_eq!(asked.len(), 4);
            assert!(!asked[0].contains("greet Ada by name"));
            assert!(asked[2].contains("it names nobody") && asked[2].contains("greet Ada by name"));
            assert_eq!(
                report.cards[1].code.as_deref(),
                Some("GUARD_RETRY_EXCEEDED")
            );
            // First turn and two retries, each of them reviewed.
            assert_eq!(report.cards[1].attempts, 6);
            // The same words twice are enough.
            assert_eq!(report.cards[2].code.as_deref(), Some("MODEL_NON_COMPLIANT"));
            assert_eq!(report.cards[2].attempts, 4);
        },
    );
}

/// What an organization's `guard_loop_control` makes of a guard that is never content.
fn looped(control: &Value, violation: &str) -> (RunReportCard, Vec<String>, Vec<String>) {
    let lab = Lab::new();
    let rules = json!({"name": "Org", "process_rules": {"guard_loop_control": control}});
    std::fs::create_dir_all(lab.path().join("config")).unwrap();
    std::fs::write(
        lab.path().join("config/organization.json"),
        rules.to_string(),
    )
    .unwrap();
    let mut replies: Vec<Value> = ["one", "two", "three", "four", "five"]
        .map(|what| {
            let words = json!({"rationale": format!("It lacks {what}."), "violations": [violation],
                               "remediation_actions": ["ask"]});
            let mut reply = guard(
                "L",
                "guard_requested_changes",
                &words.to_string(),
                json!({}),
            );
            reply["times"] = json!(1);
            reply
        })
        .to_vec();
    let mut work =
        json!({"when": {"issue": "L"}, "calls": write_and_hand_in("agent_output/L.txt")});
    work["times"] = json!(100);
    replies.push(work);
    lab.epic(
        "looped",
        json!([card("L", json!({"max_retries": 3}))]),
        json!({"replies": replies}),
    );
    let mut found = None;
    run(
        &lab,
        "looped",
        |_| (),
        |system, report| {
            let card = &report.cards[0];
            let card = (card.code.clone().unwrap_or_default(), card.attempts);
            found = Some((
                card,
                attempt_lines(system, "run-1"),
                prompts(system, "run-1", "L"),
            ));
        },
    );
    found.unwrap()
}

type RunReportCard = (String, u32);

#[test]
fn the_loop_between_seat_and_guard_ends_as_its_rules_say() {
    let (card, ..) = looped(&json!({"max_retries": 1}), "no tests");
    assert_eq!(card, ("GUARD_RETRY_EXCEEDED".to_owned(), 4));
    let (card, ..) = looped(
        &json!({"max_retries": 1}),
        "HALLUCINATION.FILE_NOT_FOUND: a.py",
    );
    assert_eq!(card, ("HALLUCINATION_PERSISTENT".to_owned(), 4));
    let reason = json!({"code": "ASK_THE_LEAD", "message": "nobody agrees"});
    let control =
        json!({"max_retries": 0, "escalation": {"on_exceed": "halt", "terminal_reason": reason}});
    let (card, ..) = looped(&control, "no tests");
    assert_eq!(card, ("ASK_THE_LEAD".to_owned(), 2));

    let control = json!({"max_retries": 1, "retry_backoff": "linear",
        "escalation": {"on_exceed": "fallback_role", "fallback_seat": "architect"}});
    let (card, lines, _) = looped(&control, "no tests");
    assert_eq!(card, ("GUARD_RETRY_EXCEEDED".to_owned(), 6));
    let workers: Vec<&String> = lines
        .iter()
        .filter(|it| !it.contains("integrity_guard"))
        .collect();
    assert_eq!(
        workers,
        [
            "L 1/1 coder succeeded",
            "L 3/1 coder succeeded",
            "L 5/1 architect succeeded"
        ]
    );

    let control = json!({"max_retries": 0, "escalation": {"on_exceed": "fallback_prompt"}});
    let (card, _, prompts) = looped(&control, "no tests");
    assert_eq!(card, ("GUARD_RETRY_EXCEEDED".to_owned(), 4));
    assert!(prompts[2].contains("begin anew"), "{}", prompts[2]);
    assert!(!prompts[0].contains("begin anew"));
}

#[test]
fn a_verifier_shows_its_evidence_to_the_seat_before_any_guard_is_asked() {
    let lab = Lab::new();
    let writes = |content: &str, when: Value| {
        json!({"when": when, "times": 1, "calls": [
            {"tool": "write_file", "args": {"path": "agent_output/V.txt", "content": content}},
            {"tool": "update_issue_status", "args": {"status": "code_review"}}]})
    };
    let replies = vec![
        writes(
            "42\n",
            json!({"issue": "V", "role": "coder", "prompt_contains": "no answer in it"}),
        ),
        writes("nothing\n", json!({"issue": "V", "role": "coder"})),
        agrees("V"),
    ];
    let check = "grep -q 42 agent_output/V.txt || { echo no answer in it >&2; exit 3; }";
    lab.epic(
        "verified",
        json!([card(
            "V",
            json!({"params": {"verify": [{"command": ["sh", "-c", check]}]}})
        )]),
        json!({"replies": replies}),
    );
    run(
        &lab,
        "verified",
        |_| (),
        |system, report| {
            assert_eq!(statuses(&report), ["V: done"], "{}", told(&report));
            assert_eq!(
                attempt_lines(system, "run-1"),
                [
                    "V 1/1 coder succeeded",
                    "V 2/1 integrity_guard failed E_VERIFICATION",
                    "V 3/1 coder succeeded",
                    "V 4/1 integrity_guard succeeded",
                ]
            );
            // The guard was asked once: about what the verifier had accepted.
            assert_eq!(prompts(system, "run-1", "V").len(), 3);
        },
    );
}

#[test]
fn an_answer_that_breaks_its_contract_is_asked_for_once_more_in_the_same_turn() {
    let lab = Lab::new();
    let words = |id: &str, times: u32| json!({"when": {"issue": id, "role": "coder"}, "times": times, "content": "I will do it soon."});
    let mut replies = vec![words("SLOW", 1), words("NEVER", 100)];
    replies.extend(each_once(&["SLOW"]));
    lab.epic(
        "reprompted",
        json!([
            card("SLOW", json!({})),
            card("NEVER", json!({"max_retries": 1}))
        ]),
        json!({"replies": replies}),
    );
    run(
        &lab,
        "reprompted",
        |_| (),
        |system, report| {
            insta::assert_snapshot!("reprompted", told(&report));
            assert_eq!(
                attempt_lines(system, "run-1"),
                [
                    "NEVER 1/1 coder failed E_CONTRACT",
                    "NEVER 1/2 coder failed E_CONTRACT",
                    "SLOW 1/1 coder succeeded",
                    "SLOW 2/1 integrity_guard succeeded",
                ]
            );
            // Two rounds an attempt, and the second attempt knows what was wrong with the first.
            let asked = prompts(system, "run-1", "NEVER");
            assert_eq!(asked.len(), 4);
            assert!(asked[2].contains("holds no tool call"), "{}", asked[2]);
        },
    );
}

#[test]
fn a_seat_can_block_its_card_create_another_and_touch_no_foreign_one() {
    let lab = Lab::new();
    let replies = vec![
        json!({"when": {"issue": "ASKS", "role": "coder"}, "times": 1, "calls": [
            {"tool": "add_issue_comment", "args": {"comment": "Which port?"}},
            {"tool": "update_issue_status", "args": {"status": "blocked", "wait_reason": "input"}}]}),
        json!({"when": {"issue": "SPLITS", "role": "coder"}, "times": 1, "calls": [
            {"tool": "create_issue", "args": {"seat": "coder", "summary": "The other half of it"}},
            {"tool": "write_file", "args": {"path": "agent_output/SPLITS.txt", "content": "half"}},
            {"tool": "update_issue_status", "args": {"status": "code_review"}}]}),
        agrees("SPLITS"),
        json!({"when": {"issue": "MEDDLES", "role": "coder"}, "times": 2, "calls": [
            {"tool": "write_file", "args": {"path": "agent_output/MEDDLES.txt", "content": "m"}},
            {"tool": "update_issue_status", "args": {"issue_id": "SPLITS", "status": "code_review"}}]}),
        json!({"when": {"role": "integrity_guard"}, "calls": agree()}),
        json!({"when": {"role": "coder", "prompt_contains": "The other half of it"}, "times": 1,
               "calls": write_and_hand_in("agent_output/main.py")}),
    ];
    let may_block = json!({"params": {"required_statuses": ["code_review", "blocked"], "required_write_paths": []}});
    lab.epic(
        "ledger",
        json!([
            card("ASKS", may_block),
            card("SPLITS", json!({})),
            card("MEDDLES", json!({"max_retries": 0})),
        ]),
        json!({"replies": replies}),
    );
    let create = |new: &mut NewRun| {
        let spec = catalogue()
            .into_iter()
            .find(|spec| spec.name == "create_issue");
        offer(new, spec.expect("a tool"));
    };
    run(&lab, "ledger", create, |system, report| {
        let by_id: Vec<(&str, &str, u32)> = report
            .cards
            .iter()
            .map(|card| {
                (
                    card.id.get(..6).unwrap_or(&card.id),
                    card.status.as_str(),
                    card.attempts,
                )
            })
            .collect();
        assert_eq!(
            by_id,
            [
                ("ASKS", "blocked", 1),
                ("SPLITS", "done", 2),
                ("MEDDLE", "blocked", 1),
                ("ISSUE-", "done", 2)
            ],
            "{}",
            told(&report)
        );
        let cards = system.reader().run_cards("run-1").expect("cards");
        let asks = cards
            .iter()
            .find(|card| card.card_id == "ASKS")
            .expect("the card");
        assert_eq!(
            asks.wait_reason.map(|reason| reason.as_str()),
            Some("input")
        );
        assert_eq!(report.cards[2].code.as_deref(), Some("E_TOOL_GATE"));
        assert!(
            report.cards[2].note.contains("is another card"),
            "{}",
            report.cards[2].note
        );
        // All calls of a refused answer were refused with it.
        assert!(!lab.workspace().join("agent_output/MEDDLES.txt").exists());
        assert_eq!(report.status, "terminal_failure");
    });
}

#[test]
fn a_card_that_backs_off_holds_no_permit() {
    let mut lab = Lab::new();
    lab.settings.retry.base_ms = 600_000;
    lab.settings.retry.max_ms = 600_000;
    let mut replies = vec![fault("WAITS", "http_500", json!({}))];
    replies.extend(each_once(&["WAITS", "GOES"]));
    lab.epic(
        "backoff",
        json!([
            card("WAITS", json!({"priority": 9.0})),
            card("GOES", json!({}))
        ]),
        json!({"replies": replies}),
    );
    on_actix(async {
        let mut options = lab.options();
        options.actors.max_turns = Some(1);
        let system = System::start(options).await.expect("starts");
        let mut events = system.runtime.subscribe();
        let new = lab.new_run("backoff", "run-1", "build-1");
        let run = system.runtime.start_run(new).await.expect("started");
        events_until(&mut events, |event| {
            is(event, "card_status", "GOES") && event.data["to"] == "done"
        })
        .await;
        let report = system.runtime.halt(run).await.expect("halts");
        assert_eq!(statuses(&report), ["WAITS: ready", "GOES: done"]);
        system.stop(Shutdown::Graceful).await.expect("stops");
    });
}
