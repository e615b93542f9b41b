//! What a seat may write where everyone else of the workspace might: file types that nobody writes,
//! and files that belong to a role.

use super::{GateScope, RULE_FILE_TYPE, RULE_OWNERSHIP, clip, refuse};
use crate::policy::FileOwnership;
use crate::turn::Violation;

/// Checks a `write_file` to the normal path `path`.
pub(super) fn check(path: &str, scope: &GateScope<'_>) -> Result<(), Violation> {
    let lower = path.to_lowercase();
    if let Some(kind) = forbidden_type(path, &scope.policy.forbidden_file_types) {
        let message = format!(
            "write_file: {:?} is of a type that the organization forbids ({kind}); choose another",
            clip(path)
        );
        return Err(refuse(RULE_FILE_TYPE, message, path));
    }
    for files in &scope.policy.owned_files {
        if covers(files, &lower) && !owns(files, scope) {
            let message = format!(
                "write_file: {:?} is a {}, which only {} may write; leave a comment for them instead",
                clip(path),
                files.what,
                files.owners.join(", ")
            );
            return Err(refuse(RULE_OWNERSHIP, message, path));
        }
    }
    Ok(())
}

/// The first of these endings, in lower case with their dots, that the path has.
#[must_use]
pub fn forbidden_type<'a>(path: &str, endings: &'a [String]) -> Option<&'a str> {
    let lower = path.to_lowercase();
    let name = lower.rsplit('/').next().unwrap_or_default();
    let ending = endings.iter().find(|kind| name.ends_with(kind.as_str()));
    ending.map(String::as_str)
}

/// Whether the path is one of these files. A bare name is meant wherever it lies.
fn covers(files: &FileOwnership, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    files.paths.iter().any(|owned| {
        let owned = owned.to_lowercase();
        if owned.ends_with('/') {
            path.starts_with(&owned)
        } else if owned.contains('/') {
            path == owned
        } else {
            name == owned
        }
    })
}

/// Whether the seat, by its name or one of its roles, is an owner.
fn owns(files: &FileOwnership, scope: &GateScope<'_>) -> bool {
    let is = |name: &str| {
        files
            .owners
            .iter()
            .any(|owner| owner.eq_ignore_ascii_case(name))
    };
    is(&scope.seat.seat) || scope.seat.roles.iter().any(|role| is(role))
}
