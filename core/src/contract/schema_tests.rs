//! What the schema lets through is accepted by the check, and what it stops is what it should.

use serde_json::{Value, json};

use super::fitting::fits;
use super::*;
use crate::gate::fixture::{card, seat};
use crate::gate::{self, GateScope};
use crate::plan::CardPlan;
use crate::policy::{FileOwnership, GatePolicy, OwnPlace};
use crate::tool_call::parse;

fn answer(calls: &[(&str, Value)]) -> Value {
    let calls: Vec<Value> = calls
        .iter()
        .map(|(tool, args)| json!({"tool": tool, "args": args}))
        .collect();
    json!({ "tool_calls": calls })
}

/// A turn: who is asked, about a card that stands where, under which policy.
struct Place {
    seat: SeatPlan,
    card: CardPlan,
    status: CardStatus,
    policy: GatePolicy,
    missing: Vec<String>,
    earlier: Vec<ToolCall>,
    waits_for_others: bool,
}

impl Place {
    fn work() -> Self {
        Self {
            seat: seat("coder"),
            card: card(),
            status: CardStatus::InProgress,
            policy: GatePolicy::default(),
            missing: Vec::new(),
            earlier: Vec::new(),
            waits_for_others: false,
        }
    }

    fn review() -> Self {
        Self {
            seat: seat("integrity_guard"),
            status: CardStatus::AwaitingGuardReview,
            ..Self::work()
        }
    }

    fn gate(&self) -> GateScope<'_> {
        GateScope {
            seat: &self.seat,
            card: &self.card,
            status: self.status,
            policy: &self.policy,
        }
    }

    fn schema(&self, contract: &Contract, may_look: bool) -> Value {
        let scope = ReplyScope {
            gate: self.gate(),
            missing_reads: &self.missing,
            earlier: &self.earlier,
            may_look,
            waits_for_others: self.waits_for_others,
            seats: &["coder", "architect"],
        };
        contract.reply_schema(&scope).unwrap()
    }

    /// What gate and check find wrong.
    fn lacks(&self, contract: &Contract, reply: &Value) -> Vec<crate::turn::Violation> {
        let text = reply.to_string();
        let parsed = parse(&text);
        let mut found = contract.check(&Answer {
            calls: &parsed.calls,
            prose: &parsed.prose,
            truncated: None,
            seat: &self.seat,
            missing_reads: &self.missing,
            earlier_calls: &self.earlier,
            text: &text,
            waits_for_others: self.waits_for_others,
        });
        let mut scope = self.gate();
        for call in &parsed.calls {
            match gate::check(call, &scope) {
                Err(violation) => found.push(violation),
                Ok(()) => {
                    if let Some((status, _)) = gate::status_asked(call) {
                        scope.status = status;
                    }
                }
            }
        }
        found
    }
}

fn write(path: &str) -> (&'static str, Value) {
    ("write_file", json!({"path": path, "content": "x"}))
}

fn status(word: &str) -> (&'static str, Value) {
    ("update_issue_status", json!({ "status": word }))
}

fn coder() -> Contract {
    Contract {
        required_tools: vec!["write_file".to_owned(), "update_issue_status".to_owned()],
        required_statuses: vec![CardStatus::CodeReview],
        required_write_paths: vec!["agent_output/main.py".to_owned()],
        tool_calls_only: true,
        ..Contract::default()
    }
}

#[test]
fn a_coder_s_schema_lets_through_what_meets_the_contract_and_nothing_else() {
    let contract = coder();
    let place = Place::work();
    let schema = place.schema(&contract, false);
    insta::assert_json_snapshot!(schema);
    let main = "agent_output/main.py";
    for calls in [
        vec![write(main), status("code_review")],
        vec![
            ("add_issue_comment", json!({"comment": "x"})),
            write(main),
            status("code_review"),
        ],
        vec![
            write("agent_output/a.md"),
            write("agent_output/b.py"),
            write(main),
            status("code_review"),
        ],
    ] {
        let reply = answer(&calls);
        assert!(fits(&reply, &schema, &schema), "{reply}");
        assert_eq!(place.lacks(&contract, &reply), [], "{reply}");
    }
    for reply in [
        json!("I will do it."),
        answer(&[]),
        answer(&[write(main)]),
        answer(&[write("main.py"), status("code_review")]),
        answer(&[write(main), status("done")]),
        answer(&[("deploy", json!({})), write(main), status("code_review")]),
        answer(&[("read_file", json!({"path": "x"}))]),
        answer(&[
            write(main),
            (
                "update_issue_status",
                json!({"status": "code_review", "issue_id": "I-2"}),
            ),
        ]),
    ] {
        assert!(!fits(&reply, &schema, &schema), "{reply}");
    }
}

#[test]
fn what_must_be_read_comes_first_and_the_rest_afterwards() {
    let contract = Contract {
        required_read_paths: vec!["a.txt".to_owned(), "b.txt".to_owned()],
        ..coder()
    };
    let mut place = Place::work();
    let read = |path: &str| ("read_file", json!({ "path": path }));
    let reads = answer(&[read("a.txt"), read("b.txt")]);
    let whole = answer(&[write("agent_output/main.py"), status("code_review")]);
    let first = place.schema(&contract, true);
    assert!(
        fits(&reads, &first, &first) && !fits(&whole, &first, &first),
        "{first}"
    );
    place.earlier = parse(&reads.to_string()).calls;
    let second = place.schema(&contract, false);
    assert!(
        fits(&whole, &second, &second) && !fits(&reads, &second, &second),
        "{second}"
    );
    assert_eq!(place.lacks(&contract, &whole), []);
    // Where there is no second round, all comes at once.
    place.earlier.clear();
    place.missing = vec!["b.txt".to_owned()];
    let at_once = place.schema(&contract, false);
    let all = answer(&[
        read("a.txt"),
        write("agent_output/main.py"),
        status("code_review"),
    ]);
    assert!(fits(&all, &at_once, &at_once), "{at_once}");
}

#[test]
fn a_first_answer_may_look_things_up() {
    let schema = Place::work().schema(&coder(), true);
    let look = answer(&[
        ("list_directory", json!({})),
        ("read_file", json!({"path": "x"})),
    ]);
    assert!(fits(&look, &schema, &schema), "{schema}");
}

#[test]
fn no_cards_can_be_looked_at_but_the_own_one_and_those_it_depends_on() {
    let mut place = Place::work();
    place.card.depends_on = vec![crate::ids::CardId::new("I-0").unwrap()];
    let schema = place.schema(&coder(), true);
    let look = |args: Value| answer(&[("get_issue_context", args)]);
    for args in [
        json!({}),
        json!({"issue_id": "I-1"}),
        json!({"issue_id": "I-0"}),
    ] {
        assert!(fits(&look(args.clone()), &schema, &schema), "{args}");
    }
    let other = look(json!({"issue_id": "I-2"}));
    assert!(!fits(&other, &schema, &schema), "{schema}");
}

#[test]
fn a_guard_s_refusal_brings_its_reasons() {
    let contract = Contract {
        required_statuses: vec![
            CardStatus::Done,
            CardStatus::Blocked,
            CardStatus::GuardRejected,
        ],
        rejection_payload: true,
        ..Contract::default()
    };
    let mut place = Place::review();
    let schema = place.schema(&contract, false);
    let with = |more: Value| {
        let mut args = json!({
            "status": "blocked", "wait_reason": "input", "rationale": "no",
            "violations": ["x"], "remediation_actions": ["y"],
        });
        for (name, value) in more.as_object().unwrap() {
            if value.is_null() {
                args.as_object_mut().unwrap().remove(name);
            } else {
                args[name] = value.clone();
            }
        }
        answer(&[("update_issue_status", args)])
    };
    let rejected = with(json!({"status": "guard_rejected", "wait_reason": null}));
    for reply in [answer(&[status("done")]), with(json!({})), rejected] {
        assert!(fits(&reply, &schema, &schema), "{reply}\n{schema}");
        assert_eq!(place.lacks(&contract, &reply), [], "{reply}");
    }
    for reply in [
        answer(&[status("blocked")]),
        with(json!({"wait_reason": null})),
        with(json!({"wait_reason": "dependency"})),
        with(json!({"violations": []})),
        with(json!({"rationale": ""})),
        with(json!({"rationale": " "})),
        with(json!({"violations": ["\u{a0}"]})),
        with(json!({"status": "guard_rejected", "wait_reason": null, "remediation_actions": null})),
    ] {
        assert!(!fits(&reply, &schema, &schema), "{reply}");
        assert_ne!(place.lacks(&contract, &reply), [], "{reply}");
    }
    let waiting = with(json!({"wait_reason": "dependency"}));
    place.waits_for_others = true;
    let schema = place.schema(&contract, false);
    assert!(fits(&waiting, &schema, &schema), "{schema}");
    assert_eq!(place.lacks(&contract, &waiting), []);
}

#[test]
fn an_architect_s_schema_asks_for_the_whole_decision() {
    let contract = Contract {
        architecture_decision: Some(DecisionRule::default()),
        required_statuses: vec![CardStatus::CodeReview],
        ..Contract::default()
    };
    let place = Place::work();
    let schema = place.schema(&contract, false);
    let mut decision = json!({
        "recommendation": "monolith", "confidence": 0.2,
        "evidence": {
            "estimated_domains": "1", "external_integrations": "0",
            "independent_scaling_needs": "none", "deployment_complexity": "low",
            "team_parallelism": "1", "operational_maturity": "low",
        },
    });
    let reply = |decision: &Value| {
        let file = (
            "write_file",
            json!({"path": DECISION_PATH, "content": decision}),
        );
        answer(&[file, status("code_review")])
    };
    let told = |decision: &Value| {
        let reply = reply(decision);
        let accepted = place.lacks(&contract, &reply).is_empty();
        (fits(&reply, &schema, &schema), accepted)
    };
    assert_eq!(told(&decision), (true, true), "{schema}");
    decision["frontend_framework"] = json!("react");
    decision["structure"] = json!("one file");
    assert_eq!(told(&decision), (true, true), "{schema}");
    decision["frontend_framework"] = json!("svelte");
    assert_eq!(told(&decision), (false, false), "{schema}");
    decision["frontend_framework"] = json!("vue");
    decision["confidence"] = json!(7);
    assert_eq!(told(&decision), (false, false), "{schema}");
}

#[test]
fn words_need_no_schema() {
    let mut mute = seat("coder");
    mute.tools = Vec::new().into();
    let place = Place {
        seat: mute,
        ..Place::work()
    };
    let scope = ReplyScope {
        gate: place.gate(),
        missing_reads: &[],
        earlier: &[],
        may_look: true,
        waits_for_others: false,
        seats: &[],
    };
    assert_eq!(coder().reply_schema(&scope), None);
}

#[test]
fn what_the_gate_refuses_fits_no_schema() {
    let contract = coder();
    let place = Place {
        policy: GatePolicy {
            forbidden_file_types: vec![".sh".to_owned()],
            owned_files: vec![FileOwnership::dependencies(Vec::new(), Vec::new())],
            own_places: vec![OwnPlace {
                path: "config/secrets".to_owned(),
                is_secret: true,
            }],
            ..GatePolicy::default()
        },
        ..Place::work()
    };
    let schema = place.schema(&contract, true);
    let main = "agent_output/main.py";
    for path in [
        "",
        "../x.py",
        "agent_output/../x.py",
        "agent_output//a.py",
        "agent_output/verification/a.py",
        "verification/x.py",
        "agent_output/con.py",
        "agent_output/COM1.py",
        "agent_output/.git.py",
        "agent_output/x.exe",
        "agent_output/x.sh",
        "agent_output/requirements.txt",
        "a.py",
    ] {
        let reply = answer(&[write(path), write(main), status("code_review")]);
        assert!(!fits(&reply, &schema, &schema), "{path}");
    }
    for call in [
        ("add_issue_comment", json!({"comment": " "})),
        (
            "create_issue",
            json!({"seat": "nobody", "summary": "do more of it"}),
        ),
        ("create_issue", json!({"seat": "coder", "summary": "    x"})),
    ] {
        let reply = answer(&[call, write(main), status("code_review")]);
        assert!(!fits(&reply, &schema, &schema), "{reply}");
    }
    for path in [
        "config/secrets/key",
        "../x",
        "/etc/passwd",
        "a/nul",
        ".orket/x",
    ] {
        let reply = answer(&[("read_file", json!({ "path": path }))]);
        assert!(!fits(&reply, &schema, &schema), "{path}");
    }
    let more = json!({
        "seat": "coder", "summary": "Say it \\n twice", "description": "more", "priority": "low",
    });
    let reply = answer(&[("create_issue", more), write(main), status("code_review")]);
    assert!(fits(&reply, &schema, &schema), "{schema}");
    assert_eq!(place.lacks(&contract, &reply), []);
}

#[test]
fn limits_leave_no_room_for_more_files() {
    let limited = |most| Contract {
        limits: ScopeLimits {
            max_workspace_items: Some(most),
            ..ScopeLimits::default()
        },
        ..coder()
    };
    let main = write("agent_output/main.py");
    let place = Place::work();
    let other = write("agent_output/other.py");
    let extra = answer(&[other.clone(), main.clone(), status("code_review")]);
    let two = answer(&[
        write("agent_output/b.py"),
        other,
        main,
        status("code_review"),
    ]);
    for (most, one_fits, two_fit) in [(1, false, false), (2, true, false), (3, true, true)] {
        let contract = limited(most);
        let schema = place.schema(&contract, false);
        for (reply, may) in [(&extra, one_fits), (&two, two_fit)] {
            assert_eq!(fits(reply, &schema, &schema), may, "{most} {reply}");
            assert_eq!(place.lacks(&contract, reply).is_empty(), may, "{most}");
        }
    }
}

#[test]
fn a_status_of_its_own_choice_is_one_that_the_table_allows() {
    let contract = Contract {
        required_tools: vec!["update_issue_status".to_owned()],
        ..Contract::default()
    };
    let place = Place::work();
    let schema = place.schema(&contract, false);
    let waits = (
        "update_issue_status",
        json!({"status": "blocked", "wait_reason": "input"}),
    );
    for (calls, may) in [
        (vec![status("code_review")], true),
        (vec![waits], true),
        (vec![status("blocked")], false),
        (vec![status("done")], false),
        (vec![status("ready")], false),
        (vec![status("code_review"), status("code_review")], false),
    ] {
        let reply = answer(&calls);
        assert_eq!(fits(&reply, &schema, &schema), may, "{reply}");
        assert_eq!(place.lacks(&contract, &reply).is_empty(), may, "{reply}");
    }
}
