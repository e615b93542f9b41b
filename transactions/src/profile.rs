//! Which commands verify a change: what `orket.config.json` says, or what fits the project.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::refusal::{Code, Refusal};

/// The file that says it, at the root of the repository.
pub const CONFIG: &str = "orket.config.json";
/// The profile that is taken when none is named.
pub const DEFAULT: &str = "default";
/// Larger files declare nothing.
const LARGEST: u64 = 1024 * 1024;
/// How long a command may take when nobody says anything.
pub const TIMEOUT: Duration = Duration::from_secs(600);

/// The commands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Where it comes from, in words.
    pub source: String,
    /// Run by the shell, in order, until one fails.
    pub commands: Vec<String>,
    /// How long each may take.
    #[serde(skip)]
    pub timeout: Duration,
}

#[derive(Debug, Deserialize)]
struct Config {
    verify: Option<Verify>,
}

#[derive(Debug, Deserialize)]
struct Verify {
    #[serde(default)]
    profiles: serde_json::Map<String, serde_json::Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Declared {
    commands: Vec<String>,
    timeout_sec: Option<f64>,
}

impl Profile {
    /// The profile of this name for the project at `root`. `timeout` is what the operator typed.
    ///
    /// # Errors
    ///
    /// `E_CONFIG_INVALID`.
    pub fn find(root: &Path, name: &str, timeout: Option<Duration>) -> Result<Self, Refusal> {
        let declared = declared(root, name)?;
        let profile = match declared {
            Some(profile) => profile,
            None if name == DEFAULT => recognised(root)?,
            None => {
                return Err(invalid(format!(
                    "there is no verify profile `{name}`: {CONFIG} declares none"
                )));
            }
        };
        Ok(Self {
            timeout: timeout.unwrap_or(profile.timeout),
            ..profile
        })
    }
}

fn invalid(message: String) -> Refusal {
    Refusal::new(Code::ConfigInvalid, message).hint(format!(
        "{CONFIG}: {{\"verify\":{{\"profiles\":{{\"default\":{{\"commands\":[\"make test\"],\"timeout_sec\":600}}}}}}}}"
    ))
}

fn declared(root: &Path, name: &str) -> Result<Option<Profile>, Refusal> {
    let unreadable = |error| invalid(format!("{CONFIG} cannot be read: {error}"));
    let path = root.join(CONFIG);
    match path.metadata() {
        // A pipe or a device would be read for ever.
        Ok(facts) if !facts.is_file() || facts.len() > LARGEST => {
            return Err(invalid(format!("{CONFIG} is no file of at most 1 MiB")));
        }
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    }
    let text = std::fs::read(path).map_err(unreadable)?;
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    let config: Config = serde_json::from_slice(text)
        .map_err(|error| invalid(format!("{CONFIG} is not as it must be: {error}")))?;
    let Some(verify) = config.verify else {
        return Ok(None);
    };
    let Some(value) = verify.profiles.get(name) else {
        let known: Vec<&str> = verify.profiles.keys().map(String::as_str).collect();
        if known.is_empty() {
            return Ok(None);
        }
        return Err(invalid(format!(
            "{CONFIG} has no verify profile `{name}`; it has: {}",
            known.join(", ")
        )));
    };
    let declared = Declared::deserialize(value)
        .map_err(|error| invalid(format!("{CONFIG}: verify profile `{name}`: {error}")))?;
    if declared.commands.is_empty() {
        return Err(invalid(format!(
            "{CONFIG}: verify profile `{name}` has no commands"
        )));
    }
    if declared.commands.iter().any(|it| it.trim().is_empty()) {
        return Err(invalid(format!(
            "{CONFIG}: verify profile `{name}` has an empty command"
        )));
    }
    let timeout = match declared.timeout_sec {
        None => TIMEOUT,
        Some(seconds) => seconds_of(seconds).ok_or_else(|| {
            invalid(format!(
                "{CONFIG}: verify profile `{name}`: timeout_sec must be more than 0 and at most 86400"
            ))
        })?,
    };
    Ok(Some(Profile {
        name: name.to_owned(),
        source: CONFIG.to_owned(),
        commands: declared.commands,
        timeout,
    }))
}

/// Seconds that a command may take: more than none, at most a day.
#[must_use]
pub fn seconds_of(seconds: f64) -> Option<Duration> {
    const DAY: f64 = 86_400.0;
    if seconds > 0.0 && seconds <= DAY {
        Duration::try_from_secs_f64(seconds).ok()
    } else {
        None
    }
}

/// What fits a project without a declaration.
fn recognised(root: &Path) -> Result<Profile, Refusal> {
    let has = |name: &str| root.join(name).is_file();
    let mut found: Vec<(&str, String)> = Vec::new();
    if has("package.json") {
        found.push(("package.json", node(root)));
    }
    if has("Cargo.toml") {
        found.push(("Cargo.toml", "cargo test --offline".to_owned()));
    }
    if let Some(file) = python_file(root) {
        let command = if uses_pytest(root) {
            "python3 -m pytest -q"
        } else {
            "python3 -m unittest"
        };
        found.push((file, command.to_owned()));
    }
    if has("go.mod") {
        found.push(("go.mod", "go test ./...".to_owned()));
    }
    if found.is_empty() {
        return Err(invalid(format!(
            "nothing says how a change is verified: no {CONFIG}, and no package.json, Cargo.toml, \
             pyproject.toml or go.mod at {}",
            root.display()
        )));
    }
    let files: Vec<&str> = found.iter().map(|(file, _)| *file).collect();
    Ok(Profile {
        name: DEFAULT.to_owned(),
        source: format!("chosen by {}", files.join(", ")),
        commands: found.into_iter().map(|(_, command)| command).collect(),
        timeout: TIMEOUT,
    })
}

/// `npm test` when the package says what that is.
fn node(root: &Path) -> String {
    /// What `npm init` puts there.
    const PLACEHOLDER: &str = "no test specified";
    let text = std::fs::read(root.join("package.json")).unwrap_or_default();
    let package: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    let script = package.pointer("/scripts/test").and_then(|it| it.as_str());
    match script {
        Some(script) if !script.contains(PLACEHOLDER) => "npm test".to_owned(),
        Some(_) | None => "node --test".to_owned(),
    }
}

fn python_file(root: &Path) -> Option<&'static str> {
    let files = [
        "pyproject.toml",
        "pytest.ini",
        "setup.py",
        "setup.cfg",
        "tox.ini",
        "requirements.txt",
    ];
    files.into_iter().find(|name| root.join(name).is_file())
}

fn uses_pytest(root: &Path) -> bool {
    let is_there = ["pytest.ini", "conftest.py", "tests/conftest.py"];
    let may_say = [
        "pyproject.toml",
        "setup.cfg",
        "tox.ini",
        "requirements.txt",
        "requirements-dev.txt",
    ];
    let says = |name: &&str| {
        std::fs::read(root.join(name))
            .is_ok_and(|text| String::from_utf8_lossy(&text).contains("pytest"))
    };
    is_there.iter().any(|name| root.join(name).is_file()) || may_say.iter().any(says)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)], name: &str) -> Result<(String, Vec<String>, u64), String> {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Profile::find(folder.path(), name, None)
            .map(|it| (it.source, it.commands, it.timeout.as_secs()))
            .map_err(|refusal| format!("{} {}", refusal.code, refusal.message))
    }

    fn chosen(files: &[(&str, &str)]) -> Vec<String> {
        found(files, DEFAULT).unwrap().1
    }

    #[test]
    fn what_is_declared_holds() {
        let config = r#"{"verify":{"profiles":{
            "default":{"commands":["make a","make b"]},
            "quick":{"commands":["true"],"timeout_sec":5}}}}"#;
        let files = [(CONFIG, config), ("package.json", "{}")];
        assert_eq!(
            found(&files, "default").unwrap(),
            (
                CONFIG.to_owned(),
                vec!["make a".to_owned(), "make b".to_owned()],
                600
            )
        );
        assert_eq!(found(&files, "quick").unwrap().2, 5);
        assert_eq!(
            found(&files, "slow").unwrap_err(),
            "E_CONFIG_INVALID orket.config.json has no verify profile `slow`; it has: default, quick"
        );
    }

    #[test]
    fn what_fits_the_project_is_chosen() {
        let own = r#"{"scripts":{"test":"node --test test"}}"#;
        let none = r#"{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}"#;
        assert_eq!(chosen(&[("package.json", own)]), ["npm test"]);
        assert_eq!(chosen(&[("package.json", none)]), ["node --test"]);
        assert_eq!(chosen(&[("package.json", "broken")]), ["node --test"]);
        assert_eq!(chosen(&[("Cargo.toml", "")]), ["cargo test --offline"]);
        assert_eq!(chosen(&[("go.mod", "")]), ["go test ./..."]);
        assert_eq!(chosen(&[("setup.py", "")]), ["python3 -m unittest"]);
        let pytest = [("pyproject.toml", "[tool.pytest.ini_options]")];
        assert_eq!(chosen(&pytest), ["python3 -m pytest -q"]);
        assert_eq!(
            found(&[("package.json", own), ("Cargo.toml", "")], DEFAULT)
                .unwrap()
                .0,
            "chosen by package.json, Cargo.toml"
        );
        assert!(
            found(&[("README.md", "")], DEFAULT)
                .unwrap_err()
                .starts_with("E_CONFIG_INVALID nothing says")
        );
    }

    #[test]
    fn what_could_be_read_for_ever_is_no_declaration() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/zero", folder.path().join(CONFIG)).unwrap();
        let refusal = Profile::find(folder.path(), DEFAULT, None).unwrap_err();
        assert_eq!(refusal.code, Code::ConfigInvalid);
    }

    #[test]
    fn a_declaration_that_makes_no_sense_is_refused() {
        for config in [
            "",
            "[]",
            r#"{"verify":7}"#,
            r#"{"verify":{"profiles":{"default":{}}}}"#,
            r#"{"verify":{"profiles":{"default":{"commands":[]}}}}"#,
            r#"{"verify":{"profiles":{"default":{"commands":[" "]}}}}"#,
            r#"{"verify":{"profiles":{"default":{"commands":["x"],"timeout":7}}}}"#,
            r#"{"verify":{"profiles":{"default":{"commands":["x"],"timeout_sec":0}}}}"#,
        ] {
            let refused = found(&[(CONFIG, config)], DEFAULT).unwrap_err();
            assert!(
                refused.starts_with("E_CONFIG_INVALID"),
                "{config}: {refused}"
            );
        }
    }
}
