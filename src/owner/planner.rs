//! [`Planner`] over the asset library.

use std::path::{Path, PathBuf};

use orket_actors::runtime::NewRun;
use orket_core::asset::{Asset as _, AssetSource, Epic, Library, LoadError, Located, Rock};
use orket_core::plan_build::{PlanErrors, PlanRequest, PlanSettings, build};
use orket_core::policy::OwnPlace;
use orket_core::tool_catalogue::catalogue;

use super::ports::{
    Board, BoardCard, BoardEpic, BoardRock, Found, PlanRefusal, PlanWish, Planner, RockEpic,
};

/// See the file's head.
#[derive(Debug, Clone)]
pub struct AssetPlanner<S> {
    library: Library<S>,
    settings: PlanSettings,
    own: OwnFiles,
}

/// Where Orket keeps what is its own; agents whose workspace holds it may not write there.
#[derive(Debug, Clone, Default)]
pub struct OwnFiles {
    /// Assets and settings.
    pub guarded: Vec<PathBuf>,
    /// What agents may not read either: secrets, the journal.
    pub secret: Vec<PathBuf>,
}

impl OwnFiles {
    /// Those that lie in `workspace`, relative to it.
    fn within(&self, workspace: &Path) -> Vec<OwnPlace> {
        let workspace = real(workspace);
        let guarded = self.guarded.iter().map(|path| (path, false));
        let secret = self.secret.iter().map(|path| (path, true));
        guarded
            .chain(secret)
            .filter_map(|(path, is_secret)| {
                let path = real(path);
                let path = path.strip_prefix(&workspace).ok()?.to_str()?.to_owned();
                (!path.is_empty()).then_some(OwnPlace { path, is_secret })
            })
            .collect()
    }
}

/// The path without links and dots, as far as it exists.
fn real(path: &Path) -> PathBuf {
    for known in path.ancestors() {
        if let (Ok(found), Ok(rest)) = (known.canonicalize(), path.strip_prefix(known)) {
            return found.join(rest);
        }
    }
    path.to_owned()
}

impl<S: AssetSource> AssetPlanner<S> {
    /// Plans made of the assets of `library` under these settings.
    #[must_use]
    pub fn new(library: Library<S>, settings: PlanSettings) -> Self {
        Self {
            library,
            settings,
            own: OwnFiles::default(),
        }
    }

    /// Keeps agents away from Orket's own files.
    #[must_use]
    pub fn guarding(self, own: OwnFiles) -> Self {
        Self { own, ..self }
    }

    /// Refuses a department that nobody has.
    fn checked(&self, department: &str) -> Result<(), PlanRefusal> {
        let known = self.library.departments();
        if known.iter().any(|name| name == department) {
            return Ok(());
        }
        Err(PlanRefusal::NotFound {
            message: format!("there is no department `{department}`"),
            known,
        })
    }

    fn board_epic(&self, name: &str, department: &str) -> BoardEpic {
        match self.library.load::<Epic>(name, department) {
            Ok(loaded) => {
                let epic = loaded.asset;
                BoardEpic {
                    name: loaded.name,
                    title: epic.card.name,
                    status: epic.card.status.as_str().to_owned(),
                    build_id: None,
                    error: None,
                    cards: epic
                        .issues
                        .into_iter()
                        .map(|issue| BoardCard {
                            id: issue.id.to_string(),
                            summary: issue.card.name,
                            seat: issue.seat,
                            priority: issue.card.priority,
                            status: issue.card.status.as_str().to_owned(),
                        })
                        .collect(),
                }
            }
            Err(error) => BoardEpic {
                name: name.to_owned(),
                title: String::new(),
                status: String::new(),
                build_id: None,
                error: Some(error.to_string()),
                cards: Vec::new(),
            },
        }
    }
}

fn refusal(error: LoadError) -> PlanRefusal {
    match error {
        LoadError::BadName(_) | LoadError::NotFound { .. } => PlanRefusal::NotFound {
            message: error.to_string(),
            known: Vec::new(),
        },
        LoadError::Unreadable { .. } => PlanRefusal::Invalid(vec![error.to_string()]),
        LoadError::Broken(problems) => invalid(&problems),
    }
}

fn invalid(problems: &PlanErrors) -> PlanRefusal {
    let reasons = problems.0.iter().map(ToString::to_string).collect();
    match problems.code() {
        Some(code) => PlanRefusal::Stage { code, reasons },
        None => PlanRefusal::Invalid(reasons),
    }
}

impl<S: AssetSource + Send + Sync + 'static> Planner for AssetPlanner<S> {
    fn find(&self, name: &str, department: &str) -> Result<Found, PlanRefusal> {
        self.checked(department)?;
        match self.library.locate(name, department).map_err(refusal)? {
            Located::Epic(_) => Ok(Found::Epic),
            Located::Rock(_) => Ok(Found::Rock),
            Located::Card { epic, .. } => Ok(Found::CardOf { epic }),
        }
    }

    fn epic_name(&self, name: &str, department: &str) -> String {
        self.library.spelt(Epic::CATEGORY, name, department)
    }

    fn rock_name(&self, name: &str, department: &str) -> String {
        self.library.spelt(Rock::CATEGORY, name, department)
    }

    fn rock(&self, name: &str, department: &str) -> Result<Vec<RockEpic>, PlanRefusal> {
        self.checked(department)?;
        let loaded = self
            .library
            .load::<Rock>(name, department)
            .map_err(refusal)?;
        Ok(loaded
            .asset
            .epics
            .into_iter()
            .map(|entry| RockEpic {
                epic: self.epic_name(&entry.epic, &entry.department),
                depends_on: entry
                    .depends_on
                    .iter()
                    .map(|need| self.epic_name(need, &entry.department))
                    .collect(),
                department: entry.department,
            })
            .collect())
    }

    fn plan(&self, wish: PlanWish) -> Result<(NewRun, Vec<String>), PlanRefusal> {
        self.checked(&wish.department)?;
        // A name that is not there is one refusal, not a broken asset.
        let epic = self
            .library
            .find("epic", "epics", &wish.epic, &wish.department);
        epic.map_err(refusal)?;
        let request = PlanRequest {
            epic: wish.epic,
            department: wish.department,
            run_id: wish.run_id,
            build_id: wish.build_id,
            workspace: wish.workspace.display().to_string(),
            target: wish.target,
            model_override: wish.model.map(|model| model.to_string()),
            rock: wish.rock,
        };
        let settings = PlanSettings {
            own_places: self.own.within(&wish.workspace),
            ..self.settings.clone()
        };
        let built = build(&self.library, &request, &settings, &catalogue())
            .map_err(|problems| invalid(&problems))?;
        let new = NewRun {
            plan: built.plan,
            cards: built.cards,
        };
        Ok((new, built.warnings))
    }

    fn board(&self, department: &str) -> Result<Board, PlanRefusal> {
        self.checked(department)?;
        let mut listed = Vec::new();
        let mut board = Board::default();
        for name in self.library.list("rocks", department) {
            let rock = match self.library.load::<Rock>(&name, department) {
                Ok(loaded) => {
                    let epics = loaded.asset.epics.iter().map(|entry| {
                        listed.push(entry.epic.clone());
                        self.board_epic(&entry.epic, &entry.department)
                    });
                    BoardRock {
                        name,
                        epics: epics.collect(),
                        status: loaded.asset.card.status.as_str().to_owned(),
                        error: None,
                    }
                }
                Err(error) => BoardRock {
                    name,
                    status: String::new(),
                    error: Some(error.to_string()),
                    epics: Vec::new(),
                },
            };
            board.rocks.push(rock);
        }
        for name in self.library.list("epics", department) {
            if !listed.contains(&name) {
                board.epics.push(self.board_epic(&name, department));
            }
        }
        Ok(board)
    }
}
