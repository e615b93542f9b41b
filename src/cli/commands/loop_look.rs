//! What a loop sees: the epics with a file of their own, of some departments, and how the journal has
//! each of them. The examples that the binary carries are no work.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use orket_actors::port::store::{RunStatus, StoreError};
use orket_core::asset::{Asset as _, Epic, Library, Rock};
use orket_core::picking::{CardWork, EpicWork, Rest, Standing, judge};
use orket_core::status::CardStatus;

use crate::assets::DiskThenEmbedded;
use crate::blocking::blocking;
use crate::cli::assemble::asset_folders;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::files::{Stamp, newest, newest_but};
use crate::owner::builds::is_fork;
use crate::owner::folder::DataFolder;
use crate::owner::host::wall_ms;
use crate::owner::ports::PlanRefusal;
use crate::owner::service::Refusal;
use crate::storage::Reader;

/// See the file's head.
pub struct Look {
    root: PathBuf,
    folder: DataFolder,
    departments: Vec<String>,
    /// Epics that did not come to a good end in this loop, and when their files were written last then.
    resting: HashMap<(String, String), i64>,
    reader: Option<Reader>,
}

/// An epic, and what it takes to go on with it.
#[derive(Debug, Clone)]
pub struct SeenEpic {
    /// What it is judged by.
    pub work: EpicWork,
    /// When its files say that they were written last.
    files_ms: i64,
    /// Its latest build.
    pub build_id: Option<String>,
    /// The newest run of that build.
    pub run_id: Option<String>,
}

/// Everything at one moment.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// In the order of departments and names.
    pub epics: Vec<SeenEpic>,
    /// What cannot be run as it is.
    pub unfit: Vec<Unfit>,
}

/// An epic that cannot be run as it is.
#[derive(Debug, Clone)]
pub struct Unfit {
    /// Where it is.
    pub department: String,
    /// Its name.
    pub epic: String,
    /// Why it cannot.
    pub why: String,
}

impl Seen {
    /// What they are judged by.
    pub fn works(&self) -> Vec<EpicWork> {
        self.epics.iter().map(|epic| epic.work.clone()).collect()
    }
}

impl Look {
    /// At some departments, or at all.
    pub fn new(context: &Context, wished: &[String]) -> Result<Self, Failure> {
        let known = Library::new(DiskThenEmbedded::new(&context.cwd)).departments();
        if let Some(unknown) = wished.iter().find(|name| !known.contains(name)) {
            return Err(PlanRefusal::NotFound {
                message: format!("there is no department `{unknown}`"),
                known,
            }
            .into());
        }
        Ok(Self {
            root: context.cwd.clone(),
            folder: context.folder.clone(),
            departments: if wished.is_empty() {
                known
            } else {
                wished.to_vec()
            },
            resting: HashMap::new(),
            reader: None,
        })
    }

    /// The departments.
    pub fn departments(&self) -> &[String] {
        &self.departments
    }

    /// Whether asset files changed, as a value to compare.
    pub fn files(&self) -> Stamp {
        newest(&asset_folders(&self.root))
    }

    /// An epic that is not to be picked again before its files change.
    pub fn rests(&mut self, epic: &SeenEpic) {
        let work = &epic.work;
        let name = (work.department.clone(), work.epic.clone());
        self.resting.insert(name, epic.files_ms);
    }

    /// What there is now.
    pub async fn now(&mut self) -> Result<Seen, Failure> {
        if self.reader.is_none() {
            let opened = Reader::open(&self.folder.database_folder());
            self.reader = opened.map_err(|error| Refusal::internal(error.to_string()))?;
        }
        let (root, departments) = (self.root.clone(), self.departments.clone());
        let (resting, reader) = (self.resting.clone(), self.reader.clone());
        let looked = blocking(move || look(root, &departments, &resting, reader.as_ref())).await;
        let looked = looked.map_err(|error| Refusal::internal(error.to_string()))?;
        looked.map_err(|error| Refusal::internal(error.to_string()).into())
    }
}

fn look(
    root: PathBuf,
    departments: &[String],
    resting: &HashMap<(String, String), i64>,
    reader: Option<&Reader>,
) -> Result<Seen, StoreError> {
    let source = DiskThenEmbedded::new(&root);
    let library = Library::new(source.clone());
    // Roles, teams, environments and the like change every epic; other epics do not.
    let of_epics = |path: &std::path::Path| {
        path.file_name()
            .is_some_and(|name| name == "epics" || name == "rocks")
    };
    let shared = millis(newest_but(&asset_folders(&root), &of_epics).1);
    let mut seen = Seen::default();
    let mut files = HashSet::new();
    let mut names: HashMap<String, String> = HashMap::new();
    for department in departments {
        for name in library.list(Epic::CATEGORY, department) {
            let unfit = |epic: &str, why: String| Unfit {
                department: department.clone(),
                epic: epic.to_owned(),
                why,
            };
            let loaded = match library.load::<Epic>(&name, department) {
                Ok(loaded) => loaded,
                Err(error) => {
                    // A file of `core` is found from every department.
                    let one = unfit(&name, error.to_string());
                    if !seen.unfit.iter().any(|it| it.why == one.why) {
                        seen.unfit.push(one);
                    }
                    continue;
                }
            };
            if source.is_embedded(&loaded.file) || !files.insert(loaded.file.clone()) {
                continue;
            }
            // The journal knows epics by their names alone.
            if let Some(other) = names.get(&loaded.name) {
                let why = format!("department {other} has an epic of this name; rename one");
                seen.unfit.push(unfit(&loaded.name, why));
                continue;
            }
            names.insert(loaded.name.clone(), department.clone());
            let own = std::fs::metadata(root.join(&loaded.file));
            let own = millis(own.ok().and_then(|about| about.modified().ok()));
            let files_ms = shared.max(own);
            let mut epic = seen_epic(&loaded.name, department, &loaded.asset, files_ms, reader)?;
            let key = (department.clone(), loaded.name.clone());
            if resting.get(&key).is_some_and(|then| *then >= files_ms) {
                epic.work.standing = match epic.work.standing {
                    // It may have been refused before it had a run.
                    Standing::New | Standing::Interrupted | Standing::Failed { .. } => {
                        Standing::Failed { began_ms: i64::MAX }
                    }
                    other => other,
                };
            }
            seen.epics.push(epic);
        }
    }
    wait_for_rocks(&library, departments, &mut seen);
    Ok(seen)
}

fn millis(at: Option<SystemTime>) -> i64 {
    at.and_then(|at| at.duration_since(UNIX_EPOCH).ok())
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}

fn seen_epic(
    name: &str,
    department: &str,
    epic: &Epic,
    files_ms: i64,
    reader: Option<&Reader>,
) -> Result<SeenEpic, StoreError> {
    let runs = match reader {
        Some(reader) => reader.newest_runs(name, None)?,
        None => Vec::new(),
    };
    let latest = runs.into_iter().find(|run| !is_fork(name, &run.build_id));
    let mut statuses: HashMap<String, CardStatus> = HashMap::new();
    if let (Some(latest), Some(reader)) = (&latest, reader) {
        let cards = reader.cards_of_build(&latest.build_id)?;
        statuses.extend(cards.into_iter().map(|card| (card.card_id, card.status)));
    }
    let standing = match &latest {
        None => Standing::New,
        Some(run) => match run.status {
            RunStatus::Queued | RunStatus::Running => Standing::UnderWay,
            RunStatus::Interrupted | RunStatus::Skipped => Standing::Interrupted,
            RunStatus::Halted => Standing::Halted,
            RunStatus::Done => Standing::Finished,
            RunStatus::TerminalFailure | RunStatus::Incomplete | RunStatus::Failed => {
                Standing::Failed {
                    began_ms: run.started_ms,
                }
            }
        },
    };
    let cards = epic.issues.iter().map(|issue| {
        let id = issue.id.to_string();
        CardWork {
            status: statuses.get(&id).copied().unwrap_or(issue.card.status),
            id,
            priority: issue.card.priority,
            depends_on: issue.depends_on.clone(),
        }
    });
    Ok(SeenEpic {
        work: EpicWork {
            department: department.to_owned(),
            epic: name.to_owned(),
            status: epic.card.status,
            standing,
            // A clock that was set back must not make an epic new for ever.
            changed_ms: files_ms.min(wall_ms()),
            waits_for: Vec::new(),
            cards: cards.collect(),
        },
        files_ms,
        build_id: latest.as_ref().map(|run| run.build_id.clone()),
        run_id: latest.map(|run| run.run_id),
    })
}

/// An epic of a rock waits for those that the rock says must be done before.
fn wait_for_rocks(library: &Library<DiskThenEmbedded>, departments: &[String], seen: &mut Seen) {
    let judged = seen.epics.iter().map(|epic| {
        let is_finished = judge(0, &epic.work) == Err(Rest::Finished);
        (epic.work.epic.clone(), is_finished)
    });
    let finished: HashMap<String, bool> = judged.collect();
    for department in departments {
        for name in library.list(Rock::CATEGORY, department) {
            let Ok(rock) = library.load::<Rock>(&name, department) else {
                continue;
            };
            for entry in &rock.asset.epics {
                let before = entry.depends_on.iter();
                let open: Vec<String> = before
                    .filter(|epic| finished.get(*epic) == Some(&false))
                    .cloned()
                    .collect();
                let waiting = seen
                    .epics
                    .iter_mut()
                    .filter(|it| it.work.epic == entry.epic);
                for epic in waiting {
                    for name in &open {
                        if !epic.work.waits_for.contains(name) {
                            epic.work.waits_for.push(name.clone());
                        }
                    }
                }
            }
        }
    }
}
