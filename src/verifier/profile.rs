//! What kind of project a workspace holds, by its manifests.

use cap_std::fs::Dir;
use orket_core::verify::AGENT_OUTPUT;

/// `python`, `node` or, where both are spoken of, `polyglot`; `None` when there is no manifest.
#[must_use]
pub fn of_manifests(dir: &Dir) -> Option<&'static str> {
    let dependencies = format!("{AGENT_OUTPUT}/dependencies");
    let folders = [".", AGENT_OUTPUT, &dependencies];
    let has = |name: &str| {
        folders.iter().any(|folder| {
            dir.metadata(format!("{folder}/{name}"))
                .is_ok_and(|found| found.is_file())
        })
    };
    let python = has("pyproject.toml") || has("requirements.txt");
    match (python, has("package.json")) {
        (true, true) => Some("polyglot"),
        (true, false) => Some("python"),
        (false, true) => Some("node"),
        (false, false) => None,
    }
}
