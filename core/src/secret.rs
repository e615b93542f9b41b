//! Texts that stand in examples where a secret should. Everybody knows them: whoever takes one for a
//! secret has none.

/// Placeholders of examples, without what separates their words.
const PLACEHOLDERS: [&str; 34] = [
    "admin",
    "apikey",
    "changeit",
    "changeme",
    "changemeinproduction",
    "changemenow",
    "changethis",
    "default",
    "dummy",
    "example",
    "fixme",
    "insertkeyhere",
    "mysecret",
    "none",
    "orketapikey",
    "password",
    "placeholder",
    "replaceme",
    "replacethis",
    "replacewithsecret",
    "replacewithyoursecret",
    "secret",
    "secretkey",
    "supersecret",
    "test",
    "testkey",
    "todo",
    "token",
    "yourapikey",
    "yourapikeyhere",
    "yoursecret",
    "yoursecrethere",
    "yourtokenhere",
    "yourwebhooksecret",
];
/// What placeholders of some length begin with.
const BEGINNINGS: [&str; 6] = [
    "changeme",
    "changethis",
    "replaceme",
    "replacewith",
    "insertyour",
    "generatea",
];

/// Whether a text is one that stands where a secret should: `change-me`, `<your key>`, `xxxx`.
#[must_use]
pub fn is_placeholder(text: &str) -> bool {
    let text = text.trim();
    let bare: String = text
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    let filler = !text.is_empty()
        && text
            .chars()
            .all(|letter| matches!(letter, 'x' | 'X' | '*' | '.'));
    PLACEHOLDERS.contains(&bare.as_str())
        || BEGINNINGS.iter().any(|begin| bare.starts_with(begin))
        || (bare.starts_with("your") && bare.ends_with("here"))
        || text.starts_with('<')
        || text.starts_with("${")
        || filler
}

#[cfg(test)]
mod tests {
    use super::is_placeholder;

    #[test]
    fn what_stands_in_examples_is_no_secret() {
        for text in [
            "change-me",
            "CHANGE_ME_TO_A_LONG_RANDOM_VALUE",
            "replace_with_32_random_bytes",
            "your-gitea-token-here",
            "<key>",
            "${KEY}",
            "xxxxxxxxxxxxxxxxxxxxxxxx",
            " secret ",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in [
            "",
            "b1946ac92492d2347c6235b4d2611184",
            "your-own-words-are-fine-7",
            "secretary-of-the-interior",
            "nonetheless",
        ] {
            assert!(!is_placeholder(text), "{text}");
        }
    }
}
