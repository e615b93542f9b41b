//! What texts and paths are made of, as patterns that grammar compilers know: from `^` to `$`,
//! classes, groups and counts; no `\s`, no look-ahead, no escape outside a class.
//!
//! Local servers match a pattern against the text as it stands between its quotes in JSON, others
//! against what it means. So a text holds neither a bare quote nor a bare backslash, and may hold
//! an escape: right either way.

use serde_json::{Map, Value, json};

use super::super::Contract;
use crate::gate::{self, GateScope, normal_path};
use crate::tool::ToolCall;
use crate::tool_catalogue::WRITE_FILE;

/// A character that is no white space.
const MARK: &str = r#"[^\x00-\x20"\\\x7F-\xA0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]"#;
/// Any character of a text, or an escape.
const ANY: &str = r#"([^"\\\x00-\x1F\x7F]|[\\]["\\/bfnrt])"#;
/// The name of a file up to its first dot: none that Windows keeps for a device, all of which have
/// three letters that end in n, x or l, or three and a digit.
const STEM: &str = "([A-Za-z0-9_-]{1,2}|[A-Za-z0-9_-]{2}[A-KMO-WYZa-kmo-wyz0-9_-]|[A-Za-z0-9_-]{3}[A-Za-z_-][A-Za-z0-9_-]{0,24}|[A-Za-z0-9_-]{5,28})";
/// What may follow it.
const ENDINGS: &str = "([.][A-Za-z0-9_-]{1,20}){0,3}";
/// Where models write when nobody says otherwise.
const OUTPUT: &str = "agent_output";
/// The types of files that may come beside those that are asked for.
const TYPES: [&str; 14] = [
    "py", "js", "ts", "tsx", "rs", "go", "sh", "html", "css", "json", "toml", "yaml", "md", "txt",
];

/// What the calls refer to.
pub(super) fn defs(contract: &Contract, scope: &GateScope<'_>) -> Map<String, Value> {
    let part = format!("{STEM}{ENDINGS}");
    let patterns = [
        (WORDS, Some(format!("^{MARK}{ANY}*$"))),
        (NOTE, Some(format!("^{MARK}{ANY}{{0,120}}$"))),
        (SENTENCE, Some(format!("^{MARK}{ANY}{{3,120}}{MARK}$"))),
        (NAME, Some(format!("^{STEM}$"))),
        (FOLDER, Some(format!("^([.]|{part}(/{part}){{0,4}})$"))),
        (READABLE, readable(scope)),
        (WRITABLE, writable(contract, scope)),
    ];
    patterns
        .into_iter()
        .filter_map(|(name, pattern)| {
            let text = json!({"type": "string", "pattern": pattern?});
            Some((name.to_owned(), text))
        })
        .collect()
}

/// A text that is not blank.
pub(super) const WORDS: &str = "words";
/// The same, short.
pub(super) const NOTE: &str = "note";
/// The same, of at least five characters.
pub(super) const SENTENCE: &str = "sentence";
/// One word that could be an id.
pub(super) const NAME: &str = "name";
/// A folder, whatever its name.
pub(super) const FOLDER: &str = "folder";
/// A file that may be looked at, whatever its name; not defined where no pattern keeps to those.
pub(super) const READABLE: &str = "file";
/// A file that the seat may write beside those that are asked for; not defined where there is none.
pub(super) const WRITABLE: &str = "output";

/// A file that may be looked at, whatever its name; `None` where no pattern keeps to those.
fn readable(scope: &GateScope<'_>) -> Option<String> {
    let secret = || scope.policy.own_places.iter().filter(|own| own.is_secret);
    let within = |folder: &str| {
        let hidden = format!("{folder}/");
        secret().any(|own| own.path.to_lowercase().starts_with(&hidden) || own.holds(folder))
    };
    // No part of a path begins with a dot here.
    let start = if secret().all(|own| own.path.starts_with('.')) {
        format!("({STEM}{ENDINGS}/){{0,5}}")
    } else if within(OUTPUT) {
        return None;
    } else {
        format!("{OUTPUT}/({STEM}{ENDINGS}/){{0,4}}")
    };
    Some(format!("^{start}{STEM}{ENDINGS}$"))
}

/// A file that the seat may write beside those that are asked for: in the folder for output or in
/// one of the contract's, of a type that the gate lets through. `None` where there is none.
fn writable(contract: &Contract, scope: &GateScope<'_>) -> Option<String> {
    let mut folders = vec![OUTPUT.to_owned()];
    for path in contract.demanded_writes() {
        let Some(normal) = normal_path(path) else {
            continue;
        };
        let Some((folder, _)) = normal.rsplit_once('/') else {
            continue;
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-');
        if folder.chars().all(plain) && !folders.iter().any(|known| known == folder) {
            folders.push(folder.to_owned());
        }
    }
    folders.retain(|folder| {
        let below = format!("{}/", folder.to_lowercase());
        let mut own = scope.policy.own_places.iter();
        !own.any(|own| own.path.to_lowercase().starts_with(&below))
    });
    let types: Vec<&str> = TYPES
        .into_iter()
        .filter(|kind| !belongs_to_others(kind, scope))
        .filter(|kind| folders.iter().all(|it| passes(it, kind, scope)))
        .collect();
    if folders.is_empty() || types.is_empty() {
        return None;
    }
    let (folders, types) = (folders.join("|"), types.join("|"));
    Some(format!("^({folders})/{STEM}[.]({types})$"))
}

/// Whether some file of this type has an owner.
fn belongs_to_others(kind: &str, scope: &GateScope<'_>) -> bool {
    let mut owned = scope.policy.owned_files.iter().flat_map(|it| &it.paths);
    owned.any(|path| {
        let ending = path.rsplit_once('.').map(|(_, ending)| ending);
        ending.is_some_and(|ending| ending.eq_ignore_ascii_case(kind))
    })
}

/// Whether the gate lets a file of that type into that folder.
fn passes(folder: &str, kind: &str, scope: &GateScope<'_>) -> bool {
    let path = format!("{folder}/sample.{kind}");
    let args = json!({"path": path, "content": ""});
    let call = ToolCall {
        tool: WRITE_FILE.to_owned(),
        args: args.as_object().cloned().unwrap_or_default(),
    };
    gate::check(&call, scope).is_ok()
}
