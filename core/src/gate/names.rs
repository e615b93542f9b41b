//! Names that mean another file on some machine, or look like another to a person: refused before
//! anything is opened, on every machine alike, so that a workspace can be moved.

use super::{RULE_LOOKALIKE, RULE_PATH_NAME, RULE_TRAVERSAL, clip, refuse};
use crate::turn::Violation;

/// The longest path, in bytes.
const PATH_MAX: usize = 1_024;
/// The longest part of one, in bytes.
const PART_MAX: usize = 255;
/// The most parts.
const DEPTH_MAX: usize = 64;

/// Names that Windows keeps for devices, whatever follows a dot.
const DEVICES: [&str; 8] = [
    "con", "prn", "aux", "nul", "conin$", "conout$", "com", "lpt",
];

/// Whether a path, or a part of it, is longer than any file's should be.
#[must_use]
pub fn is_too_long(path: &str) -> bool {
    let parts = || path.split(['/', '\\']);
    path.len() > PATH_MAX
        || parts().count() > DEPTH_MAX
        || parts().any(|part| part.len() > PART_MAX)
}

/// Checks a path as it was written; `tool` is who asks, for the message.
///
/// # Errors
///
/// A [`Violation`] that says what is wrong with the name and what would be right.
pub fn check(tool: &str, path: &str) -> Result<(), Violation> {
    let complain = |rule: &str, what: &str| {
        let message = format!("{tool}: the path {:?} {what}", clip(path));
        Err(refuse(rule, message, path))
    };
    if path.len() > PATH_MAX || path.split(['/', '\\']).count() > DEPTH_MAX {
        return complain(RULE_PATH_NAME, "is too long; choose a shorter one");
    }
    // Nearly all paths are plain, and then nothing in them can be in disguise.
    let is_plain = path.is_ascii();
    if !is_plain && let Some(letter) = path.chars().find(|c| stands_for_ascii(*c)) {
        let what = format!(
            "holds U+{:04X}, which stands for another character; write it in plain letters",
            u32::from(letter)
        );
        return complain(RULE_LOOKALIKE, &what);
    }
    if is_escaped(path) {
        return complain(
            RULE_TRAVERSAL,
            "holds escaped dots or slashes; write it as it is",
        );
    }
    for part in path.split(['/', '\\']) {
        if let Some(what) = wrong_part(part) {
            return complain(RULE_PATH_NAME, what);
        }
        if !is_plain && part.split(|c: char| !c.is_alphabetic()).any(mixes_scripts) {
            return complain(
                RULE_LOOKALIKE,
                "mixes letters of different scripts that look alike; write it in plain letters",
            );
        }
    }
    Ok(())
}

fn wrong_part(part: &str) -> Option<&'static str> {
    let lower = part.to_ascii_lowercase();
    let stem = lower.split('.').next().unwrap_or_default().trim_end();
    let numbered = |name: &str| {
        let number = stem.strip_prefix(name);
        number.is_some_and(|it| {
            matches!(
                it.chars().collect::<Vec<_>>().as_slice(),
                ['0'..='9' | '¹' | '²' | '³']
            )
        })
    };
    if part.len() > PART_MAX {
        Some("has a part that is too long; choose a shorter one")
    } else if part != "." && part != ".." && part.ends_with(['.', ' ']) {
        Some("has a part that ends in a dot or a space, which some systems drop; leave it out")
    } else if part.contains([':', '*', '?', '"', '<', '>', '|']) {
        Some("holds a character that file names cannot have everywhere; leave it out")
    } else if DEVICES.contains(&stem) && stem != "com" && stem != "lpt"
        || numbered("com")
        || numbered("lpt")
    {
        Some("names a device on some systems; choose another name")
    } else if is_short_name(stem) {
        Some(
            "has a part with `~` and a digit, which names another file on some systems; write the whole name",
        )
    } else {
        None
    }
}

/// `VERIFI~1` and its like.
fn is_short_name(stem: &str) -> bool {
    stem.rsplit_once('~').is_some_and(|(head, number)| {
        !head.is_empty() && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
    })
}

/// `%2e`, `%2f`, `%5c`, `%00`, and what is escaped twice.
fn is_escaped(path: &str) -> bool {
    if !path.contains('%') {
        return false;
    }
    let lower = path.to_ascii_lowercase();
    ["%2e", "%2f", "%5c", "%00", "%252", "%c0", "%u00", "%u22"]
        .iter()
        .any(|escape| lower.contains(escape))
}

/// Characters that are another one in disguise: wide and small forms, slashes and dots of other
/// alphabets, marks that change the letter before them (the composed letter is what is meant),
/// letters that become ASCII when cases are folded, and what nobody sees.
const fn stands_for_ascii(c: char) -> bool {
    matches!(
        c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffd}' | '\u{e0000}'..='\u{e0fff}'
            | '\u{00a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}'
            | '\u{3000}'
            | '\u{0300}'..='\u{036f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
            | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}'
            | '\u{017f}' | '\u{212a}' | '\u{212b}' | '\u{0131}' | '\u{0130}'
            | '\u{2024}'..='\u{2026}' | '\u{2044}' | '\u{2215}' | '\u{2216}' | '\u{2236}'
            | '\u{2571}' | '\u{2572}' | '\u{29f5}'..='\u{29f9}' | '\u{a78f}' | '\u{fe50}'..='\u{fe6f}'
            | '\u{ff01}'..='\u{ff5e}' | '\u{ff61}' | '\u{1d400}'..='\u{1d7ff}'
            | '\u{2100}'..='\u{214f}' | '\u{2460}'..='\u{24ff}' | '\u{fb00}'..='\u{fb06}'
    )
}

/// Latin letters beside Greek, Cyrillic or Armenian ones in one word.
fn mixes_scripts(part: &str) -> bool {
    let latin = part.chars().any(|c| c.is_ascii_alphabetic());
    let other = part
        .chars()
        .any(|c| matches!(c, '\u{0370}'..='\u{058f}' | '\u{13a0}'..='\u{13ff}' | '\u{1f00}'..='\u{1fff}'));
    latin && other
}
