//! Texts as they read from within a run's workspace, so that two runs of the same work in different
//! folders can be compared.

use std::borrow::Cow;

use serde_json::Value;

/// The text with each path below `workspace` (an absolute path without a slash at its end) made
/// relative to it, and the workspace itself as `.`. Neighbours whose names begin alike stay as they
/// are.
#[must_use]
pub fn text<'a>(text: &'a str, workspace: &str) -> Cow<'a, str> {
    if workspace.is_empty() || !text.contains(workspace) {
        return Cow::Borrowed(text);
    }
    let mut relative = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(workspace) {
        relative.push_str(before);
        let begins_here = !relative.chars().next_back().is_some_and(is_of_a_name);
        match after.strip_prefix('/') {
            Some(below) if begins_here && below.starts_with(is_of_a_name) => rest = below,
            _ if begins_here && !after.starts_with(|it| it == '/' || is_of_a_name(it)) => {
                relative.push('.');
                rest = after;
            }
            _ => {
                relative.push_str(workspace);
                rest = after;
            }
        }
    }
    relative.push_str(rest);
    Cow::Owned(relative)
}

/// Makes every text of a value relative.
pub fn value(value: &mut Value, workspace: &str) {
    match value {
        Value::String(found) => {
            if let Cow::Owned(relative) = text(found, workspace) {
                *found = relative;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|it| self::value(it, workspace)),
        Value::Object(map) => map.values_mut().for_each(|it| self::value(it, workspace)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether a file's name is likely to go on with it.
fn is_of_a_name(it: char) -> bool {
    it.is_alphanumeric() || matches!(it, '_' | '-' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_lies_in_the_workspace_becomes_relative() {
        let of = |text_of: &str| text(text_of, "/w/default").into_owned();
        for (found, relative) in [
            ("/w/default/agent_output/a.txt", "agent_output/a.txt"),
            ("{\"path\":\"/w/default/a\"}", "{\"path\":\"a\"}"),
            ("cd /w/default; ls /w/default/x", "cd .; ls x"),
            ("/w/default", "."),
            ("/w/default-fork-1/a", "/w/default-fork-1/a"),
            ("/w/default.old", "/w/default.old"),
            ("/home/w/default/a", "/home/w/default/a"),
            ("/w/default//a", "/w/default//a"),
            ("/w/other/a", "/w/other/a"),
            ("", ""),
        ] {
            assert_eq!(of(found), relative, "{found}");
        }
        assert_eq!(text("/a/b", ""), "/a/b");
        let mut found = json!({"path": "/w/default/a", "n": 1, "all": ["/w/default/b", null]});
        value(&mut found, "/w/default");
        assert_eq!(found, json!({"path": "a", "n": 1, "all": ["b", null]}));
    }
}
