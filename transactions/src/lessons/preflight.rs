//! What can be looked at before a verification is tried again: only what the output of the last
//! failure speaks of in so many words.

use std::collections::BTreeSet;
use std::path::{Component, Path};
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum Check {
    /// A variable that must be set.
    EnvVarPresent(String),
    /// A program that must be found.
    CommandExists(String),
    /// A file that must be there, relative to the root of the repository.
    FileExists(String),
}

const VARIABLE: [&str; 5] = [
    r"(?:environment variable|env(?:ironment)? var(?:iable)?s?)[:=]? [`'\x22]?([A-Z][A-Z0-9_]+)[`'\x22]?[^\n]{0,40}(?:not set|unset|missing|required|undefined|must be set|not found)",
    r"(?:missing|required|undefined|unset)[^\n]{0,40}(?:environment variable|env(?:ironment)? var(?:iable)?s?)[:=]? [`'\x22]?([A-Z][A-Z0-9_]+)",
    r"\b([A-Z][A-Z0-9_]+)\b[`'\x22]?[^\n]{0,20}(?:is not set|is unset|must be set|: unbound variable|: parameter (?:null or )?not set)",
    r"KeyError: '([A-Z][A-Z0-9_]+)'",
    r"process\.env\.([A-Z][A-Z0-9_]+)[^\n]{0,40}(?:undefined|missing|required|not set)",
];
const COMMAND: [&str; 3] = [
    r"(?m)^(?:/bin/)?(?:ba|da|z)?sh: (?:line )?(?:\d+: )?([A-Za-z0-9_.+-]+): (?:command )?not found",
    r"env: [`'\x22‘]?([A-Za-z0-9_.+-]+)[`'\x22’]?: No such file or directory",
    r"make: ([A-Za-z0-9_.+-]+): No such file or directory",
];
const FILE: [&str; 3] = [
    r"ENOENT: no such file or directory, \w+ '([^'\n]+)'",
    r"No such file or directory: '([^'\n]+)'",
    r"(?:cat|cp|ls|cannot open|can't open|cannot access) ?:? ?[`'\x22‘]?([A-Za-z0-9_./-]+)[`'\x22’]?: No such file or directory",
];

static VARIABLES: LazyLock<Vec<Regex>> = LazyLock::new(|| compiled(&VARIABLE));
static COMMANDS: LazyLock<Vec<Regex>> = LazyLock::new(|| compiled(&COMMAND));
static FILES: LazyLock<Vec<Regex>> = LazyLock::new(|| compiled(&FILE));

fn compiled(patterns: &[&str]) -> Vec<Regex> {
    // A test holds that every pattern is one.
    patterns
        .iter()
        .filter_map(|it| Regex::new(it).ok())
        .collect()
}

/// What an output says is missing. `tree` is where the command ran: paths below it are paths of the
/// repository.
#[must_use]
pub fn extract(output: &str, tree: &Path) -> Vec<Check> {
    let mut checks = BTreeSet::new();
    let found = |patterns: &'static LazyLock<Vec<Regex>>| {
        patterns
            .iter()
            .flat_map(move |pattern| pattern.captures_iter(output))
            .filter_map(|captures| Some(captures.get(1)?.as_str()))
    };
    checks.extend(found(&VARIABLES).map(|name| Check::EnvVarPresent(name.to_owned())));
    checks.extend(found(&COMMANDS).map(|name| Check::CommandExists(name.to_owned())));
    let relative = |name: &str| {
        let path = Path::new(name);
        let path = path.strip_prefix(tree).unwrap_or(path);
        let is_inside = path
            .components()
            .all(|it| matches!(it, Component::Normal(_) | Component::CurDir));
        is_inside.then(|| path.display().to_string())
    };
    checks.extend(found(&FILES).filter_map(relative).map(Check::FileExists));
    checks.into_iter().collect()
}

impl Check {
    /// Whether it holds here and now.
    #[must_use]
    pub fn holds(&self, root: &Path) -> bool {
        match self {
            Self::EnvVarPresent(name) => {
                std::env::var_os(name).is_some_and(|value| !value.is_empty())
            }
            Self::CommandExists(name) => {
                let search = std::env::var_os("PATH").unwrap_or_default();
                std::env::split_paths(&search).any(|folder| folder.join(name).is_file())
            }
            Self::FileExists(name) => root.join(name).exists(),
        }
    }

    /// As it is told: `env_var_present:API_KEY`.
    #[must_use]
    pub fn warning(&self) -> String {
        match self {
            Self::EnvVarPresent(name) => format!("env_var_present:{name}"),
            Self::CommandExists(name) => format!("command_exists:{name}"),
            Self::FileExists(name) => format!("file_exists:{name}"),
        }
    }
}

/// What does not hold, in order and once each.
#[must_use]
pub fn warnings<'a>(root: &Path, checks: impl IntoIterator<Item = &'a Check>) -> Vec<String> {
    let broken: BTreeSet<&Check> = checks
        .into_iter()
        .filter(|check| !check.holds(root))
        .collect();
    broken.into_iter().map(Check::warning).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extracted(output: &str) -> Vec<String> {
        let checks = extract(output, Path::new("/scratch/tree"));
        checks.iter().map(Check::warning).collect()
    }

    #[test]
    fn only_what_is_said_to_be_missing_is_looked_at() {
        let counts = [&*VARIABLES, &*COMMANDS, &*FILES].map(Vec::len);
        assert_eq!(counts, [VARIABLE.len(), COMMAND.len(), FILE.len()]);
        let table: [(&str, &[&str]); 11] = [
            (
                "Error: environment variable API_KEY is not set",
                &["env_var_present:API_KEY"],
            ),
            (
                "missing env var: DATABASE_URL",
                &["env_var_present:DATABASE_URL"],
            ),
            ("KeyError: 'HOME_DIR'", &["env_var_present:HOME_DIR"]),
            (
                "sh: 1: TOKEN: parameter not set",
                &["env_var_present:TOKEN"],
            ),
            ("sh: 1: jest: not found", &["command_exists:jest"]),
            (
                "bash: line 3: cargo-nextest: command not found",
                &["command_exists:cargo-nextest"],
            ),
            (
                "ENOENT: no such file or directory, open '/scratch/tree/config/test.json'",
                &["file_exists:config/test.json"],
            ),
            (
                "[Errno 2] No such file or directory: 'data/a.csv'",
                &["file_exists:data/a.csv"],
            ),
            // Outside of the repository: nothing of ours.
            ("No such file or directory: '/etc/x'", &[]),
            ("No such file or directory: '../x'", &[]),
            ("FAIL ERROR TEST GET POST EXPECTED ACTUAL JSON", &[]),
        ];
        for (output, expected) in table {
            assert_eq!(extracted(output), expected, "{output}");
        }
    }

    #[test]
    fn what_holds_is_not_told() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("there"), "").unwrap();
        let checks = [
            Check::FileExists("there".to_owned()),
            Check::FileExists("gone".to_owned()),
            Check::CommandExists("sh".to_owned()),
            Check::CommandExists("no-such-program".to_owned()),
            Check::EnvVarPresent("PATH".to_owned()),
            Check::EnvVarPresent("NO_SUCH_VARIABLE".to_owned()),
            Check::FileExists("gone".to_owned()),
        ];
        assert_eq!(
            warnings(folder.path(), &checks),
            [
                "env_var_present:NO_SUCH_VARIABLE",
                "command_exists:no-such-program",
                "file_exists:gone"
            ]
        );
    }
}
