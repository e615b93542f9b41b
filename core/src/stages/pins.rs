//! Whether a manifest names exact versions: for Python `==` or a git address, for Node a version
//! that begins with a digit.

use serde_json::Value;

/// What in a manifest is not pinned, in words; nothing for files that are no manifests known here.
#[must_use]
pub fn loose(path: &str, text: &str) -> Vec<String> {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name {
        "pyproject.toml" => pyproject(text)
            .iter()
            .filter(|line| !python_is_pinned(line))
            .map(|line| python_words(line))
            .collect(),
        "package.json" => package(text),
        _ if name.starts_with("requirements") && name.ends_with(".txt") => text
            .lines()
            .map(without_comment)
            .filter(|line| !line.is_empty() && !line.starts_with('-'))
            .filter(|line| !python_is_pinned(line))
            .map(python_words)
            .collect(),
        _ => Vec::new(),
    }
}

/// Whether one requirement of Python names an exact version.
#[must_use]
pub fn python_is_pinned(line: &str) -> bool {
    // What follows `;` says when it applies, and may compare with `==` too.
    let requirement = line.split(';').next().unwrap_or(line);
    let exact = requirement
        .split_once("==")
        .is_some_and(|(_, version)| !version.contains('*'));
    exact || requirement.contains("git+")
}

/// Whether a version of Node's is exact.
#[must_use]
pub fn node_is_pinned(version: &str) -> bool {
    let version = version.trim();
    let begins = version.starts_with(|letter: char| letter.is_ascii_digit());
    // `1.x`, `1 - 2`, `1 || 2` begin with a digit too.
    begins && !version.contains([' ', '|', '*']) && !version.split('.').any(|part| part == "x")
}

/// A loose requirement of Python, in words.
#[must_use]
pub fn python_words(line: &str) -> String {
    format!(
        "`{}` names no exact version; write name==version",
        line.trim()
    )
}

/// A loose package of Node, in words.
#[must_use]
pub fn node_words(name: &str, version: &str) -> String {
    format!("`{name}` has the version `{version}`, which is not exact; write one such as 1.2.3")
}

fn without_comment(line: &str) -> &str {
    let line = line.trim();
    if line.starts_with('#') {
        return "";
    }
    // In the middle of a line a comment needs a space before it: addresses have `#` in them.
    line.split(" #").next().unwrap_or(line).trim()
}

/// The texts in the list `dependencies` of `[project]`.
fn pyproject(text: &str) -> Vec<String> {
    let mut in_project = false;
    let mut in_list = false;
    let mut found = Vec::new();
    for line in text.lines().map(without_comment) {
        if in_list {
            in_list = !strings(line, &mut found);
        } else if line.starts_with('[') {
            in_project = line == "[project]";
        } else if in_project
            && let Some((key, list)) = line.split_once('=')
            && key.trim() == "dependencies"
        {
            in_list = !strings(list.trim_start().trim_start_matches('['), &mut found);
        }
    }
    found
}

/// Takes the quoted texts of a line; `true` when the list ends in it.
fn strings(line: &str, found: &mut Vec<String>) -> bool {
    let mut quote = None;
    let mut word = String::new();
    for letter in line.chars() {
        match quote {
            Some(open) if letter == open => {
                quote = None;
                found.push(std::mem::take(&mut word));
            }
            Some(_) => word.push(letter),
            None if letter == ']' => return true,
            None if letter == '"' || letter == '\'' => quote = Some(letter),
            None => {}
        }
    }
    false
}

fn package(text: &str) -> Vec<String> {
    let Ok(package) = serde_json::from_str::<Value>(text) else {
        return vec!["it is no JSON, so no version can be read".to_owned()];
    };
    ["dependencies", "devDependencies"]
        .iter()
        .filter_map(|key| package.get(key)?.as_object())
        .flatten()
        .filter_map(|(name, version)| {
            let version = version.as_str().unwrap_or_default();
            (!node_is_pinned(version)).then(|| node_words(name, version))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_wants_two_equals_signs_or_git() {
        let text = "# a comment\n-r requirements.txt\nflask==3.1.0 # why\n\
                    lib @ git+https://example.org/lib.git#egg=lib\n\
                    requests>=2\nnumpy\nold==1.*\nonly; python_version == '3.12'\n";
        assert_eq!(
            loose("x/requirements-dev.txt", text),
            [
                "requests>=2",
                "numpy",
                "old==1.*",
                "only; python_version == '3.12'"
            ]
            .map(python_words)
        );
        let text = "[tool]\ndependencies = ['x']\n[project]\nname = 'a'\n\
                    dependencies = [\n  \"flask[async]==3\",\n  'numpy>1', # why\n]\nother = ['y']\n";
        assert_eq!(loose("pyproject.toml", text), [python_words("numpy>1")]);
        let text = "[project]\ndependencies = [\"a\"]\noptional = [\"b\"]\n";
        assert_eq!(loose("pyproject.toml", text), [python_words("a")]);
        assert_eq!(loose("notes.txt", "requests"), Vec::<String>::new());
    }

    #[test]
    fn node_wants_a_digit_first() {
        let text = r#"{"dependencies": {"vue": "3.5.13", "a": "^1.0.0", "b": "*"},
                       "devDependencies": {"c": "1.x", "d": 5, "e": "1 - 2", "f": "1.0.0-rc.1"}}"#;
        assert_eq!(
            loose("x/package.json", text),
            [
                node_words("a", "^1.0.0"),
                node_words("b", "*"),
                node_words("c", "1.x"),
                node_words("d", ""),
                node_words("e", "1 - 2")
            ]
        );
        assert_eq!(loose("package.json", "{").len(), 1);
    }
}
