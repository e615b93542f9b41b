//! The runtime policy: the same settings as in `settings`, as forms ask for them.

use actix_web::web::{Data, Json};
use actix_web::{get, post};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::settings::{SavedValue, SettingsUpdate, now, save};
use crate::api::Api;
use crate::api::body::Object;
use crate::api::caller::{Admin, Caller, Read};
use crate::api::problem::Problem;
use crate::config::policy::{Field, MICROSERVICES};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(show_runtime_policy)
        .service(update_runtime_policy)
        .service(runtime_policy_options);
}

/// What holds from the next run on.
#[derive(Debug, Serialize, ToSchema)]
pub struct RuntimePolicy {
    /// Which shape products have.
    architecture_mode: &'static str,
    /// Which framework frontends are built with.
    frontend_framework_mode: &'static str,
    /// What products show of themselves.
    project_surface_profile: &'static str,
    /// Who builds small projects.
    small_project_builder_variant: &'static str,
    /// Where state is kept.
    state_backend_mode: &'static str,
    /// Whether state may be kept in Gitea.
    gitea_state_pilot_enabled: bool,
    /// The architecture when nobody chooses one.
    default_architecture_mode: &'static str,
    /// `monolith`, and `microservices` where they are unlocked.
    allowed_architecture_patterns: Vec<&'static str>,
    /// Whether microservices may be chosen.
    microservices_unlocked: bool,
    /// Whether the pilot with them is stable.
    microservices_pilot_stable: bool,
}

/// What holds from the next run on, whoever said it.
#[utoipa::path(tag = "settings", security(("api_key" = ["read"]), ("bearer" = ["read"])),
    responses((status = 200, body = RuntimePolicy)))]
#[get("/v1/system/runtime-policy")]
pub async fn show_runtime_policy(
    _caller: Caller<Read>,
    api: Data<Api>,
) -> Result<Json<RuntimePolicy>, Problem> {
    let (policy, locks) = now(&api).await?;
    let mut patterns = vec!["monolith"];
    if locks.unlocked {
        patterns.push("microservices");
    }
    Ok(Json(RuntimePolicy {
        architecture_mode: policy.architecture_mode.value,
        frontend_framework_mode: policy.frontend_framework_mode.value,
        project_surface_profile: policy.project_surface_profile.value,
        small_project_builder_variant: policy.small_project_builder_variant.value,
        state_backend_mode: policy.state_backend_mode.value,
        gitea_state_pilot_enabled: policy.gitea_state_pilot_enabled.is_true(),
        default_architecture_mode: Field::ArchitectureMode.default(),
        allowed_architecture_patterns: patterns,
        microservices_unlocked: locks.unlocked,
        microservices_pilot_stable: locks.stable,
    }))
}

/// What the user settings say; null where they say nothing.
#[derive(Debug, Serialize, ToSchema)]
pub struct StoredPolicy {
    #[schema(value_type = Option<SavedValue>)]
    architecture_mode: Option<Value>,
    #[schema(value_type = Option<SavedValue>)]
    frontend_framework_mode: Option<Value>,
    #[schema(value_type = Option<SavedValue>)]
    project_surface_profile: Option<Value>,
    #[schema(value_type = Option<SavedValue>)]
    small_project_builder_variant: Option<Value>,
    #[schema(value_type = Option<SavedValue>)]
    state_backend_mode: Option<Value>,
    #[schema(value_type = Option<SavedValue>)]
    gitea_state_pilot_enabled: Option<Value>,
}

/// What is saved now.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicySaved {
    /// Always true.
    ok: bool,
    /// All six values of the user settings.
    saved: StoredPolicy,
}

/// Change the policy: refuses what `PATCH /v1/settings` refuses. A field that is null is not given.
#[utoipa::path(tag = "settings", request_body = SettingsUpdate,
    security(("api_key" = ["admin"]), ("bearer" = ["admin"])),
    responses((status = 200, body = PolicySaved)))]
#[post("/v1/system/runtime-policy")]
pub async fn update_runtime_policy(
    caller: Caller<Admin>,
    api: Data<Api>,
    body: Object,
) -> Result<Json<PolicySaved>, Problem> {
    let mut given = body.0;
    given.retain(|_, value| !value.is_null());
    let change = save(&api, &caller.name, given).await?;
    let stored = |field: Field| field.stored(&change.stored);
    Ok(Json(PolicySaved {
        ok: true,
        saved: StoredPolicy {
            architecture_mode: stored(Field::ArchitectureMode),
            frontend_framework_mode: stored(Field::FrontendFrameworkMode),
            project_surface_profile: stored(Field::ProjectSurfaceProfile),
            small_project_builder_variant: stored(Field::SmallProjectBuilderVariant),
            state_backend_mode: stored(Field::StateBackendMode),
            gitea_state_pilot_enabled: stored(Field::GiteaStatePilotEnabled),
        },
    }))
}

/// A word that may be chosen.
#[derive(Debug, Serialize, ToSchema)]
pub struct WordOption {
    value: &'static str,
    /// For people.
    label: &'static str,
    /// True while it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    locked: Option<bool>,
}

/// Yes or no.
#[derive(Debug, Serialize, ToSchema)]
pub struct FlagOption {
    value: bool,
    /// For people.
    label: &'static str,
}

/// The form of a setting that is a word.
#[derive(Debug, Serialize, ToSchema)]
pub struct WordOptions {
    default: &'static str,
    options: Vec<WordOption>,
    /// Always `radio`.
    input_style: &'static str,
}

/// The form of a setting that is true or false.
#[derive(Debug, Serialize, ToSchema)]
pub struct FlagOptions {
    default: bool,
    options: Vec<FlagOption>,
    /// Always `radio`.
    input_style: &'static str,
}

/// The form of the architecture.
#[derive(Debug, Serialize, ToSchema)]
pub struct ArchitectureOptions {
    default: &'static str,
    options: Vec<WordOption>,
    /// Always `radio`.
    input_style: &'static str,
    /// Whether microservices may be chosen.
    microservices_unlocked: bool,
    /// Whether the pilot with them is stable.
    microservices_pilot_stable: bool,
}

/// The forms of all settings.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyOptions {
    architecture_mode: ArchitectureOptions,
    frontend_framework_mode: WordOptions,
    project_surface_profile: WordOptions,
    small_project_builder_variant: WordOptions,
    state_backend_mode: WordOptions,
    gitea_state_pilot_enabled: FlagOptions,
}

/// What may be chosen, with words for people.
#[utoipa::path(tag = "settings", security(("api_key" = ["read"]), ("bearer" = ["read"])),
    responses((status = 200, body = PolicyOptions)))]
#[get("/v1/system/runtime-policy/options")]
pub async fn runtime_policy_options(
    _caller: Caller<Read>,
    api: Data<Api>,
) -> Result<Json<PolicyOptions>, Problem> {
    let (_, locks) = now(&api).await?;
    let architecture = form(Field::ArchitectureMode, locks.unlocked);
    Ok(Json(PolicyOptions {
        architecture_mode: ArchitectureOptions {
            default: architecture.default,
            options: architecture.options,
            input_style: architecture.input_style,
            microservices_unlocked: locks.unlocked,
            microservices_pilot_stable: locks.stable,
        },
        frontend_framework_mode: form(Field::FrontendFrameworkMode, true),
        project_surface_profile: form(Field::ProjectSurfaceProfile, true),
        small_project_builder_variant: form(Field::SmallProjectBuilderVariant, true),
        state_backend_mode: form(Field::StateBackendMode, true),
        gitea_state_pilot_enabled: FlagOptions {
            default: false,
            options: vec![
                FlagOption {
                    value: true,
                    label: "Enabled",
                },
                FlagOption {
                    value: false,
                    label: "Disabled",
                },
            ],
            input_style: "radio",
        },
    }))
}

fn form(field: Field, unlocked: bool) -> WordOptions {
    let values = field.knob().values.iter().map(|(value, _)| *value);
    WordOptions {
        default: field.default(),
        options: values
            .map(|value| WordOption {
                value,
                label: label(value),
                locked: (value == MICROSERVICES && !unlocked).then_some(true),
            })
            .collect(),
        input_style: "radio",
    }
}

/// A value for people; a word that has no label speaks for itself.
fn label(value: &'static str) -> &'static str {
    match value {
        "force_monolith" => "Monolith",
        "force_microservices" => "Microservices",
        "architect_decides" => "The architect decides",
        "force_vue" => "Vue",
        "force_react" => "React",
        "force_angular" => "Angular",
        "unspecified" => "Unspecified",
        "backend_only" => "Backend only",
        "cli" => "Command line",
        "api_vue" => "API and Vue",
        "tui" => "Terminal",
        "auto" => "Automatic",
        "coder" => "Coder",
        "architect" => "Architect",
        "local" => "Local",
        "gitea" => "Gitea (pilot)",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_label() {
        for field in Field::ALL.into_iter().filter(|field| !field.is_flag()) {
            for option in form(field, true).options {
                assert_ne!(option.label, option.value);
            }
        }
    }
}
