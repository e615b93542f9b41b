//! What would be done, as it is shown before it is done.

use orket_actors::port::store::{GATE_PENDING, GateDecision, RunStatus};
use orket_core::asset::{Epic, Library, LoadError, Located, Rock};
use orket_core::model::ModelName;
use serde::Serialize;
use utoipa::ToSchema;

use super::command::{Archived, Change, WorkChange};
use super::edit::{self, FileEdit};
use super::talks::PATIENCE;
use super::works::Works;
use crate::assets::DiskThenEmbedded;
use crate::owner::service::Refusal;
use crate::owner::service::archive::ArchiveRequest;
use crate::owner::service::unarchive::UnarchiveRequest;
use crate::owner::wire::WorkKind;

/// How many cards are named in a step.
const SHOWN: usize = 30;

/// A change that waits for a yes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    /// Names it; made of all that it says, so that only what was shown is carried out.
    pub id: String,
    /// What was asked for.
    pub change: Change,
    /// What would be done, a sentence each.
    pub steps: Vec<String>,
    /// The files, as they would be.
    pub files: Vec<FileEdit>,
    /// What one should know.
    pub warnings: Vec<String>,
}

/// A plan, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DriverPlan)]
pub struct PlanView {
    /// Names it: the message `confirm ID` carries it out, `cancel` drops it.
    pub id: String,
    /// What would be done, a sentence each.
    pub steps: Vec<String>,
    /// The files that would be written or removed.
    pub files: Vec<String>,
    /// What one should know.
    pub warnings: Vec<String>,
    /// How long it waits, in seconds.
    pub expires_in_s: u64,
}

impl PlanView {
    /// What would be done, a line each.
    #[must_use]
    pub fn words(&self) -> String {
        let mut text = "This is what I would do:\n".to_owned();
        for step in &self.steps {
            text.push_str(&format!("  - {step}\n"));
        }
        for warning in &self.warnings {
            text.push_str(&format!("  note: {warning}\n"));
        }
        text
    }
}

/// Why nothing is planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotPlanned {
    /// In words.
    pub words: String,
    /// As a code, where there is one.
    pub code: Option<String>,
    /// There is nothing of that name.
    pub is_unknown: bool,
}

impl NotPlanned {
    fn of(words: impl Into<String>) -> Self {
        Self {
            words: words.into(),
            code: None,
            is_unknown: false,
        }
    }
}

impl From<Refusal> for NotPlanned {
    fn from(refusal: Refusal) -> Self {
        Self {
            is_unknown: refusal.status == 404,
            words: told(&refusal),
            code: Some(refusal.code),
        }
    }
}

impl From<LoadError> for NotPlanned {
    fn from(error: LoadError) -> Self {
        Self {
            is_unknown: matches!(error, LoadError::NotFound { .. } | LoadError::BadName(_)),
            ..Self::of(error.to_string())
        }
    }
}

/// A refusal with what to do about it.
pub(super) fn told(refusal: &Refusal) -> String {
    match &refusal.hint {
        Some(hint) => format!("{}\nhint: {hint}", refusal.detail),
        None => refusal.detail.clone(),
    }
}

impl Plan {
    fn new(
        change: Change,
        steps: Vec<String>,
        files: Vec<FileEdit>,
        warnings: Vec<String>,
    ) -> Self {
        let all = format!("{change:?}\n{steps:?}\n{files:?}");
        let id = orket_core::canonical::sha256_hex(all.as_bytes())
            .chars()
            .take(8)
            .collect();
        Self {
            id,
            change,
            steps,
            files,
            warnings,
        }
    }

    /// As it is shown.
    pub fn view(&self) -> PlanView {
        PlanView {
            id: self.id.clone(),
            steps: self.steps.clone(),
            files: self.files.iter().map(|file| file.path.clone()).collect(),
            warnings: self.warnings.clone(),
            expires_in_s: PATIENCE.as_secs(),
        }
    }

    /// As it is said.
    pub fn words(&self) -> String {
        let mut text = self.view().words();
        text.push_str(&format!(
            "Say `yes`, or `confirm {}`, to carry it out; `no` drops it.",
            self.id
        ));
        text
    }
}

/// Plans a change of asset files. Blocking.
pub(super) fn of_assets(change: &Change, assets: &DiskThenEmbedded) -> Result<Plan, NotPlanned> {
    let Change::Asset(asset) = change else {
        return Err(NotPlanned::of("that changes no files"));
    };
    let draft = edit::draft(asset, assets).map_err(NotPlanned::of)?;
    Ok(Plan::new(
        change.clone(),
        draft.words,
        draft.files,
        draft.warnings,
    ))
}

/// Plans something to be done with runs, gates and cards.
pub(super) async fn of_work(
    work: &WorkChange,
    works: &dyn Works,
    assets: &DiskThenEmbedded,
) -> Result<Plan, NotPlanned> {
    let step = match work {
        WorkChange::Run {
            kind,
            name,
            department,
            model,
        } => {
            if let Some(model) = model {
                ModelName::parse(model).map_err(|error| NotPlanned::of(error.to_string()))?;
            }
            let (kind, name, department, assets) =
                (*kind, name.clone(), department.clone(), assets.clone());
            let step = crate::blocking::blocking(move || start(kind, &name, &department, &assets))
                .await
                .map_err(|error| NotPlanned::of(error.to_string()))??;
            match model {
                Some(model) => format!("{step}; model {model} for every seat"),
                None => step,
            }
        }
        WorkChange::Halt(run) => {
            let row = works.resolve(run.clone()).await?;
            if row.status.is_over() {
                return Err(NotPlanned::of(format!(
                    "run {} is {} already",
                    row.run_id,
                    row.status.as_str()
                )));
            }
            format!(
                "halt run {} of epic `{}`, which is {}",
                row.run_id,
                row.epic,
                row.status.as_str()
            )
        }
        WorkChange::Resume(run) => {
            let row = works.resolve(run.clone()).await?;
            if row.status == RunStatus::Done {
                return Err(NotPlanned::of(format!(
                    "run {} is done; nothing is left to do",
                    row.run_id
                )));
            }
            format!(
                "go on with run {} of epic `{}`, which is {}",
                row.run_id,
                row.epic,
                row.status.as_str()
            )
        }
        WorkChange::Decide {
            gate,
            decision,
            reason,
        } => {
            let found = works
                .gates(None)
                .await?
                .into_iter()
                .find(|it| it.id == *gate);
            let found = found.ok_or_else(|| Refusal::unknown_gate(*gate))?;
            if found.status != GATE_PENDING {
                return Err(Refusal::gate_decided(*gate, &found.status).into());
            }
            let verb = match decision {
                GateDecision::Approved => "approve",
                GateDecision::Rejected => "reject",
                GateDecision::Expired => "let expire",
            };
            let why = if reason.is_empty() {
                String::new()
            } else {
                format!(" ({reason})")
            };
            format!(
                "{verb} gate {gate}{why}: {} of card {} in run {}: {}",
                found.request_type, found.issue_id, found.run_id, found.reason
            )
        }
        WorkChange::Archive { what, reason } => return archive(what, reason, works).await,
        WorkChange::Unarchive { what, reason } => return unarchive(what, reason, works).await,
    };
    Ok(Plan::new(
        Change::Work(work.clone()),
        vec![step],
        Vec::new(),
        Vec::new(),
    ))
}

/// What is shown is what is archived: the cards that are found now, whatever else has the text later.
async fn archive(what: &Archived, reason: &str, works: &dyn Works) -> Result<Plan, NotPlanned> {
    let found = works
        .archive(ArchiveRequest {
            dry_run: true,
            ..archive_request(what, reason, "")
        })
        .await?;
    let these: Vec<String> = found
        .archived
        .iter()
        .map(|card| format!("{}/{}", card.build_id, card.id))
        .collect();
    let mut warnings: Vec<String> = found
        .refused
        .iter()
        .map(|card| format!("{}/{} stays: {}", card.build_id, card.id, card.reason))
        .collect();
    if !found.already_archived.is_empty() {
        warnings.push(format!(
            "archived before: {}",
            found.already_archived.join(", ")
        ));
    }
    if found.more_related {
        warnings.push(
            "more cards have that text than are archived at once; ask again afterwards".to_owned(),
        );
    }
    if these.is_empty() {
        let mut words = "no card is to be archived".to_owned();
        for warning in warnings {
            words.push_str(&format!("\n{warning}"));
        }
        let is_unknown = found.refused.is_empty() && found.already_archived.is_empty();
        return Err(NotPlanned {
            words,
            code: None,
            is_unknown,
        });
    }
    let step = format!("archive {} ({reason}): {}", cards(&these), shown(&these));
    let change = WorkChange::Archive {
        what: Archived::These(these),
        reason: reason.to_owned(),
    };
    Ok(Plan::new(
        Change::Work(change),
        vec![step],
        Vec::new(),
        warnings,
    ))
}

/// The same for taking out.
async fn unarchive(what: &Archived, reason: &str, works: &dyn Works) -> Result<Plan, NotPlanned> {
    let found = works
        .unarchive(UnarchiveRequest {
            dry_run: true,
            ..unarchive_request(what, reason, "")
        })
        .await?;
    let these: Vec<String> = found
        .unarchived
        .iter()
        .map(|card| format!("{}/{}", card.build_id, card.id))
        .collect();
    let mut warnings: Vec<String> = found
        .refused
        .iter()
        .map(|card| format!("{}/{} stays: {}", card.build_id, card.id, card.reason))
        .collect();
    if !found.not_archived.is_empty() {
        warnings.push(format!("not archived: {}", found.not_archived.join(", ")));
    }
    if found.more_related {
        warnings.push(
            "more cards have that text than are taken out at once; ask again afterwards".to_owned(),
        );
    }
    if these.is_empty() {
        let mut words = "no card is to be taken out".to_owned();
        for warning in warnings {
            words.push_str(&format!("\n{warning}"));
        }
        let is_unknown = found.refused.is_empty() && found.not_archived.is_empty();
        return Err(NotPlanned {
            words,
            code: None,
            is_unknown,
        });
    }
    let back: Vec<String> = found
        .unarchived
        .iter()
        .map(|card| format!("{}/{} to {}", card.build_id, card.id, card.status))
        .collect();
    let step = format!("unarchive {} ({reason}): {}", cards(&these), shown(&back));
    let change = WorkChange::Unarchive {
        what: Archived::These(these),
        reason: reason.to_owned(),
    };
    Ok(Plan::new(
        Change::Work(change),
        vec![step],
        Vec::new(),
        warnings,
    ))
}

fn cards(these: &[String]) -> String {
    let noun = if these.len() == 1 { "card" } else { "cards" };
    format!("{} {noun}", these.len())
}

fn shown(these: &[String]) -> String {
    let first: Vec<&str> = these.iter().take(SHOWN).map(String::as_str).collect();
    match these.len().saturating_sub(SHOWN) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// As the owner is asked.
pub(super) fn unarchive_request(what: &Archived, reason: &str, by: &str) -> UnarchiveRequest {
    let selected = archive_request(what, reason, by);
    UnarchiveRequest {
        card_ids: selected.card_ids,
        build_id: selected.build_id,
        related_tokens: selected.related_tokens,
        reason: selected.reason,
        unarchived_by: selected.archived_by,
        dry_run: false,
    }
}

/// As the owner is asked.
pub(super) fn archive_request(what: &Archived, reason: &str, by: &str) -> ArchiveRequest {
    let mut request = ArchiveRequest {
        reason: reason.to_owned(),
        archived_by: by.to_owned(),
        ..ArchiveRequest::default()
    };
    match what {
        Archived::Card(id) => request.card_ids = vec![id.clone()],
        Archived::Build(build) => request.build_id = Some(build.clone()),
        Archived::Related(text) => request.related_tokens = vec![text.clone()],
        Archived::These(these) => request.card_ids.clone_from(these),
    }
    request
}

fn start(
    kind: WorkKind,
    name: &str,
    department: &str,
    assets: &DiskThenEmbedded,
) -> Result<String, NotPlanned> {
    let library = Library::new(assets);
    let located = match kind {
        WorkKind::Epic => Located::Epic(library.load::<Epic>(name, department)?.name),
        WorkKind::Rock => Located::Rock(library.load::<Rock>(name, department)?.name),
        WorkKind::Card => library.locate(name, department)?,
    };
    Ok(match located {
        Located::Epic(epic) => {
            let asset = library.load::<Epic>(&epic, department)?.asset;
            format!(
                "run epic `{epic}`: {} cards, team `{}`, environment `{}`; what is under way is attached to, what was stopped goes on",
                asset.issues.len(),
                asset.team,
                asset.environment
            )
        }
        Located::Rock(rock) => {
            let asset = library.load::<Rock>(&rock, department)?.asset;
            let epics: Vec<&str> = asset
                .epics
                .iter()
                .map(|entry| entry.epic.as_str())
                .collect();
            format!("run rock `{rock}`: {}", epics.join(", "))
        }
        Located::Card { epic, card } => {
            format!("run card {card} of epic `{epic}`, and what it depends on")
        }
    })
}
