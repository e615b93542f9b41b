//! Plans an asset as a run of it would be planned, and takes the prompts out of the plan. Blocking.

use std::path::Path;

use actix_web::http::StatusCode;
use orket_core::asset::{Epic, Issue, Library, LoadError, Rock, name};
use orket_core::ids::{BuildId, RunId};
use orket_core::plan::{CardPlan, RunPlan};

use super::asked::{Asked, Mode};
use super::shapes::{EpicPreview, IssuePreview, Preview, RockPreview, StepPreview};
use crate::api::board::known_department;
use crate::api::problem::Problem;
use crate::assets::DiskThenEmbedded;
use crate::owner::ports::{Found, PlanWish, Planner};
use crate::owner::service::Refusal;

/// What a preview is made from.
pub struct Looking<'a> {
    /// Makes the plans.
    pub planner: &'a dyn Planner,
    /// The assets.
    pub library: Library<DiskThenEmbedded>,
    /// The workspace of runs that name none.
    pub workspace: &'a Path,
}

/// An epic and what a run of it would be.
struct Planned {
    epic: Epic,
    name: String,
    plan: RunPlan,
    cards: Vec<CardPlan>,
}

impl Looking<'_> {
    /// What was asked for.
    ///
    /// # Errors
    ///
    /// 404 for what is not there, 422 for what is broken, 400 for what has no prompts.
    pub fn preview(&self, asked: &Asked) -> Result<Preview, Problem> {
        let department = asked.department.as_str();
        known_department(&self.library, department)?;
        match &asked.mode {
            Mode::Epic => {
                let planned = self.plan(&asked.name, department)?;
                Ok(Preview::Epic(epic(planned)?))
            }
            Mode::Rock => self.rock(&asked.name, department).map(Preview::Rock),
            Mode::IssueOfEpic(wish) => {
                let planned = [self.plan(&asked.name, department)?];
                issue(wish, &planned).map(Preview::Issue)
            }
            Mode::IssueOfRock(wish) => {
                let (_, planned) = self.plans_of_rock(&asked.name, department)?;
                issue(wish, &planned).map(Preview::Issue)
            }
            Mode::IssueFile => self.issue_file(&asked.name, department).map(Preview::Issue),
            Mode::Unsupported(category) => Err(Problem::bad_request(format!(
                "Unsupported preview mode '{category}'."
            ))
            .hint("epics, rocks and issues can be previewed")),
        }
    }

    fn plan(&self, name: &str, department: &str) -> Result<Planned, Problem> {
        let loaded = self
            .library
            .load::<Epic>(name, department)
            .map_err(broken)?;
        let wish = PlanWish {
            epic: loaded.name.clone(),
            department: department.to_owned(),
            run_id: RunId::new("preview").map_err(Problem::internal)?,
            build_id: BuildId::new("preview").map_err(Problem::internal)?,
            workspace: self.workspace.to_owned(),
            target: None,
            model: None,
            rock: None,
        };
        let (new, _warnings) = self.planner.plan(wish).map_err(Refusal::from)?;
        Ok(Planned {
            epic: loaded.asset,
            name: loaded.name,
            plan: new.plan,
            cards: new.cards,
        })
    }

    fn plans_of_rock(&self, name: &str, department: &str) -> Result<(Rock, Vec<Planned>), Problem> {
        let rock = self
            .library
            .load::<Rock>(name, department)
            .map_err(broken)?
            .asset;
        let planned = rock
            .epics
            .iter()
            .map(|entry| self.plan(&entry.epic, &entry.department));
        let planned = planned.collect::<Result<Vec<_>, _>>()?;
        Ok((rock, planned))
    }

    fn rock(&self, name: &str, department: &str) -> Result<RockPreview, Problem> {
        let (rock, planned) = self.plans_of_rock(name, department)?;
        let task = rock.task.unwrap_or_default();
        let tasks = task.lines().map(str::trim).filter(|line| !line.is_empty());
        Ok(RockPreview {
            kind: "rock",
            id: rock.id.unwrap_or_else(|| name.to_owned()),
            display_name: rock.card.name,
            description: rock.card.description,
            milestone_tasks: tasks.map(str::to_owned).collect(),
            epics: planned.into_iter().map(epic).collect::<Result<_, _>>()?,
        })
    }

    /// A file below `issues/`: the card of that id in whichever epic has it.
    fn issue_file(&self, name: &str, department: &str) -> Result<IssuePreview, Problem> {
        let file = self.library.load::<Issue>(name, department);
        let id = match &file {
            Ok(loaded) => loaded.asset.id.to_string(),
            Err(LoadError::NotFound { .. }) => name.to_owned(),
            Err(error) => return Err(broken(error.clone())),
        };
        match self.planner.find(&id, department) {
            Ok(Found::CardOf { epic }) => issue(&id, &[self.plan(&epic, department)?]),
            Ok(Found::Epic | Found::Rock) | Err(_) => Err(match file {
                Ok(loaded) => Problem::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "E_ASSETS",
                    format!(
                        "{}: id: no epic has the issue `{id}`, so nobody works on it",
                        loaded.file
                    ),
                ),
                Err(error) => broken(error),
            }),
        }
    }
}

/// Why an asset cannot be shown.
fn broken(error: LoadError) -> Problem {
    match error {
        LoadError::BadName(_) | LoadError::NotFound { .. } => Problem::not_found(error.to_string()),
        LoadError::Unreadable { .. } | LoadError::Broken(_) => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "E_ASSETS",
            error.to_string(),
        )
        .hint("correct the files that are named"),
    }
}

fn epic(planned: Planned) -> Result<EpicPreview, Problem> {
    let steps = planned.cards.iter().enumerate();
    let sequencing = steps.map(|(place, card)| {
        let seat = Seat::of(card, &planned.plan)?;
        Ok(StepPreview {
            step: place + 1,
            issue_id: card.id.to_string(),
            summary: card.summary.clone(),
            assigned_to: card.seat.clone(),
            role: seat.role,
            model: seat.model,
            compiled_system_prompt: seat.prompt,
        })
    });
    Ok(EpicPreview {
        kind: "epic",
        sequencing: sequencing.collect::<Result<_, Problem>>()?,
        id: planned.epic.id.unwrap_or(planned.name),
        display_name: planned.epic.card.name,
    })
}

/// The issue of this id, else of this title.
fn issue(wish: &str, planned: &[Planned]) -> Result<IssuePreview, Problem> {
    let cards = || {
        planned
            .iter()
            .flat_map(|it| it.cards.iter().map(move |card| (card, &it.plan)))
    };
    let found = cards()
        .find(|(card, _)| card.id.as_str() == wish)
        .or_else(|| cards().find(|(card, _)| card.summary == wish));
    let Some((card, plan)) = found else {
        let shown: String = wish.chars().take(96).collect();
        let near = name::suggestion(wish, cards().map(|(card, _)| card.id.as_str()));
        return Err(Problem::not_found(format!(
            "there is no issue `{shown}`; {near}"
        )));
    };
    let seat = Seat::of(card, plan)?;
    Ok(IssuePreview {
        kind: "issue",
        id: card.id.to_string(),
        display_name: card.summary.clone(),
        assigned_to: card.seat.clone(),
        role: seat.role,
        model: seat.model,
        compiled_system_prompt: seat.prompt,
    })
}

/// Who answers for a card.
struct Seat {
    role: String,
    model: String,
    prompt: String,
}

impl Seat {
    fn of(card: &CardPlan, plan: &RunPlan) -> Result<Self, Problem> {
        let seat = plan
            .seat(&card.seat)
            .ok_or_else(|| Problem::internal(format!("the plan has no seat `{}`", card.seat)))?;
        let model = card.model_override(&seat.role);
        Ok(Self {
            role: seat.role.clone(),
            model: model.as_ref().unwrap_or(&seat.model).to_string(),
            prompt: seat.system_prompt.to_string(),
        })
    }
}
