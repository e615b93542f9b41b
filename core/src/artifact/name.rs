//! Names that are safe as one component of a path.

use crate::canonical::sha256_hex;

/// The longest name made here, in bytes: below the 255 that file systems allow, with room for what
/// is put around it.
pub const MAX_BYTES: usize = 200;

/// `text` as a file name: letters, digits, `.`, `_` and `-` are kept with their case, anything else
/// becomes `_`, and so does a leading dot or dash. A valid identifier of at most [`MAX_BYTES`] stays
/// as it is; a longer text is cut and told apart by its digest.
pub fn file_name(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for character in text.chars() {
        let allowed = character.is_alphanumeric() || character == '_';
        let allowed_inside = matches!(character, '.' | '-') && !name.is_empty();
        name.push(if allowed || allowed_inside {
            character
        } else {
            '_'
        });
    }
    if name.is_empty() {
        return "_".to_owned();
    }
    if name.len() > MAX_BYTES {
        let digest: String = sha256_hex(text.as_bytes()).chars().take(8).collect();
        let mut end = MAX_BYTES - 9;
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        name.truncate(end);
        name.push('-');
        name.push_str(&digest);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::CardId;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_becomes_one_harmless_component(text in any::<String>()) {
            let name = file_name(&text);
            prop_assert!(!name.is_empty() && name.len() <= MAX_BYTES);
            prop_assert!(!name.starts_with(['.', '-']));
            prop_assert!(!name.contains(['/', '\\', '\0', ':']));
        }

        #[test]
        fn an_identifier_keeps_its_letters(text in "[A-Za-z0-9_][A-Za-z0-9._-]{0,127}") {
            prop_assert!(CardId::new(&text).is_ok());
            prop_assert_eq!(file_name(&text), text);
        }
    }

    #[test]
    fn long_names_stay_apart() {
        let (one, other) = ("ä".repeat(300), "ä".repeat(301));
        assert_ne!(file_name(&one), file_name(&other));
        assert!(file_name(&one).len() <= MAX_BYTES);
    }
}
