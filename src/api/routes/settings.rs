//! The settings that a dashboard shows and changes: each with its value and where it came from.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use actix_web::{get, patch};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::api::Api;
use crate::api::body::Object;
use crate::api::caller::{Admin, Caller, Read};
use crate::api::problem::Problem;
use crate::api::state::blocking;
use crate::config::Origin;
use crate::config::lookup::ConfigError;
use crate::config::policy::{Effective, Field, Locks, Policy, Refused, change, locks};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(show_settings).service(update_settings);
}

/// Who said what a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettingSource {
    /// The environment, `.env` or a flag.
    Env,
    /// The organization.
    ProcessRules,
    /// The user settings.
    User,
    /// Nobody.
    Default,
}

impl From<&Origin> for SettingSource {
    fn from(origin: &Origin) -> Self {
        match origin {
            Origin::Flag | Origin::Environment(_) | Origin::EnvFile(_) => Self::Env,
            Origin::Organization => Self::ProcessRules,
            Origin::UserSettings => Self::User,
            Origin::Default => Self::Default,
        }
    }
}

/// A setting that is a word.
#[derive(Debug, Serialize, ToSchema)]
pub struct WordSetting {
    /// What holds from the next run on.
    value: &'static str,
    /// Who said so.
    source: SettingSource,
    /// The same, in full: the variable's name among others.
    origin: String,
    /// What holds when nobody says anything.
    default: &'static str,
    /// Always `string`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Always `radio`.
    input_style: &'static str,
    /// What may be chosen as things stand.
    allowed_values: Vec<&'static str>,
    /// `microservices_locked` while they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_guard: Option<&'static str>,
}

/// A setting that is true or false.
#[derive(Debug, Serialize, ToSchema)]
pub struct FlagSetting {
    /// What holds from the next run on.
    value: bool,
    /// Who said so.
    source: SettingSource,
    /// The same, in full: the variable's name among others.
    origin: String,
    /// What holds when nobody says anything.
    default: bool,
    /// Always `boolean`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Always `radio`.
    input_style: &'static str,
    /// Words for it; true and false are taken, too.
    allowed_values: Vec<&'static str>,
}

/// The settings by their keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct AllSettings {
    architecture_mode: WordSetting,
    frontend_framework_mode: WordSetting,
    project_surface_profile: WordSetting,
    small_project_builder_variant: WordSetting,
    state_backend_mode: WordSetting,
    gitea_state_pilot_enabled: FlagSetting,
}

impl AllSettings {
    fn of(policy: &Policy, unlocked: bool) -> Self {
        let word = |field: Field, held: &Effective| WordSetting {
            value: held.value,
            source: SettingSource::from(&held.origin),
            origin: held.origin.to_string(),
            default: field.default(),
            kind: "string",
            input_style: "radio",
            allowed_values: field.allowed(unlocked),
            policy_guard: (field == Field::ArchitectureMode && !unlocked)
                .then_some("microservices_locked"),
        };
        let pilot = &policy.gitea_state_pilot_enabled;
        Self {
            architecture_mode: word(Field::ArchitectureMode, &policy.architecture_mode),
            frontend_framework_mode: word(
                Field::FrontendFrameworkMode,
                &policy.frontend_framework_mode,
            ),
            project_surface_profile: word(
                Field::ProjectSurfaceProfile,
                &policy.project_surface_profile,
            ),
            small_project_builder_variant: word(
                Field::SmallProjectBuilderVariant,
                &policy.small_project_builder_variant,
            ),
            state_backend_mode: word(Field::StateBackendMode, &policy.state_backend_mode),
            gitea_state_pilot_enabled: FlagSetting {
                value: pilot.is_true(),
                source: SettingSource::from(&pilot.origin),
                origin: pilot.origin.to_string(),
                default: false,
                kind: "boolean",
                input_style: "radio",
                allowed_values: Field::GiteaStatePilotEnabled.allowed(unlocked),
            },
        }
    }
}

/// The settings.
#[derive(Debug, Serialize, ToSchema)]
pub struct SettingsAnswer {
    settings: AllSettings,
}

/// What may be changed; for the schema only. Null takes a value back.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsUpdate {
    #[schema(example = "force_monolith")]
    architecture_mode: Option<String>,
    #[schema(example = "force_vue")]
    frontend_framework_mode: Option<String>,
    #[schema(example = "backend_only")]
    project_surface_profile: Option<String>,
    #[schema(example = "auto")]
    small_project_builder_variant: Option<String>,
    #[schema(example = "local")]
    state_backend_mode: Option<String>,
    gitea_state_pilot_enabled: Option<SavedValue>,
}

/// A word, or true or false; for the schema only.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "the shape of values that are JSON already")]
pub enum SavedValue {
    /// A word.
    Word(String),
    /// True or false.
    Flag(bool),
}

/// New values; null for what was taken back.
#[derive(Debug, Serialize, ToSchema)]
pub struct SavedChanges {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<SavedValue>)]
    architecture_mode: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<SavedValue>)]
    frontend_framework_mode: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<SavedValue>)]
    project_surface_profile: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<SavedValue>)]
    small_project_builder_variant: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<SavedValue>)]
    state_backend_mode: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<SavedValue>)]
    gitea_state_pilot_enabled: Option<Value>,
}

impl SavedChanges {
    fn of(change: &Change) -> Self {
        let saved = |field: Field| {
            let stored = || field.stored(&change.stored).unwrap_or(Value::Null);
            change.fields.contains(&field).then(stored)
        };
        Self {
            architecture_mode: saved(Field::ArchitectureMode),
            frontend_framework_mode: saved(Field::FrontendFrameworkMode),
            project_surface_profile: saved(Field::ProjectSurfaceProfile),
            small_project_builder_variant: saved(Field::SmallProjectBuilderVariant),
            state_backend_mode: saved(Field::StateBackendMode),
            gitea_state_pilot_enabled: saved(Field::GiteaStatePilotEnabled),
        }
    }
}

/// What was saved.
#[derive(Debug, Serialize, ToSchema)]
pub struct SettingsSaved {
    /// Always true.
    ok: bool,
    /// What was given, in its normal form.
    saved: SavedChanges,
    /// What holds now. A value that environment or organization say comes before a saved one.
    settings: AllSettings,
}

/// What a change came to.
pub(super) struct Change {
    /// What was given.
    pub fields: Vec<Field>,
    /// What the user settings say now.
    pub stored: Map<String, Value>,
    /// What holds now.
    pub policy: Policy,
    /// Whether microservices may be chosen.
    pub unlocked: bool,
}

/// Checks and saves values. The only way to change these settings over HTTP.
pub(super) async fn save(
    api: &Api,
    by: &str,
    given: Map<String, Value>,
) -> Result<Change, Problem> {
    let (live, root) = (Arc::clone(&api.settings), api.root.clone());
    let saving = blocking(move || {
        live.change(|sources| {
            let unlocked = locks::is_unlocked(sources, &root)?;
            let (fields, policy) = change(sources, &given, unlocked)?;
            Ok(Change {
                fields,
                stored: sources.user_settings.clone(),
                policy,
                unlocked,
            })
        })
    });
    let change = saving.await?.map_err(refused)?;
    let fields: Vec<&str> = change.fields.iter().map(|field| field.key()).collect();
    tracing::info!(by, ?fields, "settings were changed");
    Ok(change)
}

/// What holds, and what is locked. Reads a few small files where blocking is allowed.
pub(super) async fn now(api: &Api) -> Result<(Policy, Locks), Problem> {
    let (live, root) = (Arc::clone(&api.settings), api.root.clone());
    let reading = blocking(move || {
        let sources = live.sources()?;
        let locks = Locks::read(&sources, &root)?;
        Ok((Policy::of(&sources, locks.unlocked)?, locks))
    });
    reading
        .await?
        .map_err(|error: ConfigError| unusable(&error))
}

fn refused(why: Refused) -> Problem {
    match why {
        Refused::Objections(errors) => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "E_VALIDATION", "")
                .detail(json!({"message": "Invalid settings update", "errors": errors}))
        }
        Refused::Config(error) => unusable(&error),
    }
}

/// A file or a value of the settings is broken, or cannot be written: nothing that a request could
/// say otherwise.
pub(super) fn unusable(error: &ConfigError) -> Problem {
    match error {
        ConfigError::Unwritten { .. } => Problem::busy("E_STORAGE", error.to_string(), 5)
            .hint("look at free space and permissions of the data folder"),
        ConfigError::File { .. }
        | ConfigError::Flag(..)
        | ConfigError::Values(_)
        | ConfigError::FlagValues(_) => Problem::conflict("E_CONFIG", error.to_string())
            .hint("correct it where it comes from; .env.example tells what each one may be"),
    }
}

/// Each setting with its value, who said so, and what may be chosen.
#[utoipa::path(tag = "settings", security(("api_key" = ["read"]), ("bearer" = ["read"])),
    responses((status = 200, body = SettingsAnswer)))]
#[get("/v1/settings")]
pub async fn show_settings(
    _caller: Caller<Read>,
    api: Data<Api>,
) -> Result<Json<SettingsAnswer>, Problem> {
    let (policy, locks) = now(&api).await?;
    Ok(Json(SettingsAnswer {
        settings: AllSettings::of(&policy, locks.unlocked),
    }))
}

/// Change settings; all of them or, when one is refused, none. They hold from the next run on.
#[utoipa::path(tag = "settings", request_body = SettingsUpdate,
    security(("api_key" = ["admin"]), ("bearer" = ["admin"])),
    responses((status = 200, body = SettingsSaved)))]
#[patch("/v1/settings")]
pub async fn update_settings(
    caller: Caller<Admin>,
    api: Data<Api>,
    body: Object,
) -> Result<Json<SettingsSaved>, Problem> {
    if body.0.is_empty() {
        return Err(Problem::bad_request("No editable settings provided."));
    }
    let change = save(&api, &caller.name, body.0).await?;
    Ok(Json(SettingsSaved {
        ok: true,
        saved: SavedChanges::of(&change),
        settings: AllSettings::of(&change.policy, change.unlocked),
    }))
}
