use super::*;
use crate::backoff::Backoff;
use crate::ids::{BuildId, RunId};
use crate::model::{ModelName, ModelOptions};
use crate::plan::ArtifactMode;
use crate::stall::Clocks;
use crate::status::CardKind;
use crate::tool_catalogue::catalogue;
use crate::turn::{Divergence, RecordedStep, rederive};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What the storms play in; made once.
static STORM: LazyLock<Arc<Context>> = LazyLock::new(|| context(Some(EffectClass::Idempotent)));

fn contract(statuses: &[CardStatus], writes: &[&str]) -> Contract {
    Contract {
        required_tools: vec!["update_issue_status".to_owned()],
        required_statuses: statuses.to_vec(),
        required_write_paths: writes.iter().map(|p| (*p).to_owned()).collect(),
        ..Contract::default()
    }
}

pub(crate) fn context(effect: Option<EffectClass>) -> Arc<Context> {
    let mut tools = catalogue();
    if let Some(effect) = effect {
        tools.push(ToolSpec {
            name: "deploy".to_owned(),
            description: "deploys".to_owned(),
            parameters: json!({"type": "object"}),
            effect,
            home: ToolHome::Host,
            time_limit_ms: None,
        });
    }
    let seat = SeatPlan {
        seat: "coder".to_owned(),
        role: "coder".to_owned(),
        roles: vec!["coder".to_owned()],
        system_prompt: Arc::from("You write code."),
        prompt: crate::policy::PromptStamp::default(),
        tools: tools.into(),
        contract: Contract::default(),
        model: ModelName::parse("scripted:t").expect("a model"),
        options: ModelOptions::default(),
    };
    let card = CardPlan {
        id: CardId::new("C-1").expect("an id"),
        kind: CardKind::Issue,
        summary: "Write it".to_owned(),
        seat: "coder".to_owned(),
        description: String::new(),
        note: String::new(),
        requirements: String::new(),
        priority: 2.0,
        depends_on: Vec::new(),
        max_retries: 3,
        contract: contract(&[CardStatus::CodeReview], &["agent_output/a.txt"]),
        review_contract: contract(&[CardStatus::Done], &[]),
        verify: Vec::new(),
        fixture: None,
        params: Map::new(),
        labels: Vec::new(),
        references: Vec::new(),
        created_by: None,
    };
    let plan = RunPlan {
        run_id: RunId::new("run-1").expect("an id"),
        build_id: BuildId::new("build-1").expect("an id"),
        epic: "e".to_owned(),
        title: "E".to_owned(),
        department: "core".to_owned(),
        rock: None,
        target: None,
        workspace: "/nowhere".to_owned(),
        seats: BTreeMap::from([("coder".to_owned(), seat)]),
        guard_seat: "integrity_guard".to_owned(),
        clocks: Clocks::default(),
        retry: Backoff::default(),
        context_window: 10,
        max_rounds: 6,
        max_recoveries: 3,
        max_model_retries: 5,
        cards: Vec::new(),
        forked_from: None,
        max_created_cards: 200,
        wip_limit_per_seat: 0,
        artifacts: ArtifactMode::None,
        commands: BTreeMap::new(),
        policy: crate::policy::RunPolicy::default(),
    };
    Arc::new(Context {
        plan: Arc::new(plan),
        card: Arc::new(card),
        seat: "coder".to_owned(),
        purpose: Purpose::Work,
        turn: 1,
        attempt: 1,
        status: CardStatus::InProgress,
        missing_reads: Vec::new(),
        comments: Vec::new(),
        refusal: None,
        history: Vec::new(),
        unshown: 0,
        dependencies: Vec::new(),
        room: None,
        written: Vec::new(),
        remembered: None,
    })
}

fn call(tool: &str, args: Value) -> ToolCall {
    let Value::Object(args) = args else {
        panic!("not an object")
    };
    ToolCall {
        tool: tool.to_owned(),
        args,
    }
}

fn reply(calls: &[ToolCall]) -> Reply {
    Reply {
        text: crate::tool_call::render(calls),
        ..Reply::default()
    }
}

fn good() -> Vec<ToolCall> {
    vec![
        call(
            "write_file",
            json!({"path": "agent_output/a.txt", "content": "hi"}),
        ),
        call("add_issue_comment", json!({"comment": "written"})),
        call("update_issue_status", json!({"status": "code_review"})),
    ]
}

/// What a world that answers everything well would do, with every decision made on the way.
fn play(cx: &Arc<Context>, mut replies: Vec<Reply>) -> (Vec<Decision>, Turn) {
    replies.reverse();
    let (mut turn, mut decision) = Turn::begin(Arc::clone(cx)).expect("begins");
    let mut decisions = vec![decision.clone()];
    loop {
        decision = match &decision.next {
            Next::Finish(_) => return (decisions, turn),
            Next::Park(_) => panic!("nothing needs approval here"),
            Next::Ask => turn
                .replied(replies.pop().expect("a reply is left"))
                .expect("decides"),
            Next::Call { call, .. } => {
                let result = if call.text("path") == Some("missing.txt") {
                    ToolResult::failed("no such file")
                } else {
                    ToolResult::ok(json!({"path": "x"}))
                };
                turn.called(result).expect("decides")
            }
            Next::Verify(_) => turn
                .verified(VerifyReport {
                    ok: true,
                    ..VerifyReport::default()
                })
                .expect("decides"),
        };
        decisions.push(decision.clone());
    }
}

fn kinds(decisions: &[Decision]) -> Vec<Vec<&'static str>> {
    decisions
        .iter()
        .map(|d| d.steps.iter().map(Step::kind).collect())
        .collect()
}

#[test]
fn a_reply_and_the_first_intent_are_one_commit_and_the_last_commit_finishes() {
    let (decisions, turn) = play(&context(None), vec![reply(&good())]);
    assert_eq!(
        kinds(&decisions),
        [
            vec!["turn_started", "model_requested"],
            vec!["model_replied", "call_intended"],
            vec![
                "call_finished",
                "call_intended",
                "call_finished",
                "call_intended",
                "call_finished",
                "turn_finished"
            ],
        ]
    );
    let last = decisions.last().expect("some");
    assert!(
        last.flush,
        "the written file must be on disk before its outcome is journaled"
    );
    assert!(matches!(
        &last.next,
        Next::Finish(TurnOutcome::Succeeded {
            status: CardStatus::CodeReview,
            ..
        })
    ));
    assert!(
        matches!(turn.ledger(), [LedgerEffect::Comment { content, .. }] if content == "written")
    );
}

#[test]
fn a_broken_contract_is_told_once_and_fails_the_second_time() {
    let lazy = reply(&[call(
        "update_issue_status",
        json!({"status": "code_review"}),
    )]);
    let (decisions, turn) = play(&context(None), vec![lazy.clone(), lazy]);
    assert_eq!(
        kinds(&decisions),
        [
            vec!["turn_started", "model_requested"],
            vec!["model_replied", "reprompted", "model_requested"],
            vec!["model_replied", "turn_finished"],
        ]
    );
    let Some(Next::Finish(TurnOutcome::Failed { failure })) =
        decisions.last().map(|d| d.next.clone())
    else {
        panic!("it did not fail")
    };
    assert_eq!(failure.class, FailureClass::Contract);
    assert!(failure.message.contains("agent_output/a.txt"), "{failure}");
    assert!(turn.ledger().is_empty());
}

#[test]
fn native_calls_are_part_of_what_was_said() {
    let cx = context(None);
    let refusing = call(
        "update_issue_status",
        json!({"status": "guard_requested_changes", "rationale": "short", "violations": ["no tests"],
               "remediation_actions": ["write some"]}),
    );
    let native = Reply {
        calls: vec![refusing],
        ..Reply::default()
    };
    let (mut turn, _) = Turn::begin(Arc::clone(&cx)).expect("begins");
    let decision = turn.replied(native).expect("taken");
    // The contract lacks its file, so the model is shown its own words and asked again.
    let again = decision.steps.iter().find_map(|step| match step {
        Step::ModelRequested { messages, .. } => messages.first(),
        _ => None,
    });
    let said = &again.expect("asked again").content;
    assert!(
        said.contains("no tests") && said.contains("update_issue_status"),
        "{said}"
    );
    assert!(turn.summary().contains("no tests"));
}

#[test]
fn one_refused_call_stops_all_calls_of_the_reply() {
    let mut calls = good();
    calls.push(call(
        "write_file",
        json!({"path": "../outside.txt", "content": "x"}),
    ));
    let (decisions, _) = play(&context(None), vec![reply(&calls), reply(&good())]);
    assert_eq!(
        kinds(&decisions)[1],
        ["model_replied", "reprompted", "model_requested"]
    );
    assert_eq!(kinds(&decisions)[2], ["model_replied", "call_intended"]);
}

#[test]
fn a_reply_that_only_looks_gets_its_answers_and_goes_on() {
    let look = reply(&[call("read_file", json!({"path": "missing.txt"}))]);
    let (decisions, turn) = play(&context(None), vec![look, reply(&good())]);
    assert_eq!(
        kinds(&decisions)[1..3],
        [
            vec!["model_replied", "call_intended"],
            vec!["call_finished", "model_requested"]
        ]
    );
    let asked = turn.request().expect("a request");
    assert!(
        asked
            .messages
            .last()
            .is_some_and(|m| m.content.contains("no such file")),
        "{asked:?}"
    );
    assert!(matches!(
        decisions.last().map(|d| &d.next),
        Some(Next::Finish(TurnOutcome::Succeeded { .. }))
    ));
}

#[test]
fn the_same_call_with_the_same_result_three_times_is_a_stall() {
    let look = reply(&[call("read_file", json!({"path": "missing.txt"}))]);
    let (decisions, _) = play(&context(None), vec![look.clone(), look.clone(), look]);
    let last = decisions.last().expect("some");
    assert_eq!(
        last.steps.iter().map(Step::kind).collect::<Vec<_>>(),
        ["call_finished", "stalled", "turn_finished"]
    );
}

#[test]
fn an_effect_that_may_have_happened_is_never_repeated() {
    let cx = context(Some(EffectClass::AtMostOnce));
    let calls = vec![call("deploy", json!({"to": "prod"}))];
    let (decisions, _) = play(&cx, vec![reply(&[calls, good()].concat())]);
    let steps: Vec<Arc<Step>> = decisions
        .iter()
        .take(2)
        .flat_map(|d| d.steps.clone())
        .map(Arc::new)
        .collect();
    assert_eq!(cut_off_effect(&steps).as_deref(), Some("deploy"));
    let (_, decision) = Turn::recover(cx, &steps, 1).expect("recovers");
    let Next::Finish(TurnOutcome::Failed { failure }) = decision.next else {
        panic!("it went on")
    };
    assert_eq!(failure.class, FailureClass::UnknownOutcome);
}

#[test]
fn an_attempt_that_another_run_takes_up_keeps_its_keys_and_derives_again() {
    let cx = context(None);
    let create = |summary: &str| call("create_issue", json!({"summary": summary, "seat": "coder"}));
    let calls = [vec![create("more of it"), good()[1].clone()], good()].concat();
    let (decisions, ended) = play(&cx, vec![reply(&calls)]);
    // The process died while the file was being written: card and comment were settled before.
    let mut recorded = stored(&decisions[..2]);
    let steps: Vec<Arc<Step>> = recorded.iter().map(|it| Arc::new(it.0.clone())).collect();
    let mut plan = (*cx.plan).clone();
    plan.run_id = RunId::new("run-2").expect("an id");
    let later = Arc::new(plan);
    let taken_up = Arc::new(Context {
        plan: Arc::clone(&later),
        ..(*cx).clone()
    });
    let (mut turn, mut decision) = Turn::recover(taken_up, &steps, 1).expect("recovers");
    let begun = recorded.len();
    loop {
        recorded.extend(stored(std::slice::from_ref(&decision)));
        decision = match decision.next {
            Next::Call { .. } => turn
                .called(ToolResult::ok(json!({"path": "x"})))
                .expect("decides"),
            Next::Finish(_) => break,
            _ => panic!("{decision:?}"),
        };
    }
    // What was promised before the crash is what becomes real.
    assert_eq!(turn.ledger()[..2], ended.ledger()[..2]);

    let derive = |later: Option<&Arc<RunPlan>>| {
        let of_later = |nth: usize| later.filter(|_| nth >= begun);
        let recorded: Vec<RecordedStep<'_>> = recorded
            .iter()
            .enumerate()
            .map(|(nth, (step, body))| RecordedStep {
                seq: u32::try_from(nth).expect("few"),
                step,
                body,
                plan: of_later(nth),
            })
            .collect();
        rederive(Arc::clone(&cx), &recorded)
    };
    let derived = derive(Some(&later)).expect("derives");
    assert_eq!(derived.ledger, turn.ledger());
    assert_eq!(derived.usage, turn.usage());
    assert!(
        derive(None).is_err(),
        "its later keys are those of the later run"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// Whatever the model answers: cut the journal after any decision, and the machine that reads it
    /// back does exactly what the dead one was about to do, and ends as it would have ended.
    #[test]
    fn a_journal_cut_anywhere_leads_to_the_same_end(
        picks in prop::collection::vec(prop::collection::vec(0_usize..7, 0..4), 1..4),
        cut in 0_usize..12,
        prose in prop::bool::ANY,
    ) {
        let cx = Arc::clone(&STORM);
        let menu = [
            call("write_file", json!({"path": "agent_output/a.txt", "content": "{ unbalanced \" "})),
            call("update_issue_status", json!({"status": "code_review"})),
            call("read_file", json!({"path": "missing.txt"})),
            call("list_directory", json!({})),
            call("deploy", json!({"n": 1})),
            call("add_issue_comment", json!({"comment": "x"})),
            call("write_file", json!({"path": "/etc/passwd", "content": ""})),
        ];
        let mut replies: Vec<Reply> = picks
            .iter()
            .map(|picks| {
                let calls: Vec<ToolCall> = picks.iter().map(|i| menu[*i].clone()).collect();
                let mut reply = reply(&calls);
                if prose { reply.text.insert_str(0, "Here I go. "); }
                reply
            })
            .collect();
        // Enough well-behaved replies that the turn always ends.
        replies.extend(std::iter::repeat_n(reply(&good()), 8));
        let (decisions, ended) = play(&cx, replies.clone());
        let cut = cut.min(decisions.len() - 1);
        if matches!(decisions[cut].next, Next::Finish(_)) {
            return Ok(());
        }
        let steps: Vec<Arc<Step>> = decisions[..=cut].iter().flat_map(|d| d.steps.clone()).map(Arc::new).collect();
        let (mut turn, mut decision) = Turn::recover(Arc::clone(&cx), &steps, 1).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(&decision.next, &decisions[cut].next);
        let used = steps.iter().filter(|s| matches!(s.as_ref(), Step::ModelReplied { .. })).count();
        let mut left: Vec<Reply> = replies.split_off(used);
        left.reverse();
        let mut at = cut;
        while !matches!(decision.next, Next::Finish(_)) {
            decision = match &decision.next {
                Next::Ask => turn.replied(left.pop().expect("a reply")),
                Next::Call { call, .. } => turn.called(if call.text("path") == Some("missing.txt") {
                    ToolResult::failed("no such file")
                } else {
                    ToolResult::ok(json!({"path": "x"}))
                }),
                Next::Verify(_) | Next::Finish(_) | Next::Park(_) => unreachable!(),
            }
            .map_err(|e| TestCaseError::fail(e.to_string()))?;
            at += 1;
            prop_assert_eq!(&decision, &decisions[at]);
        }
        prop_assert_eq!(turn.ledger(), ended.ledger());
        prop_assert_eq!(turn.usage(), ended.usage());
    }
}

/// The steps of a played turn as the journal holds them.
fn stored(decisions: &[Decision]) -> Vec<(Step, String)> {
    decisions
        .iter()
        .flat_map(|decision| decision.steps.clone())
        .map(|step| {
            let body = serde_json::to_string(&step).expect("has a JSON form");
            (step, body)
        })
        .collect()
}

fn derive_again(cx: &Arc<Context>, steps: &[(Step, String)]) -> Result<usize, Divergence> {
    let recorded: Vec<RecordedStep<'_>> = steps
        .iter()
        .zip(0..)
        .map(|((step, body), seq)| RecordedStep {
            seq,
            step,
            body,
            plan: None,
        })
        .collect();
    rederive(Arc::clone(cx), &recorded).map(|derived| derived.steps)
}

/// What is done to a decided step.
#[derive(Debug, Clone, Copy)]
enum Damage {
    /// It says something else.
    Said,
    /// It is not there.
    Missing,
    /// It stands in another place.
    Moved,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100_000))]

    /// Every accepted history is reproducible: what the machine recorded is derived again from what
    /// came in, byte for byte; with one step changed in what was decided, left out or moved, it is not.
    #[test]
    fn every_history_is_derived_again_and_no_other_is(
        picks in prop::collection::vec(prop::collection::vec(0_usize..8, 0..5), 1..4),
        words in "[ a-z{}\"\\\\]{0,12}",
        at in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
        damage in prop::sample::select(&[Damage::Said, Damage::Missing, Damage::Moved]),
    ) {
        let cx = Arc::clone(&STORM);
        let menu = [
            call("write_file", json!({"path": "agent_output/a.txt", "content": words})),
            call("update_issue_status", json!({"status": "code_review"})),
            call("read_file", json!({"path": "missing.txt"})),
            call("list_directory", json!({})),
            call("deploy", json!({"n": 1})),
            call("add_issue_comment", json!({"comment": "x"})),
            call("write_file", json!({"path": "../up", "content": ""})),
            call("create_issue", json!({"summary": words, "seat": "coder"})),
        ];
        let mut replies: Vec<Reply> = picks
            .iter()
            .map(|picks| {
                let calls: Vec<ToolCall> = picks.iter().map(|i| menu[*i].clone()).collect();
                let mut reply = reply(&calls);
                reply.text.insert_str(0, &words);
                reply
            })
            .collect();
        replies.extend(std::iter::repeat_n(reply(&good()), 8));
        let (decisions, _) = play(&cx, replies);
        let steps = stored(&decisions);
        prop_assert_eq!(derive_again(&cx, &steps), Ok(steps.len()));

        let decided: Vec<usize> = steps
            .iter()
            .enumerate()
            .filter(|(_, (step, _))| !matches!(step, Step::ModelReplied { .. } | Step::CallFinished { .. } | Step::TurnStarted { .. }))
            .map(|(place, _)| place)
            .collect();
        let place = *at.get(&decided);
        let mut changed = steps.clone();
        match damage {
            Damage::Said => {
                let end = changed[place].1.len() - 1;
                changed[place].1.insert(end, ' ');
                let told = derive_again(&cx, &changed).expect_err("another byte was taken for the same");
                prop_assert_eq!(told.seq, u32::try_from(place).expect("few"));
            }
            Damage::Missing => {
                let taken = changed.remove(place);
                prop_assert!(derive_again(&cx, &changed).is_err(), "{} was not missed", taken.0.kind());
            }
            Damage::Moved => {
                let taken = changed.remove(place);
                changed.insert(to.index(changed.len() + 1), taken);
                prop_assert!(changed == steps || derive_again(&cx, &changed).is_err());
            }
        }
    }
}

/// A context whose run may spend so many tokens.
fn frugal(params: Value) -> Arc<Context> {
    let mut cx = Context::clone(&context(None));
    let mut plan = RunPlan::clone(&cx.plan);
    plan.policy.budget.epic.tokens = Some(50_000);
    plan.policy.budget.output = Some(4_096);
    if let (Some(seat), Value::Object(params)) = (plan.seats.get_mut("coder"), params) {
        seat.options.params = params;
    }
    cx.plan = Arc::new(plan);
    Arc::new(cx)
}

#[test]
fn where_tokens_are_limited_the_request_bounds_its_reply_and_the_journal_shows_it() {
    let (turn, decision) = Turn::begin(frugal(json!({}))).unwrap();
    let asked = turn.request().unwrap();
    assert_eq!(asked.options.params["max_tokens"], 4_096);
    let Some(Step::ModelRequested { options, .. }) = decision.steps.last() else {
        panic!("{decision:?}")
    };
    assert_eq!(*options, asked.options);
    let most = turn.context().plan.policy.budget.most(&asked, 0);
    let prompt: usize = asked.messages.iter().map(|it| it.content.len()).sum();
    assert!(most.tokens > 4_096 + u64::try_from(prompt).unwrap());
}

#[test]
fn a_reply_cut_off_by_the_budget_fails_with_words_that_say_so() {
    let cut = || {
        Reply {
        text: "{\"tool\": \"write_file\", \"args\": {\"path\": \"agent_output/a.txt\", \"content\": \"x".to_owned(),
        cut: true,
        ..Reply::default()
    }
    };
    let failure = |params: Value| {
        let (mut turn, _) = Turn::begin(frugal(params)).unwrap();
        turn.replied(cut()).unwrap();
        match turn.replied(cut()).unwrap().next {
            Next::Finish(TurnOutcome::Failed { failure }) => failure.message,
            other => panic!("{other:?}"),
        }
    };
    let ours = failure(json!({}));
    assert!(ours.contains("cut off at 4096 tokens"), "{ours}");
    assert!(ours.contains("budget"), "{ours}");
    assert!(ours.contains("`max_tokens`"), "{ours}");
    let own = failure(json!({"max_tokens": 7}));
    assert!(
        own.contains("cut off at 7 tokens, as the environment's params say"),
        "{own}"
    );
}
