//! The typed settings.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::Duration;

use orket_core::backoff::Backoff;
use orket_core::model::ModelName;
use orket_core::plan::ArtifactMode;
use orket_core::stall::Clocks;
use orket_sandboxes::ContainerLimits;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::log::Zone;
use crate::storage::SyncMode;
use crate::tools::child::sandbox::allowance::Allowance;

use super::gitea::GiteaSettings;
use super::lookup::{ConfigError, Origin, Sources};
use super::masked;
use super::transactions::TransactionSettings;
use super::variable::{Kind, MODEL_PREFIX, VARIABLES, Variable, file_key, find};
use super::webhook::WebhookSettings;

/// One value as `orket config` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The variable.
    pub name: String,
    /// Its value; secrets are masked, `None` when there is none.
    pub value: Option<String>,
    /// Where it came from.
    #[serde(flatten)]
    pub origin: Origin,
    /// What it does.
    pub help: &'static str,
}

/// Where a provider listens and what it wants to see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// The address.
    pub url: String,
    /// The key.
    pub key: Option<String>,
}

/// Where and for whom `orket serve` listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiSettings {
    /// The address.
    pub host: String,
    /// The port; 0 for a free one.
    pub port: u16,
    /// The key that may do everything.
    pub key: Option<String>,
    /// More keys.
    pub keys_file: Option<String>,
    /// Everybody may do everything while there is no key.
    pub allow_no_key: bool,
    /// Web pages that may ask.
    pub origins: Vec<String>,
    /// Requests a minute of a key; 0 for no limit.
    pub per_minute: u32,
    /// Threads; 0 for one each processor.
    pub workers: usize,
}

/// How sandboxes of docker compose are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxSettings {
    /// None are created.
    pub disabled: bool,
    /// How many may be there at once.
    pub most: usize,
    /// How long one lives; `None` for ever.
    pub ttl: Option<Duration>,
    /// How long bringing one up may take.
    pub up_timeout: Duration,
    /// What each container may use.
    pub limits: ContainerLimits,
}

/// Everything an operator can set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The data folder, absolute.
    pub durable_root: PathBuf,
    /// Turns at once per endpoint; `None` for each provider's own default.
    pub max_concurrent_turns: Option<usize>,
    /// Artifact files.
    pub artifacts: ArtifactMode,
    /// Clocks of a turn.
    pub clocks: Clocks,
    /// Whether the operator set the turn clock himself.
    pub turn_clock_is_set: bool,
    /// Wait between attempts.
    pub retry: Backoff,
    /// Failed attempts forgiven where the card does not say.
    pub max_retries: u32,
    /// Cards that the turns of one run may create.
    pub max_created_cards: u32,
    /// Earlier replies shown in a prompt.
    pub context_window: u32,
    /// `ORKET_MODEL_<ROLE>`, by `<ROLE>`.
    pub models: BTreeMap<String, ModelName>,
    /// `ORKET_OPERATOR_MODEL`.
    pub operator_model: Option<ModelName>,
    /// Models by role, of `preferences.json`.
    pub preferences: BTreeMap<String, String>,
    /// `model_compliance_policy` of the user settings, as written.
    pub compliance: Option<Value>,
    /// How far a commit goes before it is answered.
    pub journal_sync: SyncMode,
    /// How long a shutdown in good order lets tool calls finish.
    pub shutdown: Duration,
    /// The zone of the log's times.
    pub timezone: Zone,
    /// Size at which the log is rotated, in mebibytes.
    pub log_max_mb: u64,
    /// Rotated log files that are kept.
    pub log_keep: u32,
    /// Events that are kept to be looked up.
    pub events_keep: u64,
    /// The tracing filter.
    pub log_filter: String,
    /// Injected faults.
    pub fault: Option<String>,
    /// Ollama.
    pub ollama: Endpoint,
    /// An OpenAI-compatible endpoint.
    pub openai: Endpoint,
    /// Anthropic.
    pub anthropic: Endpoint,
    /// Whether servers of one's own are asked to decode under the turn's schema.
    pub constrained_decoding: bool,
    /// Between SIGTERM and SIGKILL to a tool.
    pub tool_grace: Duration,
    /// What child processes may do.
    pub allowance: Allowance,
    /// Overrides the organization's name.
    pub org_name: Option<String>,
    /// Overrides the organization's vision.
    pub org_vision: Option<String>,
    /// How long what `nvidia-smi` said is kept.
    pub vram_cache: Duration,
    /// Runs under way at once.
    pub max_runs: usize,
    /// The API server.
    pub api: ApiSettings,
    /// Gitea, and the export of runs.
    pub gitea: GiteaSettings,
    /// The webhook receiver.
    pub webhook: WebhookSettings,
    /// Sandboxes of docker compose.
    pub sandboxes: SandboxSettings,
    /// Transactions on a repository.
    pub transactions: TransactionSettings,
    /// All values with their origins.
    pub shown: Vec<Shown>,
    /// A digest of each value that work depends on, by the variable's name.
    pub digests: BTreeMap<String, String>,
    /// Variables that nothing reads.
    pub warnings: Vec<String>,
}

/// The data folder, which must be known before the rest.
#[must_use]
pub fn durable_root(sources: &Sources) -> PathBuf {
    let text = find("ORKET_DURABLE_ROOT")
        .and_then(|variable| sources.text(variable, variable.name))
        .map_or_else(|| ".orket/durable".to_owned(), |(text, _)| text);
    sources.cwd.join(text)
}

/// Reads `<durable>/config/user_settings.json` where there is one.
///
/// # Errors
///
/// [`ConfigError::File`] when it is there and is no JSON object.
pub fn read_user_settings(durable_root: &Path) -> Result<Map<String, Value>, ConfigError> {
    let read = read_json(&durable_root.join("config/user_settings.json"))?;
    Ok(read.unwrap_or_default())
}

/// Reads the models of `<durable>/config/preferences.json`, by role, where there is one. What older
/// user settings say in keys such as `preferred_coder` goes before it.
///
/// # Errors
///
/// [`ConfigError::File`] when it is there and is not `{"models": {"role": "provider:model"}}`.
pub fn read_preferences(
    durable_root: &Path,
    user_settings: &Map<String, Value>,
) -> Result<BTreeMap<String, String>, ConfigError> {
    #[derive(serde::Deserialize, Default)]
    struct Preferences {
        #[serde(default)]
        models: BTreeMap<String, String>,
    }
    let read = read_json::<Preferences>(&durable_root.join("config/preferences.json"))?;
    let mut models = read.unwrap_or_default().models;
    for (key, value) in user_settings {
        if let (Some(role), Some(model)) = (key.strip_prefix("preferred_"), value.as_str())
            && !role.is_empty()
            && !model.trim().is_empty()
        {
            models.insert(role.to_owned(), model.to_owned());
        }
    }
    Ok(models)
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, ConfigError> {
    let failed = |reason: String| ConfigError::File {
        path: path.display().to_string(),
        reason,
    };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error.to_string())),
    };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|error| failed(error.to_string()))
}

impl Settings {
    /// Reads every value.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Values`] or [`ConfigError::FlagValues`] with one sentence for each value that is
    /// not what it must be.
    pub fn resolve(sources: &Sources) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(sources);
        let models = reader.models();
        let clocks = Clocks {
            connect_ms: reader.number("ORKET_CLOCK_CONNECT_SEC"),
            first_token_ms: reader.number("ORKET_CLOCK_FIRST_TOKEN_SEC"),
            idle_ms: reader.number("ORKET_CLOCK_IDLE_SEC"),
            turn_ms: reader.number("ORKET_CLOCK_TURN_SEC"),
            tool_idle_ms: reader.number("ORKET_CLOCK_TOOL_IDLE_SEC"),
            tool_ms: reader.number("ORKET_CLOCK_TOOL_SEC"),
            run_ms: reader.number("ORKET_CLOCK_RUN_SEC"),
            repeat_chars: reader.number("ORKET_REPEAT_CHARS"),
        };
        let retry = Backoff {
            base_ms: reader.number("ORKET_RETRY_BASE_MS"),
            max_ms: reader.number("ORKET_RETRY_MAX_MS"),
        };
        // Used by the plan alone, which takes them from `modes`.
        for name in ["ORKET_SKILL_MAX_EXECUTION_TIME", "ORKET_SKILL_MAX_MEMORY"] {
            let _checked = reader.text(name);
        }
        let artifacts = reader.text("ORKET_ARTIFACTS").unwrap_or_default();
        for name in PLAN_MODES {
            reader.text(name);
        }
        let mut settings = Self {
            durable_root: durable_root(sources),
            max_concurrent_turns: reader.optional_number("ORKET_MAX_CONCURRENT_TURNS"),
            artifacts: artifacts.parse().unwrap_or(ArtifactMode::Full),
            clocks,
            turn_clock_is_set: false,
            retry,
            max_retries: reader.small("ORKET_MAX_RETRIES"),
            max_created_cards: reader.small("ORKET_MAX_CREATED_CARDS"),
            context_window: reader.small("ORKET_CONTEXT_WINDOW"),
            models,
            operator_model: reader
                .text("ORKET_OPERATOR_MODEL")
                .and_then(|text| ModelName::parse(&text).ok()),
            preferences: BTreeMap::new(),
            compliance: sources
                .user_settings
                .get("model_compliance_policy")
                .filter(|policy| !policy.is_null())
                .cloned(),
            journal_sync: reader
                .text("ORKET_JOURNAL_SYNC")
                .and_then(|word| word.parse().ok())
                .unwrap_or_default(),
            shutdown: Duration::from_millis(reader.number("ORKET_SHUTDOWN_SEC")),
            timezone: reader
                .text("ORKET_TIMEZONE")
                .and_then(|zone| zone.parse().ok())
                .unwrap_or_default(),
            log_max_mb: reader.number("ORKET_LOG_MAX_MB"),
            log_keep: reader.small("ORKET_LOG_KEEP"),
            events_keep: reader.number("ORKET_EVENTS_KEEP"),
            log_filter: reader.text("ORKET_LOG").unwrap_or_default(),
            fault: reader.text("ORKET_FAULT"),
            ollama: Endpoint {
                url: reader.text("ORKET_OLLAMA_URL").unwrap_or_default(),
                key: None,
            },
            openai: Endpoint {
                url: reader.text("ORKET_OPENAI_URL").unwrap_or_default(),
                key: reader.text("ORKET_OPENAI_KEY"),
            },
            anthropic: Endpoint {
                url: reader.text("ORKET_ANTHROPIC_URL").unwrap_or_default(),
                key: reader.text("ORKET_ANTHROPIC_KEY"),
            },
            constrained_decoding: reader.text("ORKET_CONSTRAINED_DECODING").as_deref()
                != Some("off"),
            tool_grace: Duration::from_millis(reader.number("ORKET_TOOL_GRACE_MS")),
            allowance: reader.allowance(),
            org_name: reader.text("ORKET_ORG_NAME"),
            org_vision: reader.text("ORKET_ORG_VISION"),
            vram_cache: Duration::from_millis(reader.number("ORKET_METRICS_VRAM_CACHE_SEC")),
            max_runs: reader.optional_number("ORKET_MAX_RUNS").unwrap_or(1_000),
            api: reader.api(),
            gitea: reader.gitea(),
            webhook: reader.webhook(),
            sandboxes: reader.sandboxes(),
            transactions: reader.transactions(),
            shown: Vec::new(),
            digests: BTreeMap::new(),
            warnings: sources.unknown(),
        };
        reader.show_durable_root(&settings.durable_root);
        if !reader.problems.is_empty() {
            return Err(reader.wrong());
        }
        settings.digests = std::mem::take(&mut reader.digests);
        settings.shown = reader.in_table_order();
        settings.turn_clock_is_set = settings
            .shown
            .iter()
            .any(|shown| shown.name == "ORKET_CLOCK_TURN_SEC" && shown.origin != Origin::Default);
        Ok(settings)
    }
}

/// One value, checked.
///
/// # Errors
///
/// [`ConfigError::Values`] or [`ConfigError::FlagValues`] when it is not what it must be, or when
/// there is no such variable.
pub fn one(sources: &Sources, name: &str) -> Result<Shown, ConfigError> {
    let mut reader = Reader::new(sources);
    reader.text(name);
    match reader.shown.pop() {
        Some(shown) if reader.problems.is_empty() => Ok(shown),
        Some(_) => Err(reader.wrong()),
        None => Err(ConfigError::Values(vec![format!(
            "`{name}` is no variable"
        )])),
    }
}

impl Settings {
    /// Every value that may be shown, by its key in settings files.
    #[must_use]
    pub fn modes(&self) -> BTreeMap<String, String> {
        let open = |shown: &&Shown| !find(&shown.name).is_some_and(|it| it.secret);
        self.shown
            .iter()
            .filter(open)
            .filter_map(|it| Some((file_key(&it.name), it.value.clone()?)))
            .collect()
    }
}

/// Settings that only the making of a plan looks at, by way of [`Settings::modes`].
const PLAN_MODES: [&str; 40] = [
    "ORKET_MEMORY_VISIBILITY_MODE",
    "ORKET_MEMORY_PROJECT",
    "ORKET_MEMORY_MAX_RESULTS",
    "ORKET_CONTEXT_TOKENS",
    "ORKET_PROMPT_RESOLVER_MODE",
    "ORKET_PROMPT_SELECTION_POLICY",
    "ORKET_PROMPT_SELECTION_STRICT",
    "ORKET_PROMPT_VERSION_EXACT",
    "ORKET_PROMPT_GUARD_LAYERS",
    "ORKET_ARCHITECTURE_MODE",
    "ORKET_FRONTEND_FRAMEWORK_MODE",
    "ORKET_PROJECT_SURFACE_PROFILE",
    "ORKET_SMALL_PROJECT_BUILDER_VARIANT",
    "ORKET_SMALL_PROJECT_ISSUE_THRESHOLD",
    "ORKET_SMALL_PROJECT_AUTO_INJECT_REVIEWER",
    "ORKET_IDESIGN_MODE",
    "ORKET_ENABLE_MICROSERVICES",
    "ORKET_MICROSERVICES_UNLOCK_REPORT",
    "ORKET_MICROSERVICES_PILOT_STABILITY_REPORT",
    "ORKET_STATE_BACKEND_MODE",
    "ORKET_ENABLE_GITEA_STATE_PILOT",
    "ORKET_DISABLE_SCAFFOLDER",
    "ORKET_DISABLE_DEPENDENCY_MANAGER",
    "ORKET_DISABLE_DEPLOYMENT_PLANNER",
    "ORKET_APPROVAL_REQUIRED_TOOLS",
    "ORKET_APPROVAL_REQUIRED_CATEGORIES",
    "ORKET_APPROVAL_REQUIRED_SEATS",
    "ORKET_APPROVAL_EXPIRY_SEC",
    "ORKET_BUDGET_TOKENS",
    "ORKET_BUDGET_USD",
    "ORKET_BUDGET_WALL_SEC",
    "ORKET_BUDGET_TURNS",
    "ORKET_CARD_BUDGET_TOKENS",
    "ORKET_CARD_BUDGET_USD",
    "ORKET_CARD_BUDGET_WALL_SEC",
    "ORKET_CARD_BUDGET_TURNS",
    "ORKET_DISABLE_RUNTIME_VERIFIER",
    "ORKET_VERIFY_TIMEOUT_SEC",
    "ORKET_VERIFY_CPU_SEC",
    "ORKET_VERIFY_MEM_MB",
];

/// What concerns the command alone and not the work that it asks for.
const OF_THE_COMMAND: [&str; 16] = [
    "ORKET_NETWORK_MODE",
    "ORKET_REPLAY_ARTIFACTS",
    "ORKET_FAILURE_LESSONS",
    "ORKET_FAILURE_LESSONS_STRICT_PREFLIGHT",
    "ORKET_DURABLE_ROOT",
    "ORKET_LOG",
    "ORKET_FAULT",
    "ORKET_HOST",
    "ORKET_PORT",
    "ORKET_API_KEY",
    "ORKET_API_KEYS_FILE",
    "ORKET_ALLOW_INSECURE_NO_API_KEY",
    "ORKET_ALLOWED_ORIGINS",
    "ORKET_API_RATE_LIMIT",
    "ORKET_API_WORKERS",
    "ORKET_METRICS_VRAM_CACHE_SEC",
];

/// Tells values apart without showing them. Only compared between processes of one version.
fn digest(value: Option<&str>) -> String {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Reads variables one by one, collecting what is wrong and what is to be shown.
pub(super) struct Reader<'a> {
    sources: &'a Sources,
    problems: Vec<String>,
    flag_is_wrong: bool,
    digests: BTreeMap<String, String>,
    shown: Vec<Shown>,
}

impl<'a> Reader<'a> {
    fn new(sources: &'a Sources) -> Self {
        Self {
            sources,
            problems: Vec::new(),
            flag_is_wrong: false,
            digests: BTreeMap::new(),
            shown: Vec::new(),
        }
    }

    /// What is wrong with the values that were read.
    fn wrong(self) -> ConfigError {
        if self.flag_is_wrong {
            ConfigError::FlagValues(self.problems)
        } else {
            ConfigError::Values(self.problems)
        }
    }

    /// The checked text of a variable.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        let variable = find(name)?;
        let (text, origin) = match self.sources.text(variable, name) {
            Some((text, origin)) => (text.trim().to_owned(), origin),
            None => (variable.default.to_owned(), Origin::Default),
        };
        let text = match normal(variable.kind, &text) {
            Ok(text) => text,
            Err(expected) => {
                self.flag_is_wrong |= origin == Origin::Flag;
                let given = as_shown(variable.secret, &text);
                self.problems.push(format!(
                    "{name} is `{given}` ({origin}); it must be {expected}"
                ));
                variable.default.to_owned()
            }
        };
        let value = (!text.is_empty()).then_some(text);
        if !OF_THE_COMMAND.contains(&name) {
            self.digests
                .insert(name.to_owned(), digest(value.as_deref()));
        }
        self.shown.push(Shown {
            name: name.to_owned(),
            value: value.as_deref().map(|text| as_shown(variable.secret, text)),
            origin,
            help: variable.help,
        });
        value
    }

    /// A number; seconds become milliseconds.
    pub(super) fn optional_number<N: TryFrom<u64>>(&mut self, name: &str) -> Option<N> {
        let kind = find(name)?.kind;
        let text = self.text(name)?;
        let number = match kind {
            Kind::Seconds => milliseconds(&text)?,
            Kind::Folder
            | Kind::Count(..)
            | Kind::Paths
            | Kind::Word(_)
            | Kind::Choice(_)
            | Kind::Model
            | Kind::Url
            | Kind::Zone
            | Kind::Text => text.parse().ok()?,
        };
        N::try_from(number).ok()
    }

    pub(super) fn number(&mut self, name: &str) -> u64 {
        self.optional_number(name).unwrap_or(0)
    }

    pub(super) fn small(&mut self, name: &str) -> u32 {
        self.optional_number(name).unwrap_or(0)
    }

    /// 0 is no limit.
    fn limit(&mut self, name: &str) -> Option<u64> {
        self.optional_number(name).filter(|it| *it > 0)
    }

    /// A folder as it is written, seen from the one that the settings are read in.
    pub(super) fn below_root(&self, folder: &str) -> PathBuf {
        self.sources.cwd.join(folder)
    }

    fn paths(&mut self, name: &str) -> Vec<PathBuf> {
        let text = self.text(name).unwrap_or_default();
        text.split(':')
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
            .collect()
    }

    fn api(&mut self) -> ApiSettings {
        let origins = self.text("ORKET_ALLOWED_ORIGINS").unwrap_or_default();
        ApiSettings {
            host: self
                .text("ORKET_HOST")
                .unwrap_or_default()
                .trim()
                .to_owned(),
            port: u16::try_from(self.number("ORKET_PORT")).unwrap_or(0),
            key: self.text("ORKET_API_KEY"),
            keys_file: self.text("ORKET_API_KEYS_FILE"),
            allow_no_key: self.text("ORKET_ALLOW_INSECURE_NO_API_KEY").as_deref() == Some("true"),
            origins: origins
                .split(',')
                .map(str::trim)
                .filter(|origin| !origin.is_empty())
                .map(str::to_owned)
                .collect(),
            per_minute: self.small("ORKET_API_RATE_LIMIT"),
            workers: usize::try_from(self.number("ORKET_API_WORKERS")).unwrap_or(0),
        }
    }

    fn sandboxes(&mut self) -> SandboxSettings {
        let hours = self.limit("ORKET_SANDBOX_TTL_HOURS");
        SandboxSettings {
            disabled: self.text("ORKET_DISABLE_SANDBOX").as_deref() == Some("true"),
            most: self.optional_number("ORKET_SANDBOX_MAX").unwrap_or(8),
            ttl: hours.map(|hours| Duration::from_secs(hours * 3_600)),
            up_timeout: Duration::from_secs(self.number("ORKET_SANDBOX_UP_TIMEOUT")),
            limits: ContainerLimits {
                cpus: self.limit("ORKET_SANDBOX_CONTAINER_CPUS"),
                memory_mb: self.limit("ORKET_SANDBOX_CONTAINER_MEMORY_MB"),
                pids: self.limit("ORKET_SANDBOX_CONTAINER_PIDS"),
            },
        }
    }

    fn allowance(&mut self) -> Allowance {
        const MIB: u64 = 1024 * 1024;
        Allowance {
            memory: self.limit("ORKET_SANDBOX_MEMORY_MB").map(|it| it * MIB),
            cpu: self
                .limit("ORKET_SANDBOX_CPU_SECONDS")
                .map(Duration::from_secs),
            processes: self.limit("ORKET_SANDBOX_PROCESSES"),
            file_size: self.limit("ORKET_SANDBOX_FILE_MB").map(|it| it * MIB),
            disk: self.limit("ORKET_SANDBOX_DISK_MB").map(|it| it * MIB),
            network: self.text("ORKET_SANDBOX_NETWORK").as_deref() == Some("on"),
            read: self.paths("ORKET_SANDBOX_READ"),
            write: self.paths("ORKET_SANDBOX_WRITE"),
            ..Allowance::default()
        }
    }

    fn models(&mut self) -> BTreeMap<String, ModelName> {
        let mut models = BTreeMap::new();
        for name in self.sources.model_names() {
            let text = self.text(&name);
            let role = name.strip_prefix(MODEL_PREFIX).map(str::to_owned);
            if let (Some(role), Some(Ok(model))) = (role, text.map(|text| ModelName::parse(&text)))
            {
                models.insert(role, model);
            }
        }
        models
    }

    fn show_durable_root(&mut self, root: &Path) {
        self.text("ORKET_DURABLE_ROOT");
        if let Some(shown) = self.shown.last_mut() {
            shown.value = Some(root.display().to_string());
        }
    }

    fn in_table_order(self) -> Vec<Shown> {
        let place = |shown: &Shown| {
            let known = find(&shown.name);
            VARIABLES
                .iter()
                .position(|variable: &Variable| known.is_some_and(|k| k.name == variable.name))
        };
        let mut shown = self.shown;
        shown.sort_by_key(place);
        shown
    }
}

/// A value without what nobody may see.
fn as_shown(is_secret: bool, text: &str) -> String {
    if is_secret {
        masked::secret(text)
    } else {
        masked::address(text)
    }
}

fn milliseconds(text: &str) -> Option<u64> {
    let seconds = text
        .parse::<f64>()
        .ok()
        .filter(|s| (0.0..=1e9).contains(s))?;
    u64::try_from(Duration::try_from_secs_f64(seconds).ok()?.as_millis()).ok()
}

/// The text in its normal form, or what it should have been. Nothing is always right: it means
/// that there is no value.
fn normal(kind: Kind, text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    match kind {
        Kind::Folder | Kind::Text => Ok(text.to_owned()),
        Kind::Paths => {
            let absolute = text.split(':').all(|it| it.starts_with('/'));
            let expected = || "absolute paths, separated by colons".to_owned();
            absolute.then(|| text.to_owned()).ok_or_else(expected)
        }
        Kind::Count(least, most) => text
            .parse::<u64>()
            .ok()
            .filter(|number| (least..=most).contains(number))
            .map(|number| number.to_string())
            .ok_or_else(|| format!("a whole number from {least} to {most}")),
        Kind::Seconds => milliseconds(text)
            .map(|_| text.to_owned())
            .ok_or_else(|| "seconds such as 30 or 0.5; 0 switches the clock off".to_owned()),
        Kind::Word(words) => {
            let lower = text.to_ascii_lowercase();
            words
                .contains(&lower.as_str())
                .then_some(lower)
                .ok_or_else(|| format!("one of: {}", words.join(", ")))
        }
        Kind::Choice(knob) => knob
            .read(text)
            .map(str::to_owned)
            .map_err(|_unknown| format!("one of: {}", knob.known())),
        Kind::Model => ModelName::parse(text)
            .map(|model| model.to_string())
            .map_err(|_| {
                "provider:model with one of the providers scripted, ollama, openai, anthropic"
                    .to_owned()
            }),
        Kind::Url => {
            address(text).ok_or_else(|| "an address such as http://127.0.0.1:11434".to_owned())
        }
        Kind::Zone => match text.parse::<Zone>() {
            Ok(_) => Ok(text.to_owned()),
            Err(error) => Err(format!("a time zone: {error}")),
        },
    }
}

/// `OLLAMA_HOST` is often written without a scheme or as the address to listen on.
fn address(text: &str) -> Option<String> {
    let trimmed = text.trim_end_matches('/');
    let with_scheme = if trimmed.contains("://") {
        trimmed.to_owned()
    } else {
        format!("http://{trimmed}")
    };
    let with_scheme = with_scheme.replacen("://0.0.0.0", "://127.0.0.1", 1);
    let url = reqwest::Url::parse(&with_scheme).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(with_scheme)
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
