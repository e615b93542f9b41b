//! The organization's own rules for the stages that lay files out.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::policy::Rules;
use super::super::{Findings, name};
use crate::stages::{dependencies, scaffold};

const DEPLOYMENT: &str = "deployment_planner_required_files";

/// Every key of `process_rules` that begins like a stage's.
const KNOWN: [&str; 15] = [
    "scaffolder_required_directories",
    "scaffolder_required_files",
    "scaffolder_scan_roots",
    "scaffolder_forbidden_extensions",
    "dependency_manager_stack_profile",
    "dependency_manager_python_dependencies",
    "dependency_manager_python_dev_dependencies",
    "dependency_manager_node_dependencies",
    "dependency_manager_node_dev_dependencies",
    "dependency_manager_require_pinned_versions",
    DEPLOYMENT,
    "small_project_builder_variant",
    "small_project_issue_threshold",
    "small_project_auto_inject_reviewer",
    "small_project_auto_inject_code_reviewer",
];

const PREFIXES: [&str; 4] = [
    "scaffolder_",
    "dependency_manager_",
    "deployment_planner_",
    "small_project_",
];

/// A rule that a stage does not know is most likely a slip of the pen.
pub(super) fn warn_of_unknown(rules: &Rules<'_>, findings: &mut Findings) {
    for key in rules.keys().filter(|key| !KNOWN.contains(key)) {
        if let Some(prefix) = PREFIXES.iter().find(|prefix| key.starts_with(**prefix)) {
            let like = KNOWN.iter().filter(|known| known.starts_with(*prefix));
            let hint = name::suggestion(key, like.copied());
            rules.warn(key, format!("is read by nothing; {hint}"), findings);
        }
    }
}

/// What the deployment planner is to write.
pub(super) fn deployment(rules: &Rules<'_>, findings: &mut Findings) -> Vec<String> {
    paths(rules, DEPLOYMENT, findings)
}

/// What the scaffolder is to lay out.
pub(super) fn scaffold(rules: &Rules<'_>, findings: &mut Findings) -> scaffold::Rules {
    const FILES: &str = "scaffolder_required_files";
    let files = match rules.value(FILES) {
        Some(Value::Object(map)) => {
            let mut files = Vec::new();
            for (path, text) in map {
                match text {
                    Value::String(text) if is_plain(path) => {
                        files.push((path.clone(), text.clone()));
                    }
                    _ => rules.problem(FILES, bad_path(path), findings),
                }
            }
            files
        }
        _ => paths(rules, FILES, findings)
            .into_iter()
            .map(|path| (path, String::new()))
            .collect(),
    };
    scaffold::Rules {
        folders: paths(rules, "scaffolder_required_directories", findings),
        files,
        scan_roots: paths(rules, "scaffolder_scan_roots", findings),
        forbidden: rules.texts("scaffolder_forbidden_extensions", findings),
    }
}

/// What the dependency manager is to write.
pub(super) fn dependencies(rules: &Rules<'_>, findings: &mut Findings) -> dependencies::Rules {
    let key = |what: &str| format!("dependency_manager_{what}");
    let dev = key("python_dev_dependencies");
    let python_dev = rules.value(&dev).is_some();
    dependencies::Rules {
        python: rules.texts(&key("python_dependencies"), findings),
        python_dev: python_dev.then(|| rules.texts(&dev, findings)),
        node: packages(rules, &key("node_dependencies"), findings),
        node_dev: packages(rules, &key("node_dev_dependencies"), findings),
        pinned: rules.flag(&key("require_pinned_versions"), true, findings),
    }
}

fn packages(
    rules: &Rules<'_>,
    key: &str,
    findings: &mut Findings,
) -> Option<BTreeMap<String, String>> {
    let wrong = "must be an object of versions by package".to_owned();
    match rules.value(key)? {
        Value::Null => None,
        Value::Object(map) => {
            let versions = map
                .iter()
                .map(|(name, version)| Some((name.clone(), version.as_str()?.to_owned())));
            let versions: Option<BTreeMap<_, _>> = versions.collect();
            if versions.is_none() {
                rules.problem(key, wrong, findings);
            }
            versions
        }
        _ => {
            rules.problem(key, wrong, findings);
            None
        }
    }
}

/// A list of paths in the workspace.
fn paths(rules: &Rules<'_>, key: &str, findings: &mut Findings) -> Vec<String> {
    let mut paths = rules.texts(key, findings);
    for path in &paths {
        if !is_plain(path) {
            rules.problem(key, bad_path(path), findings);
        }
    }
    paths.retain(|path| is_plain(path));
    paths
}

fn bad_path(path: &str) -> String {
    format!("`{path}` is no path inside the workspace with a text; write one such as docs/notes.md")
}

/// Whether it is a path that stays in the workspace, written in the plainest way.
fn is_plain(path: &str) -> bool {
    let parts_are_plain = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    parts_are_plain && !path.contains(['\\', '\0'])
}
