//! What a manifest of the right shape must promise.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Fault, Finding, SUPPORTED_VERSIONS, missing, permissions};

/// Runtimes whose behaviour depends on their version.
const VERSIONED: &[&str] = &["python", "node", "container", "shell"];

/// Everything that is wrong, in the order of the manifest. Needs a manifest without schema errors.
pub(super) fn findings(manifest: &Map<String, Value>) -> Vec<Finding> {
    let mut found = Vec::new();
    if !SUPPORTED_VERSIONS.contains(&text(manifest, "skill_contract_version")) {
        found.push(Finding::UnsupportedVersion);
    }
    let digest = text(manifest, "manifest_digest").split_once(':');
    match digest {
        Some((algorithm, hex)) if !algorithm.trim().is_empty() && !hex.is_empty() => {
            // How long it is depends on an algorithm that need not be known here.
            if !hex.chars().all(|c| c.is_ascii_hexdigit()) {
                found.push(Finding::DigestNotHex);
            }
        }
        Some(_) | None => found.push(Finding::DigestWithoutAlgorithm),
    }
    let entrypoints = manifest.get("entrypoints").and_then(Value::as_array);
    let mut tools = BTreeSet::new();
    for map in entrypoints
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
    {
        let id = text(map, "entrypoint_id");
        let mut faults = faults(map);
        if !tools.insert(text(map, "tool_profile_id")) {
            faults.push(Fault::ToolDuplicated);
        }
        found.extend(
            faults
                .into_iter()
                .map(|fault| Finding::entrypoint(id, fault)),
        );
    }
    found
}

fn faults(entrypoint: &Map<String, Value>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let runtime = text(entrypoint, "runtime").trim().to_ascii_lowercase();
    let is_versioned = VERSIONED.contains(&runtime.as_str());
    if is_versioned && text(entrypoint, "runtime_version").trim().is_empty() {
        faults.push(Fault::RuntimeUnpinned);
    }
    if is_empty(entrypoint, "args_fingerprint_fields")
        || is_empty(entrypoint, "result_fingerprint_fields")
    {
        faults.push(Fault::FingerprintIncomplete);
    }
    if !is_empty(entrypoint, "side_effect_categories")
        && is_empty(entrypoint, "side_effect_fingerprint_fields")
    {
        faults.push(Fault::SideEffectUndeclared);
    }
    let required = permissions(entrypoint.get("required_permissions"));
    let requested = permissions(entrypoint.get("requested_permissions"));
    if !missing(&required, &requested).is_empty() {
        faults.push(Fault::PermissionUndeclared);
    }
    faults
}

fn text<'a>(map: &'a Map<String, Value>, key: &str) -> &'a str {
    map.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn is_empty(map: &Map<String, Value>, key: &str) -> bool {
    map.get(key)
        .and_then(Value::as_array)
        .is_none_or(Vec::is_empty)
}
