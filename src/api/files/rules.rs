//! Which paths may be asked for. Nothing here looks at a disk: what a path leads to is judged again
//! by [`super::tree`], with the same rules, part by part.

use orket_core::gate::{check_name, forbidden_type, is_too_long, normal_path, protected};

use super::FileProblem;

/// The folders of the project that are served.
pub const SERVED: [&str; 5] = ["config", "docs", "model", "product", "workspace"];

/// Endings of databases and of what belongs to them.
const DATABASES: [&str; 8] = [
    ".db", ".db3", ".sqlite", ".sqlite2", ".sqlite3", "-wal", "-shm", "-journal",
];

/// How the files of SQLite begin, whatever they are called.
pub const DATABASE_MARK: &[u8] = b"SQLite format 3\0";

/// The parts of a path as it was asked for; none for the project's folder itself. `verb` is what is
/// to be done, for the message.
///
/// # Errors
///
/// [`FileProblem::Malformed`] when it could be no path at all, [`FileProblem::Forbidden`] when it
/// climbs, begins at the root, or is written so that it may mean another file than it seems to.
pub fn parts(verb: &str, path: &str) -> Result<Vec<String>, FileProblem> {
    if path.chars().any(char::is_control) {
        let message = format!("{verb}: the path holds a control character");
        return Err(FileProblem::Malformed(message));
    }
    if is_too_long(path) {
        let message = format!("{verb}: the path, or a part of it, is too long");
        return Err(FileProblem::Malformed(message));
    }
    let normal = normal_path(path).ok_or_else(|| {
        FileProblem::Forbidden(format!(
            "{verb}: {path:?} could lead out of the project; give a path relative to it, without `..`"
        ))
    })?;
    let parts: Vec<String> = match normal.as_str() {
        "." => Vec::new(),
        normal => normal.split('/').map(str::to_owned).collect(),
    };
    // Before anything else about names: whoever asks for what is hidden hears just that.
    if let Some(part) = parts.iter().find(|part| is_hidden(part)) {
        return Err(hidden(part));
    }
    match check_name(verb, path) {
        Ok(()) => Ok(parts),
        Err(violation) => Err(FileProblem::Forbidden(violation.message)),
    }
}

/// Whether a name may be seen at this depth; the project's own entries are at 0.
///
/// # Errors
///
/// [`FileProblem::Forbidden`].
pub fn admit(depth: usize, name: &str) -> Result<(), FileProblem> {
    if depth == 0 && !SERVED.contains(&name) {
        return Err(FileProblem::Forbidden(format!(
            "{name:?} is not served; only {} are",
            SERVED.map(|folder| format!("{folder}/")).join(", ")
        )));
    }
    if is_hidden(name) {
        return Err(hidden(name));
    }
    Ok(())
}

fn hidden(name: &str) -> FileProblem {
    FileProblem::Forbidden(format!(
        "{name:?} is not served: names with a leading dot, databases, and what tools keep for themselves"
    ))
}

/// Whether a name is shown to nobody: dot-files, databases, what tools keep for themselves. Case does
/// not matter, since it does not on some file systems.
#[must_use]
pub fn is_hidden(name: &str) -> bool {
    let lower = name.to_lowercase();
    // Some systems drop dots and spaces at the end of a name, and take `:` for a stream of the file.
    let meant = lower.split(':').next().unwrap_or_default();
    let meant = meant.trim_end_matches(['.', ' ']);
    lower.starts_with('.')
        || lower.contains("__pycache__")
        || meant == "node_modules"
        || DATABASES.iter().any(|ending| meant.ends_with(ending))
}

/// Whether a file may be written by a person who holds a key: the rules of the tool gate that depend
/// on neither card nor seat. `endings` are those that the organization forbids.
///
/// # Errors
///
/// [`FileProblem::Forbidden`].
pub fn writable(parts: &[String], endings: &[String]) -> Result<(), FileProblem> {
    let path = parts.join("/");
    if let Some(owner) = owner(parts) {
        return Err(FileProblem::Forbidden(format!(
            "save: {path:?} belongs to {owner} and cannot be written"
        )));
    }
    if let Some(kind) = forbidden_type(&path, endings) {
        return Err(FileProblem::Forbidden(format!(
            "save: {path:?} is of a type that the organization forbids ({kind})"
        )));
    }
    Ok(())
}

/// Whose file it is. What the gate protects is known relative to a workspace, and any folder below
/// `workspace/` and `product/` may be one.
fn owner(parts: &[String]) -> Option<&'static str> {
    let (top, below) = parts.split_first()?;
    if !["workspace", "product"].contains(&top.as_str()) {
        return None;
    }
    (0..below.len()).find_map(|from| protected(&below.get(from..)?.join("/")))
}

/// The ending of a name, with its dot; none for a name without one.
#[must_use]
pub fn ending(name: &str) -> &str {
    match name.rfind('.') {
        Some(at) if at > 0 && at + 1 < name.len() => name.get(at..).unwrap_or_default(),
        Some(_) | None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(path: &str) -> &'static str {
        match parts("read", path) {
            Ok(_) => "ok",
            Err(FileProblem::Malformed(_)) => "malformed",
            Err(FileProblem::Forbidden(_)) => "forbidden",
            Err(other) => panic!("{path:?}: {other}"),
        }
    }

    #[test]
    fn only_plain_paths_below_the_project_are_looked_at() {
        for plain in [
            "model/core/epics/x.json",
            "docs",
            "./docs//a.md",
            "docs/a..b",
            "docs\\a.md",
        ] {
            assert_eq!(kind(plain), "ok", "{plain:?}");
        }
        for climbing in [
            "..",
            "../x",
            "docs/../../x",
            "docs\\..\\..\\x",
            "/etc/passwd",
            "\\\\server\\share",
            "C:/x",
            "c:x",
            "%2e%2e/x",
            "docs/%2e%2e%2fx",
            "docs/..%2fx",
            "docs/%252e%252e",
            "docs/ /x",
            "docs/\u{2024}\u{2024}/x",
            "docs/．．/x",
            "docs\u{2215}x",
            "docs/a.md ",
            "docs/a.md.",
            "docs/x:y",
            "docs/con",
            "docs/VERIFI~1",
            "d\u{043e}cs/x",
        ] {
            assert_eq!(kind(climbing), "forbidden", "{climbing:?}");
        }
        for broken in [
            "docs/a\0b",
            "docs/\n",
            &"a/".repeat(100),
            &"x".repeat(2_000),
            &"y".repeat(300),
        ] {
            assert_eq!(kind(broken), "malformed", "{broken:?}");
        }
    }

    #[test]
    fn what_is_hidden_is_hidden_in_every_spelling() {
        for name in [
            ".env",
            ".ENV",
            ".git",
            "...",
            ".env.",
            "a.db",
            "A.DB",
            "a.Sqlite",
            "a.db-wal",
            "a.db-SHM",
            "a.db-journal",
            "a.db. ",
            "a.db::$DATA",
            "node_modules",
            "NODE_MODULES",
            "Node_Modules.",
            "__pycache__",
            "x__PYCACHE__y",
        ] {
            assert!(is_hidden(name), "{name:?} is shown");
        }
        for name in [
            "env",
            "a.dbx",
            "adb",
            "wal",
            "node_modules2",
            "pycache",
            "a.md",
        ] {
            assert!(!is_hidden(name), "{name:?} is hidden");
        }
    }

    #[test]
    fn the_first_part_is_one_of_the_served_folders() {
        for name in SERVED {
            assert!(admit(0, name).is_ok());
        }
        for name in ["src", "Model", "MODEL", "target", ""] {
            assert!(admit(0, name).is_err(), "{name:?}");
            assert!(admit(1, name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn what_belongs_to_the_runtime_and_the_verifier_is_not_written() {
        let may = |path: &str, endings: &[String]| {
            writable(&parts("save", path).unwrap(), endings).is_ok()
        };
        for own in [
            "workspace/default/observability/r/checkpoint.json",
            "workspace/default/OBSERVABILITY/x",
            "workspace/default/verification/v.py",
            "workspace/default/agent_output/verification/v.py",
            "workspace/default/orket.log",
            "workspace/orket.log.1",
            "product/app/verification/v.py",
        ] {
            assert!(!may(own, &[]), "{own}");
        }
        for free in [
            "workspace/default/agent_output/a.txt",
            "model/core/epics/a.json",
            "docs/verification/a.md",
            "config/organization.json",
        ] {
            assert!(may(free, &[]), "{free}");
        }
        assert!(!may("docs/tool.EXE", &[".exe".to_owned()]));
    }

    #[test]
    fn endings_have_their_dot() {
        for (name, expected) in [
            ("a.json", ".json"),
            ("a.tar.gz", ".gz"),
            ("a", ""),
            ("a.", ""),
            (".a", ""),
        ] {
            assert_eq!(ending(name), expected);
        }
    }
}
