//! The system prompt of a seat: who it is, how a card moves, which tools it has, how its family of
//! models is best spoken to.
//!
//! It holds nothing of a single card and nothing of a contract: what a turn must bring is said with
//! the card, from the same value that is checked, so that this text can promise nothing else.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::contracts::STATUS;
use super::{Context, Findings};
use crate::asset::{Asset, AssetSource, Dialect, LoadError, PromptMetadata, Role, Seat};
use crate::canonical;
use crate::model::ModelName;
use crate::policy::{
    ApprovalPolicy, PromptPolicy, PromptStamp, Resolved, ResolverMode, RunPolicy, Selection,
};
use crate::tool::ToolSpec;
use crate::transition::GUARD_ROLE;

pub(super) const GENERIC: &str = "generic";

/// The dialect of a model, by what its name holds; `None`, with a warning, when the asset for it is
/// not there.
pub(super) fn dialect<S: AssetSource>(
    context: &Context<'_, S>,
    model: &ModelName,
    findings: &mut Findings,
) -> Option<Dialect> {
    let department = &context.request.department;
    for name in [family(&model.model), GENERIC] {
        match context.library.load::<Dialect>(name, department) {
            Err(LoadError::NotFound { .. }) => {}
            loaded => {
                let file = format!("{}/{name}.json", Dialect::CATEGORY);
                let loaded = findings.take(loaded, &file, "top level");
                return loaded.map(|loaded| loaded.asset);
            }
        }
    }
    let file = format!("{}/{GENERIC}.json", Dialect::CATEGORY);
    let message = format!("is missing, so `{model}` is spoken to without a dialect");
    if !findings.warnings.iter().any(|warning| warning.file == file) {
        findings.warn(&file, "top level", message);
    }
    None
}

/// The dialect asset of a model's family.
pub(super) fn family(model: &str) -> &'static str {
    let model = model.to_lowercase();
    // `phi` begins a word: a dolphin is none.
    let phi = model
        .split(|c: char| !c.is_alphanumeric())
        .any(|word| word.starts_with("phi"));
    if model.contains("qwen") {
        "qwen"
    } else if model.contains("llama") {
        "llama3"
    } else if model.contains("deepseek") {
        "deepseek-r1"
    } else if phi {
        "phi"
    } else {
        GENERIC
    }
}

/// The system prompt.
pub(super) fn compile(
    seat: &Seat,
    role: &Role,
    dialect: Option<&Dialect>,
    tools: &[ToolSpec],
    is_guard: bool,
    policy: &RunPolicy,
) -> String {
    let mut prompt = Sections::default();
    if let Some(dialect) = dialect {
        prompt.text(&dialect.system_prefix);
    }
    prompt.text(&format!(
        "You hold the seat `{}` ({}) of a team that works through cards together. Your role is `{}`.",
        seat.key, seat.name, role.name
    ));
    prompt.text(&role.description);
    prompt.section("What you are after", &role.intent);
    prompt.list("What you answer for", &role.responsibilities);
    prompt.list("What you keep to", &role.constraints);
    prompt.text(&role.prompt);
    let guards = is_guard || seat.roles.iter().any(|role| role == GUARD_ROLE);
    prompt.list("How a card moves", &protocol(tools, guards));
    if !tools.is_empty() {
        prompt.section("Your tools", &describe(tools));
    }
    if let Some(dialect) = dialect {
        if !tools.is_empty() {
            prompt.section("The form of a call", &dialect.dsl_format);
        }
        let mut manners = dialect.constraints.clone();
        manners.extend(dialect.style_guidelines.iter().cloned());
        prompt.list("How you answer", &manners);
        prompt.text(&dialect.hallucination_guard);
    }
    if policy.prompts.mode == ResolverMode::Resolver {
        let layers = policy.prompts.guard_layers.iter();
        let mut layers: Vec<String> = layers.map(|layer| layer.text().to_owned()).collect();
        layers.push(gate_mode(seat, tools, &policy.approvals));
        prompt.list("What you are held to", &layers);
    }
    prompt.0
}

/// Whether a person stands between the seat's calls and their effects.
fn gate_mode(seat: &Seat, tools: &[ToolSpec], approvals: &ApprovalPolicy) -> String {
    let waits = tools.iter().filter(|tool| approvals.asks(&seat.key, tool));
    let waits: Vec<&str> = waits.map(|tool| tool.name.as_str()).collect();
    if waits.is_empty() {
        "Gate mode auto: no call of yours waits for a person.".to_owned()
    } else {
        format!(
            "Gate mode approval_required: calls of {} wait until a person approves of them.",
            waits.join(", ")
        )
    }
}

/// Namespaces of rules that belong to the runtime's guards.
const GUARDS: [&str; 3] = ["HALLUCINATION.", "SECURITY.", "CONSISTENCY."];

/// Where a seat's prompt comes from; a version that the policy does not allow is a problem, or a
/// warning where the policy is not strict.
pub(super) fn stamp(
    role: (&str, &Role),
    dialect: Option<&Dialect>,
    prompt: &str,
    policy: &PromptPolicy,
    findings: &mut Findings,
) -> PromptStamp {
    let (file, role) = role;
    let none = PromptMetadata::default();
    let of_role = &role.prompt_metadata;
    let of_dialect = dialect.map_or(&none, |it| &it.prompt_metadata);
    let word = |text: &Option<String>, default: &str| {
        let text = text.as_deref().map(str::trim).filter(|it| !it.is_empty());
        text.unwrap_or(default).to_lowercase()
    };
    let statuses = [
        word(&of_role.status, "stable"),
        word(&of_dialect.status, "stable"),
    ];
    let version = format!(
        "{}/{}",
        word(&of_role.version, "1.0.0"),
        word(&of_dialect.version, "1.0.0")
    );
    let wrong = match policy.selection {
        Selection::Stable => statuses
            .iter()
            .any(|it| it != "stable")
            .then(|| "only `stable` prompts may speak".to_owned()),
        Selection::Canary => statuses
            .iter()
            .any(|it| !["stable", "candidate", "canary"].contains(&it.as_str()))
            .then(|| "only `stable`, `candidate` and `canary` prompts may speak".to_owned()),
        Selection::Exact => policy
            .exact
            .as_ref()
            .filter(|exact| **exact != version)
            .map(|exact| format!("only version {exact} may speak")),
    };
    if let Some(rule) = wrong {
        let message = format!(
            "the role is {} and its dialect {}, version {version}; {rule} (prompt_selection_policy)",
            statuses[0], statuses[1]
        );
        if policy.strict {
            findings.problem(file, "prompt_metadata.status", message);
        } else {
            findings.warn(file, "prompt_metadata.status", message);
        }
    }
    for rule in of_role
        .owned_rule_ids
        .iter()
        .chain(&of_dialect.owned_rule_ids)
    {
        if GUARDS
            .iter()
            .any(|guard| rule.to_uppercase().starts_with(guard))
        {
            let message = format!("`{rule}` belongs to a guard; a prompt may not own it");
            findings.problem(file, "prompt_metadata.owned_rule_ids", message);
        }
    }
    let id = |metadata: &PromptMetadata, default: &str| {
        metadata.id.clone().unwrap_or_else(|| default.to_owned())
    };
    let family = dialect.map_or("none", |it| it.model_family.as_str());
    let mut checksum = canonical::sha256_hex(prompt.as_bytes());
    checksum.truncate(16);
    let [role_status, dialect_status] = statuses;
    let resolved = (policy.mode == ResolverMode::Resolver).then(|| Resolved {
        version_hint: policy.exact.clone().unwrap_or_else(|| version.clone()),
        role: role.name.clone(),
        dialect: family.to_owned(),
        guard_count: policy.guard_layers.len(),
    });
    PromptStamp {
        prompt_id: format!("{}+{}", id(of_role, &role.name), id(of_dialect, family)),
        prompt_version: version,
        prompt_checksum: checksum,
        resolver_policy: policy.mode.as_str().to_owned(),
        selection_policy: policy.selection.as_str().to_owned(),
        role_status,
        dialect_status,
        resolved,
    }
}

#[derive(Default)]
struct Sections(String);

impl Sections {
    fn text(&mut self, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        if !self.0.is_empty() {
            self.0.push_str("\n\n");
        }
        self.0.push_str(text);
    }

    fn section(&mut self, title: &str, text: &str) {
        if !text.trim().is_empty() {
            self.text(&format!("## {title}\n{}", text.trim()));
        }
    }

    fn list(&mut self, title: &str, items: &[String]) {
        let lines: Vec<_> = items.iter().map(|item| format!("- {item}")).collect();
        self.section(title, &lines.join("\n"));
    }
}

/// How cards move, as far as this seat can move them.
fn protocol(tools: &[ToolSpec], guards: bool) -> Vec<String> {
    let mut rules = vec![
        "You are shown one card. Work on that card and on no other.".to_owned(),
        "Each request says what this turn must bring. An answer that lacks any of it is refused, \
         and you are told why."
            .to_owned(),
        "When a card comes back to you, the reason is shown with it. Deal with that reason first."
            .to_owned(),
    ];
    if tools.is_empty() {
        return rules;
    }
    rules.push(
        "Only tool calls have an effect. A file you describe but do not write does not exist."
            .to_owned(),
    );
    if tools.iter().any(|tool| tool.name == STATUS) {
        rules.push(format!(
            "When the work on a card is finished, call `{STATUS}` with the status `code_review`, \
             after all other calls of the same answer. The guard reviews it next."
        ));
    }
    if guards {
        rules.extend([
            "When you are shown a card for review, judge what is in the files and what the \
             verifier reports, not what was claimed."
                .to_owned(),
            "A review ends with one status: `done` when the card is fulfilled; \
             `guard_requested_changes` when its seat can put it right; `guard_rejected` when it \
             cannot be put right; `blocked`, with a wait_reason, when something outside the card \
             is missing."
                .to_owned(),
            "Whenever the status is not `done`, give `rationale`, `violations` and \
             `remediation_actions` with the call, none of them empty: the seat works from it."
                .to_owned(),
        ]);
    }
    rules
}

fn describe(tools: &[ToolSpec]) -> String {
    let mut text =
        "Write each call as one JSON object, {\"tool\": NAME, \"args\": {...}}. Several \
                    calls in one answer are carried out in their order. After an answer that only \
                    looks at things you are shown what it found and asked to go on. There are no \
                    other tools."
            .to_owned();
    for tool in tools {
        // Writing into a text cannot fail.
        let _ = write!(
            text,
            "\n\n`{}`: {}\nArguments (JSON Schema): {}\nCall: {}",
            tool.name,
            tool.description,
            canonical::to_string(&tool.parameters),
            example(tool)
        );
    }
    text
}

/// A call with a placeholder for each argument that must be given.
fn example(tool: &ToolSpec) -> String {
    let properties = tool.parameters.get("properties").and_then(Value::as_object);
    let required = tool.parameters.get("required").and_then(Value::as_array);
    let required: Vec<&str> = required
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut args = Map::new();
    for name in required {
        let schema = properties.and_then(|map| map.get(name));
        args.insert(name.to_owned(), placeholder(name, schema));
    }
    json!({"tool": tool.name, "args": args}).to_string()
}

fn placeholder(name: &str, schema: Option<&Value>) -> Value {
    match schema
        .and_then(|schema| schema.get("type"))
        .and_then(Value::as_str)
    {
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ => json!(format!("<{name}>")),
    }
}
