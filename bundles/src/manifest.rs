//! The manifest of a bundle. What it says of `permissions` is said and counted, not enforced.

use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};
use serde::Serialize;
use serde_json::Value;

use crate::schema::{Fields, Notes, Wrong};

/// Where a manifest is looked for in a folder or an archive, in this order.
pub const NAMES: [&str; 3] = ["orket.yaml", "orket.yml", "orket.json"];

const API_VERSION: &str = "orket.io/v1";
const KIND: &str = "Orket";

/// The guards that there are.
pub const GUARDS: [&str; 5] = [
    "hallucination",
    "structure",
    "safety",
    "security",
    "consistency",
];

/// The longest name of a bundle or an agent.
const MAX_NAME: usize = 100;

/// A manifest that is as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The bundle's name.
    pub name: String,
    /// The bundle's version, as written.
    pub version: String,
    /// Which versions of Orket it is for, as written.
    pub engine_version: String,
    /// The same, read.
    pub engine_range: VersionSpecifiers,
    /// Which models.
    pub model: Model,
    /// The names of its agents.
    pub agents: Vec<String>,
    /// The names of its guards.
    pub guards: Vec<String>,
    /// The file of the state machine.
    pub state_machine: String,
    /// What it would be allowed.
    pub permissions: Permissions,
}

/// Which models a bundle is made for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Model {
    /// The best one.
    pub preferred: String,
    /// The least that will do.
    pub minimum: String,
    /// What else will do, the best first.
    pub fallback: Vec<String>,
    /// Whether another one may be chosen.
    #[serde(rename = "allowOverride")]
    pub allow_override: bool,
}

/// What a bundle would be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions {
    /// Files to read.
    pub read: Vec<String>,
    /// Files to write.
    pub write: Vec<String>,
    /// The network.
    pub network: bool,
    /// Tools.
    pub tools: Vec<String>,
}

impl Manifest {
    /// Takes it out of a document.
    ///
    /// # Errors
    ///
    /// Every field that is wrong, with its path.
    pub(crate) fn read(document: &Value) -> Result<Self, Vec<Wrong>> {
        let mut notes = Notes::default();
        let read = read(document, &mut notes);
        match read {
            Some(manifest) if notes.0.is_empty() => Ok(manifest),
            Some(_) | None => Err(notes.0),
        }
    }
}

fn read(document: &Value, notes: &mut Notes) -> Option<Manifest> {
    let known = [
        "apiVersion",
        "kind",
        "metadata",
        "model",
        "agents",
        "guards",
        "stateMachine",
        "persistence",
        "permissions",
    ];
    let root = Fields::root(document, &known, notes)?;
    root.constant("apiVersion", API_VERSION, notes);
    root.constant("kind", KIND, notes);
    // All of them are looked at, whatever is wrong with one: every fault is told at once.
    let metadata = metadata(&root, notes);
    let model = model(&root, notes);
    let agents = agents(&root, notes);
    let guards = guards(&root, notes);
    let machine = root.object("stateMachine", &["file"], notes);
    let machine = machine.and_then(|it| {
        let file = it.text("file", notes)?;
        let wrong = path_problem(&file);
        wrong.map_or(Some(file), |wrong| {
            notes.note(it.at("file"), wrong);
            None
        })
    });
    persistence(&root, notes);
    let permissions = permissions(&root, notes);
    let (name, version, engine_version, engine_range) = metadata?;
    Some(Manifest {
        name,
        version,
        engine_version,
        engine_range,
        model: model?,
        agents,
        guards,
        state_machine: machine?,
        permissions: permissions?,
    })
}

type Metadata = (String, String, String, VersionSpecifiers);

fn metadata(root: &Fields<'_>, notes: &mut Notes) -> Option<Metadata> {
    let known = [
        "name",
        "displayName",
        "description",
        "version",
        "engineVersion",
    ];
    let fields = root.object("metadata", &known, notes)?;
    let _ = fields.optional_text("displayName", notes);
    let _ = fields.optional_text("description", notes);
    let name = fields.text("name", notes);
    if let Some(wrong) = name.as_deref().and_then(name_problem) {
        notes.note(fields.at("name"), wrong);
    }
    let version = fields.text("version", notes);
    if let Some(version) = &version
        && Version::from_str(version).is_err()
    {
        let message = format!("`{version}` is no version (PEP 440), such as 0.1.0");
        notes.note(fields.at("version"), message);
    }
    let engine_version = fields.text("engineVersion", notes)?;
    let range = VersionSpecifiers::from_str(&engine_version);
    if range.is_err() {
        let message = format!("`{engine_version}` is no range of versions, such as >=0.3,<0.4");
        notes.note(fields.at("engineVersion"), message);
    }
    Some((name?, version?, engine_version, range.ok()?))
}

fn model(root: &Fields<'_>, notes: &mut Notes) -> Option<Model> {
    let known = ["preferred", "minimum", "fallback", "allowOverride"];
    let fields = root.object("model", &known, notes)?;
    let preferred = fields.text("preferred", notes);
    let minimum = fields.text("minimum", notes);
    let fallback = fields.texts("fallback", notes);
    let allow_override = fields.flag("allowOverride", Some(true), notes);
    Some(Model {
        preferred: preferred?,
        minimum: minimum?,
        fallback,
        allow_override: allow_override?,
    })
}

fn agents(root: &Fields<'_>, notes: &mut Notes) -> Vec<String> {
    let before = notes.0.len();
    let items = root.objects("agents", &["name", "role"], notes);
    if items.is_empty() && notes.0.len() == before {
        notes.note("agents", "must hold at least one agent");
    }
    let mut names: Vec<String> = Vec::new();
    for item in &items {
        let _ = item.text("role", notes);
        let Some(name) = item.text("name", notes) else {
            continue;
        };
        if let Some(wrong) = name_problem(&name) {
            notes.note(item.at("name"), wrong);
        } else if names.contains(&name) {
            notes.note(item.at("name"), format!("`{name}` is there twice"));
        } else {
            names.push(name);
        }
    }
    names
}

fn guards(root: &Fields<'_>, notes: &mut Notes) -> Vec<String> {
    let before = notes.0.len();
    let guards = root.texts("guards", notes);
    if guards.is_empty() && notes.0.len() == before {
        notes.note("guards", "must hold at least one guard");
    }
    for (place, guard) in guards.iter().enumerate() {
        if !GUARDS.contains(&guard.as_str()) {
            let message = format!("`{guard}` is none of: {}", GUARDS.join(", "));
            notes.note(format!("guards[{place}]"), message);
        }
    }
    guards
}

fn persistence(root: &Fields<'_>, notes: &mut Notes) {
    let known = ["enabled", "storageDir", "retainHistory"];
    if let Some(fields) = root.object("persistence", &known, notes) {
        fields.flag("enabled", None, notes);
        fields.flag("retainHistory", Some(true), notes);
        fields.text("storageDir", notes);
    }
}

fn permissions(root: &Fields<'_>, notes: &mut Notes) -> Option<Permissions> {
    let fields = root.object("permissions", &["filesystem", "network", "tools"], notes)?;
    let files = fields.object("filesystem", &["read", "write"], notes);
    let network = fields.object("network", &["allowed"], notes);
    let network = network.and_then(|it| it.flag("allowed", None, notes));
    let tools = fields.object("tools", &["allowed"], notes);
    let tools = tools.map(|it| it.texts("allowed", notes));
    let files = files.map(|it| (it.texts("read", notes), it.texts("write", notes)));
    let (read, write) = files?;
    Some(Permissions {
        read,
        write,
        network: network?,
        tools: tools?,
    })
}

/// What keeps a text from being part of a file's name.
fn name_problem(name: &str) -> Option<String> {
    let bad = |c: char| c.is_control() || matches!(c, '/' | '\\');
    if name.chars().any(bad) {
        Some("must not hold slashes or control characters".to_owned())
    } else if name.chars().count() > MAX_NAME {
        Some(format!("must not be longer than {MAX_NAME} characters"))
    } else if name == "." || name == ".." {
        Some("must be a name".to_owned())
    } else {
        None
    }
}

/// What keeps a text from being the path of a file inside a bundle, with `/` between its parts.
#[must_use]
pub fn path_problem(path: &str) -> Option<String> {
    if path.is_empty() {
        return Some("is empty".to_owned());
    }
    if path.chars().any(|c| c.is_control() || c == '\\') {
        return Some("must not hold backslashes or control characters".to_owned());
    }
    if path.starts_with('/') || path.as_bytes().get(1) == Some(&b':') {
        return Some("must be relative to the bundle".to_owned());
    }
    let odd = |part: &str| part.is_empty() || part == "." || part == "..";
    path.split('/')
        .any(odd)
        .then(|| "must not hold `.`, `..` or `//`".to_owned())
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
pub(crate) mod tests;
