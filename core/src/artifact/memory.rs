//! `memory_trace.json` and `memory_retrieval_trace.json`: what two runs are compared by.
//!
//! Derived from the steps, and the versions of skills from the plan. The steps do not name a
//! workflow or a policy set, so the workflow is the card's seat and purpose, and the policy set is
//! the fingerprint of the system prompt: that is what the turn was told to keep. What was looked up stands in the turn's first step; the search
//! came before the prompt, so it belongs to the first event. Paths below the run's workspace count as
//! relative to it: two runs of the same work in two folders behave alike.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Ending, TurnMeta, ending, pretty};
use crate::canonical::json_v1;
use crate::memory::recall::{Remembered, Search, VisibilityMode};
use crate::model::Speaker;
use crate::plan::CommandTool;
use crate::relative;
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
    memory_snapshot_id: String,
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
    retrieval_event_ids: Vec<String>,
}

/// A row of `memory_retrieval_trace.json`.
#[derive(Serialize)]
struct Retrieval<'a> {
    retrieval_event_id: String,
    run_id: &'a str,
    event_id: String,
    policy_id: &'static str,
    policy_version: &'static str,
    query_normalization_version: &'static str,
    query_fingerprint: &'a str,
    retrieval_mode: &'static str,
    candidate_count: u64,
    selected_records: Vec<Value>,
    applied_filters: Value,
    retrieval_trace_schema_version: &'static str,
}

/// The way records are found: the words that query and record share, the smaller id first.
const RETRIEVAL_POLICY: (&str, &str, &str) = ("project_memory.shared_words", "v1", "text_search");
/// How a query is taken apart: composed form, lower case, words, each once.
const QUERY_NORMALIZATION: &str = "words.v1";

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
    workspace: &'a str,
    commands: Option<&'a BTreeMap<String, CommandTool>>,
    events: Vec<(Place, Event)>,
    calls: Vec<(u32, &'a ToolCall, EffectClass)>,
    workflow: Option<(&'a str, &'static str)>,
    remembered: Option<&'a Remembered>,
    model_config: Option<String>,
    policy_set: Option<String>,
    failure: Option<String>,
}

/// Both files.
pub(super) fn files<S: Borrow<Step>>(meta: &TurnMeta<'_>, steps: &[S]) -> Vec<(String, Vec<u8>)> {
    let walk = Walk::of(meta, steps);
    let rows: Vec<Retrieval<'_>> = walk.search().map(|it| row(meta, it)).into_iter().collect();
    let retrieval = json!({
        "events": rows,
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
    let walk = Walk::of(meta, steps);
    let mut events: Vec<Event> = walk.events.iter().map(|(_, event)| event.clone()).collect();
    for (index, event) in events.iter_mut().enumerate() {
        event.index = index;
        meta.role.clone_into(&mut event.role);
        event.event_id = event_id(meta, index);
    }
    if walk.search().is_some()
        && let Some(first) = events.first_mut()
    {
        first.retrieval_event_ids.push(retrieval_id(meta));
    }
    let (snapshot, visibility) = walk
        .remembered
        .map_or((0, VisibilityMode::Off), |it| (it.snapshot, it.visibility));
    let (seat, purpose) = walk.workflow.unwrap_or((UNKNOWN, UNKNOWN));
    let or_unknown = |id: Option<&String>| id.cloned().unwrap_or_else(|| UNKNOWN.to_owned());
    let mut kept = events.len();
    loop {
        let bytes = pretty(&Trace {
            run_id: meta.run_id,
            workflow_id: format!("{}:{seat}:{purpose}", meta.issue_id),
            memory_snapshot_id: snapshot.to_string(),
            visibility_mode: visibility.as_str(),
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

fn event_id(meta: &TurnMeta<'_>, index: usize) -> String {
    format!(
        "{}:{}:{}:{}:{index}",
        meta.run_id, meta.issue_id, meta.turn, meta.attempt
    )
}

fn retrieval_id(meta: &TurnMeta<'_>) -> String {
    format!(
        "{}:{}:{}:{}:retrieval:0",
        meta.run_id, meta.issue_id, meta.turn, meta.attempt
    )
}

fn row<'a>(meta: &TurnMeta<'a>, search: &'a Search) -> Retrieval<'a> {
    let (policy_id, policy_version, retrieval_mode) = RETRIEVAL_POLICY;
    let ranked = (1..).zip(&search.records);
    let selected_records = ranked.map(|(rank, record): (u32, _)| {
        json!({
            "record_id": record.id.to_string(), "record_type": record.record_type,
            "score": record.score, "rank": rank,
        })
    });
    Retrieval {
        retrieval_event_id: retrieval_id(meta),
        run_id: meta.run_id,
        event_id: event_id(meta, 0),
        policy_id,
        policy_version,
        query_normalization_version: QUERY_NORMALIZATION,
        query_fingerprint: &search.query_fingerprint,
        retrieval_mode,
        candidate_count: search.candidates,
        selected_records: selected_records.collect(),
        applied_filters: json!({
            "namespace": "project", "tags": [], "trust": null, "scope": null, "ttl": null,
        }),
        retrieval_trace_schema_version: RETRIEVAL_VERSION,
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
    fn of<S: Borrow<Step>>(meta: &TurnMeta<'a>, steps: &'a [S]) -> Self {
        let mut walk = Self {
            workspace: meta.plan.map_or("", |plan| &plan.workspace),
            commands: meta.plan.map(|plan| &plan.commands),
            ..Self::default()
        };
        for step in steps {
            walk.take(step.borrow());
        }
        walk
    }

    fn search(&self) -> Option<&'a Search> {
        self.remembered?.search.as_ref()
    }

    fn take(&mut self, step: &'a Step) {
        match step {
            Step::TurnStarted {
                seat,
                purpose,
                given,
                ..
            } => {
                self.workflow = Some((seat, purpose.as_str()));
                self.remembered = given.as_ref().and_then(|it| it.remembered.as_ref());
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
                        .map(|message| relative::text(&message.content, self.workspace))
                        .map(Value::from);
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
                event.tool_calls = vec![self.tool_call(call, *effect, None)];
                self.put(Place::Ready(*index), event);
            }
            // A person's word is no event of the reference's trace.
            Step::ApprovalRequested { .. } | Step::ApprovalDecided { .. } => {}
            Step::CallFinished { index, result } => {
                let call = self.calls.iter().find(|(known, ..)| known == index);
                let shown =
                    call.map(|(_, call, effect)| self.tool_call(call, *effect, Some(result)));
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

    /// A skill's version is its manifest's; the rest come with the roles.
    fn version_of(&self, tool: &str) -> &'a str {
        let command = self.commands.and_then(|all| all.get(tool));
        let skill = command.and_then(|command| command.skill.as_ref());
        let version = skill.map(|skill| skill.tool_profile_version.as_str());
        version.filter(|it| !it.is_empty()).unwrap_or(TOOL_PROFILE)
    }

    fn failed(&mut self, kind: &str) {
        self.failure = Some(kind.to_owned());
        self.put(Place::Failure, Event::new("on_turn_failure", kind));
    }

    fn tool_call(
        &self,
        call: &ToolCall,
        effect: EffectClass,
        result: Option<&ToolResult>,
    ) -> Value {
        let relative = |mut value: Value| {
            relative::value(&mut value, self.workspace);
            value
        };
        let args = relative(Value::Object(call.args.clone()));
        let has_effect = result.is_some_and(|result| result.ok) && effect != EffectClass::Pure;
        json!({
            "tool_name": call.tool,
            "tool_profile_version": self.version_of(&call.tool),
            "normalized_args": normalized(&args),
            "normalization_version": json_v1::VERSION,
            "tool_result_fingerprint": result.map(|result| fingerprint(&relative(json!(result)))),
            "side_effect_fingerprint":
                has_effect.then(|| fingerprint(&json!({"tool": call.tool, "args": args}))),
        })
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
            retrieval_event_ids: Vec::new(),
        }
    }
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
