//! The words that a rename is asked for with: all of them, not some within a sentence.

use unicode_normalization::UnicodeNormalization as _;

use super::{InstructionError, Rename};
use crate::Language;

/// Reads `rename A to B`. The two words may be in any case, the names in backticks or quotes, and a full
/// stop may follow; anything more is refused, because a sentence can say the opposite of its part.
///
/// # Errors
///
/// [`InstructionError`].
pub fn instruction(text: &str) -> Result<Rename, InstructionError> {
    let unknown = || InstructionError::Unknown(text.trim().to_owned());
    let sentence = text.trim();
    let sentence = sentence.strip_suffix('.').unwrap_or(sentence);
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let [rename, from, to, name] = words[..] else {
        return Err(unknown());
    };
    if !rename.eq_ignore_ascii_case("rename") || !to.eq_ignore_ascii_case("to") {
        return Err(unknown());
    }
    let (from, to) = (bare(from)?, bare(name)?);
    if from == to {
        return Err(InstructionError::Same(to));
    }
    Ok(Rename { from, to })
}

/// The name within its quotes.
fn bare(word: &str) -> Result<String, InstructionError> {
    let within = ['`', '\'', '"']
        .into_iter()
        .find_map(|quote| word.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(word);
    if !Language::ALL.iter().any(|language| language.spells(within)) {
        return Err(InstructionError::NotAName(word.to_owned()));
    }
    let plain: String = within.nfkc().collect();
    if plain == within {
        Ok(plain)
    } else {
        Err(InstructionError::Ambiguous(within.to_owned(), plain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_instruction_is_one() {
        let rename = |from: &str, to: &str| {
            Ok(Rename {
                from: from.to_owned(),
                to: to.to_owned(),
            })
        };
        for text in [
            "rename User to Member",
            "  RENAME User To Member.\n",
            "rename `User` to 'Member'",
            "rename \"User\" to Member .",
        ] {
            assert_eq!(instruction(text), rename("User", "Member"), "{text}");
        }
        assert_eq!(instruction("rename $a to größe"), rename("$a", "größe"));
        for text in [
            "",
            "rename",
            "rename A B",
            "do NOT rename A to B",
            "rename A to B, please",
            "rename A to B C",
            "rename A to B to C",
            "remove A to B",
            "rename A into B",
        ] {
            assert!(
                matches!(instruction(text), Err(InstructionError::Unknown(_))),
                "{text}"
            );
        }
        for text in [
            "rename a.b to c",
            "rename 1a to b",
            "rename a to `b",
            "rename a to ``",
            "rename a to b..",
            "rename A to B;",
        ] {
            assert!(
                matches!(instruction(text), Err(InstructionError::NotAName(_))),
                "{text}"
            );
        }
        assert_eq!(
            instruction("rename a to `a`"),
            Err(InstructionError::Same("a".to_owned()))
        );
        assert_eq!(
            instruction("rename a to ﬁx"),
            Err(InstructionError::Ambiguous(
                "ﬁx".to_owned(),
                "fix".to_owned()
            ))
        );
    }
}
