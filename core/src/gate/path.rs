//! Paths as models write them, made one and checked. The workspace's own capability handle is the
//! wall; this is what tells the model why, before anything is opened.

/// The path as the workspace knows it: `/` between parts, no `.` parts, no doubled or trailing
/// slashes; `.` for the workspace itself.
///
/// `None` when the path is empty, absolute, has a drive prefix, a `..` part, a part of
/// nothing but white space, or a control character.
#[must_use]
pub fn normal_path(path: &str) -> Option<String> {
    if path.is_empty()
        || path.starts_with(['/', '\\'])
        || path.chars().any(char::is_control)
        || has_drive(path)
    {
        return None;
    }
    let mut out = String::with_capacity(path.len());
    for part in path.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => return None,
            _ if part.trim().is_empty() => return None,
            _ => {
                if out.is_empty() && has_drive(part) {
                    return None;
                }
                if !out.is_empty() {
                    out.push('/');
                }
                out.push_str(part);
            }
        }
    }
    if out.is_empty() {
        out.push('.');
    }
    Some(out)
}

fn has_drive(path: &str) -> bool {
    let mut chars = path.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic()) && chars.next() == Some(':')
}

/// Files and folders of a workspace that agents may not write, relative to it, as far as they can be
/// named beforehand; [`protected`] knows the rest.
pub const PROTECTED: &[&str] = &[
    "verification",
    "agent_output/verification",
    "observability",
    "orket.log",
    ".git",
    ".orket",
];

/// Whose file this is, when agents may not write it. `path` is normal. Case does not matter, since
/// it does not on some file systems.
#[must_use]
pub fn protected(path: &str) -> Option<&'static str> {
    let mut parts = path.split('/');
    let first = parts.next().unwrap_or_default();
    let is = |part: &str, name: &str| part.eq_ignore_ascii_case(name);
    let is_log = first.get(..9).is_some_and(|head| is(head, "orket.log"));
    if is(first, "verification") {
        Some("the verifier")
    } else if is(first, "observability") || is_log {
        Some("the runtime's record")
    } else if path.split('/').any(|part| is(part, ".orket")) {
        Some("the runtime")
    } else if path.split('/').any(|part| is(part, ".git")) {
        Some("version control")
    } else if is(first, "agent_output") && parts.next().is_some_and(|part| is(part, "verification"))
    {
        Some("the verifier")
    } else {
        None
    }
}
