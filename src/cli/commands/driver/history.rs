//! Which lines are remembered, and where: `$XDG_STATE_HOME/orket/history`, by default
//! `~/.local/state/orket/history`, for the user alone. Secrets never get there.

use std::ffi::OsString;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// Lines that are remembered.
pub const MOST_LINES: usize = 1_000;
/// The longest line that is, in bytes; so the file stays below 2 MB.
const LONGEST: usize = 2_000;
/// A word of so many letters and digits is more likely a key than anything that is typed.
const KEY_LENGTH: usize = 24;

/// Words that secrets stand near to.
const TELLING: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "api-key",
    "apikey",
    "authorization",
    "bearer",
    "private key",
    "-----begin",
];

/// How well-known keys begin.
const KEYS: [&str; 10] = [
    "sk-",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "akia",
    "eyj",
];

/// Where lines are remembered; `None` where no place for it is known.
pub fn path(state_home: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |text: OsString| Some(PathBuf::from(text)).filter(|path| path.is_absolute());
    let state = state_home
        .and_then(absolute)
        .or_else(|| Some(home.and_then(absolute)?.join(".local/state")))?;
    Some(state.join("orket/history"))
}

/// Makes the folder of the file, for the user alone.
pub fn prepare(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(folder) => std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder),
        None => Ok(()),
    }
}

/// Whether a line is remembered: no secret, no monster, nothing behind a blank.
pub fn is_kept(line: &str) -> bool {
    !line.trim().is_empty()
        && !line.starts_with(char::is_whitespace)
        && line.len() <= LONGEST
        && !has_secret(line)
}

fn has_secret(line: &str) -> bool {
    let lower = line.to_lowercase();
    if TELLING.iter().any(|word| lower.contains(word)) {
        return true;
    }
    lower.split_whitespace().any(|word| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '-');
        let value = bare.rsplit_once('=').map_or(bare, |(_, value)| value);
        KEYS.iter().any(|begin| value.starts_with(begin))
            || has_password(word)
            || is_like_a_key(value)
    })
}

/// `scheme://name:password@host`.
fn has_password(word: &str) -> bool {
    word.split_once("://")
        .and_then(|(_, rest)| rest.split('/').next()?.rsplit_once('@'))
        .is_some_and(|(login, _)| login.contains(':'))
}

fn is_like_a_key(word: &str) -> bool {
    word.len() >= KEY_LENGTH
        && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '+')
        && word.chars().any(|c| c.is_ascii_digit())
        && word.chars().any(|c| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_remembered() {
        for line in [
            "my password is hunter2",
            "set OPENAI_API_KEY=abc",
            "use sk-proj-0123 for it",
            "it is ghp_0123456789abcdef",
            "clone https://me:hunter2@git.example.org/x.git",
            "Authorization: Bearer abc",
            "AKIA0123456789ABCDEF",
            "x eyJhbGciOiJIUzI1NiJ9.e30.abc",
            "9f86d081884c7d659a2feaa0c55ad015",
            " kept to myself",
            "",
        ] {
            assert!(!is_kept(line), "{line}");
        }
        assert!(!is_kept(&"long ".repeat(1_000)));
        for line in [
            "run epic golden_flow --model scripted:golden_flow",
            "show run 0123456789ab",
            "what is 2+3*4?",
            "add-card checkout coder high Write https://example.org/a@b",
        ] {
            assert!(is_kept(line), "{line}");
        }
    }

    #[test]
    fn it_is_where_state_belongs() {
        let some = |text: &str| Some(OsString::from(text));
        assert_eq!(
            path(some("/s"), some("/h")),
            Some("/s/orket/history".into())
        );
        for no_state in [None, some(""), some("relative")] {
            assert_eq!(
                path(no_state, some("/h")),
                Some("/h/.local/state/orket/history".into())
            );
        }
        assert_eq!(path(None, None), None);
    }
}
