//! The steps of a few turns, as the journal holds them.

use orket_core::failure::{Failure, FailureClass};
use orket_core::model::{Message, ModelName, ModelOptions, Reply, Speaker, Usage};
use orket_core::stall::Phase;
use orket_core::status::CardStatus;
use orket_core::tool::{EffectClass, ToolCall, ToolResult};
use orket_core::turn::{Purpose, Step, TurnOutcome, VerifyReport, Violation};
use serde_json::json;

pub fn started(attempt: u32) -> Step {
    Step::TurnStarted {
        seat: "coder".into(),
        role: "coder".into(),
        purpose: Purpose::Work,
        turn: 1,
        attempt,
        status: CardStatus::InProgress,
        missing_reads: Vec::new(),
        given: None,
    }
}

pub fn requested(round: u32, messages: Vec<Message>) -> Step {
    Step::ModelRequested {
        round,
        model: ModelName::parse("scripted:golden_flow").unwrap(),
        options: ModelOptions::default(),
        messages,
    }
}

pub fn prompt() -> Vec<Message> {
    vec![
        Message::new(Speaker::System, "You are the coder."),
        Message::new(Speaker::User, "Card I-1: say \"hi\"."),
    ]
}

pub fn replied(round: u32, text: &str) -> Step {
    Step::ModelReplied {
        round,
        reply: Reply {
            text: text.into(),
            calls: Vec::new(),
            usage: Usage {
                prompt_tokens: Some(10),
                output_tokens: Some(5),
            },
            measured: orket_core::model::Measured::default(),
            latency_ms: 120,
            cut: false,
        },
    }
}

pub fn call(index: u32, tool: &str, args: serde_json::Value, result: ToolResult) -> [Step; 2] {
    let serde_json::Value::Object(args) = args else {
        panic!("arguments are an object");
    };
    [
        Step::CallIntended {
            index,
            call: ToolCall {
                tool: tool.into(),
                args,
            },
            effect: EffectClass::Idempotent,
            key: format!("key-{index}"),
        },
        Step::CallFinished { index, result },
    ]
}

pub fn work() -> Vec<Step> {
    let mut steps = Vec::new();
    steps.extend(call(
        0,
        "write_file",
        json!({"path": "agent_output/main.py", "content": "print('hi')\n"}),
        ToolResult::ok(json!({"path": "agent_output/main.py"})),
    ));
    steps.extend(call(
        1,
        "update_issue_status",
        json!({"status": "code_review"}),
        ToolResult::ok(json!({"issue_id": "I-1", "status": "code_review"})),
    ));
    steps
}

pub fn succeeded() -> Step {
    Step::TurnFinished {
        outcome: TurnOutcome::Succeeded {
            status: CardStatus::CodeReview,
            wait_reason: None,
            summary: "done".into(),
            through: Vec::new(),
            objection: None,
        },
    }
}

pub fn failed(class: FailureClass, message: &str) -> Step {
    Step::TurnFinished {
        outcome: TurnOutcome::Failed {
            failure: Failure::new(class, message),
        },
    }
}

/// A turn that works at once.
pub fn good_turn() -> Vec<Step> {
    let mut steps = vec![
        started(1),
        requested(0, prompt()),
        replied(0, "{\"tool\":…}"),
    ];
    steps.extend(work());
    steps.push(succeeded());
    steps
}

/// A turn whose first answer broke the contract; the process died while it asked again.
pub fn reprompted_turn() -> Vec<Step> {
    let again = || {
        vec![
            Message::new(Speaker::Assistant, "I will write the file."),
            Message::new(Speaker::User, "Call write_file."),
        ]
    };
    let mut steps = vec![
        started(1),
        Step::Verified {
            report: VerifyReport {
                ok: true,
                ..VerifyReport::default()
            },
        },
        requested(0, prompt()),
        replied(0, "I will write the file."),
        Step::Reprompted {
            round: 0,
            violations: vec![Violation {
                reason: "write_path_contract_not_met".into(),
                rule_id: None,
                message: "agent_output/main.py was not written".into(),
                evidence: String::new(),
            }],
        },
        requested(1, again()),
        Step::Recovered { recoveries: 1 },
        requested(1, again()),
        replied(1, "{\"tool\":…}"),
    ];
    steps.extend(work());
    steps.push(succeeded());
    steps
}

/// A second try that failed at its tool.
pub fn failed_turn() -> Vec<Step> {
    let mut steps = vec![
        started(2),
        requested(0, prompt()),
        replied(0, "{\"tool\":…}"),
    ];
    steps.extend(call(
        0,
        "deploy/prod",
        json!({}),
        ToolResult::failed("no such host"),
    ));
    steps.push(failed(FailureClass::Tool, "deploy/prod: no such host"));
    steps
}

/// A turn whose model fell silent.
pub fn stalled_turn() -> Vec<Step> {
    vec![
        started(1),
        requested(0, prompt()),
        Step::Stalled {
            phase: Phase::Idle,
            silent_ms: 60_012,
            chunks: 3,
            bytes: 21,
            partial: "def main():\n    print".into(),
        },
        failed(FailureClass::Stalled, "nothing came for 60 s"),
    ]
}
