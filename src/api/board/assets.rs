//! Rocks, epics and issues as their files have them. A file that is broken is shown as broken; a name
//! in a rock that no file has, too.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use orket_core::asset::{
    Asset, AssetSource, Epic, Issue, Library, LoadError, Rock, RockEpic, parse,
};

use super::error;
use super::shapes::{
    BoardAlert, BoardEpic, BoardIssue, BoardRock, BrokenAsset, EpicEntry, IssueEntry, RockEntry,
};

/// An asset by the name that its file has.
struct Read<T> {
    name: String,
    asset: Result<Arc<T>, String>,
}

/// The assets of a department, as far as a board shows them.
pub struct Assets {
    rocks: Vec<(Read<Rock>, Vec<Read<Epic>>)>,
    orphaned_epics: Vec<Read<Epic>>,
    orphaned_issues: Vec<Read<Issue>>,
}

/// A board before the ledger is laid over it.
pub struct Unlaid {
    /// Rocks.
    pub rocks: Vec<UnlaidRock>,
    /// Epics that no rock lists.
    pub orphaned_epics: Vec<EpicEntry>,
    /// Issues that no epic has.
    pub orphaned_issues: Vec<IssueEntry>,
}

/// A rock by the name that the ledger knows.
pub struct UnlaidRock {
    /// The asset's name.
    pub name: String,
    /// As it is shown; its epics stand in it.
    pub shown: RockEntry,
}

/// Reads each file once, however many rocks list it.
struct Shelf<'a, S> {
    library: &'a Library<S>,
    /// Epics by their files.
    epics: HashMap<String, Read<Epic>>,
}

impl Assets {
    /// Reads all of them. Nothing is skipped.
    pub fn read<S: AssetSource>(library: &Library<S>, department: &str) -> Self {
        let mut shelf = Shelf {
            library,
            epics: HashMap::new(),
        };
        let mut rocks = Vec::new();
        for name in library.list(Rock::CATEGORY, department) {
            let rock = read::<S, Rock>(library, &name, department).1;
            let entries = rock.asset.as_ref().map_or(&[][..], |rock| &rock.epics);
            let epics = entries.iter().map(|entry| shelf.listed(entry)).collect();
            rocks.push((rock, epics));
        }
        let mut orphaned_epics = Vec::new();
        for name in library.list(Epic::CATEGORY, department) {
            if let Some(orphan) = shelf.unlisted(&name, department) {
                orphaned_epics.push(orphan);
            }
        }
        let taken: HashSet<&str> = shelf
            .epics
            .values()
            .chain(&orphaned_epics)
            .filter_map(|epic| epic.asset.as_ref().ok())
            .flat_map(|epic| epic.issues.iter().map(|issue| issue.id.as_str()))
            .collect();
        let mut orphaned_issues = Vec::new();
        for name in library.list(Issue::CATEGORY, department) {
            let issue = read::<S, Issue>(library, &name, department).1;
            let is_taken = issue
                .asset
                .as_ref()
                .is_ok_and(|it| taken.contains(it.id.as_str()));
            if !is_taken {
                orphaned_issues.push(issue);
            }
        }
        Self {
            rocks,
            orphaned_epics,
            orphaned_issues,
        }
    }

    /// What is broken, and what belongs to nothing.
    pub(super) fn alerts(&self) -> Vec<BoardAlert> {
        let mut alerts = Vec::new();
        let mut told = HashSet::new();
        let mut broken = |what: &str, name: &str, reason: Option<&String>| {
            if let Some(reason) = reason
                && told.insert((what.to_owned(), name.to_owned()))
            {
                let message = format!("{what} `{name}` cannot be read: {reason}");
                alerts.push(error(message, "correct the file that is named"));
            }
        };
        for (rock, epics) in &self.rocks {
            broken("rock", &rock.name, rock.asset.as_ref().err());
            for epic in epics {
                broken("epic", &epic.name, epic.asset.as_ref().err());
            }
        }
        for epic in &self.orphaned_epics {
            broken("epic", &epic.name, epic.asset.as_ref().err());
        }
        for issue in &self.orphaned_issues {
            broken("issue", &issue.name, issue.asset.as_ref().err());
        }
        let (epics, issues) = (self.orphaned_epics.len(), self.orphaned_issues.len());
        if epics + issues > 0 {
            let message = format!(
                "{} no rock lists, {} no epic has",
                counted(epics, "epic"),
                counted(issues, "issue")
            );
            alerts.push(error(
                message,
                "list the epics in a rock and the issues in an epic, or remove them",
            ));
        }
        alerts
    }

    /// As it is shown before anything has run; `max_retries` is what counts where an issue says
    /// nothing.
    pub(super) fn into_board(self, max_retries: u32) -> Unlaid {
        let epic = |read| epic_entry(read, max_retries);
        Unlaid {
            rocks: self
                .rocks
                .into_iter()
                .map(|(rock, epics)| UnlaidRock {
                    name: rock.name.clone(),
                    shown: rock_entry(rock, epics.into_iter().map(epic).collect()),
                })
                .collect(),
            orphaned_epics: self.orphaned_epics.into_iter().map(epic).collect(),
            orphaned_issues: self
                .orphaned_issues
                .into_iter()
                .map(|read| match read.asset {
                    Ok(issue) => IssueEntry::Issue(Box::new(BoardIssue::of_asset(
                        Arc::unwrap_or_clone(issue),
                        max_retries,
                    ))),
                    Err(reason) => IssueEntry::Broken(broken(read.name, reason)),
                })
                .collect(),
        }
    }
}

impl<S: AssetSource> Shelf<'_, S> {
    /// An epic that a rock lists.
    fn listed(&mut self, entry: &RockEpic) -> Read<Epic> {
        let (file, read) = read::<S, Epic>(self.library, &entry.epic, &entry.department);
        // What has no file is known by what the rock says.
        let file = file.unwrap_or_else(|| format!("{}/{}", entry.department, entry.epic));
        let known = self.epics.entry(file).or_insert(read);
        Read {
            name: known.name.clone(),
            asset: known.asset.clone(),
        }
    }

    /// An epic that no rock lists; none for one that a rock does.
    fn unlisted(&self, name: &str, department: &str) -> Option<Read<Epic>> {
        let (file, read) = read::<S, Epic>(self.library, name, department);
        let is_listed = file.is_some_and(|file| self.epics.contains_key(&file));
        (!is_listed).then_some(read)
    }
}

/// An asset and its file, where there is one.
fn read<S: AssetSource, T: Asset>(
    library: &Library<S>,
    name: &str,
    department: &str,
) -> (Option<String>, Read<T>) {
    match library.find(T::KIND, T::CATEGORY, name, department) {
        Ok((file, text)) => {
            let stem = file
                .rsplit('/')
                .next()
                .and_then(|name| name.strip_suffix(".json"));
            let read = Read {
                name: stem.unwrap_or(name).to_owned(),
                asset: match parse::<T>(&text, &file) {
                    Ok(parsed) => Ok(Arc::new(parsed.asset)),
                    Err(problems) => Err(problems.to_string()),
                },
            };
            (Some(file), read)
        }
        Err(error) => {
            let file = match &error {
                LoadError::Unreadable { file, .. } => Some(file.clone()),
                LoadError::BadName(_) | LoadError::NotFound { .. } | LoadError::Broken(_) => None,
            };
            let read = Read {
                name: name.to_owned(),
                asset: Err(error.to_string()),
            };
            (file, read)
        }
    }
}

fn rock_entry(read: Read<Rock>, epics: Vec<EpicEntry>) -> RockEntry {
    match read.asset {
        Ok(rock) => {
            let rock = Arc::unwrap_or_clone(rock);
            RockEntry::Rock(BoardRock {
                id: rock.id.unwrap_or_else(|| read.name.clone()),
                name: rock.card.name,
                asset: read.name,
                description: rock.card.description,
                status: rock.card.status.to_string(),
                build_id: None,
                epics,
            })
        }
        Err(reason) => RockEntry::Broken(broken(read.name, reason)),
    }
}

fn epic_entry(read: Read<Epic>, max_retries: u32) -> EpicEntry {
    match read.asset {
        Ok(epic) => {
            let epic = Arc::unwrap_or_clone(epic);
            EpicEntry::Epic(BoardEpic {
                id: epic.id.unwrap_or_else(|| read.name.clone()),
                name: epic.card.name,
                asset: read.name,
                description: epic.card.description,
                status: epic.card.status.to_string(),
                build_id: None,
                run_id: None,
                issues: epic
                    .issues
                    .into_iter()
                    .map(|issue| BoardIssue::of_asset(issue, max_retries))
                    .collect(),
            })
        }
        Err(reason) => EpicEntry::Broken(broken(read.name, reason)),
    }
}

fn broken(name: String, error: String) -> BrokenAsset {
    BrokenAsset {
        id: name.clone(),
        name,
        error,
    }
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use orket_core::asset::MemorySource;

    use super::*;

    fn epic(issues: &str) -> String {
        format!(
            "{{\"name\": \"E\", \"team\": \"standard\", \"environment\": \"standard\", \"issues\": [{issues}]}}"
        )
    }

    #[test]
    fn nothing_is_skipped_and_what_belongs_to_nothing_is_told() {
        let source = MemorySource::default()
            .with("model/core/rocks/one.json", "{\"name\": \"One\", \"epics\": [{\"epic\": \"a\"}, {\"epic\": \"lost\"}, {\"epic\": \"torn\"}]}")
            .with("model/core/rocks/bad.json", "{\"name\": \"Bad\"}")
            .with("model/core/epics/a.json", epic("{\"id\": \"A-1\", \"summary\": \"first\"}"))
            .with("model/core/epics/torn.json", "{")
            .with("model/core/epics/alone.json", epic("{\"id\": \"B-1\", \"summary\": \"second\"}"))
            .with("model/core/issues/known.json", "{\"id\": \"B-1\", \"summary\": \"second\"}")
            .with("model/core/issues/stray.json", "{\"summary\": \"third\"}");
        let assets = Assets::read(&Library::new(source), "core");
        let alerts: Vec<String> = assets
            .alerts()
            .into_iter()
            .map(|alert| alert.message)
            .collect();
        assert_eq!(
            alerts,
            [
                "rock `bad` cannot be read: model/core/rocks/bad.json: epics: is missing; give a list of {epic, department}",
                "epic `lost` cannot be read: there is no epic `lost`; known: `a`, `alone`, `torn` (looked in config/epics, model/core/epics)",
                "epic `torn` cannot be read: model/core/epics/torn.json: line 1, column 1: is no valid JSON: EOF while parsing an object",
                "1 epic no rock lists, 1 issue no epic has",
            ]
        );
        let board = assets.into_board(3);
        let shown = serde_json::to_value(&board.orphaned_issues).unwrap();
        assert_eq!(shown[0]["id"], "STRAY");
        assert_eq!(shown[0]["max_retries"], 3);
        assert_eq!(shown.as_array().unwrap().len(), 1);
        let rocks: Vec<_> = board.rocks.iter().map(|rock| rock.name.as_str()).collect();
        assert_eq!(rocks, ["bad", "one"]);
        let one = serde_json::to_value(&board.rocks[1].shown).unwrap();
        let epics = one["epics"].as_array().unwrap();
        assert_eq!(epics[0]["issues"][0]["id"], "A-1");
        assert_eq!(epics[1]["name"], "lost");
        assert!(epics[2]["error"].as_str().unwrap().contains("torn.json"));
        let orphans = serde_json::to_value(&board.orphaned_epics[0]).unwrap();
        assert_eq!(orphans["asset"], "alone");
    }
}
