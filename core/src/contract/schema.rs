//! The contract as a JSON Schema of the reply, for servers that decode under one: what it lets
//! through is an answer that the check accepts.
//!
//! Only what grammar compilers of local servers know is used: `const`, `enum`, `anyOf`, `$ref` to
//! `$defs`, and `prefixItems` for the calls that are due, in their order. The whole is
//! `{"tool_calls": [{"tool": …, "args": {…}}, …]}`, one of the shapes that
//! [`crate::tool_call::parse`] reads.

use serde_json::{Map, Value, json};

use super::rejection::{PAYLOAD_KEYS, refuses};
use super::{Contract, DecisionRule, needs_reason, same_path};
use crate::contract::decision::EVIDENCE_KEYS;
use crate::plan::SeatPlan;
use crate::status::{CardStatus, WaitReason};
use crate::tool::{ToolCall, ToolSpec};
use crate::tool_catalogue::{READ_FILE, UPDATE_ISSUE_STATUS, WRITE_FILE, is_observational};

/// How many calls beyond those that are due may come before them.
const EXTRAS: usize = 2;
/// How many calls that only look may come at once.
const LOOKS: usize = 4;

impl Contract {
    /// The schema of the next reply; `None` where words suffice or nothing could be called.
    /// `earlier` are the calls that were carried out in this turn, `may_look` says whether the reply
    /// may only look things up.
    #[must_use]
    pub fn reply_schema(
        &self,
        seat: &SeatPlan,
        missing_reads: &[String],
        earlier: &[ToolCall],
        may_look: bool,
    ) -> Option<Value> {
        if self.words_suffice(seat) {
            return None;
        }
        let reads = self.due_reads(seat, missing_reads, earlier);
        if !reads.is_empty() && may_look {
            // What they hold is wanted before anything is written.
            return Some(reply(vec![tuple(0, &reads)], Map::new()));
        }
        let mut due = reads;
        due.extend(self.due_calls(seat, missing_reads, earlier));
        let mut defs = Map::new();
        let extra = any_of(
            seat.tools
                .iter()
                .filter(|tool| !is_observational(&tool.name) && tool.name != UPDATE_ISSUE_STATUS)
                .map(|tool| self.free(tool)),
        );
        let mut shapes = Vec::new();
        if due.is_empty() {
            // Nothing in particular is due, so anything that does something will do.
            let all = any_of(self.acting(seat).map(|tool| self.free(tool)))?;
            defs.insert("call".to_owned(), all);
            let call = json!({"$ref": "#/$defs/call"});
            shapes.push(json!({"type": "array", "items": call, "minItems": 1, "maxItems": LOOKS}));
        } else {
            shapes.push(tuple(0, &due));
            if let Some(extra) = extra {
                defs.insert("extra".to_owned(), extra);
                shapes.extend((1..=EXTRAS).map(|count| tuple(count, &due)));
            }
        }
        if may_look
            && let Some(look) = any_of(
                seat.tools
                    .iter()
                    .filter(|tool| is_observational(&tool.name))
                    .map(|tool| self.free(tool)),
            )
        {
            defs.insert("look".to_owned(), look);
            let look = json!({"$ref": "#/$defs/look"});
            shapes.push(json!({"type": "array", "items": look, "minItems": 1, "maxItems": LOOKS}));
        }
        Some(reply(shapes, defs))
    }

    /// The tools whose calls change something, or all of them where looking is all that is asked.
    fn acting<'a>(&self, seat: &'a SeatPlan) -> impl Iterator<Item = &'a ToolSpec> {
        let looks = self.only_looks();
        seat.tools
            .iter()
            .filter(move |tool| looks || !is_observational(&tool.name))
    }

    /// The reads that are still due.
    fn due_reads(
        &self,
        seat: &SeatPlan,
        missing_reads: &[String],
        earlier: &[ToolCall],
    ) -> Vec<Value> {
        let Some(spec) = tool(seat, READ_FILE) else {
            return Vec::new();
        };
        self.demanded_reads(missing_reads)
            .filter(|path| !touched(earlier, READ_FILE, path))
            .map(|path| with(spec, [("path", json!({ "const": path }))]))
            .collect()
    }

    /// The other calls that are still due: files, tools, and the status last.
    fn due_calls(
        &self,
        seat: &SeatPlan,
        missing_reads: &[String],
        earlier: &[ToolCall],
    ) -> Vec<Value> {
        let mut due = Vec::new();
        if let Some(spec) = tool(seat, WRITE_FILE) {
            let unwritten = self
                .demanded_writes()
                .filter(|path| !touched(earlier, WRITE_FILE, path));
            due.extend(unwritten.map(|path| self.writing(spec, path)));
        }
        for name in self.demanded_tools(missing_reads) {
            let by_path = match name {
                WRITE_FILE => self.demanded_writes().next().is_some(),
                READ_FILE => self.demanded_reads(missing_reads).next().is_some(),
                UPDATE_ISSUE_STATUS => !self.required_statuses.is_empty(),
                _ => false,
            };
            if !by_path
                && !earlier.iter().any(|call| call.tool == name)
                && let Some(spec) = tool(seat, name)
            {
                due.push(self.free(spec));
            }
        }
        if let Some(spec) = tool(seat, UPDATE_ISSUE_STATUS) {
            due.extend(self.deciding(spec));
        }
        due
    }

    fn writing(&self, spec: &ToolSpec, path: &str) -> Value {
        let decision = self
            .architecture_decision
            .as_ref()
            .filter(|rule| same_path(&rule.path, path));
        let content = decision.map_or_else(|| json!({"type": "string"}), DecisionRule::schema);
        with(
            spec,
            [("path", json!({ "const": path })), ("content", content)],
        )
    }

    /// The call that sets the status, one shape for each kind of status.
    fn deciding(&self, spec: &ToolSpec) -> Option<Value> {
        let reasons: Vec<&str> = WaitReason::ALL
            .iter()
            .map(|reason| reason.as_str())
            .collect();
        let reasons: Vec<&str> = reasons
            .into_iter()
            .filter(|reason| {
                !(self.rejection_payload && *reason == WaitReason::Dependency.as_str())
            })
            .collect();
        let shape = |waits: bool, payload: bool| {
            let group: Vec<&str> = self
                .required_statuses
                .iter()
                .filter(|status| needs_reason(**status) == waits)
                .filter(|status| (self.rejection_payload && refuses(**status)) == payload)
                .map(|status| CardStatus::as_str(*status))
                .collect();
            if group.is_empty() {
                return None;
            }
            let mut fields = vec![("status", json!({ "enum": group }))];
            if waits {
                fields.push(("wait_reason", json!({ "enum": reasons })));
            }
            if payload {
                let text = json!({"type": "string", "minLength": 1});
                let [rationale, violations, remedies] = PAYLOAD_KEYS;
                let list = json!({"type": "array", "items": text, "minItems": 1});
                fields.extend([
                    (rationale, text),
                    (violations, list.clone()),
                    (remedies, list),
                ]);
            }
            Some(exactly(&spec.name, fields))
        };
        any_of(
            [(false, false), (true, false), (false, true), (true, true)]
                .into_iter()
                .filter_map(|(waits, payload)| shape(waits, payload)),
        )
    }

    /// A call with any arguments that the tool takes, within what the contract allows.
    fn free(&self, spec: &ToolSpec) -> Value {
        match (spec.name.as_str(), self.only_files()) {
            (READ_FILE | WRITE_FILE, Some(files)) => {
                with(spec, [("path", json!({ "enum": files }))])
            }
            (WRITE_FILE, None) => with(spec, [("content", json!({"type": "string"}))]),
            _ => with(spec, []),
        }
    }
}

impl DecisionRule {
    fn schema(&self) -> Value {
        let text = json!({"type": "string", "minLength": 1});
        let evidence: Map<String, Value> = EVIDENCE_KEYS
            .iter()
            .map(|key| ((*key).to_owned(), text.clone()))
            .collect();
        json!({
            "type": "object",
            "properties": {
                "recommendation": {"enum": self.patterns},
                "confidence": {"enum": [0.5, 0.6, 0.7, 0.8, 0.9, 1]},
                "evidence": {
                    "type": "object",
                    "properties": evidence,
                    "required": EVIDENCE_KEYS,
                    "additionalProperties": false,
                },
                "structure": {"type": "string"},
            },
            "required": ["recommendation", "confidence", "evidence", "structure"],
            "additionalProperties": false,
        })
    }
}

fn tool<'a>(seat: &'a SeatPlan, name: &str) -> Option<&'a ToolSpec> {
    seat.tools.iter().find(|spec| spec.name == name)
}

fn touched(earlier: &[ToolCall], tool: &str, path: &str) -> bool {
    earlier
        .iter()
        .filter(|call| call.tool == tool)
        .filter_map(|call| call.text("path"))
        .any(|given| same_path(given, path))
}

/// A call with the tool's own schema, some arguments fixed and required.
fn with<const N: usize>(spec: &ToolSpec, fixed: [(&str, Value); N]) -> Value {
    let mut args = match &spec.parameters {
        Value::Object(schema) => schema.clone(),
        _ => Map::from_iter([("type".to_owned(), json!("object"))]),
    };
    let mut required: Vec<Value> = match args.get("required") {
        Some(Value::Array(names)) => names.clone(),
        _ => Vec::new(),
    };
    let mut properties = match args.remove("properties") {
        Some(Value::Object(properties)) => properties,
        _ => Map::new(),
    };
    for (name, schema) in fixed {
        properties.insert(name.to_owned(), schema);
        if !required.iter().any(|it| it == name) {
            required.push(json!(name));
        }
    }
    // A small model fills in whatever it is offered; what is optional only leads it astray.
    if is_built_in(&spec.name) {
        properties.retain(|name, _| required.iter().any(|it| it == name));
        args.insert("additionalProperties".to_owned(), json!(false));
    }
    args.insert("properties".to_owned(), Value::Object(properties));
    args.insert("required".to_owned(), Value::Array(required));
    call(&spec.name, Value::Object(args))
}

fn is_built_in(name: &str) -> bool {
    is_observational(name)
        || [
            WRITE_FILE,
            UPDATE_ISSUE_STATUS,
            crate::tool_catalogue::ADD_ISSUE_COMMENT,
            crate::tool_catalogue::CREATE_ISSUE,
        ]
        .contains(&name)
}

/// A call with these arguments and no other.
fn exactly(tool: &str, fields: Vec<(&str, Value)>) -> Value {
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let args = json!({
        "type": "object",
        "required": names,
        "additionalProperties": false,
        "properties": fields.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect::<Map<_, _>>(),
    });
    call(tool, args)
}

fn call(tool: &str, args: Value) -> Value {
    json!({
        "type": "object",
        "properties": {"tool": {"const": tool}, "args": args},
        "required": ["tool", "args"],
        "additionalProperties": false,
    })
}

/// The calls that are due, after `extras` others.
fn tuple(extras: usize, due: &[Value]) -> Value {
    let extra = json!({"$ref": "#/$defs/extra"});
    let items: Vec<Value> = std::iter::repeat_n(extra, extras)
        .chain(due.iter().cloned())
        .collect();
    let count = items.len();
    json!({"type": "array", "prefixItems": items, "minItems": count, "maxItems": count})
}

fn any_of(shapes: impl Iterator<Item = Value>) -> Option<Value> {
    let mut shapes: Vec<Value> = shapes.collect();
    match shapes.len() {
        0 => None,
        1 => shapes.pop(),
        _ => Some(json!({ "anyOf": shapes })),
    }
}

fn reply(shapes: Vec<Value>, defs: Map<String, Value>) -> Value {
    let calls = any_of(shapes.into_iter()).unwrap_or_else(|| json!({"type": "array"}));
    let mut schema = json!({
        "type": "object",
        "properties": {"tool_calls": calls},
        "required": ["tool_calls"],
        "additionalProperties": false,
    });
    if let (Value::Object(schema), false) = (&mut schema, defs.is_empty()) {
        schema.insert("$defs".to_owned(), Value::Object(defs));
    }
    schema
}
