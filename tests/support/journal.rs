//! Values for tests and benches of the journal.
#![allow(dead_code, reason = "each test binary uses its own part of it")]

use std::collections::BTreeMap;
use std::sync::Arc;

use orket_actors::port::store::{CardRow, Guard, Op, StepRow, TurnRow, Write};
use orket_core::backoff::Backoff;
use orket_core::card_life::CardLife;
use orket_core::contract::Contract;
use orket_core::ids::{BuildId, CardId, RunId};
use orket_core::model::{ModelName, ModelOptions, Reply, Usage};
use orket_core::plan::{ArtifactMode, CardPlan, RunPlan, SeatPlan, VerifyCommand};
use orket_core::policy::RunPolicy;
use orket_core::stall::Clocks;
use orket_core::status::{CardKind, CardStatus};
use orket_core::tool::{EffectClass, ToolHome, ToolSpec};
use orket_core::turn::Step;
use serde_json::json;

pub const AT: i64 = 1_750_000_000_000;

pub fn plan(run: &str, build: &str, epic: &str) -> RunPlan {
    let seat = SeatPlan {
        seat: "coder".to_owned(),
        role: "coder".to_owned(),
        roles: vec!["coder".to_owned(), "architect".to_owned()],
        system_prompt: Arc::from("You write code.\n\"Quoted\" — ünïcode."),
        prompt: orket_core::policy::PromptStamp::default(),
        tools: Arc::from([ToolSpec {
            name: "write_file".to_owned(),
            description: "Writes a file.".to_owned(),
            parameters: json!({"type": "object", "properties": {"path": {"type": "string"}}}),
            effect: EffectClass::Idempotent,
            home: ToolHome::Host,
            time_limit_ms: Some(1_000),
        }]),
        contract: Contract {
            required_tools: vec!["write_file".to_owned()],
            required_statuses: vec![CardStatus::CodeReview],
            required_write_paths: vec!["agent_output/a.txt".to_owned()],
            required_read_paths: Vec::new(),
            tool_calls_only: true,
            ..Contract::default()
        },
        model: ModelName::parse("scripted:golden").unwrap(),
        options: ModelOptions {
            temperature: Some(0.7),
            seed: Some(7),
            params: serde_json::Map::new(),
        },
    };
    RunPlan {
        run_id: RunId::new(run).unwrap(),
        build_id: BuildId::new(build).unwrap(),
        epic: epic.to_owned(),
        title: format!("The epic {epic}"),
        department: "core".to_owned(),
        rock: None,
        target: None,
        workspace: "/workspace/default".to_owned(),
        seats: BTreeMap::from([("coder".to_owned(), seat)]),
        guard_seat: "integrity_guard".to_owned(),
        clocks: Clocks::default(),
        retry: Backoff::default(),
        context_window: 10,
        max_rounds: 8,
        max_model_retries: 5,
        cards: Vec::new(),
        forked_from: None,
        max_created_cards: 200,
        max_recoveries: 3,
        wip_limit_per_seat: 0,
        artifacts: ArtifactMode::Full,
        commands: BTreeMap::new(),
        policy: RunPolicy::default(),
    }
}

pub fn card(id: &str) -> CardPlan {
    CardPlan {
        id: CardId::new(id).unwrap(),
        kind: CardKind::Issue,
        summary: format!("Do {id}"),
        seat: "coder".to_owned(),
        description: "A longer text.".to_owned(),
        note: String::new(),
        requirements: "It must work.".to_owned(),
        priority: 2.5,
        depends_on: Vec::new(),
        max_retries: 3,
        contract: Contract::default(),
        review_contract: Contract::default(),
        verify: vec![VerifyCommand {
            command: vec!["python3".to_owned(), "main.py".to_owned()],
            expect_stdout: Some("ok".to_owned()),
            expect_exit: 0,
            timeout_ms: 60_000,
        }],
        fixture: None,
        params: serde_json::Map::from_iter([("k".to_owned(), json!([1, null, "x"]))]),
        labels: vec!["a".to_owned()],
        references: Vec::new(),
        created_by: None,
    }
}

pub fn life(status: CardStatus) -> CardLife {
    CardLife {
        status,
        wait_reason: None,
        note: String::new(),
        code: None,
        turn: 0,
        attempt: 0,
        model_failures: 0,
        rested_ms: 0,
        attempts: 0,
        review_failures: 0,
        retries: 0,
        recoveries: 0,
        refusal: None,
        refusals: Vec::new(),
        escalation: None,
        last_reply: String::new(),
        tokens: 0,
        in_review: false,
        written: vec!["agent_output/main.py".to_owned()],
    }
}

pub fn write(ops: Vec<Op>) -> Write {
    guarded(Guard::None, ops)
}

pub fn guarded(guard: Guard, ops: Vec<Op>) -> Write {
    Write {
        guard,
        flush: None,
        ops,
    }
}

pub fn insert_run(run: &str, build: &str, epic: &str) -> Op {
    Op::InsertRun {
        plan: Arc::new(plan(run, build, epic)),
        at_ms: AT,
    }
}

/// Cards `C-<row>` with rows `first..first + count`, places from 0.
pub fn insert_cards(run: &str, build: &str, first: CardRow, count: u32) -> Op {
    Op::InsertCards {
        run_id: RunId::new(run).unwrap(),
        build_id: BuildId::new(build).unwrap(),
        cards: (0..count)
            .map(|position| {
                let row = first + i64::from(position);
                (
                    row,
                    position,
                    Arc::new(card(&format!("C-{row}"))),
                    life(CardStatus::Ready),
                )
            })
            .collect(),
        at_ms: AT,
    }
}

pub fn open_turn(run: &str, row: TurnRow, card: CardRow, fence: i64) -> Op {
    Op::OpenTurn {
        row,
        card,
        run_id: RunId::new(run).unwrap(),
        card_id: CardId::new(format!("C-{card}")).unwrap(),
        fence,
        turn: 1,
        attempt: 1,
        seat: "coder".to_owned(),
        role: "coder".to_owned(),
        at_ms: AT,
    }
}

pub fn step_row(seq: u32) -> StepRow {
    StepRow {
        seq,
        at_ms: AT + i64::from(seq),
        step: Arc::new(Step::ModelReplied {
            round: seq,
            reply: Reply {
                text: format!("reply {seq}\n{{\"tool\": \"write_file\"}}"),
                calls: Vec::new(),
                usage: Usage {
                    prompt_tokens: Some(10),
                    output_tokens: None,
                },
                latency_ms: 12,
                cut: false,
                measured: orket_core::model::Measured::default(),
            },
        }),
    }
}

pub fn steps(turn: TurnRow, seqs: std::ops::Range<u32>) -> Op {
    Op::Steps {
        turn,
        steps: seqs.map(step_row).collect(),
    }
}

/// A run of `cards` cards, rows from 1, each with `attempts` open attempts of fence 1: the n-th
/// attempts of all cards come before their next ones, rows from 1.
pub fn run_with_open_turns(run: &str, cards: usize, attempts: usize) -> Vec<Write> {
    let count = u32::try_from(cards).unwrap();
    let attempts = i64::try_from(attempts).unwrap();
    vec![
        write(vec![
            insert_run(run, run, "epic"),
            insert_cards(run, run, 1, count),
        ]),
        write(
            (0..attempts * i64::from(count))
                .map(|turn| open_turn(run, turn + 1, turn % i64::from(count) + 1, 1))
                .collect(),
        ),
    ]
}
