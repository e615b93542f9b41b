//! What keeps the old name: for the operator to look at.

use serde::Serialize;

/// How often a file says a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mentions {
    /// The file.
    pub path: String,
    /// How often.
    pub count: usize,
}

/// What keeps the old name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Left {
    /// In comments of the languages known.
    pub comments: usize,
    /// In strings, text between tags and patterns of those languages.
    pub strings: usize,
    /// Identifiers that belong to something outside.
    pub outside: usize,
    /// Other files, by path.
    pub other_files: Vec<Mentions>,
    /// Files that are not UTF-8, or too long to be read, by path.
    pub unread: Vec<String>,
    /// Whether the first letter changes its case, which in Go says who can see a name.
    pub go_visibility: bool,
}

impl Left {
    /// All mentions in text: comments, strings and other files.
    #[must_use]
    pub fn mentions(&self) -> usize {
        let others: usize = self.other_files.iter().map(|file| file.count).sum();
        self.comments + self.strings + others
    }

    /// A sentence for each that there is.
    #[must_use]
    pub fn notes(&self, from: &str) -> Vec<String> {
        let mut notes = Vec::new();
        let times = |count: usize| match count {
            1 => "once".to_owned(),
            2 => "twice".to_owned(),
            _ => format!("{count} times"),
        };
        if self.strings > 0 {
            notes.push(format!(
                "strings say `{from}` {}; they stay",
                times(self.strings)
            ));
        }
        if self.comments > 0 {
            notes.push(format!(
                "comments say `{from}` {}; they stay",
                times(self.comments)
            ));
        }
        if self.outside > 0 {
            notes.push(format!(
                "`{from}` stands {} for something outside of the scope; that stays",
                times(self.outside)
            ));
        }
        for file in &self.other_files {
            notes.push(format!(
                "{} says `{from}` {}; its language is not known here",
                file.path,
                times(file.count)
            ));
        }
        for path in &self.unread {
            notes.push(format!("{path} was not read: it is not UTF-8, or too long"));
        }
        if self.go_visibility {
            notes.push(
                "in Go the first letter says whether a name is exported; that changes here"
                    .to_owned(),
            );
        }
        notes
    }
}
