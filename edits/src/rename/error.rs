//! Why nothing is planned: in the instruction, or in the files.

use crate::{Language, Place};

/// How many places a message names; the rest is counted.
const SHOWN: usize = 5;

/// Why an instruction is not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstructionError {
    /// It is not `rename A to B`, or not only that.
    #[error("`{0}` is not an instruction that is known")]
    Unknown(String),
    /// One of the two can be the name of nothing.
    #[error("`{0}` is not an identifier")]
    NotAName(String),
    /// Both names are one.
    #[error("`{0}` is called so already: both names are the same")]
    Same(String),
    /// Some languages read other characters as the same name.
    #[error("`{0}` has characters that some languages read as others; write it as `{1}`")]
    Ambiguous(String, String),
}

impl InstructionError {
    /// The code of `docs/errors`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "E_UNSUPPORTED_INSTRUCTION"
    }

    /// What to do.
    #[must_use]
    pub fn hint(&self) -> String {
        "say it as `orket refactor \"rename OldName to NewName\" --scope src`, and nothing else"
            .to_owned()
    }
}

/// Why a rename is not planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenameError {
    /// Neither name is an identifier in the files.
    #[error("neither `{from}` nor `{to}` is an identifier in the scope{}", mentioned(*mentions))]
    Absent {
        /// The name that was looked for.
        from: String,
        /// The name that it was to get.
        to: String,
        /// How often texts, comments and other files say it.
        mentions: usize,
    },
    /// All that is called so belongs to something outside.
    #[error(
        "every `{from}` in the scope belongs to something outside of it, as at {}",
        shown(places)
    )]
    Outside {
        /// The name.
        from: String,
        /// Where it is used.
        places: Vec<Place>,
    },
    /// The new name is taken.
    #[error("`{to}` is taken already: {}", shown(places))]
    Collision {
        /// The new name.
        to: String,
        /// Where it is used, in order.
        places: Vec<Place>,
    },
    /// Files that have the name do not follow the grammar of their language.
    #[error("what does not parse is not guessed at: {}", shown(places))]
    Unparsed {
        /// The first mistake of each file.
        places: Vec<Place>,
    },
    /// The language of a file that would change keeps the new name for itself, or cannot spell it.
    #[error("`{to}` cannot be a name in {}, as {path} would need", language.name())]
    Reserved {
        /// The new name.
        to: String,
        /// The language.
        language: Language,
        /// The first such file.
        path: String,
    },
    /// The name is that of a file or folder as well, which a rename does not move.
    #[error(
        "`{from}` is the name of a module, a file of its own, at {}",
        shown(places)
    )]
    Module {
        /// The name.
        from: String,
        /// Where it is imported or declared.
        places: Vec<Place>,
    },
    /// A component would become an element of HTML, or the other way round.
    #[error(
        "`{to}` would be read in another way as a tag, at {}: what begins in lower case is an element of HTML there",
        shown(places)
    )]
    Tag {
        /// The new name.
        to: String,
        /// The tags.
        places: Vec<Place>,
    },
    /// With the new name the language would read the file in another way.
    #[error("with `{to}` for `{from}`, {place} would be read in another way")]
    Reread {
        /// The old name.
        from: String,
        /// The new name.
        to: String,
        /// Where it is so first.
        place: Place,
    },
}

impl RenameError {
    /// The code of `docs/errors`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Absent { .. } | Self::Outside { .. } => "E_TOUCHSET_EMPTY",
            Self::Collision { .. } => "E_RENAME_COLLISION",
            Self::Unparsed { .. } => "E_SOURCE_UNPARSED",
            Self::Reserved { .. }
            | Self::Module { .. }
            | Self::Tag { .. }
            | Self::Reread { .. } => "E_UNSUPPORTED_INSTRUCTION",
        }
    }

    /// What to do.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Absent { from, .. } => {
                format!("look for it with `git grep -w {from}`, and name the folder as `--scope`")
            }
            Self::Outside { .. } => "widen `--scope` to where it is defined".to_owned(),
            Self::Collision { to, .. } => {
                format!("choose another name, or give what is `{to}` now another one first")
            }
            Self::Unparsed { .. } => "mend these files, or leave them out of `--scope`".to_owned(),
            Self::Reserved { .. } | Self::Tag { .. } | Self::Reread { .. } => {
                "choose another name".to_owned()
            }
            Self::Module { .. } => {
                "move the file and its imports by hand first; a rename writes in files only"
                    .to_owned()
            }
        }
    }

    /// The places that it names, in order.
    #[must_use]
    pub fn places(&self) -> &[Place] {
        match self {
            Self::Outside { places, .. }
            | Self::Collision { places, .. }
            | Self::Unparsed { places }
            | Self::Module { places, .. }
            | Self::Tag { places, .. } => places,
            Self::Reread { place, .. } => std::slice::from_ref(place),
            Self::Absent { .. } | Self::Reserved { .. } => &[],
        }
    }
}

fn shown(places: &[Place]) -> String {
    let mut words: Vec<String> = places.iter().take(SHOWN).map(ToString::to_string).collect();
    if places.len() > SHOWN {
        words.push(format!("{} more", places.len() - SHOWN));
    }
    words.join(", ")
}

fn mentioned(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => " (one mention in text)".to_owned(),
        _ => format!(" ({count} mentions in text)"),
    }
}
