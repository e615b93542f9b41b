//! What the benches are fed: the coder's turn of the epic that comes with Orket, planned as Orket plans it
//! and answered as its scenario does. Nothing here is measured.

use std::sync::Arc;

use orket_core::asset::{Library, MemorySource};
use orket_core::ids::{BuildId, CardId, RunId};
use orket_core::message::Spoken;
use orket_core::model::{Reply, Usage};
use orket_core::plan_build::{PlanRequest, PlanSettings, build};
use orket_core::status::CardStatus;
use orket_core::tool::{ToolCall, ToolResult};
use orket_core::tool_call::render;
use orket_core::tool_catalogue::catalogue;
use orket_core::turn::{Context, Purpose};
use serde_json::{Value, json};

/// The card whose turn it is.
const CARD: &str = "GF-3";

macro_rules! shipped {
    ($path:literal) => {
        (
            concat!("model/core/", $path),
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/model/core/", $path)),
        )
    };
}

const ASSETS: [(&str, &str); 10] = [
    shipped!("epics/golden_flow.json"),
    shipped!("scenarios/golden_flow.json"),
    shipped!("teams/standard.json"),
    shipped!("environments/golden_scripted.json"),
    shipped!("roles/requirements_analyst.json"),
    shipped!("roles/architect.json"),
    shipped!("roles/coder.json"),
    shipped!("roles/code_reviewer.json"),
    shipped!("roles/integrity_guard.json"),
    shipped!("dialects/generic.json"),
];

/// A turn and what its world answers.
pub struct Golden {
    /// What it knows.
    pub context: Arc<Context>,
    /// The calls of the model's reply: two files read, one written, the status set.
    pub calls: Vec<ToolCall>,
    /// They as the scripted model writes them.
    pub reply: Reply,
    /// They as a talkative model writes them: after a thought, in fences, between remarks.
    pub talkative: Reply,
    /// What reading each of the two files answers.
    read: Vec<(String, ToolResult)>,
}

impl Golden {
    /// Made from what is shipped.
    pub fn new() -> Self {
        let source = ASSETS
            .into_iter()
            .fold(MemorySource::default(), |source, (path, text)| {
                source.with(path, text)
            });
        let request = PlanRequest {
            epic: "golden_flow".to_owned(),
            department: "core".to_owned(),
            run_id: RunId::new("run-1").expect("an id"),
            build_id: BuildId::new("build-1").expect("an id"),
            workspace: "/workspace/default".to_owned(),
            target: None,
            model_override: None,
            rock: None,
        };
        let built = build(
            &Library::new(source),
            &request,
            &PlanSettings::default(),
            &catalogue(),
        )
        .unwrap_or_else(|errors| panic!("{errors}"));
        let card = built.cards.iter().find(|card| card.id.as_str() == CARD);
        let card = Arc::new(card.expect("the card").clone());
        let (analyst, architect, calls) = (
            scripted("GF-1", "requirements_analyst"),
            scripted("GF-2", "architect"),
            scripted(CARD, "coder"),
        );
        let dependency = CardId::new("GF-2").expect("an id");
        let context = Context {
            plan: Arc::new(built.plan),
            seat: card.seat.clone(),
            card,
            purpose: Purpose::Work,
            turn: 1,
            attempt: 1,
            status: CardStatus::InProgress,
            missing_reads: Vec::new(),
            comments: Vec::new(),
            refusal: None,
            history: vec![
                spoken("GF-1", "requirements_analyst", &analyst),
                spoken("GF-2", "architect", &architect),
            ],
            unshown: 0,
            dependencies: vec![(dependency, CardStatus::Done)],
            room: Some(20),
            written: Vec::new(),
            remembered: None,
        };
        Self {
            context: Arc::new(context),
            reply: reply(render(&calls)),
            talkative: reply(talkative(&calls)),
            read: [&analyst, &architect]
                .into_iter()
                .flat_map(|calls| calls.iter().filter_map(file))
                .collect(),
            calls,
        }
    }

    /// What carrying out a call answers.
    pub fn result(&self, call: &ToolCall) -> ToolResult {
        let path = call.text("path").unwrap_or_default();
        let read = self.read.iter().find(|(known, _)| known == path);
        match read {
            Some((_, result)) if call.tool == "read_file" => result.clone(),
            _ => ToolResult::ok(json!({"path": path})),
        }
    }
}

/// The calls that the scenario answers for a card and a role.
fn scripted(card: &str, role: &str) -> Vec<ToolCall> {
    let (_, text) = ASSETS[1];
    let scenario: Value = serde_json::from_str(text).expect("a scenario");
    let replies = scenario["replies"].as_array().expect("replies");
    let reply = replies
        .iter()
        .find(|reply| reply["when"]["issue"] == card && reply["when"]["role"] == role);
    serde_json::from_value(reply.expect("a reply")["calls"].clone()).expect("calls")
}

fn spoken(card: &str, seat: &str, calls: &[ToolCall]) -> Spoken {
    Spoken {
        card: CardId::new(card).expect("an id"),
        seat: seat.to_owned(),
        text: render(calls),
    }
}

fn reply(text: String) -> Reply {
    Reply {
        text,
        usage: Usage {
            prompt_tokens: Some(1_187),
            output_tokens: Some(204),
        },
        latency_ms: 812,
        ..Reply::default()
    }
}

fn talkative(calls: &[ToolCall]) -> String {
    let mut text = String::from(
        "<think>\nThe requirements are numbered R1 to R6; the design wants one file of shell. I look at \
         both first {and only then write}, since R4 and R5 are easy to get wrong.\n</think>\n\
         I read the requirements and the design, then write the program.\n\n",
    );
    for call in calls {
        let call = serde_json::to_string_pretty(call).expect("JSON");
        text.push_str(&format!("```json\n{call}\n```\n\n"));
    }
    text.push_str("That is all of it [1]; the guard can have a look.\n");
    text
}

/// A file that a call wrote, as reading it answers.
fn file(call: &ToolCall) -> Option<(String, ToolResult)> {
    let (path, content) = (call.text("path")?, call.text("content")?);
    let result = ToolResult::ok(json!({"path": path, "content": content}));
    Some((path.to_owned(), result))
}
