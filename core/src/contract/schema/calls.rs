//! A single call: those that are due, and any that a tool takes.

use serde_json::{Map, Value, json};

use super::super::rejection::{PAYLOAD_KEYS, refuses};
use super::super::{DecisionRule, needs_reason, same_path};
use super::{Asked, any_of, reference, text};
use crate::contract::decision::EVIDENCE_KEYS;
use crate::gate;
use crate::ids::CardId;
use crate::status::{CardStatus, WaitReason};
use crate::tool::{ToolCall, ToolSpec};
use crate::tool_catalogue::{
    ADD_ISSUE_COMMENT, CREATE_ISSUE, GET_ISSUE_CONTEXT, LIST_DIRECTORY, READ_FILE,
    UPDATE_ISSUE_STATUS, WRITE_FILE,
};
use crate::transition::{self, Actor};

/// The most violations or remedies that a refusal names.
const REASONS: usize = 8;

impl Asked<'_> {
    /// The reads that are still due.
    pub(super) fn due_reads(self) -> Vec<Value> {
        if self.tool(READ_FILE).is_none() {
            return Vec::new();
        }
        self.contract
            .demanded_reads(self.scope.missing_reads)
            .filter(|path| !self.touched(READ_FILE, path))
            .map(|path| call(READ_FILE, vec![("path", json!({ "const": path }))], vec![]))
            .collect()
    }

    /// The other calls that are still due: files, tools, and the status last. `None` when one of
    /// them cannot be made.
    pub(super) fn due_calls(self) -> Option<Vec<Value>> {
        let missing = self.scope.missing_reads;
        let mut due = Vec::new();
        if self.tool(WRITE_FILE).is_some() {
            let unwritten = self
                .contract
                .demanded_writes()
                .filter(|path| !self.touched(WRITE_FILE, path));
            due.extend(unwritten.map(|path| self.writing(path)));
        }
        for name in self.contract.demanded_tools(missing) {
            let said_otherwise = match name {
                WRITE_FILE => self.contract.demanded_writes().next().is_some(),
                READ_FILE => self.contract.demanded_reads(missing).next().is_some(),
                UPDATE_ISSUE_STATUS => true,
                _ => false,
            };
            let made = self.scope.earlier.iter().any(|call| call.tool == name);
            if said_otherwise || made {
                continue;
            }
            let spec = self.tool(name)?;
            let counts = [LIST_DIRECTORY, GET_ISSUE_CONTEXT].contains(&name);
            due.push(if counts && !self.contract.limits.is_empty() {
                // What is not named does not count against a limit.
                call(name, vec![], vec![])
            } else {
                self.free(spec)?
            });
        }
        let demands = |name: &&str| *name == UPDATE_ISSUE_STATUS;
        if !self.contract.required_statuses.is_empty()
            || self.contract.demanded_tools(missing).any(|it| demands(&it))
        {
            due.push(self.deciding(self.tool(UPDATE_ISSUE_STATUS)?)?);
        }
        Some(due)
    }

    fn touched(self, tool: &str, path: &str) -> bool {
        self.scope
            .earlier
            .iter()
            .filter(|call| call.tool == tool)
            .filter_map(|call| call.text("path"))
            .any(|given| same_path(given, path))
    }

    fn writing(self, path: &str) -> Value {
        let decision = self.contract.architecture_decision.as_ref();
        let content = decision
            .filter(|rule| same_path(&rule.path, path))
            .map_or_else(|| json!({"type": "string"}), DecisionRule::schema);
        let path = json!({ "const": path });
        call(
            WRITE_FILE,
            vec![("path", path), ("content", content)],
            vec![],
        )
    }

    /// The statuses that the contract wants and the table allows; where it wants none in
    /// particular, all that this seat may set.
    fn settable(self) -> Vec<CardStatus> {
        let gate = &self.scope.gate;
        let actor = Actor::Agent {
            roles: &gate.seat.roles,
        };
        let may = |to: &CardStatus| {
            let reason = Some(WaitReason::Input);
            transition::check(gate.card.kind, gate.status, *to, reason, actor).is_ok()
        };
        let wanted: &[CardStatus] = &self.contract.required_statuses;
        let wanted = if wanted.is_empty() {
            transition::allowed(gate.card.kind, gate.status)
        } else {
            wanted
        };
        wanted.iter().copied().filter(may).collect()
    }

    /// The call that sets the status, one shape for each kind of status.
    pub(super) fn deciding(self, spec: &ToolSpec) -> Option<Value> {
        let settable = self.settable();
        let payloads = self.contract.rejection_payload;
        let shape = |waits: bool, payload: bool| {
            let group: Vec<&str> = settable
                .iter()
                .filter(|status| needs_reason(**status) == waits)
                .filter(|status| (payloads && refuses(**status)) == payload)
                .map(|status| CardStatus::as_str(*status))
                .collect();
            if group.is_empty() {
                return None;
            }
            let mut fields = vec![("status", json!({ "enum": group }))];
            if waits {
                // A reviewer that waits for others must have others to wait for.
                let idle = payload && !self.scope.waits_for_others;
                let reasons: Vec<&str> = WaitReason::ALL
                    .iter()
                    .filter(|reason| !(idle && **reason == WaitReason::Dependency))
                    .map(|reason| reason.as_str())
                    .collect();
                fields.push(("wait_reason", json!({ "enum": reasons })));
            }
            if payload {
                let list = json!({"type": "array", "items": reference(text::WORDS), "minItems": 1, "maxItems": REASONS});
                let [rationale, violations, remedies] = PAYLOAD_KEYS;
                fields.extend([
                    (rationale, reference(text::WORDS)),
                    (violations, list.clone()),
                    (remedies, list),
                ]);
            }
            Some(call(&spec.name, fields, vec![]))
        };
        let shapes = [(false, false), (true, false), (false, true), (true, true)]
            .into_iter()
            .filter_map(|(waits, payload)| shape(waits, payload));
        any_of(shapes.collect())
    }

    /// A call with any arguments that the tool takes and the gate lets through; `None` where there
    /// are none.
    pub(super) fn free(self, spec: &ToolSpec) -> Option<Value> {
        let one = |name, schema| vec![(name, schema)];
        let shape = match spec.name.as_str() {
            READ_FILE => call(READ_FILE, one("path", self.file(READ_FILE)?), vec![]),
            WRITE_FILE => {
                let content = json!({"type": "string"});
                let fields = vec![("path", self.file(WRITE_FILE)?), ("content", content)];
                call(WRITE_FILE, fields, vec![])
            }
            LIST_DIRECTORY => {
                let path = one("path", reference(text::FOLDER));
                call(LIST_DIRECTORY, vec![], path)
            }
            GET_ISSUE_CONTEXT => {
                // No other card can be looked at.
                let own = self.scope.gate.card;
                let cards: Vec<&str> = std::iter::once(&own.id)
                    .chain(&own.depends_on)
                    .map(CardId::as_str)
                    .collect();
                let id = one("issue_id", json!({ "enum": cards }));
                call(GET_ISSUE_CONTEXT, vec![], id)
            }
            ADD_ISSUE_COMMENT => call(
                ADD_ISSUE_COMMENT,
                one("comment", reference(text::WORDS)),
                vec![],
            ),
            UPDATE_ISSUE_STATUS => self.deciding(spec)?,
            CREATE_ISSUE => {
                let seat = if self.scope.seats.is_empty() {
                    reference(text::NAME)
                } else {
                    json!({ "enum": self.scope.seats })
                };
                let due = vec![("seat", seat), ("summary", reference(text::SENTENCE))];
                let more = vec![
                    ("description", reference(text::NOTE)),
                    ("requirements", reference(text::NOTE)),
                    ("priority", json!({"enum": ["high", "medium", "low"]})),
                ];
                call(CREATE_ISSUE, due, more)
            }
            // Tools of skills bring their own schemas.
            name => {
                let mut fixed = Vec::new();
                if let Some(path) = match name {
                    "list_dir" => Some(reference(text::FOLDER)),
                    "delete_file" => Some(self.file(WRITE_FILE)?),
                    _ => None,
                } {
                    fixed.push(("path", path));
                }
                if gate::wants_confirmation(spec) {
                    fixed.push(("confirm", json!({"const": true})));
                }
                with(spec, fixed)
            }
        };
        Some(shape)
    }

    /// A file of the seat's own choice.
    fn file(self, tool: &str) -> Option<Value> {
        let gate = &self.scope.gate;
        let Some(files) = self.contract.only_files() else {
            let name = if tool == READ_FILE {
                text::READABLE
            } else {
                text::WRITABLE
            };
            return self.defs.contains_key(name).then(|| reference(name));
        };
        let passes = |path: &&str| {
            let args = json!({"path": path, "content": ""});
            let call = ToolCall {
                tool: tool.to_owned(),
                args: args.as_object().cloned().unwrap_or_default(),
            };
            gate::check(&call, gate).is_ok()
        };
        let files: Vec<&str> = files.into_iter().filter(passes).collect();
        (!files.is_empty()).then(|| json!({ "enum": files }))
    }
}

impl DecisionRule {
    fn schema(&self) -> Value {
        let evidence: Vec<(&str, Value)> = EVIDENCE_KEYS
            .iter()
            .map(|key| (*key, reference(text::NOTE)))
            .collect();
        let due = vec![
            ("recommendation", json!({"enum": self.patterns})),
            (
                "confidence",
                json!({"enum": [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]}),
            ),
            ("evidence", object(evidence, vec![])),
        ];
        let mut more = Vec::new();
        if !self.frameworks.is_empty() {
            more.push(("frontend_framework", json!({"enum": self.frameworks})));
        }
        more.push(("structure", reference(text::NOTE)));
        object(due, more)
    }
}

/// A call with the tool's own schema, some arguments fixed and required.
fn with(spec: &ToolSpec, fixed: Vec<(&str, Value)>) -> Value {
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
    args.insert("properties".to_owned(), Value::Object(properties));
    args.insert("required".to_owned(), Value::Array(required));
    calling(&spec.name, &Value::Object(args))
}

/// A call with these arguments and no other: what is due first, then what may be left out.
fn call(tool: &str, due: Vec<(&str, Value)>, more: Vec<(&str, Value)>) -> Value {
    calling(tool, &object(due, more))
}

fn calling(tool: &str, args: &Value) -> Value {
    json!({
        "type": "object",
        "properties": {"tool": {"const": tool}, "args": args},
        "required": ["tool", "args"],
        "additionalProperties": false,
    })
}

fn object(due: Vec<(&str, Value)>, more: Vec<(&str, Value)>) -> Value {
    let required: Vec<String> = due.iter().map(|(name, _)| (*name).to_owned()).collect();
    let properties: Map<String, Value> = due
        .into_iter()
        .chain(more)
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}
