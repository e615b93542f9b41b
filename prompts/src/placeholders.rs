//! `{{NAME}}` in the texts of a prompt. Single braces are what calls are written with.

/// What is in a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// The names, in their order.
    pub(crate) names: Vec<String>,
    /// What is not closed, not opened, or no name.
    pub(crate) faults: Vec<String>,
}

/// Looks through a text.
pub(crate) fn find(text: &str) -> Found {
    let mut found = Found::default();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("{{") {
        let inside = after
            .split_once("}}")
            .map(|(inside, behind)| (inside.trim(), behind));
        match inside {
            Some((name, behind)) if is_name(name) => {
                found.names.push(name.to_owned());
                rest = behind;
            }
            Some(_) | None => {
                let shown: String = after
                    .chars()
                    .take_while(|c| !c.is_control())
                    .take(20)
                    .collect();
                found
                    .faults
                    .push(format!("`{{{{{shown}` opens no placeholder"));
                rest = after;
            }
        }
    }
    let count = |brace: char| text.matches(brace).count();
    let (opened, closed) = (count('{'), count('}'));
    if opened != closed && found.faults.is_empty() {
        found
            .faults
            .push(format!("{opened} braces are opened and {closed} closed"));
    }
    found
}

/// Letters, digits, `_`, `.` and `-`, beginning with a letter.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_found_and_calls_are_left_alone() {
        let names = |text: &str| {
            let found = find(text);
            assert_eq!(found.faults, Vec::<String>::new(), "{text}");
            found.names
        };
        assert_eq!(
            names("Dear {{ name }}, on {{day.of-week}}."),
            ["name", "day.of-week"]
        );
        assert_eq!(
            names(r#"{"tool": "x", "args": {"a": {"b": 1}}}"#),
            Vec::<String>::new()
        );
        for wrong in ["{{name", "{{ }}", "{{two words}}", "name}}", "{", "{{a}} }"] {
            assert_ne!(find(wrong).faults, Vec::<String>::new(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_looked_through(text in "[{}a ü.\n-]{0,60}") {
            for name in find(&text).names {
                prop_assert!(text.contains(&name));
            }
        }
    }
}
