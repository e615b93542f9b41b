//! Assets, settings and a request made into one [`RunPlan`], or everything that is wrong with them.
//!
//! # Layout
//!
//! - this file: the request, the settings, the order of the steps.
//! - `seats`: the team's seats, the guard among them.
//! - `cards`: the epic's cards.
//! - [`models`]: which model answers.
//! - `tools`: which tools a role is offered, skills included.
//! - [`skills`]: which skills there are, and what they may do.
//! - `contracts`: what a turn must bring.
//! - `reach`: whether the gate and the limits let a card do it.
//! - `window`: whether prompts fit the context window.
//! - `verify`: the commands that check a card.
//! - `policy`: the organization's process rules and the operator's modes as the run's policy.
//! - `stages`: what happens before the first card.
//! - `prompt`: the system prompt; [`resolve`]: that of one role, to be looked at.

mod cards;
mod contracts;
pub mod models;
mod policy;
mod prompt;
mod reach;
pub mod resolve;
mod seats;
pub mod skills;
mod stages;
mod tools;
mod verify;
mod window;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use crate::asset::Problems as PlanErrors;
use crate::asset::{
    Asset, AssetSource, Environment, Epic, Library, LoadError, Loaded, Organization, Problem, Team,
    check, name,
};
use crate::backoff::Backoff;
use crate::ids::{BuildId, CardId, RunId};
use crate::model::ModelName;
use crate::plan::{ArtifactMode, CardPlan, RunPlan};
use crate::policy::{OwnPlace, RunPolicy};
use crate::stall::Clocks;
use crate::tool::ToolSpec;

/// What is to be run, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRequest {
    /// The epic asset's name.
    pub epic: String,
    /// The department whose assets come before those of `core`.
    pub department: String,
    /// The run.
    pub run_id: RunId,
    /// The build it works on.
    pub build_id: BuildId,
    /// The workspace folder, absolute.
    pub workspace: String,
    /// Only this card and what it depends on.
    pub target: Option<CardId>,
    /// The model given on the command line; it wins over every other choice.
    pub model_override: Option<String>,
    /// The rock that asks.
    pub rock: Option<String>,
}

/// The operator's settings, as far as a plan depends on them.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanSettings {
    /// The clocks.
    pub clocks: Clocks,
    /// Whether the operator set the turn clock; if so an environment asset's `timeout` gives way.
    pub turn_clock_is_set: bool,
    /// The wait between attempts.
    pub retry: Backoff,
    /// How many earlier replies a prompt shows.
    pub context_window: u32,
    /// How many rounds one turn may take.
    pub max_rounds: u32,
    /// How many cards the turns of a run may create.
    pub max_created_cards: u32,
    /// How many times a turn is taken up again after a crash of the process.
    pub max_recoveries: u32,
    /// How many failures of the model's server in a row a card forgives.
    pub max_model_retries: u32,
    /// How many failed attempts are forgiven where a card does not say; `None` for 3.
    pub max_retries: Option<u32>,
    /// Artifact files.
    pub artifacts: ArtifactMode,
    /// Cards of one seat under way at once, 0 for no limit; `None` for what the organization wrote
    /// down, or no limit.
    pub wip_limit_per_seat: Option<u32>,
    /// `ORKET_MODEL_<ROLE>`, by `<ROLE>` in capitals.
    pub env_models: BTreeMap<String, String>,
    /// `ORKET_OPERATOR_MODEL`.
    pub operator_model: Option<String>,
    /// The user's preferences, by role.
    pub preference_models: BTreeMap<String, String>,
    /// The user's `model_compliance_policy`, as written.
    pub compliance: Option<serde_json::Value>,
    /// Every setting that has a value, as text, by its key in `process_rules`: the environment's
    /// before the organization's before the user's. A policy that can be set in all three places is
    /// read from here.
    pub modes: BTreeMap<String, String>,
    /// Orket's own files and folders, where the workspace holds them.
    pub own_places: Vec<OwnPlace>,
    /// What is wrong with files that the settings name; no plan is made while there is any.
    pub problems: Vec<Problem>,
}

impl Default for PlanSettings {
    fn default() -> Self {
        Self {
            clocks: Clocks::default(),
            turn_clock_is_set: false,
            retry: Backoff::default(),
            context_window: 10,
            max_rounds: 8,
            max_created_cards: 200,
            max_recoveries: 5,
            max_model_retries: 5,
            max_retries: None,
            artifacts: ArtifactMode::Full,
            wip_limit_per_seat: None,
            env_models: BTreeMap::new(),
            operator_model: None,
            preference_models: BTreeMap::new(),
            compliance: None,
            modes: BTreeMap::new(),
            own_places: Vec::new(),
            problems: Vec::new(),
        }
    }
}

/// A plan and its cards, in the order of the epic.
#[derive(Debug, Clone, PartialEq)]
pub struct BuiltPlan {
    /// The plan.
    pub plan: RunPlan,
    /// The cards.
    pub cards: Vec<CardPlan>,
    /// What an operator should know though it stops nothing, each with file and field.
    pub warnings: Vec<String>,
}

/// What was found on the way.
#[derive(Debug, Default)]
struct Findings {
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Findings {
    fn problem(&mut self, file: &str, field: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem::new(file, field, message));
    }

    /// A problem that is the word of a stage.
    fn refuse(&mut self, code: &'static str, file: &str, field: &str, message: String) {
        let problem = Problem::new(file, field, message).coded(code);
        self.problems.push(problem);
    }

    fn warn(&mut self, file: &str, field: impl Into<String>, message: impl Into<String>) {
        self.warnings.push(Problem::new(file, field, message));
    }

    fn absorb(&mut self, other: Self) {
        self.problems.extend(other.problems);
        self.warnings.extend(other.warnings);
    }

    /// Keeps a loaded asset's warnings; an error becomes problems of the field that named it.
    fn take<T>(
        &mut self,
        loaded: Result<Loaded<T>, LoadError>,
        file: &str,
        field: &str,
    ) -> Option<Loaded<T>> {
        match loaded {
            Ok(mut loaded) => {
                self.warnings.append(&mut loaded.warnings);
                Some(loaded)
            }
            Err(error) => {
                self.problems.extend(error.into_problems(file, field));
                None
            }
        }
    }
}

/// What every step looks at.
struct Context<'a, S> {
    library: &'a Library<S>,
    request: &'a PlanRequest,
    settings: &'a PlanSettings,
    catalogue: &'a [ToolSpec],
    epic: &'a Loaded<Epic>,
    team: &'a Loaded<Team>,
    environment: &'a Loaded<Environment>,
    organization: Option<&'a Loaded<Organization>>,
}

/// Makes the plan of one run. `catalogue` holds the built-in tools.
///
/// # Errors
///
/// Everything that would keep the run from ending well, each with file and field; nothing has been
/// started then.
pub fn build<S: AssetSource>(
    library: &Library<S>,
    request: &PlanRequest,
    settings: &PlanSettings,
    catalogue: &[ToolSpec],
) -> Result<BuiltPlan, PlanErrors> {
    let mut findings = Findings::default();
    findings.problems.extend(settings.problems.iter().cloned());
    let department = request.department.as_str();
    let asked = format!("{}/{}.json", Epic::CATEGORY, request.epic);
    let epic = findings.take(library.load(&request.epic, department), &asked, "epic");
    let Some(mut epic) = epic else {
        return Err(PlanErrors(findings.problems));
    };
    findings
        .problems
        .extend(check::epic(&epic.asset, &epic.file));
    let organization = match library.organization().transpose() {
        None => None,
        Some(loaded) => findings.take(loaded, "organization.json", "organization"),
    };
    let team = library.load(&epic.asset.team, department);
    let team = findings.take(team, &epic.file, "team");
    let environment = library.load(&epic.asset.environment, department);
    let environment = findings.take(environment, &epic.file, "environment");
    let (Some(mut team), Some(environment)) = (team, environment) else {
        return Err(PlanErrors(each_once(findings.problems)));
    };
    let as_written = Context {
        library,
        request,
        settings,
        catalogue,
        epic: &epic,
        team: &team,
        environment: &environment,
        organization: organization.as_ref(),
    };
    let staffing = stages::staffing(&as_written, &mut findings);
    if let Some(staffing) = &staffing {
        stages::reseat(staffing, &mut epic.asset, &mut team.asset);
    }
    let told = staffing.map(|staffing| staffing.told).unwrap_or_default();
    let context = Context {
        library,
        request,
        settings,
        catalogue,
        epic: &epic,
        team: &team,
        environment: &environment,
        organization: organization.as_ref(),
    };
    check_target(&context, &mut findings);
    let mut policy = policy::build(&context, told, &mut findings);
    let mut seats = seats::build(&context, &policy, &mut findings);
    let mut cards = cards::build(&context, &seats, &mut findings);
    let models: Vec<ModelName> = seats
        .plans
        .values()
        .map(|seat| seat.model.clone())
        .chain(cards.iter().flat_map(|card| {
            seats
                .plans
                .values()
                .filter_map(|seat| card.model_override(&seat.role))
        }))
        .collect();
    policy::budget::price(
        &mut policy.budget,
        library,
        department,
        models.iter(),
        &mut findings,
    );
    policy::budget::bound_replies(&mut policy.budget, &environment, &models, &mut findings);
    policy::lay_over(&policy.contract, seats.plans.values_mut(), &mut cards);
    if findings.problems.is_empty() {
        reach::check(&context, &seats, &cards, &policy, &mut findings);
        window::check(&context, &seats, &cards, &policy, &mut findings);
    }
    if !findings.problems.is_empty() {
        return Err(PlanErrors(each_once(findings.problems)));
    }
    let warnings = each_once(findings.warnings);
    Ok(BuiltPlan {
        plan: plan(&context, seats, policy),
        cards,
        warnings: warnings.iter().map(Problem::to_string).collect(),
    })
}

/// Several seats may come upon the same problem of the same asset.
fn each_once(mut problems: Vec<Problem>) -> Vec<Problem> {
    let mut seen = BTreeSet::new();
    problems.retain(|problem| seen.insert(problem.clone()));
    problems
}

fn check_target<S>(context: &Context<'_, S>, findings: &mut Findings) {
    let issues = &context.epic.asset.issues;
    if let Some(target) = &context.request.target
        && !issues.iter().any(|issue| issue.id == *target)
    {
        let ids = issues.iter().map(|issue| issue.id.as_str());
        let hint = name::suggestion(target.as_str(), ids);
        let message = format!("there is no card `{target}` to run; {hint}");
        findings.problem(&context.epic.file, context.epic.asset.issues_key, message);
    }
}

fn plan<S>(context: &Context<'_, S>, seats: seats::Seats, policy: RunPolicy) -> RunPlan {
    let Context {
        request, settings, ..
    } = context;
    let mut clocks = settings.clocks;
    if let Some(timeout) = context.environment.asset.timeout_ms
        && !settings.turn_clock_is_set
    {
        clocks.turn_ms = timeout;
    }
    let in_core = context.epic.file.starts_with("model/core/");
    let department = if in_core { "core" } else { &request.department };
    let written_limit = context
        .organization
        .and_then(|loaded| loaded.asset.bottleneck_thresholds.wip_limit_per_seat);
    RunPlan {
        run_id: request.run_id.clone(),
        build_id: request.build_id.clone(),
        epic: context.epic.name.clone(),
        title: context.epic.asset.card.name.clone(),
        department: department.to_owned(),
        rock: request.rock.clone(),
        target: request.target.clone(),
        workspace: request.workspace.clone(),
        seats: seats.plans,
        guard_seat: seats.guard.unwrap_or_default(),
        clocks,
        retry: settings.retry,
        context_window: settings.context_window,
        max_rounds: settings.max_rounds,
        cards: Vec::new(),
        forked_from: None,
        max_created_cards: settings.max_created_cards,
        max_recoveries: settings.max_recoveries,
        max_model_retries: settings.max_model_retries,
        wip_limit_per_seat: settings.wip_limit_per_seat.or(written_limit).unwrap_or(0),
        artifacts: settings.artifacts,
        commands: seats.commands,
        policy,
    }
}
