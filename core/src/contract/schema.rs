//! The contract as a JSON Schema of the reply, for servers that decode under one: what it lets
//! through is an answer that the check and the gate accept. What it cannot speak of is what a text
//! says: a forbidden phrase, the imports of a file.
//!
//! Only what grammar compilers of local servers know is used: `const`, `enum`, `anyOf`, `pattern`
//! from `^` to `$`, `$ref` to `$defs`, and `prefixItems` for the calls that are due, in their order.
//! The whole is `{"tool_calls": [{"tool": …, "args": {…}}, …]}`, one of the shapes that
//! [`crate::tool_call::parse`] reads.
//!
//! # Layout
//!
//! - this file: which calls a reply is made of.
//! - `calls`: a single call.
//! - `room`: how many more files and looks the limits leave.
//! - `text`: what a text or a path is made of.

mod calls;
mod room;
mod text;

use serde_json::{Map, Value, json};

use self::room::Room;
use super::Contract;
use crate::gate::GateScope;
use crate::tool::{ToolCall, ToolSpec};
use crate::tool_catalogue::{UPDATE_ISSUE_STATUS, WRITE_FILE, is_observational};

/// How many calls beyond those that are due may come before them.
const EXTRAS: usize = 2;
/// How many calls that only look may come at once.
const LOOKS: usize = 4;

/// What the next reply is a reply to.
#[derive(Debug, Clone, Copy)]
pub struct ReplyScope<'a> {
    /// The seat, the card as it stands, and what the gate refuses.
    pub gate: GateScope<'a>,
    /// Files of the read contract that do not exist.
    pub missing_reads: &'a [String],
    /// The calls that were carried out in this turn.
    pub earlier: &'a [ToolCall],
    /// Whether the reply may only look things up.
    pub may_look: bool,
    /// Whether something that the card depends on is still open.
    pub waits_for_others: bool,
    /// The seats of the team, for new cards; empty where they are not known.
    pub seats: &'a [&'a str],
}

impl Contract {
    /// The schema of the next reply; `None` where words suffice, where nothing could be called, and
    /// where what is due cannot be said in one, so that the prompt alone has to do.
    #[must_use]
    pub fn reply_schema(&self, scope: &ReplyScope<'_>) -> Option<Value> {
        if self.words_suffice(scope.gate.seat) {
            return None;
        }
        let texts = text::defs(self, &scope.gate);
        let mut defs = texts.clone();
        let asked = Asked {
            contract: self,
            scope,
            defs: &texts,
        };
        let shapes = asked.shapes(&mut defs)?;
        Some(reply(shapes, &defs))
    }
}

/// A contract in a place of a run.
#[derive(Clone, Copy)]
struct Asked<'a> {
    contract: &'a Contract,
    scope: &'a ReplyScope<'a>,
    /// Kinds of texts.
    defs: &'a Map<String, Value>,
}

impl<'a> Asked<'a> {
    fn tools(self) -> impl Iterator<Item = &'a ToolSpec> {
        self.scope.gate.seat.tools.iter()
    }

    fn tool(self, name: &str) -> Option<&'a ToolSpec> {
        self.tools().find(|spec| spec.name == name)
    }

    /// What the calls of a reply may be, as arrays.
    fn shapes(self, defs: &mut Map<String, Value>) -> Option<Vec<Value>> {
        let reads = self.due_reads();
        if !reads.is_empty() && self.scope.may_look {
            // What they hold is wanted before anything is written.
            return Some(vec![tuple("", 0, &reads)]);
        }
        let room = Room::of(self.contract, self.scope);
        let mut due = reads;
        due.extend(self.due_calls()?);
        let mut shapes = if due.is_empty() {
            self.anything(&room, defs)
        } else {
            self.due_and_extras(&room, &due, defs)
        };
        if self.scope.may_look
            && let Some((look, most)) = self.looking(&room)
        {
            defs.insert("look".to_owned(), look);
            shapes.push(some("look", most));
        }
        (!shapes.is_empty()).then_some(shapes)
    }

    /// The calls that are due, alone and after a few others.
    fn due_and_extras(
        self,
        room: &Room,
        due: &[Value],
        defs: &mut Map<String, Value>,
    ) -> Vec<Value> {
        let others = self.tools().filter(|tool| !is_observational(&tool.name));
        let Some((extra, most)) = self.others(others, room, EXTRAS) else {
            return vec![tuple("", 0, due)];
        };
        defs.insert("extra".to_owned(), extra);
        // Each is written down once.
        let mut references = Vec::with_capacity(due.len());
        for (place, call) in due.iter().enumerate() {
            let name = format!("due{place}");
            references.push(reference(&name));
            defs.insert(name, call.clone());
        }
        (0..=most)
            .map(|count| tuple("extra", count, &references))
            .collect()
    }

    /// Nothing in particular is due, so anything that does something will do; the status comes last.
    fn anything(self, room: &Room, defs: &mut Map<String, Value>) -> Vec<Value> {
        let looks = self.contract.only_looks();
        let acting = self
            .tools()
            .filter(|tool| looks || !is_observational(&tool.name));
        let status = self.tool(UPDATE_ISSUE_STATUS);
        let status: Vec<Value> = status
            .and_then(|spec| self.deciding(spec))
            .into_iter()
            .collect();
        let mut shapes = Vec::new();
        let mut before = 0;
        if let Some((call, most)) = self.others(acting, room, LOOKS) {
            defs.insert("call".to_owned(), call);
            shapes.push(some("call", most));
            before = most.min(EXTRAS);
        }
        if !status.is_empty() {
            shapes.extend((0..=before).map(|count| tuple("call", count, &status)));
        }
        shapes
    }

    /// Any call of these tools but one that sets the status, and how many of them there may be.
    fn others(
        self,
        tools: impl Iterator<Item = &'a ToolSpec>,
        room: &Room,
        most: usize,
    ) -> Option<(Value, usize)> {
        let mut most = most;
        let mut shapes = Vec::new();
        for tool in tools.filter(|tool| tool.name != UPDATE_ISSUE_STATUS) {
            let left = if tool.name == WRITE_FILE {
                room.files
            } else {
                room.looks_of(&tool.name)
            };
            if left > 0
                && let Some(call) = self.free(tool)
            {
                most = most.min(left);
                shapes.push(call);
            }
        }
        Some((any_of(shapes)?, most))
    }

    fn looking(self, room: &Room) -> Option<(Value, usize)> {
        let looks = self.tools().filter(|tool| is_observational(&tool.name));
        self.others(looks, room, LOOKS)
    }
}

/// Up to `most` calls of the definition `name`.
fn some(name: &str, most: usize) -> Value {
    let call = reference(name);
    json!({"type": "array", "items": call, "minItems": 1, "maxItems": most})
}

/// The calls that are due, after `count` others of the definition `name`.
fn tuple(name: &str, count: usize, due: &[Value]) -> Value {
    let items: Vec<Value> = std::iter::repeat_n(reference(name), count)
        .chain(due.iter().cloned())
        .collect();
    let count = items.len();
    json!({"type": "array", "prefixItems": items, "minItems": count, "maxItems": count})
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn any_of(mut shapes: Vec<Value>) -> Option<Value> {
    match shapes.len() {
        0 => None,
        1 => shapes.pop(),
        _ => Some(json!({ "anyOf": shapes })),
    }
}

/// The whole, with those definitions that something refers to.
fn reply(shapes: Vec<Value>, defs: &Map<String, Value>) -> Value {
    let calls = any_of(shapes).unwrap_or_else(|| json!({"type": "array"}));
    let mut schema = json!({
        "type": "object",
        "properties": {"tool_calls": calls},
        "required": ["tool_calls"],
        "additionalProperties": false,
    });
    let mut used = Map::new();
    collect(&schema, defs, &mut used);
    if let (Value::Object(schema), false) = (&mut schema, used.is_empty()) {
        schema.insert("$defs".to_owned(), Value::Object(used));
    }
    schema
}

fn collect(part: &Value, defs: &Map<String, Value>, used: &mut Map<String, Value>) {
    match part {
        Value::Array(items) => items.iter().for_each(|item| collect(item, defs, used)),
        Value::Object(fields) => {
            let name = fields.get("$ref").and_then(Value::as_str);
            let name = name.and_then(|name| name.strip_prefix("#/$defs/"));
            if let Some(name) = name
                && !used.contains_key(name)
                && let Some(def) = defs.get(name)
            {
                used.insert(name.to_owned(), def.clone());
                collect(def, defs, used);
            }
            fields.values().for_each(|value| collect(value, defs, used));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
