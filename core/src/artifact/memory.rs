//! `memory_trace.json` and `memory_retrieval_trace.json`: what two runs are compared by.
//!
//! Derived from the steps alone. The steps do not name a workflow or a policy set, so the workflow
//! is the card's seat and purpose, and the policy set is the fingerprint of the system prompt: that
//! is what the turn was told to keep. Nothing is retrieved from memory yet: the mode is `off` and
//! the retrieval trace has no events.

use std::borrow::Borrow;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Ending, TurnMeta, ending, pretty};
use crate::canonical::json_v1;
use crate::model::Speaker;
use crate::skill::breach_of;
use crate::tool::{EffectClass, ToolCall, ToolResult};
use crate::turn::{Step, TurnOutcome};

/// The version of `memory_trace.json`.
pub const TRACE_VERSION: &str = "memory.determinism_trace.v1";
/// The version of `memory_retrieval_trace.json`.
pub const RETRIEVAL_VERSION: &str = "memory.retrieval_trace.v1";
/// The version of the tools of a role.
const TOOL_PROFILE: &str = "role-tools.v1";
/// The largest trace, in bytes; beyond it the last events are left out and it says so.
pub const MAX_BYTES: usize = 10 * 1024 * 1024;
/// What stands where the steps say nothing.
const UNKNOWN: &str = "unknown";

#[derive(Serialize)]
struct Trace<'a> {
    run_id: &'a str,
    workflow_id: String,
    memory_snapshot_id: &'static str,
    visibility_mode: &'static str,
    model_config_id: String,
    policy_set_id: String,
    determinism_trace_schema_version: &'static str,
    events: &'a [Event],
    output: Value,
    issue_id: &'a str,
    role_id: &'a str,
    metadata: Value,
}

#[derive(Clone, Serialize)]
struct Event {
    event_id: String,
    index: usize,
    role: String,
    interceptor: &'static str,
    decision_type: String,
    tool_calls: Vec<Value>,
    guardrails_triggered: Vec<String>,
    retrieval_event_ids: [String; 0],
}

/// Where in a turn an event belongs. A step that was journaled again after a crash replaces the
/// event of its first version.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Prompt(u32),
    Reply(u32),
    Ready(u32),
    Result(u32),
    Failure,
}

#[derive(Default)]
struct Walk<'a> {
    events: Vec<(Place, Event)>,
    calls: Vec<(u32, &'a ToolCall, EffectClass)>,
    workflow: Option<(&'a str, &'static str)>,
    model_config: Option<String>,
    policy_set: Option<String>,
    failure: Option<String>,
}

/// Both files.
pub(super) fn files<S: Borrow<Step>>(meta: &TurnMeta<'_>, steps: &[S]) -> Vec<(String, Vec<u8>)> {
    let retrieval = json!({
        "events": [],
        "retrieval_trace_schema_version": RETRIEVAL_VERSION,
        "metadata": {"truncated": false},
    });
    vec![
        (
            "memory_trace.json".to_owned(),
            trace(meta, steps, MAX_BYTES),
        ),
        ("memory_retrieval_trace.json".to_owned(), pretty(&retrieval)),
    ]
}

pub(super) fn trace<S: Borrow<Step>>(
    meta: &TurnMeta<'_>,
    steps: &[S],
    max_bytes: usize,
) -> Vec<u8> {
    let mut walk = Walk::default();
    for step in steps {
        walk.take(step.borrow());
    }
    let mut events: Vec<Event> = walk.events.iter().map(|(_, event)| event.clone()).collect();
    for (index, event) in events.iter_mut().enumerate() {
        event.index = index;
        meta.role.clone_into(&mut event.role);
        event.event_id = format!(
            "{}:{}:{}:{}:{index}",
            meta.run_id, meta.issue_id, meta.turn, meta.attempt
        );
    }
    let (seat, purpose) = walk.workflow.unwrap_or((UNKNOWN, UNKNOWN));
    let or_unknown = |id: Option<&String>| id.cloned().unwrap_or_else(|| UNKNOWN.to_owned());
    let mut kept = events.len();
    loop {
        let bytes = pretty(&Trace {
            run_id: meta.run_id,
            workflow_id: format!("{}:{seat}:{purpose}", meta.issue_id),
            memory_snapshot_id: "0",
            visibility_mode: "off",
            model_config_id: or_unknown(walk.model_config.as_ref()),
            policy_set_id: or_unknown(walk.policy_set.as_ref()),
            determinism_trace_schema_version: TRACE_VERSION,
            events: events.get(..kept).unwrap_or_default(),
            output: output(ending(steps), walk.failure.as_deref()),
            issue_id: meta.issue_id,
            role_id: meta.role,
            metadata: json!({"truncated": kept < events.len()}),
        });
        if bytes.len() <= max_bytes || kept == 0 {
            return bytes;
        }
        kept /= 2;
    }
}

fn output(ending: Ending, failure: Option<&str>) -> Value {
    let shape = match ending {
        Ending::Succeeded => json!({"type": "text", "sections": ["body"]}),
        Ending::Failed | Ending::Stalled | Ending::Abandoned => json!({
            "type": "text", "status": "failed", "failure_type": failure.unwrap_or(ending.as_str()),
        }),
    };
    json!({
        "output_type": "text",
        "output_shape_hash": fingerprint(&shape),
        "normalization_version": json_v1::VERSION,
    })
}

impl<'a> Walk<'a> {
    fn take(&mut self, step: &'a Step) {
        match step {
            Step::TurnStarted { seat, purpose, .. } => {
                self.workflow = Some((seat, purpose.as_str()));
            }
            Step::ModelRequested {
                round,
                model,
                options,
                messages,
            } => {
                if self.model_config.is_none() {
                    let config = json!({"model": model, "options": options});
                    self.model_config = Some(fingerprint(&config));
                    let system = messages
                        .iter()
                        .filter(|message| message.role == Speaker::System)
                        .map(|message| Value::from(message.content.as_str()));
                    self.policy_set = Some(fingerprint(&system.collect()));
                }
                self.put(
                    Place::Prompt(*round),
                    Event::new("before_prompt", "prompt_ready"),
                );
            }
            Step::ModelReplied { round, .. } => {
                let after_reprompt = round.checked_sub(1).is_some_and(|before| {
                    let reply = self.event(Place::Reply(before));
                    reply.is_some_and(|event| !event.guardrails_triggered.is_empty())
                });
                let decision = if after_reprompt {
                    "model_response_reprompt_processed"
                } else {
                    "model_response_processed"
                };
                self.put(Place::Reply(*round), Event::new("after_model", decision));
            }
            Step::Reprompted { round, violations } => {
                let rules = violations.iter().map(|violation| {
                    let rule = violation.rule_id.as_ref();
                    rule.unwrap_or(&violation.reason).clone()
                });
                let rules = rules.collect();
                if let Some(event) = self.event(Place::Reply(*round)) {
                    event.guardrails_triggered = rules;
                }
            }
            Step::CallIntended {
                index,
                call,
                effect,
                ..
            } => {
                self.calls.retain(|(known, ..)| known != index);
                self.calls.push((*index, call, *effect));
                let mut event = Event::new("before_tool", "tool_call_ready");
                event.tool_calls = vec![tool_call(call, *effect, None)];
                self.put(Place::Ready(*index), event);
            }
            // A person's word is no event of the reference's trace.
            Step::ApprovalRequested { .. } | Step::ApprovalDecided { .. } => {}
            Step::CallFinished { index, result } => {
                let call = self.calls.iter().find(|(known, ..)| known == index);
                let shown = call.map(|(_, call, effect)| tool_call(call, *effect, Some(result)));
                let mut event = Event::new("after_tool", "tool_call_result");
                event.tool_calls = shown.into_iter().collect();
                event.guardrails_triggered =
                    breach_of(result).map(|it| it.code).into_iter().collect();
                self.put(Place::Result(*index), event);
            }
            Step::Stalled { phase, .. } => self.failed(&format!("stalled_{phase}")),
            Step::TurnFinished {
                outcome: TurnOutcome::Failed { failure },
            } => {
                if self.failure.is_none() {
                    self.failed(failure.class.as_str());
                }
            }
            Step::TurnFinished {
                outcome: TurnOutcome::Succeeded { .. },
            }
            | Step::Recovered { .. }
            | Step::Verified { .. } => {}
        }
    }

    fn failed(&mut self, kind: &str) {
        self.failure = Some(kind.to_owned());
        self.put(Place::Failure, Event::new("on_turn_failure", kind));
    }

    fn event(&mut self, place: Place) -> Option<&mut Event> {
        let known = self.events.iter_mut().find(|(known, _)| *known == place);
        known.map(|(_, event)| event)
    }

    fn put(&mut self, place: Place, event: Event) {
        match self.event(place) {
            Some(known) => *known = event,
            None => self.events.push((place, event)),
        }
    }
}

impl Event {
    fn new(interceptor: &'static str, decision: &str) -> Self {
        Self {
            event_id: String::new(),
            index: 0,
            role: String::new(),
            interceptor,
            decision_type: decision.to_owned(),
            tool_calls: Vec::new(),
            guardrails_triggered: Vec::new(),
            retrieval_event_ids: [],
        }
    }
}

fn tool_call(call: &ToolCall, effect: EffectClass, result: Option<&ToolResult>) -> Value {
    let args = Value::Object(call.args.clone());
    let has_effect = result.is_some_and(|result| result.ok) && effect != EffectClass::Pure;
    json!({
        "tool_name": call.tool,
        "tool_profile_version": TOOL_PROFILE,
        "normalized_args": normalized(&args),
        "normalization_version": json_v1::VERSION,
        "tool_result_fingerprint": result.map(|result| fingerprint(&json!(result))),
        "side_effect_fingerprint":
            has_effect.then(|| fingerprint(&json!({"tool": call.tool, "args": args}))),
    })
}

/// The value in canonical form, read back; as it is when it has none.
fn normalized(value: &Value) -> Value {
    json_v1::to_string(value)
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_else(|| value.clone())
}

/// What has no canonical form is still the same whenever it is the same.
fn fingerprint(value: &Value) -> String {
    json_v1::fingerprint(value).unwrap_or_else(|_no_form| {
        crate::canonical::sha256_hex(crate::canonical::to_string(value).as_bytes())
    })
}
