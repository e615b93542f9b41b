//! What each role has done in a run so far.

use std::collections::BTreeMap;

use orket_core::tool::ToolCall;
use orket_core::turn::Step;
use serde::Serialize;
use utoipa::ToSchema;

/// What a role has done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct RoleMetrics {
    /// Tokens read and written.
    pub tokens: u64,
    /// Lines of the files that it wrote.
    pub lines_written: u64,
    /// The tool that it called last; empty before the first call.
    #[schema(example = "write_file")]
    pub last_action: String,
    /// What that was about: a path, a status, a title.
    #[schema(example = "agent_output/main.sh")]
    pub detail: String,
}

/// By role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(transparent)]
pub struct RunMetrics(pub BTreeMap<String, RoleMetrics>);

impl RunMetrics {
    /// Counts tokens of an attempt of `role`.
    pub fn spent(&mut self, role: &str, tokens: u64) {
        let metrics = self.of(role);
        metrics.tokens = metrics.tokens.saturating_add(tokens);
    }

    /// Counts what an attempt of `role` called, in order; later attempts come later.
    pub fn called<'a>(&mut self, role: &str, steps: impl IntoIterator<Item = &'a Step>) {
        let mut intended: BTreeMap<u32, &ToolCall> = BTreeMap::new();
        for step in steps {
            match step {
                Step::CallIntended { index, call, .. } => {
                    let metrics = self.of(role);
                    metrics.last_action.clone_from(&call.tool);
                    metrics.detail = about(call);
                    intended.insert(*index, call);
                }
                Step::CallFinished { index, result } => {
                    if let Some(call) = intended.remove(index).filter(|_| result.ok) {
                        let metrics = self.of(role);
                        metrics.lines_written = metrics.lines_written.saturating_add(lines(call));
                    }
                }
                _ => {}
            }
        }
    }

    fn of(&mut self, role: &str) -> &mut RoleMetrics {
        self.0.entry(role.to_lowercase()).or_default()
    }
}

/// What a call is about: the first of its arguments that says so.
fn about(call: &ToolCall) -> String {
    const LONGEST: usize = 200;
    let names = ["path", "status", "summary", "content", "comment"];
    let text = names.iter().find_map(|name| call.text(name)).unwrap_or("");
    text.chars().take(LONGEST).collect()
}

/// The lines that a call writes to a file.
fn lines(call: &ToolCall) -> u64 {
    if call.tool != "write_file" {
        return 0;
    }
    let count = call.text("content").unwrap_or("").lines().count();
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use orket_core::tool::{EffectClass, ToolResult};
    use serde_json::{Value, json};

    use super::*;

    fn intended(index: u32, tool: &str, args: &Value) -> Step {
        Step::CallIntended {
            index,
            call: ToolCall {
                tool: tool.to_owned(),
                args: args.as_object().unwrap().clone(),
            },
            effect: EffectClass::Idempotent,
            key: String::new(),
        }
    }

    fn finished(index: u32, ok: bool) -> Step {
        let result = if ok {
            ToolResult::ok(json!({}))
        } else {
            ToolResult::failed("no")
        };
        Step::CallFinished { index, result }
    }

    #[test]
    fn lines_count_when_they_were_written_and_the_last_call_shows() {
        let steps = [
            intended(
                0,
                "write_file",
                &json!({"path": "a.txt", "content": "1\n2\n3"}),
            ),
            finished(0, true),
            intended(
                1,
                "write_file",
                &json!({"path": "../b.txt", "content": "1\n"}),
            ),
            finished(1, false),
            intended(2, "update_issue_status", &json!({"status": "code_review"})),
        ];
        let mut metrics = RunMetrics::default();
        metrics.spent("Coder", 10);
        metrics.spent("coder", 5);
        metrics.called("coder", &steps);
        assert_eq!(
            json!(metrics),
            json!({"coder": {"tokens": 15, "lines_written": 3,
                             "last_action": "update_issue_status", "detail": "code_review"}})
        );
    }
}
