//! One event as one line.

use std::ops::Range;

use orket_actors::port::event::RuntimeEvent;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::mask::{MASK, Masked, hides};

/// Writes `{timestamp, role, event, data}` and a line end.
pub(super) fn log(buffer: &mut Vec<u8>, timestamp: &str, event: &RuntimeEvent) {
    let begin = buffer.len();
    // Our values always print; if one did not, half a line would spoil the next one.
    match head(buffer, timestamp, event).and_then(|()| data(buffer, event)) {
        Ok(_) => buffer.extend_from_slice(b"}\n"),
        Err(_) => buffer.truncate(begin),
    }
}

/// Writes `{timestamp, role, event, data, seq}` without a line end. Returns where in the buffer the
/// fields of `data` are that [`LogLine`] makes the same line of again: an object without its closing
/// brace.
///
/// # Errors
///
/// When a value cannot be printed; the buffer is as it was.
pub(crate) fn numbered(
    buffer: &mut Vec<u8>,
    timestamp: &str,
    event: &RuntimeEvent,
) -> serde_json::Result<Range<usize>> {
    let begin = buffer.len();
    let written = head(buffer, timestamp, event)
        .and_then(|()| data(buffer, event))
        .and_then(|fields| {
            buffer.extend_from_slice(b",\"seq\":");
            serde_json::to_writer(&mut *buffer, &event.seq)?;
            buffer.push(b'}');
            Ok(fields)
        });
    if written.is_err() {
        buffer.truncate(begin);
    }
    written
}

/// The same with nothing in `data` but what the event has there.
///
/// # Errors
///
/// When a value cannot be printed.
pub(crate) fn bare(
    buffer: &mut Vec<u8>,
    timestamp: &str,
    event: &RuntimeEvent,
) -> serde_json::Result<()> {
    head(buffer, timestamp, event)?;
    serde_json::to_writer(&mut *buffer, &Fields(event))?;
    buffer.extend_from_slice(b",\"seq\":");
    serde_json::to_writer(&mut *buffer, &event.seq)?;
    buffer.push(b'}');
    Ok(())
}

fn head(buffer: &mut Vec<u8>, timestamp: &str, event: &RuntimeEvent) -> serde_json::Result<()> {
    buffer.extend_from_slice(b"{\"timestamp\":\"");
    buffer.extend_from_slice(timestamp.as_bytes());
    buffer.extend_from_slice(b"\",\"role\":");
    serde_json::to_writer(&mut *buffer, &event.role)?;
    buffer.extend_from_slice(b",\"event\":");
    serde_json::to_writer(&mut *buffer, &event.event)?;
    buffer.extend_from_slice(b",\"data\":");
    Ok(())
}

/// Writes `data`: the fields of the event, then `runtime_event`. Returns where the fields are. The log and
/// those who listen show the same, so it is made once; what cannot be printed is made of nothing, and is
/// an error for each.
fn data(buffer: &mut Vec<u8>, event: &RuntimeEvent) -> serde_json::Result<Range<usize>> {
    let begin = buffer.len();
    let (bytes, fields) = event.shown.get_or_make(|| {
        let mut bytes = Vec::with_capacity(768);
        match print_data(&mut bytes, event) {
            Ok(fields) => (bytes, fields),
            Err(_) => (Vec::new(), 0..0),
        }
    });
    if bytes.is_empty() {
        return print_data(&mut Vec::new(), event);
    }
    buffer.extend_from_slice(bytes);
    Ok(begin + fields.start..begin + fields.end)
}

fn print_data(buffer: &mut Vec<u8>, event: &RuntimeEvent) -> serde_json::Result<Range<usize>> {
    let begin = buffer.len();
    serde_json::to_writer(&mut *buffer, &Fields(event))?;
    // The brace comes after what follows.
    buffer.pop();
    let mut end = buffer.len();
    if end > begin + 1 {
        buffer.push(b',');
    }
    buffer.extend_from_slice(b"\"runtime_event\":");
    match own_summary(event) {
        Some(own) => {
            serde_json::to_writer(&mut *buffer, &Masked(own))?;
            end = buffer.len();
        }
        None => serde_json::to_writer(&mut *buffer, &Summary::of(event))?,
    }
    buffer.push(b'}');
    Ok(begin..end)
}

/// The `runtime_event` that an event brings along.
fn own_summary(event: &RuntimeEvent) -> Option<&Value> {
    event
        .data
        .get("runtime_event")
        .filter(|own| own.is_object())
}

/// The session that an event belongs to.
pub(crate) fn session_of(event: &RuntimeEvent) -> Option<&str> {
    fn text(value: &Value) -> Option<&str> {
        value.get("session_id")?.as_str()
    }
    let own = own_summary(event).and_then(text);
    own.or(event.run_id.as_deref())
        .or_else(|| text(&event.data))
        .filter(|session| !session.is_empty())
}

/// A line of the log as an answer has it: `{timestamp, role, event, data, seq}`.
#[derive(Debug, Clone)]
pub(crate) struct LogLine {
    /// When, in the zone of the log.
    pub timestamp: String,
    /// What.
    pub event: RuntimeEvent,
}

impl Serialize for LogLine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(5))?;
        map.serialize_entry("timestamp", &self.timestamp)?;
        map.serialize_entry("role", &self.event.role)?;
        map.serialize_entry("event", &self.event.event)?;
        map.serialize_entry("data", &Data(&self.event))?;
        map.serialize_entry("seq", &self.event.seq)?;
        map.end()
    }
}

/// Writes the `runtime_event` object, with its time in front, and a line end.
pub(super) fn turn_event(buffer: &mut Vec<u8>, timestamp: &str, event: &RuntimeEvent) {
    #[derive(Serialize)]
    struct Line<'a> {
        timestamp: &'a str,
        #[serde(flatten)]
        event: Summary<'a>,
    }
    put(
        buffer,
        &Line {
            timestamp,
            event: Summary::of(event),
        },
    );
}

fn put<T: Serialize>(buffer: &mut Vec<u8>, line: &T) {
    let start = buffer.len();
    match serde_json::to_writer(&mut *buffer, line) {
        Ok(()) => buffer.push(b'\n'),
        // Our values always print; if one did not, half a line would spoil the next one.
        Err(_) => buffer.truncate(start),
    }
}

/// The payload, masked, with the run and the card.
struct Fields<'a>(&'a RuntimeEvent);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        fields(&mut map, self.0)?;
        map.end()
    }
}

/// The same, and `runtime_event` behind it.
struct Data<'a>(&'a RuntimeEvent);

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        fields(&mut map, self.0)?;
        match own_summary(self.0) {
            Some(own) => map.serialize_entry("runtime_event", &Masked(own))?,
            None => map.serialize_entry("runtime_event", &Summary::of(self.0))?,
        }
        map.end()
    }
}

fn fields<M: SerializeMap>(map: &mut M, event: &RuntimeEvent) -> Result<(), M::Error> {
    let has = |key: &str| event.data.get(key).is_some();
    if let Some(run_id) = event.run_id.as_ref().filter(|_| !has("run_id")) {
        map.serialize_entry("run_id", run_id)?;
    }
    if let Some(issue_id) = event.issue_id.as_ref().filter(|_| !has("issue_id")) {
        map.serialize_entry("issue_id", issue_id)?;
    }
    match &event.data {
        Value::Object(fields) => {
            for (key, value) in fields.iter().filter(|(key, _)| *key != "runtime_event") {
                if hides(key, value) {
                    map.serialize_entry(key, MASK)?;
                } else {
                    map.serialize_entry(key, &Masked(value))?;
                }
            }
        }
        Value::Null => {}
        other @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            map.serialize_entry("value", &Masked(other))?;
        }
    }
    Ok(())
}

/// The `runtime_event` object of `core.md` §3.8: always the same keys, null where unknown.
#[derive(Serialize)]
struct Summary<'a> {
    schema_version: &'static str,
    event: &'a str,
    role: &'a str,
    session_id: Option<&'a str>,
    issue_id: Option<&'a str>,
    turn_index: Option<Masked<'a>>,
    turn_trace_id: TraceId<'a>,
    selected_model: Option<Masked<'a>>,
    prompt_id: Option<Masked<'a>>,
    prompt_version: Option<Masked<'a>>,
    prompt_checksum: Option<Masked<'a>>,
    resolver_policy: Option<Masked<'a>>,
    selection_policy: Option<Masked<'a>>,
    guard_contract: Option<Masked<'a>>,
    guard_decision: Option<Masked<'a>>,
    terminal_reason: Option<Masked<'a>>,
    duration_ms: Option<Masked<'a>>,
    tokens: Option<Masked<'a>>,
}

impl<'a> Summary<'a> {
    fn of(event: &'a RuntimeEvent) -> Self {
        let fields = event.data.as_object();
        let mut found = Self {
            schema_version: "v1",
            event: &event.event,
            role: &event.role,
            session_id: event.run_id.as_deref(),
            issue_id: event.issue_id.as_deref(),
            turn_index: None,
            turn_trace_id: TraceId::default(),
            selected_model: None,
            prompt_id: None,
            prompt_version: None,
            prompt_checksum: None,
            resolver_policy: None,
            selection_policy: None,
            guard_contract: None,
            guard_decision: None,
            terminal_reason: None,
            duration_ms: None,
            tokens: None,
        };
        // One pass: to look for each of them costs as many hashes as there are names.
        for (name, value) in fields.into_iter().flatten() {
            let place = match name.as_str() {
                "session_id" => {
                    found.session_id = found.session_id.or(value.as_str());
                    continue;
                }
                "issue_id" => {
                    found.issue_id = value.as_str().or(found.issue_id);
                    continue;
                }
                "turn_trace_id" => {
                    found.turn_trace_id.given = value.as_str();
                    continue;
                }
                "turn_index" => {
                    found.turn_trace_id.turn = value.as_u64();
                    &mut found.turn_index
                }
                "selected_model" => &mut found.selected_model,
                "prompt_id" => &mut found.prompt_id,
                "prompt_version" => &mut found.prompt_version,
                "prompt_checksum" => &mut found.prompt_checksum,
                "resolver_policy" => &mut found.resolver_policy,
                "selection_policy" => &mut found.selection_policy,
                "guard_contract" => &mut found.guard_contract,
                "guard_decision" => &mut found.guard_decision,
                "terminal_reason" => &mut found.terminal_reason,
                "duration_ms" => &mut found.duration_ms,
                "tokens" => &mut found.tokens,
                _ => continue,
            };
            *place = Some(Masked(value));
        }
        found.turn_trace_id = TraceId {
            session_id: found.session_id,
            issue_id: found.issue_id,
            role: found.role,
            ..found.turn_trace_id
        };
        found
    }
}

/// `run:issue:role:turn`: as given, or made of its parts when all are known.
#[derive(Default)]
struct TraceId<'a> {
    given: Option<&'a str>,
    session_id: Option<&'a str>,
    issue_id: Option<&'a str>,
    role: &'a str,
    turn: Option<u64>,
}

impl Serialize for TraceId<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(given) = self.given {
            return serializer.serialize_str(given);
        }
        match (self.session_id, self.issue_id, self.turn) {
            (Some(run), Some(issue), Some(turn)) => {
                serializer.collect_str(&format_args!("{run}:{issue}:{}:{turn}", self.role))
            }
            _ => serializer.serialize_none(),
        }
    }
}
