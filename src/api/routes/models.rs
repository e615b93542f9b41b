//! Which model answers for which role.

use std::collections::BTreeSet;
use std::sync::Arc;

use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, get};
use orket_core::artifact::rfc3339;
use orket_core::asset::{CORE, Library, LoadError, name};
use orket_core::plan_build::PlanSettings;
use orket_core::plan_build::models::assign::{AssignError, Assignment, OfEpic, assignments, roles};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::settings::unusable;
use crate::api::Api;
use crate::api::caller::{Caller, Read};
use crate::api::check::Check;
use crate::api::problem::Problem;
use crate::api::state::blocking;
use crate::assets::DiskThenEmbedded;
use crate::config::Settings;
use crate::owner::host::wall_ms;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(model_assignments);
}

/// A role and its model.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelAssignment {
    /// The role.
    role: String,
    /// What was chosen: `provider:model`.
    #[schema(example = "ollama:qwen2.5-coder:14b")]
    selected_model: String,
    /// What answers.
    #[schema(example = "ollama:qwen2.5-coder:14b")]
    final_model: String,
    /// Whether the compliance policy put another in its place.
    demoted: bool,
    /// What the compliance policy says of what was chosen: `policy_missing`, `policy_disabled`,
    /// `blocked_model`, `min_score_missing`, `score_missing`, `score_below_threshold` or `score_ok`.
    reason: &'static str,
    /// The dialect in which it is spoken to.
    #[schema(example = "qwen")]
    dialect: String,
    /// Where the choice is written.
    #[schema(example = "process environment: ORKET_MODEL_CODER")]
    chosen_in: String,
}

impl From<Assignment> for ModelAssignment {
    fn from(assignment: Assignment) -> Self {
        Self {
            role: assignment.role,
            selected_model: assignment.selected.to_string(),
            final_model: assignment.answers.to_string(),
            demoted: assignment.reason.is_demotion(),
            reason: assignment.reason.as_str(),
            dialect: assignment.dialect.to_owned(),
            chosen_in: assignment.chosen_in,
        }
    }
}

/// What was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct AssignmentFilters {
    /// The roles, in lower case with underscores; null for all.
    roles: Option<Vec<String>>,
    /// The epic.
    epic: Option<String>,
}

/// Roles and their models.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelAssignments {
    /// In the order that was asked for; otherwise by name.
    items: Vec<ModelAssignment>,
    /// How many.
    count: usize,
    /// UTC.
    generated_at: String,
    /// What was asked for.
    filters: AssignmentFilters,
}

/// Which model answers for which role, as the next plan would choose it. Without `epic`, as far as
/// neither an epic nor its environment says otherwise.
#[utoipa::path(tag = "system", params(
        ("roles" = Option<String>, Query, description = "Roles, separated by commas; all that teams seat when it is not given"),
        ("epic" = Option<String>, Query, description = "In turns of this epic"),
        ("department" = Option<String>, Query, description = "The epic's department; `core` when it is not given")),
    security(("api_key" = ["read"]), ("bearer" = ["read"])),
    responses((status = 200, body = ModelAssignments)))]
#[get("/v1/system/model-assignments")]
pub async fn model_assignments(
    _caller: Caller<Read>,
    api: Data<Api>,
    request: HttpRequest,
) -> Result<Json<ModelAssignments>, Problem> {
    let mut query = Check::query(&request)?;
    let wanted = query
        .text("roles")
        .map(|text| names(&text))
        .filter(|names| !names.is_empty());
    let epic = query.text("epic");
    let department = query.text("department").unwrap_or_else(|| CORE.to_owned());
    query.finish()?;
    let filters = AssignmentFilters {
        roles: wanted.clone(),
        epic: epic.clone(),
    };
    let (live, root) = (Arc::clone(&api.settings), api.root.clone());
    let looking = blocking(move || {
        let settings = live.now().map_err(|error| unusable(&error))?;
        let library = Library::new(DiskThenEmbedded::new(root));
        let of = epic.as_deref().map(|epic| OfEpic {
            epic,
            department: &department,
        });
        let roles = wanted.unwrap_or_else(|| roles(&library));
        assignments(&library, &plan_settings(&settings), of, &roles).map_err(untold)
    });
    let items: Vec<_> = looking
        .await??
        .into_iter()
        .map(ModelAssignment::from)
        .collect();
    Ok(Json(ModelAssignments {
        count: items.len(),
        items,
        generated_at: rfc3339(wall_ms()),
        filters,
    }))
}

/// What a plan looks at when it chooses models.
fn plan_settings(settings: &Settings) -> PlanSettings {
    let models = settings.models.iter();
    PlanSettings {
        env_models: models
            .map(|(role, model)| (role.clone(), model.to_string()))
            .collect(),
        operator_model: settings.operator_model.as_ref().map(ToString::to_string),
        preference_models: settings.preferences.clone(),
        compliance: settings.compliance.clone(),
        ..PlanSettings::default()
    }
}

/// Each once, as roles are looked up.
fn names(text: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    text.split(',')
        .map(name::sanitise)
        .filter(|name| !name.is_empty() && seen.insert(name.clone()))
        .collect()
}

fn untold(error: AssignError) -> Problem {
    match error {
        AssignError::Epic(error @ (LoadError::NotFound { .. } | LoadError::BadName(_))) => {
            Problem::not_found(error.to_string())
        }
        AssignError::Epic(error) => Problem::conflict("E_ASSETS", error.to_string()),
        AssignError::Wrong(problems) => Problem::conflict("E_ASSETS", problems.to_string()),
    }
}
