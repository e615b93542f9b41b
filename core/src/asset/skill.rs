//! The skill manifest, as far as a run needs it: which child process a tool's name means. Whether it
//! keeps the contract (digests, fingerprints, permissions) is judged in [`crate::skill`].

use serde::Serialize;
use serde_json::{Map, Value};

use super::environment::milliseconds;
use super::reader::{Reader, expected};
use super::{Asset, AssetSource, Library, LoadError, Loaded, Problem, Problems};
use crate::argument_schema::unenforceable;
use crate::skill::{self, Permissions};
use crate::tool::EffectClass;

/// A set of entrypoints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Skill {
    /// The version of the manifest's format.
    pub skill_contract_version: String,
    /// Its id.
    pub skill_id: String,
    /// Its version.
    pub skill_version: String,
    /// What it does.
    pub description: String,
    /// `algorithm:hex`.
    pub manifest_digest: String,
    /// Its tools.
    pub entrypoints: Vec<Entrypoint>,
}

/// One child process that is a tool.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entrypoint {
    /// Its id.
    pub entrypoint_id: String,
    /// What it runs on.
    pub runtime: String,
    /// Which version of it.
    pub runtime_version: Option<String>,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Relative to the workspace.
    pub working_directory: String,
    /// The tool's name.
    pub tool_profile_id: String,
    /// The tool's version.
    pub tool_profile_version: String,
    /// What it does, for the model; the skill's description when absent.
    pub description: Option<String>,
    /// How long it may run, in milliseconds; the file says it in seconds.
    pub max_execution_time_ms: Option<u64>,
    /// How much memory it may take, in bytes.
    pub max_memory_bytes: Option<u64>,
    /// What it would like to do.
    pub requested_permissions: Permissions,
    /// What it cannot do without.
    pub required_permissions: Permissions,
    /// JSON Schema of the arguments.
    pub input_schema: Option<Map<String, Value>>,
    /// Variables it needs.
    pub required_environment_variables: Vec<String>,
    /// What it changes, in words of its own.
    pub side_effect_categories: Vec<String>,
    /// What a crash in the middle allows, as the manifest has it.
    pub effect_class: EffectClass,
}

impl Asset for Skill {
    const KIND: &'static str = "skill";
    const CATEGORY: &'static str = "skills";

    fn read(reader: &Reader<'_>, _stem: &str) -> Self {
        let text = |key, meaning| reader.required_text(&[key], meaning);
        let skill = Self {
            skill_contract_version: text("skill_contract_version", "the manifest's format"),
            skill_id: text("skill_id", "the skill's id"),
            skill_version: text("skill_version", "the skill's version"),
            description: text("description", "what the skill does"),
            manifest_digest: text("manifest_digest", "algorithm:hex"),
            entrypoints: reader.objects(&["entrypoints"], Entrypoint::read),
        };
        let given = reader.value("entrypoints").is_some_and(Value::is_array);
        if skill.entrypoints.is_empty() && (given || reader.value("entrypoints").is_none()) {
            reader.problem("entrypoints", "must hold at least one entrypoint");
        }
        skill
    }
}

/// Loads a skill and admits it only when its manifest keeps the contract.
///
/// # Errors
///
/// What is wrong with the file, or the loader's code with all that breaks the contract.
pub fn admitted<S: AssetSource>(
    library: &Library<S>,
    name: &str,
    department: &str,
) -> Result<Loaded<Skill>, LoadError> {
    let loaded = library.load::<Skill>(name, department)?;
    let (file, text) = library.find(Skill::KIND, Skill::CATEGORY, name, department)?;
    match skill::check(text.as_bytes()).refusal {
        None => Ok(loaded),
        Some(refusal) => {
            let code = refusal.error_code;
            let message = format!(
                "{code}: {}; `orket check skills --manifest {file}` tells more",
                refusal.message
            );
            Err(Problems::one(Problem::new(&file, refusal.validation_stage, message)).into())
        }
    }
}

impl Entrypoint {
    /// What a crash in the middle allows. Only what changes nothing and asks for nothing that could
    /// is pure, whatever it says.
    #[must_use]
    pub fn effect(&self) -> EffectClass {
        let asks = skill::may_change(&self.requested_permissions);
        let is_pure = !asks && self.side_effect_categories.is_empty();
        match self.effect_class {
            EffectClass::Pure if !is_pure => EffectClass::AtMostOnce,
            class => class,
        }
    }

    fn read(_place: usize, reader: &Reader<'_>) -> Self {
        let text = |key, meaning| reader.required_text(&[key], meaning);
        let limits = reader.object("runtime_limits", |limits| {
            let time = milliseconds(limits, "max_execution_time");
            (time, memory(limits))
        });
        let (max_execution_time_ms, max_memory_bytes) = limits.unwrap_or_default();
        let entrypoint = Self {
            entrypoint_id: text("entrypoint_id", "the entrypoint's id"),
            runtime: text("runtime", "python, node, shell, ..."),
            runtime_version: reader.text("runtime_version"),
            command: command(reader),
            working_directory: text("working_directory", "a folder of the workspace, `.` for it"),
            tool_profile_id: text("tool_profile_id", "the tool's name"),
            tool_profile_version: text("tool_profile_version", "the tool's version"),
            description: reader.text("description"),
            max_execution_time_ms,
            max_memory_bytes,
            requested_permissions: skill::permissions(reader.value("requested_permissions")),
            required_permissions: skill::permissions(reader.value("required_permissions")),
            input_schema: reader
                .value("input_schema")
                .map(|_| reader.map("input_schema")),
            required_environment_variables: reader.texts("required_environment_variables"),
            side_effect_categories: reader.texts("side_effect_categories"),
            effect_class: reader
                .word("effect_class")
                .unwrap_or(EffectClass::AtMostOnce),
        };
        let schema = reader.value("input_schema").filter(|it| it.is_object());
        for (place, why) in schema.map(unenforceable).unwrap_or_default() {
            reader.problem(&format!("input_schema.{place}"), why);
        }
        let folder = &entrypoint.working_directory;
        let climbs = folder.split(['/', '\\']).any(|part| part == "..");
        if climbs || folder.starts_with(['/', '\\']) {
            let message = format!(
                "`{folder}` leaves the workspace; give a relative path without `..`, or `.`"
            );
            reader.problem("working_directory", message);
        }
        entrypoint
    }
}

fn memory(limits: &Reader<'_>) -> Option<u64> {
    let value = limits.value("max_memory")?;
    let bytes = skill::memory_bytes(value);
    if bytes.is_none() {
        let message = "must be mebibytes greater than 0, or a text such as 256MB";
        limits.problem("max_memory", message);
    }
    bytes
}

fn command(reader: &Reader<'_>) -> Vec<String> {
    match reader.value("command") {
        None => {
            reader.problem(
                "command",
                "is missing; give program and arguments as a list",
            );
            Vec::new()
        }
        Some(value) => words_of(value).unwrap_or_else(|message| {
            reader.problem("command", message);
            Vec::new()
        }),
    }
}

/// Program and arguments from a list of texts, or from one text that no shell is needed for.
pub(crate) fn words_of(value: &Value) -> Result<Vec<String>, String> {
    let words = match value {
        Value::String(text) => split_command(text)?,
        Value::Array(items) => {
            let words: Option<Vec<_>> = items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect();
            words.ok_or("must hold texts only: the program and its arguments")?
        }
        other => return Err(expected("a list of texts, or a text", other)),
    };
    match words.first() {
        Some(program) if !program.trim().is_empty() => Ok(words),
        _ => Err("must name a program".to_owned()),
    }
}

/// Splits a command at white space, quotes honoured. There is no shell: what only a shell could
/// carry out is refused rather than passed on as if it were an argument.
///
/// # Errors
///
/// An open quote, or an unquoted character with a meaning to a shell.
pub fn split_command(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, '|' | '&' | ';' | '<' | '>' | '$' | '`' | '*' | '?' | '(' | ')' | '\\') => {
                return Err(format!(
                    "`{text}` needs a shell because of `{c}`; write a list, e.g. [\"sh\", \"-c\", \"...\"]"
                ));
            }
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    if let Some(open) = quote {
        return Err(format!("`{text}` has an open {open} quote"));
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_without_a_shell() {
        assert_eq!(
            split_command(r#"python3 'my tool.py' --name "" x"#),
            Ok(["python3", "my tool.py", "--name", "", "x"]
                .map(str::to_owned)
                .to_vec())
        );
        for bad in ["make && rm x", "echo $HOME", "a | b", "it's"] {
            assert!(split_command(bad).is_err(), "{bad} was accepted");
        }
    }
}
