//! Skill manifests as contracts: what is wrong with one, whether it is admitted, and what its
//! entrypoints may do when they are called.
//!
//! # Layout
//!
//! - [`check`]: one manifest's bytes judged; `schema` and `rules` find what is wrong.
//! - [`Finding`]: one thing that is wrong, in the words of the contract.
//! - [`Refusal`]: what the loader says of a manifest it does not admit, `ERR_*`.
//! - [`SkillBinding`], [`Breach`]: an entrypoint as it is called, and what stops a call.
//!
//! What a manifest means for a run is read in [`crate::asset`]; nothing is executed here.

mod binding;
mod finding;
mod limits;
mod refusal;
mod rules;
mod schema;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value};

pub use binding::{BREACH, Breach, SkillBinding, breach_of, undeclared, version_told};
pub use finding::{Fault, Finding};
pub use limits::memory_bytes;
pub use refusal::{ErrorCode, Refusal};

use crate::asset::skill_problems;

/// The versions of the contract that are understood.
pub const SUPPORTED_VERSIONS: &[&str] = &["1.0.5"];
/// The rules by which a manifest is judged.
pub const POLICY_VERSION: &str = "skill.validation.v1";
/// When it was judged: always the same, so that equal manifests give equal reports.
pub const TIMESTAMP: &str = "1970-01-01T00:00:00Z";
/// What stands for an id that a manifest does not give.
pub const UNKNOWN: &str = "unknown";

/// What may be done, by scope: `{"filesystem": ["read"]}`.
pub type Permissions = BTreeMap<String, BTreeSet<String>>;

/// What the validator says of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Validation {
    /// Nothing is wrong with it.
    pub contract_valid: bool,
    /// Its calls may be compared between runs.
    pub determinism_eligible: bool,
    /// `declared`, `undeclared` or `unknown`.
    pub side_effect_risk: &'static str,
    /// `complete` or `incomplete`.
    pub fingerprint_completeness: &'static str,
    /// `declared`, `undeclared` or `unknown`.
    pub permission_risk: &'static str,
    /// `validated` or `untrusted`.
    pub trust_level: &'static str,
    /// [`POLICY_VERSION`].
    pub validation_policy_version: &'static str,
    /// [`TIMESTAMP`].
    pub validation_timestamp: &'static str,
    /// Everything that is wrong.
    pub errors: Vec<Finding>,
}

/// A manifest that was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Its id, or [`UNKNOWN`].
    pub skill_id: String,
    /// Its version, or [`UNKNOWN`].
    pub skill_version: String,
    /// The validator's word.
    pub validation: Validation,
    /// The loader's, when it does not admit it.
    pub refusal: Option<Refusal>,
}

/// Judges the bytes of a manifest, wrapped in `{"skill": ...}` or not.
#[must_use]
pub fn check(bytes: &[u8]) -> Checked {
    match decoded(bytes) {
        Ok(Value::Object(map)) => {
            let manifest = match map.get("skill") {
                Some(Value::Object(inner)) => inner,
                _ => &map,
            };
            let mut findings = schema::findings(manifest);
            if findings.is_empty() {
                // What cannot be loaded is not right either.
                findings = unloadable(manifest);
            }
            if findings.is_empty() {
                // What is not even of the right shape cannot be judged further.
                findings = rules::findings(manifest);
            }
            judged(manifest, findings)
        }
        Ok(_) => judged(
            &Map::new(),
            vec![Finding::schema("$", "must be a JSON object")],
        ),
        Err(finding) => judged(&Map::new(), vec![finding]),
    }
}

/// What the reader of assets finds wrong, with places as the contract writes them.
fn unloadable(manifest: &Map<String, Value>) -> Vec<Finding> {
    let problems = skill_problems(manifest).into_iter();
    let place = |field: &str| field.replace('[', ".").replace(']', "");
    problems
        .map(|it| Finding::schema(place(&it.field), it.message))
        .collect()
}

/// The word on a manifest that could not even be read, such as a file that is not there.
#[must_use]
pub fn unreadable(reason: impl Into<String>) -> Checked {
    judged(&Map::new(), vec![Finding::Internal(reason.into())])
}

fn decoded(bytes: &[u8]) -> Result<Value, Finding> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Finding::Internal(format!("the manifest is no UTF-8 text: {error}")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_json::from_str(text)
        .map_err(|error| Finding::schema("$", format!("is no valid JSON: {error}")))
}

fn judged(manifest: &Map<String, Value>, errors: Vec<Finding>) -> Checked {
    let text = |key: &str| {
        let text = manifest.get(key).and_then(Value::as_str);
        text.filter(|text| !text.trim().is_empty())
            .unwrap_or(UNKNOWN)
            .to_owned()
    };
    let (skill_id, skill_version) = (text("skill_id"), text("skill_version"));
    let readable = !errors.iter().any(Finding::is_unreadable);
    let has = |fault: Fault| errors.iter().any(|error| error.fault() == Some(fault));
    let risk = |fault| match (readable, has(fault)) {
        (false, _) => "unknown",
        (true, true) => "undeclared",
        (true, false) => "declared",
    };
    let complete = readable && !has(Fault::FingerprintIncomplete);
    let valid = errors.is_empty();
    let refusal = Refusal::of(
        &errors,
        [
            skill_id.as_str(),
            skill_version.as_str(),
            text("skill_contract_version").as_str(),
        ],
    );
    let validation = Validation {
        contract_valid: valid,
        determinism_eligible: valid,
        side_effect_risk: risk(Fault::SideEffectUndeclared),
        fingerprint_completeness: if complete { "complete" } else { "incomplete" },
        permission_risk: risk(Fault::PermissionUndeclared),
        trust_level: if valid { "validated" } else { "untrusted" },
        validation_policy_version: POLICY_VERSION,
        validation_timestamp: TIMESTAMP,
        errors,
    };
    Checked {
        skill_id,
        skill_version,
        validation,
        refusal,
    }
}

/// Permissions as they are written: a text or a list of texts for each scope.
#[must_use]
pub fn permissions(value: Option<&Value>) -> Permissions {
    let Some(Value::Object(map)) = value else {
        return Permissions::new();
    };
    map.iter()
        .map(|(scope, value)| (scope.clone(), texts(value)))
        .collect()
}

fn texts(value: &Value) -> BTreeSet<String> {
    match value {
        Value::String(text) => BTreeSet::from([text.clone()]),
        Value::Array(items) => items
            .iter()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => BTreeSet::new(),
    }
}

/// The scope of files, which a skill reads in its workspace anyway.
const FILESYSTEM: &str = "filesystem";
/// What a skill is allowed that may write in its workspace.
const WRITE: &str = "write";
/// The scope that opens the network, unless all that is asked for is [`OFF`].
const NETWORK: &str = "network";
/// No network.
const OFF: &str = "off";

/// What is both asked for and granted.
#[must_use]
pub fn allowed(asked: &Permissions, granted: &Permissions) -> Permissions {
    let mut allowed = Permissions::new();
    for (scope, values) in asked {
        let held = granted.get(scope);
        let both = values
            .iter()
            .filter(|value| held.is_some_and(|held| held.contains(*value)));
        let both: BTreeSet<String> = both.cloned().collect();
        if !both.is_empty() {
            allowed.insert(scope.clone(), both);
        }
    }
    allowed
}

/// Whether these allow writing in the workspace.
#[must_use]
pub fn may_write(permissions: &Permissions) -> bool {
    let files = permissions.get(FILESYSTEM);
    files.is_some_and(|all| all.contains(WRITE))
}

/// Whether these open the network.
#[must_use]
pub fn may_call(permissions: &Permissions) -> bool {
    let network = permissions.get(NETWORK);
    network.is_some_and(|all| all.iter().any(|it| it != OFF))
}

/// Whether somebody with these could change anything.
#[must_use]
pub fn may_change(permissions: &Permissions) -> bool {
    may_write(permissions) || may_call(permissions)
}

/// What of `wanted` is not in `given`, as `scope:value`.
#[must_use]
pub fn missing(wanted: &Permissions, given: &Permissions) -> Vec<String> {
    let mut missing = Vec::new();
    for (scope, values) in wanted {
        let held = given.get(scope);
        for value in values {
            if !held.is_some_and(|held| held.contains(value)) {
                missing.push(format!("{scope}:{value}"));
            }
        }
    }
    missing
}
