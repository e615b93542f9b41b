//! The ways to stall, with the clock that must notice each.

use orket_core::stall::Clocks;
use serde_json::{Value, json};

/// One way to stall, or not to.
pub struct Kind {
    /// Its name: the model's, the cards' and the run's.
    pub name: &'static str,
    /// Whose protocol is spoken.
    pub provider: &'static str,
    /// How many cards do it.
    pub cards: usize,
    /// How many failed attempts each is forgiven.
    pub retries: u32,
    /// Sets the clocks that matter.
    pub clocks: fn(&mut Clocks),
}

/// Stalls of each kind: enough for a median.
pub const TIMES: usize = 20;
/// Slow but living turns all the while.
pub const LIVING: usize = 1_000;
/// Their clock: beside a gap of 350 ms it leaves room for a busy machine.
pub const LIVING_IDLE: u64 = 3_000;
/// The clock of those that think longer than that before their first word.
pub const THINKING_CLOCK: u64 = 1_500;
/// The clock of whatever is to be noticed, in milliseconds.
pub const CLOCK: u64 = 400;

const fn kind(name: &'static str, provider: &'static str, clocks: fn(&mut Clocks)) -> Kind {
    Kind {
        name,
        provider,
        cards: TIMES,
        // A choked machine makes good attempts stall too.
        retries: 20,
        clocks,
    }
}

/// The turns that everything else happens beside. Their gaps are 200 to 350 ms.
pub fn living() -> Kind {
    Kind {
        cards: LIVING,
        ..kind("living", "ollama", |clocks| clocks.idle_ms = LIVING_IDLE)
    }
}

/// Those that stall, on sockets and in processes.
pub fn stalling() -> Vec<Kind> {
    vec![
        Kind {
            retries: 1,
            ..kind("no_connect", "anthropic", |clocks| {
                clocks.connect_ms = CLOCK;
            })
        },
        kind("mute", "openai", |clocks| clocks.first_token_ms = CLOCK),
        kind("headers", "ollama", |clocks| clocks.first_token_ms = CLOCK),
        kind("silence", "ollama", |clocks| clocks.idle_ms = CLOCK),
        kind("silence_sse", "openai", |clocks| clocks.idle_ms = CLOCK),
        kind("endless", "openai", |clocks| clocks.turn_ms = 2 * CLOCK),
        kind("repeat", "openai", |clocks| clocks.repeat_chars = 2_048),
        kind("nap", "openai", |clocks| clocks.tool_idle_ms = CLOCK),
        kind("stubborn", "ollama", |clocks| clocks.tool_idle_ms = CLOCK),
        kind("once", "ollama", |clocks| clocks.tool_idle_ms = CLOCK),
        kind("chatter", "ollama", |clocks| {
            clocks.tool_idle_ms = 2 * CLOCK;
            clocks.tool_ms = 2 * CLOCK;
        }),
    ]
}

/// Those that are no matter of one clock.
pub fn others() -> Vec<Kind> {
    vec![
        kind("half_closed", "openai", |_| {}),
        kind("loop", "scripted", |_| {}),
        kind("thinking", "ollama", |clocks| {
            clocks.first_token_ms = THINKING_CLOCK;
            clocks.idle_ms = THINKING_CLOCK;
        }),
        Kind {
            cards: 3,
            retries: 1,
            ..kind("never", "ollama", |clocks| clocks.idle_ms = CLOCK)
        },
    ]
}

/// One card whose run may not last long.
pub fn late() -> Kind {
    Kind {
        cards: 1,
        ..kind("late", "ollama", |clocks| clocks.run_ms = 2 * CLOCK)
    }
}

/// Tools that are processes: name, effect class, script.
fn tools() -> [(&'static str, &'static str, &'static str); 4] {
    [
        (
            "nap",
            "idempotent",
            "echo $$ >> pids-$ORKET_ISSUE_ID; exec sleep 600",
        ),
        (
            "stubborn",
            "idempotent",
            "trap '' TERM
            sh -c 'echo $$ >> pids-$ORKET_ISSUE_ID; exec sleep 600' &
            setsid sh -c 'echo $$ >> pids-$ORKET_ISSUE_ID; exec sleep 600' &
            echo $$ >> pids-$ORKET_ISSUE_ID
            exec sleep 600",
        ),
        (
            "once",
            "at_most_once",
            "echo $$ >> pids-$ORKET_ISSUE_ID; echo done >> effects-$ORKET_ISSUE_ID; exec sleep 600",
        ),
        (
            "chatter",
            "idempotent",
            "echo $$ >> pids-$ORKET_ISSUE_ID; while :; do echo on and on; sleep 0.1; done",
        ),
    ]
}

/// The skill with these tools.
pub fn skill() -> Value {
    let entrypoints: Vec<Value> = tools()
        .iter()
        .map(|(name, effect, script)| {
            json!({
                "entrypoint_id": name, "runtime": "shell", "command": ["sh", "-c", script],
                "working_directory": ".", "tool_profile_id": name, "tool_profile_version": "1",
                "effect_class": effect, "requested_permissions": {"filesystem": "write"},
               "runtime_version": "posix", "args_fingerprint_fields": ["none"], "result_fingerprint_fields": ["ok"],
            })
        })
        .collect();
    json!({
        "skill_contract_version": "1.0.5", "skill_id": "stalls", "skill_version": "1",
        "description": "Tools that never come back.", "manifest_digest": "sha256:00",
        "entrypoints": entrypoints,
    })
}

/// The role that has them.
pub fn role() -> Value {
    let names = tools().map(|(name, ..)| name);
    let mut offered = vec!["read_file", "update_issue_status"];
    offered.extend(names);
    json!({"name": "worker", "description": "You work.", "tools": offered})
}
