//! What a preview is asked for, read out of a path. Pure.

use crate::api::files::{FileProblem, rules};

/// Folders of assets.
const CATEGORIES: [&str; 11] = [
    "dialects",
    "engines",
    "environments",
    "epics",
    "issues",
    "prices",
    "rocks",
    "roles",
    "scenarios",
    "skills",
    "teams",
];

/// What is to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// An epic.
    Epic,
    /// A rock.
    Rock,
    /// This issue of an epic.
    IssueOfEpic(String),
    /// This issue of one of a rock's epics.
    IssueOfRock(String),
    /// An issue with a file of its own.
    IssueFile,
    /// Something of a kind that has no prompts, or no one prompt.
    Unsupported(String),
}

/// See the file's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What is to be shown.
    pub mode: Mode,
    /// The asset's name.
    pub name: String,
    /// The department to look in first.
    pub department: String,
}

impl Asked {
    /// What `path`, and an issue when one is given, mean.
    ///
    /// # Errors
    ///
    /// When the path could mean no file of the project.
    pub fn of(path: &str, issue: Option<String>) -> Result<Self, FileProblem> {
        let parts = rules::parts("preview-asset", path)?;
        let Some((file, folders)) = parts.split_last() else {
            return Err(FileProblem::Malformed("the path names no asset".to_owned()));
        };
        let category = folders
            .iter()
            .rev()
            .find(|folder| CATEGORIES.contains(&folder.as_str()));
        let mode = match (category.map(String::as_str), issue) {
            (Some("rocks"), None) => Mode::Rock,
            (Some("rocks"), Some(issue)) => Mode::IssueOfRock(issue),
            (Some("issues"), None) => Mode::IssueFile,
            (Some("epics" | "issues") | None, Some(issue)) => Mode::IssueOfEpic(issue),
            (Some("epics") | None, None) => Mode::Epic,
            (Some(other), _) => Mode::Unsupported(other.to_owned()),
        };
        let department = folders
            .iter()
            .skip_while(|folder| *folder != "model")
            .nth(1)
            .map_or("core", String::as_str);
        Ok(Self {
            mode,
            name: file.strip_suffix(".json").unwrap_or(file).to_owned(),
            department: department.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(path: &str, issue: Option<&str>) -> (Mode, String, String) {
        let asked = Asked::of(path, issue.map(str::to_owned)).unwrap();
        (asked.mode, asked.name, asked.department)
    }

    #[test]
    fn a_path_says_kind_name_and_department() {
        let is =
            |mode, name: &str, department: &str| (mode, name.to_owned(), department.to_owned());
        assert_eq!(
            asked("model/core/epics/a.json", None),
            is(Mode::Epic, "a", "core")
        );
        assert_eq!(
            asked("model/sales/rocks/b.json", None),
            is(Mode::Rock, "b", "sales")
        );
        assert_eq!(
            asked("config/rocks/b.json", None),
            is(Mode::Rock, "b", "core")
        );
        assert_eq!(asked("a", None), is(Mode::Epic, "a", "core"));
        assert_eq!(
            asked("model/core/issues/i.json", None),
            is(Mode::IssueFile, "i", "core")
        );
        assert_eq!(
            asked("model/core/epics/a.json", Some("I-1")),
            is(Mode::IssueOfEpic("I-1".to_owned()), "a", "core")
        );
        assert_eq!(
            asked("model/core/rocks/b.json", Some("I-1")),
            is(Mode::IssueOfRock("I-1".to_owned()), "b", "core")
        );
        for (path, kind) in [
            ("model/core/teams/t.json", "teams"),
            ("config/roles/r.json", "roles"),
        ] {
            assert_eq!(asked(path, None).0, Mode::Unsupported(kind.to_owned()));
        }
        assert!(Asked::of("../model/core/epics/a.json", None).is_err());
        assert!(Asked::of(".", None).is_err());
    }
}
