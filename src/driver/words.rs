//! Cutting a line into words as a shell does: quotes keep what is in them together, a backslash keeps
//! the next character as it is.

/// A quote that is never closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unclosed(pub char);

/// The words of a line.
///
/// # Errors
///
/// [`Unclosed`].
pub fn split(line: &str) -> Result<Vec<String>, Unclosed> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None | Some('"'), '\\') => {
                let next = chars.next().unwrap_or('\\');
                word.get_or_insert_default().push(next);
            }
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '"' | '\'') => {
                quote = Some(c);
                // A quoted nothing is a word, too.
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    if let Some(open) = quote {
        return Err(Unclosed(open));
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quotes_and_backslashes_are_a_shell_s() {
        let words = |line: &str| split(line).unwrap();
        assert_eq!(words("  list   epics "), ["list", "epics"]);
        assert_eq!(
            words(r#"a "b c" 'd "e' f\ g"#),
            ["a", "b c", r#"d "e"#, "f g"]
        );
        assert_eq!(words(r#"x"y"z '' "#), ["xyz", ""]);
        assert_eq!(words(""), [""; 0]);
        assert_eq!(split("don't"), Err(Unclosed('\'')));
        assert_eq!(split(r#"say "hi"#), Err(Unclosed('"')));
    }

    proptest! {
        #[test]
        fn quoted_words_come_back_whole(given in prop::collection::vec("\\PC{0,12}", 0..6)) {
            let line: Vec<String> = given
                .iter()
                .map(|word| format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"")))
                .collect();
            prop_assert_eq!(split(&line.join(" ")), Ok(given));
        }

        #[test]
        fn no_text_breaks_it(text in "\\PC{0,200}") {
            let _ = split(&text);
        }
    }
}
