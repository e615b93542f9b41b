//! What the output of a failed verification says of its kind.

use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

/// What kind of failure it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Classification {
    /// Names of kinds, in a fixed order.
    pub tags: Vec<String>,
    /// How much there is to that: 0.45 and 0.1 for each tag, at most 0.95.
    pub confidence: f64,
    /// What in the output says so, one for each tag.
    pub signals: Vec<String>,
}

/// The kind that stands for those that nothing speaks for.
const FALLBACK: &str = "build_config_error";
/// How much of the output a signal quotes, in characters.
const QUOTED: usize = 120;

const PATTERNS: [(&str, &str); 8] = [
    (
        "missing_env_var",
        r"(?:environment variable|env(?:ironment)? var)[^\n]{0,80}(?:not set|unset|missing|required|undefined|must be set)|(?:missing|required|undefined|unset)[^\n]{0,40}(?:environment variable|env(?:ironment)? var)|os\.environ\[|KeyError: '[A-Z][A-Z0-9_]+'|parameter null or not set|unbound variable|environment variable not found",
    ),
    (
        "missing_dependency",
        r"cannot find (?:module|package)|ModuleNotFoundError|No module named|ERR_MODULE_NOT_FOUND|MODULE_NOT_FOUND|can't find crate|unresolved import|no required module provides package|no matching package|: (?:command )?not found",
    ),
    (
        "type_error",
        r"\bTypeError\b|error TS\d+|mismatched types|error\[E0308\]|cannot use [^\n]{1,80} as [^\n]{1,80} value",
    ),
    (
        "lint_error",
        r"\beslint\b|\bclippy\b|\bflake8\b|\bruff\b|\bpylint\b|\bgolangci-lint\b|\blint(?:ing)? (?:error|failed)|\bprettier\b",
    ),
    (
        "test_assertion_failed",
        r"\bAssertionError\b|ERR_ASSERTION|assertion (?:[^\n]{0,40})?failed|\bassert(?:ion)? error|test result: FAILED|^not ok \d|^--- FAIL|^FAILED \(|^FAILED [^\n]*::|^# fail [1-9]|^\S* ?fail [1-9]\d*$|\b[1-9]\d* (?:tests? )?failed\b",
    ),
    (
        "build_config_error",
        r"\bSyntaxError\b|could not compile|failed to parse|invalid (?:config|configuration)|\bIndentationError\b|error: expected|manifest path|could not find `?Cargo\.toml|ENOENT[^\n]*package\.json",
    ),
    ("port_in_use", r"EADDRINUSE|address already in use"),
    (
        "db_connection_failed",
        r"could not connect to (?:the )?(?:server|database)|ECONNREFUSED[^\n]*:(?:5432|3306|27017|6379|1433)|(?:connection|connect)[^\n]{0,60}(?:5432|3306|27017|6379|postgres|mysql|mariadb|mongo|redis)[^\n]{0,40}(?:refused|failed)|database is locked|unable to open database|OperationalError",
    ),
];

static COMPILED: LazyLock<Vec<(&'static str, Regex)>> = LazyLock::new(|| {
    PATTERNS
        .into_iter()
        .filter_map(|(tag, pattern)| {
            // A test holds that every pattern is one.
            let pattern = Regex::new(&format!("(?im){pattern}")).ok()?;
            Some((tag, pattern))
        })
        .collect()
});

/// Says what kind of failure an output tells of.
#[must_use]
pub fn classify(output: &str) -> Classification {
    let mut tags = Vec::new();
    let mut signals = Vec::new();
    for (tag, pattern) in COMPILED.iter() {
        if let Some(found) = pattern.find(output) {
            tags.push((*tag).to_owned());
            let quoted: String = found.as_str().trim().chars().take(QUOTED).collect();
            signals.push(format!("{tag}: {quoted}"));
        }
    }
    if tags.is_empty() {
        tags.push(FALLBACK.to_owned());
    }
    let tenths = u32::try_from(tags.len()).unwrap_or(u32::MAX).min(5);
    // In hundredths first, so that the result is the nearest number with two decimals.
    let confidence = f64::from((45 + 10 * tenths).min(95)) / 100.0;
    Classification {
        tags,
        confidence,
        signals,
    }
}

/// What to do about failures of these kinds.
#[must_use]
pub fn actions(tags: &[String]) -> Vec<String> {
    let action = |tag: &String| match tag.as_str() {
        "missing_env_var" => "set the variables that the verification reads",
        "missing_dependency" => "install what the verification could not find",
        "type_error" => "look at callers whose types the change does not fit",
        "lint_error" => "run the linter alone and mend what it says",
        "test_assertion_failed" => "read the assertion that failed: it may name what was changed",
        "port_in_use" => "stop what listens on the port, or let tests take a free one",
        "db_connection_failed" => {
            "start the database on this machine, or give tests one of their own"
        }
        _ => "run the command by hand; it may fail without the change too",
    };
    tags.iter().map(|tag| action(tag).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(output: &str) -> String {
        classify(output).tags.join(" ")
    }

    #[test]
    fn an_output_is_classified_by_what_it_says() {
        assert_eq!(COMPILED.len(), PATTERNS.len());
        let table = [
            (
                "Error: environment variable API_KEY is not set",
                "missing_env_var",
            ),
            (
                "sh: 1: API_KEY: parameter not set\nmissing required env var",
                "missing_env_var",
            ),
            ("Error: Cannot find module './user'", "missing_dependency"),
            ("sh: 1: jest: not found", "missing_dependency"),
            ("TypeError: x.map is not a function", "type_error"),
            ("src/a.ts(3,1): error TS2322: no", "type_error"),
            ("✖ 2 problems (eslint)", "lint_error"),
            (
                "AssertionError [ERR_ASSERTION]: 1 == 2",
                "test_assertion_failed",
            ),
            ("not ok 3 - adds", "test_assertion_failed"),
            ("test result: FAILED. 1 passed", "test_assertion_failed"),
            ("SyntaxError: Unexpected token", "build_config_error"),
            (
                "Error: listen EADDRINUSE: address already in use :::3000",
                "port_in_use",
            ),
            (
                "connect ECONNREFUSED 127.0.0.1:5432",
                "db_connection_failed",
            ),
            ("", "build_config_error"),
            // What a tool of ours says, and words in capitals, are no evidence.
            ("make: *** [all] Error 1", "build_config_error"),
            ("GET /users OK, SEE README", "build_config_error"),
        ];
        for (output, expected) in table {
            assert_eq!(tags(output), expected, "{output}");
        }
    }

    #[test]
    fn confidence_grows_with_the_tags_up_to_a_bound() {
        assert!((classify("").confidence - 0.55).abs() < 1e-9);
        let all = "TypeError\nAssertionError\neslint\nEADDRINUSE\nSyntaxError\nNo module named x";
        assert!((classify(all).confidence - 0.95).abs() < 1e-9);
        assert_eq!(classify(all).tags.len(), 6);
    }
}
