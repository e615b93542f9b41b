//! The driver over HTTP. The second half of case 20 of the reference.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::house::{Answer, Builder, Server};

const CHAT: &str = "/v1/system/chat-driver";

fn say(server: &Server, message: &str) -> Value {
    let answer = server.post(CHAT, json!({"message": message}));
    assert_eq!(answer.status, 200, "{message}: {}", answer.text);
    answer.json()
}

/// The words of an answer that is of this kind.
fn words(answer: &Value, kind: &str) -> String {
    assert_eq!(answer["kind"], json!(kind), "{answer}");
    answer["response"].as_str().unwrap().to_owned()
}

/// A server whose driver asks a model that answers so; each reply is (what some message of the prompt
/// has, the answer).
fn with_model(replies: &[(&str, Value)]) -> Builder {
    let replies: Vec<Value> = replies
        .iter()
        .map(|(when, answer)| {
            let content = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
            json!({"when": {"role": "operations_lead", "prompt_contains": when}, "content": content})
        })
        .collect();
    let scenario =
        json!({"name": "desk", "replies": replies, "default": {"content": "I do not know."}});
    Server::build()
        .env("ORKET_OPERATOR_MODEL", "scripted:desk")
        .file("model/core/scenarios/desk.json", &scenario.to_string())
}

#[test]
fn a_message_must_be_given_and_may_not_be_endless() {
    let server = Server::start();
    let refused = |answer: &Answer| (answer.status, answer.json()["detail"][0]["loc"].clone());
    assert_eq!(
        refused(&server.post(CHAT, json!({}))),
        (422, json!(["body", "message"]))
    );
    let nothing = server.send("POST", CHAT, &[("X-API-Key", super::house::KEY)], None);
    assert_eq!(refused(&nothing), (422, json!(["body"])));
    for message in [
        json!(7),
        json!(null),
        json!(["hi"]),
        json!("x".repeat(16 * 1024 + 1)),
    ] {
        let answer = server.post(CHAT, json!({"message": message}));
        assert_eq!(refused(&answer), (422, json!(["body", "message"])));
    }
    let longest = server.post(
        CHAT,
        json!({"message": format!("/{}", "x".repeat(16 * 1024 - 1))}),
    );
    assert_eq!(longest.status, 200);
    assert_eq!(
        server
            .post(CHAT, json!({"message": "x".repeat(200_000)}))
            .status,
        413
    );
    assert_eq!(
        server
            .send("POST", CHAT, &[], Some("{\"message\": \"hi\"}"))
            .status,
        403
    );
}

#[test]
fn looking_is_answered_from_assets_and_journal() {
    let server = Server::start();
    for (message, expected) in [
        (
            "list epics",
            "- golden_flow: A greeting, from wish to reviewed program (5 cards, team standard)",
        ),
        ("/list departments", "- core"),
        (
            "list-cards golden_flow",
            "* [GF-1] Write down what the greeting program must do (requirements_analyst)",
        ),
        ("show team standard", "\"integrity_guard\""),
        (
            "show card GF-3",
            "card GF-3 of epic golden_flow in model/core/epics/golden_flow.json",
        ),
        (
            "board",
            "[ROCK] golden_rock (Status: ready)\n  - [EPIC] golden_flow (Status: ready)",
        ),
        ("status", "nothing is under way\nthere is no run yet"),
        ("list runs", "there are no runs"),
        ("help", "Departments: core"),
        ("Hi!", "operator desk"),
        ("what is 2+3*4?", "14"),
    ] {
        let said = words(&say(&server, message), "answer");
        assert!(said.contains(expected), "{message}: {said}");
    }
    let unknown = words(&say(&server, "show epic goldn_flow"), "not_done");
    assert!(unknown.contains("did you mean `golden_flow`?"), "{unknown}");
    let nowhere = server.post(CHAT, json!({"message": "board", "department": "nowhere"}));
    assert!(words(&nowhere.json(), "not_done").contains("there is no department `nowhere`"));
}

#[test]
fn a_change_is_shown_first_and_done_once_after_a_yes() {
    let server = Server::start();
    let file = server.folder.path().join("model/core/epics/pay_ments.json");
    let plan = say(&server, "/create epic \"Pay Ments\" --rock golden_rock");
    assert!(
        words(&plan, "plan").contains("create epic `pay_ments` in model/core/epics/pay_ments.json")
    );
    assert_eq!(
        plan["plan"]["files"],
        json!([
            "model/core/epics/pay_ments.json",
            "model/core/rocks/golden_rock.json"
        ])
    );
    assert!(!file.exists());
    let elsewhere = server
        .post(CHAT, json!({"message": "yes", "conversation": "other"}))
        .json();
    assert_ne!(elsewhere["kind"], json!("done"), "{elsewhere}");
    assert!(!file.exists());

    words(&say(&server, "yes"), "done");
    assert!(file.exists());
    assert!(
        words(&say(&server, "board"), "answer").contains("  - [EPIC] pay_ments (Status: ready)")
    );
    assert!(words(&say(&server, "confirm"), "not_done").contains("no plan waits"));

    // Other words in between: the plan must be named then.
    let plan = say(&server, "add-card pay_ments coder 3 Take the money");
    let id = plan["plan"]["id"].as_str().unwrap().to_owned();
    say(&server, "list cards pay_ments");
    words(&say(&server, &format!("confirm {id}")), "done");
    assert!(
        words(&say(&server, "list cards pay_ments"), "answer")
            .contains("[PAY_MENTS-01] Take the money (coder)")
    );

    say(&server, "delete card PAY_MENTS-01");
    assert!(words(&say(&server, "no"), "answer").contains("nothing was changed"));
    assert!(words(&say(&server, "list cards pay_ments"), "answer").contains("PAY_MENTS-01"));
}

#[test]
fn a_file_that_changed_since_the_plan_is_not_written_over() {
    let server = Server::start();
    words(
        &say(&server, "/add-card golden_flow coder 1 One more"),
        "plan",
    );
    let epic = server
        .folder
        .path()
        .join("model/core/epics/golden_flow.json");
    std::fs::create_dir_all(epic.parent().unwrap()).unwrap();
    let shipped = include_str!("../../model/core/epics/golden_flow.json");
    let mine = shipped.replace("A greeting, from wish to reviewed program", "Mine");
    std::fs::write(&epic, &mine).unwrap();
    let anew = say(&server, "yes");
    assert!(words(&anew, "plan").contains("were changed since I looked"));
    assert_eq!(std::fs::read_to_string(&epic).unwrap(), mine);
    words(&say(&server, "yes"), "done");
    let text = std::fs::read_to_string(&epic).unwrap();
    assert!(
        text.contains("\"Mine\"") && text.contains("One more"),
        "{text}"
    );
}

#[test]
fn work_is_run_and_archived_from_the_desk() {
    let server = Server::start();
    let started = server
        .post(
            CHAT,
            json!({"message": "run epic golden_flow", "confirm": true}),
        )
        .json();
    words(&started, "done");
    let id = started["runs"][0].as_str().unwrap().to_owned();
    server.until(&format!("/v1/runs/{id}"), |run| {
        run["status"] == json!("done")
    });
    let status = words(&say(&server, "status last"), "answer");
    assert!(
        status.contains(&id) && status.contains("done, 5 of 5 cards done"),
        "{status}"
    );
    assert!(words(&say(&server, &format!("halt {id}")), "not_done").contains("is done already"));

    let plan = words(&say(&server, "archive card GF-1 --reason tidy"), "plan");
    assert!(plan.contains("archive 1 card (tidy)"), "{plan}");
    assert!(words(&say(&server, "yes"), "done").contains("Archived: 1."));
    assert!(words(&say(&server, "show card GF-1"), "answer").contains(": archived"));
    assert!(
        words(&say(&server, "/archive card NOPE"), "not_done")
            .contains("no card is to be archived")
    );
}

#[test]
fn a_gate_is_decided_from_the_desk_in_the_speaker_s_name() {
    let server = Server::build()
        .env("ORKET_APPROVAL_REQUIRED_SEATS", "requirements_analyst")
        .start();
    server.post(
        CHAT,
        json!({"message": "/run golden_flow", "confirm": true}),
    );
    let gates = server.until("/v1/gates?status=pending", |gates| {
        gates["gates"][0]["id"].is_i64()
    });
    let id = &gates["gates"][0]["id"];
    assert!(words(&say(&server, "list gates"), "answer").contains("GF-1"));
    let plan = words(
        &say(&server, &format!("approve {id} it looks fine")),
        "plan",
    );
    assert!(
        plan.contains(&format!("approve gate {id} (it looks fine)")),
        "{plan}"
    );
    words(&say(&server, "ok"), "done");
    let decided = server.until("/v1/gates?status=approved", |gates| {
        gates["gates"][0]["id"] == *id
    });
    let by = decided["gates"][0]["decided_by"].as_str().unwrap();
    assert!(by.ends_with("(driver)"), "{by}");
    assert!(words(&say(&server, &format!("approve {id}")), "not_done").contains("already"));
}

#[test]
fn talk_is_answered_by_the_model_that_remembers_what_was_said() {
    let server = with_model(&[("blue whale", json!("It was the blue whale."))]).start();
    let first = server.post(
        CHAT,
        json!({"message": "I like the blue whale", "conversation": "a"}),
    );
    assert_eq!(words(&first.json(), "answer"), "It was the blue whale.");
    let again = |conversation: &str| {
        let asked =
            json!({"message": "show me how you remember the animal", "conversation": conversation});
        words(&server.post(CHAT, asked).json(), "answer")
    };
    assert_eq!(again("a"), "It was the blue whale.");
    assert_eq!(again("b"), "I do not know.");
}

#[test]
fn a_model_s_proposal_is_a_plan_only_where_the_words_ask_for_it() {
    let create = json!({"action": "create_epic", "reasoning": "It is wanted.", "new_asset": {"name": "../Evil Twin"}});
    let think = format!("<think>{{}}</think>Sure:\n```json\n{create}\n```");
    let server = with_model(&[
        ("twin", json!(think)),
        ("settings", create.clone()),
        ("babble", json!("I would rather talk.")),
        (
            "chatty epic",
            json!({"action": "converse", "response": "An epic holds cards."}),
        ),
    ])
    .start();
    let epic = server.folder.path().join("model/core/epics/evil_twin.json");
    let blocked = server
        .post(
            CHAT,
            json!({"message": "what are the settings?", "conversation": "s"}),
        )
        .json();
    assert!(
        words(&blocked, "not_done").contains("your words do not ask for"),
        "{blocked}"
    );
    assert!(blocked.get("plan").is_none());

    let said = server.post(
        CHAT,
        json!({"message": "how would one make a chatty epic?", "conversation": "c"}),
    );
    assert_eq!(words(&said.json(), "answer"), "An epic holds cards.");
    let babble = server
        .post(
            CHAT,
            json!({"message": "create an epic babble", "conversation": "b"}),
        )
        .json();
    assert!(
        words(&babble, "not_done").contains("without an action"),
        "{babble}"
    );

    // Never carried out unseen, whatever the flag says.
    let asked = json!({"message": "please create an epic for my twin", "confirm": true});
    let plan = server.post(CHAT, asked).json();
    assert!(words(&plan, "plan").contains("It is wanted."));
    assert!(!epic.exists());
    words(&say(&server, "go ahead"), "done");
    assert!(epic.exists());
}

#[test]
fn without_a_model_the_answer_says_what_starts_one_and_commands_still_work() {
    let server = Server::build()
        .env("ORKET_OLLAMA_URL", "http://127.0.0.1:9")
        .env("ORKET_OPERATOR_MODEL", "ollama:tiny")
        .start();
    for message in [
        "what is the capital of France?",
        "please create an epic about France",
    ] {
        let answer = say(&server, message);
        let said = words(&answer, "not_done");
        assert!(
            said.contains("`ollama serve`") && said.contains("`ollama pull tiny`"),
            "{said}"
        );
        assert_eq!(answer["code"], json!("E_MODEL_CONNECT"));
    }
    words(&say(&server, "list epics"), "answer");
    words(&say(&server, "/create rock france"), "plan");
}

#[test]
fn a_fifth_question_to_a_silent_model_is_turned_away_and_the_others_end_in_time() {
    let scenario =
        json!({"name": "desk", "default": {"content": "", "fault": "stall_before_first"}});
    let server = Server::build()
        .env("ORKET_OPERATOR_MODEL", "scripted:desk")
        .env("ORKET_CLOCK_TURN_SEC", "2")
        .file("model/core/scenarios/desk.json", &scenario.to_string())
        .start();
    let began = Instant::now();
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..5)
            .map(|_| scope.spawn(|| server.post(CHAT, json!({"message": "tell me a story"}))))
            .collect();
        asking.into_iter().map(|it| it.join().unwrap()).collect()
    });
    assert!(began.elapsed() < Duration::from_secs(30));
    let (busy, served): (Vec<_>, Vec<_>) = answers.iter().partition(|it| it.status == 503);
    assert_eq!((busy.len(), served.len()), (1, 4));
    assert_eq!(busy[0].json()["code"], json!("E_DRIVER_BUSY"));
    assert_eq!(busy[0].header("retry-after"), Some("5"));
    for answer in served {
        assert!(
            words(&answer.json(), "not_done").contains("did not answer within 2 s"),
            "{}",
            answer.text
        );
    }
}
