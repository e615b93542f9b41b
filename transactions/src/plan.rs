//! The plan of a transaction, as it is shown before anything is written.

use std::fmt::Write as _;

use crate::printable::one_line;
use crate::profile::Profile;

/// What is shown.
#[derive(Debug)]
pub struct Shown<'a> {
    /// What is going to happen: `Refactor plan: "rename A to B"`.
    pub title: &'a str,
    /// The scope as it was typed.
    pub scope: &'a [String],
    /// Files that are written.
    pub files: &'a [String],
    /// What verifies it.
    pub profile: &'a Profile,
    /// What the network is to that.
    pub network: &'a str,
    /// What is worth knowing besides.
    pub notes: &'a [String],
}

impl Shown<'_> {
    /// As text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        // Each stays in its line, so that no name of a file looks like a line of ours.
        writeln!(text, "{}\nSCOPE:", one_line(self.title))?;
        for scope in self.scope {
            writeln!(text, "  - {}", one_line(scope))?;
        }
        writeln!(text, "FILES TO BE MODIFIED:")?;
        for file in self.files {
            writeln!(text, "  [M] {}", one_line(file))?;
        }
        if self.files.is_empty() {
            writeln!(text, "  none")?;
        }
        let Profile {
            name,
            source,
            commands,
            timeout,
        } = self.profile;
        writeln!(text, "GUARDRAILS ACTIVE:")?;
        writeln!(
            text,
            "  - Write barrier: these files only, all of them or none"
        )?;
        writeln!(text, "  - Network: {}", self.network)?;
        writeln!(
            text,
            "  - Verification (profile {}, {source}, {} s each):",
            one_line(name),
            timeout.as_secs_f64()
        )?;
        for command in commands {
            writeln!(text, "      * {}", one_line(command))?;
        }
        if !self.notes.is_empty() {
            writeln!(text, "NOTES:")?;
            for note in self.notes {
                writeln!(text, "  - {}", one_line(note))?;
            }
        }
        Ok(())
    }
}
