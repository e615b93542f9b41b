//! What a sandbox is called. Ids become names of docker projects and of folders.

use orket_core::canonical::sha256_hex;

/// What every id begins with.
pub const PREFIX: &str = "sandbox-";
/// What every project of docker compose begins with.
pub const PROJECT_PREFIX: &str = "orket-";
/// The longest id; a project's name has to fit into the names of its containers and networks.
const LONGEST: usize = 56;
/// Hexadecimal digits that tell rocks apart whose names are too much alike.
const DIGITS: usize = 10;

/// The id that a rock would like: `sandbox-` and its name in lower case without what is not in
/// `[a-z0-9_-]`. Two rocks may like the same one.
#[must_use]
pub fn wanted(rock_id: &str) -> String {
    let name: String = rock_id
        .to_lowercase()
        .chars()
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'))
        .collect();
    let id = format!("{PREFIX}{name}");
    if name.is_empty() || id.len() > LONGEST {
        apart(rock_id)
    } else {
        id
    }
}

/// The id that no other rock has: a digest of the whole name follows its beginning.
#[must_use]
pub fn apart(rock_id: &str) -> String {
    let digest = sha256_hex(rock_id.as_bytes());
    let digest: String = digest.chars().take(DIGITS).collect();
    let room = LONGEST - PREFIX.len() - DIGITS - 1;
    let name: String = rock_id
        .to_lowercase()
        .chars()
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'))
        .take(room)
        .collect();
    if name.is_empty() {
        format!("{PREFIX}{digest}")
    } else {
        format!("{PREFIX}{name}-{digest}")
    }
}

/// Whether a text could be an id: it may become a path.
#[must_use]
pub fn is_id(text: &str) -> bool {
    text.len() <= LONGEST
        && text.strip_prefix(PREFIX).is_some_and(|name| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'))
        })
}

/// The project's name with docker compose.
#[must_use]
pub fn project(id: &str) -> String {
    format!("{PROJECT_PREFIX}{id}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_is_the_rock_s_name_without_what_has_no_place_in_it() {
        for (rock, id) in [
            ("launch", "sandbox-launch"),
            ("Launch-PR_12", "sandbox-launch-pr_12"),
            ("shop (PR #7)", "sandbox-shoppr7"),
            ("../../etc", "sandbox-etc"),
        ] {
            assert_eq!(wanted(rock), id);
        }
        assert_eq!(wanted("日本"), apart("日本"));
        assert_ne!(apart("a b"), apart("ab"));
    }

    proptest! {
        #[test]
        fn whatever_a_rock_is_called_its_ids_are_ids(rock in ".{0,120}") {
            prop_assert!(is_id(&wanted(&rock)), "{}", wanted(&rock));
            prop_assert!(is_id(&apart(&rock)), "{}", apart(&rock));
        }
    }
}
