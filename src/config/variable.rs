//! Every variable that Orket reads, and no other.

use orket_core::stages::knob::{self, Knob};

/// What a variable's text must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A whole number within these bounds.
    Count(u64, u64),
    /// Seconds with decimals, stored as milliseconds; 0 switches off.
    Seconds,
    /// Absolute paths of folders or files, separated by colons.
    Paths,
    /// One of these words.
    Word(&'static [&'static str]),
    /// One of a knob's values, or another word for it.
    Choice(&'static Knob),
    /// `provider:model`.
    Model,
    /// An http(s) address.
    Url,
    /// `UTC`, an offset such as `+02:00`, or an IANA name.
    Zone,
    /// Anything.
    Text,
}

/// One variable.
#[derive(Debug)]
pub struct Variable {
    /// Its name; `ORKET_MODEL_<ROLE>` stands for a family.
    pub name: &'static str,
    /// Names that are read when it is not set.
    pub aliases: &'static [&'static str],
    /// What it must be.
    pub kind: Kind,
    /// What holds when nobody says anything; empty for nothing.
    pub default: &'static str,
    /// Never shown.
    pub secret: bool,
    /// Whether the organization and the user settings may set it. Not those that are needed to find
    /// these files, and not those for tests.
    pub in_files: bool,
    /// Its key in files, where it is not the name in lower case without `orket_`.
    pub other_key: Option<&'static str>,
    /// What it does, in a sentence.
    pub help: &'static str,
}

impl Variable {
    /// Its key in `process_rules` and `user_settings.json`: mostly the name in lower case without
    /// `orket_`.
    #[must_use]
    pub fn key(&self) -> String {
        file_key(self.name)
    }
}

/// The key of a variable in settings files.
#[must_use]
pub fn file_key(name: &str) -> String {
    let own = VARIABLES.iter().find(|variable| variable.name == name);
    if let Some(key) = own.and_then(|variable| variable.other_key) {
        return key.to_owned();
    }
    let lower = name.to_ascii_lowercase();
    lower.strip_prefix("orket_").unwrap_or(&lower).to_owned()
}

/// Where the family of model variables begins.
pub const MODEL_PREFIX: &str = "ORKET_MODEL_";

/// The family in the table.
const MODEL_FAMILY: &str = "ORKET_MODEL_<ROLE>";

const fn plain(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    help: &'static str,
) -> Variable {
    Variable {
        name,
        aliases: &[],
        kind,
        default,
        secret: false,
        in_files: true,
        other_key: None,
        help,
    }
}

impl Variable {
    const fn alias(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    const fn key_in_files(mut self, key: &'static str) -> Self {
        self.other_key = Some(key);
        self
    }

    const fn environment_only(mut self) -> Self {
        self.in_files = false;
        self
    }
}

/// The table.
#[rustfmt::skip]
pub static VARIABLES: &[Variable] = &[
    plain("ORKET_DURABLE_ROOT", Kind::Folder, ".orket/durable", "The data folder: journal, owner's lock and socket, user settings.").environment_only(),
    plain("ORKET_MAX_CONCURRENT_TURNS", Kind::Count(1, 100_000), "", "Turns that may ask one model endpoint at once; unset: 3 for an endpoint on the network, 256 for scripted."),
    plain("ORKET_ARTIFACTS", Kind::Word(&["full", "checkpoint", "failed", "none"]), "full", "Which files a turn leaves under observability/."),
    plain("ORKET_CLOCK_CONNECT_SEC", Kind::Seconds, "10", "Until the connection to the model stands."),
    plain("ORKET_CLOCK_FIRST_TOKEN_SEC", Kind::Seconds, "300", "From there until the first token."),
    plain("ORKET_CLOCK_IDLE_SEC", Kind::Seconds, "60", "Between two chunks of a reply."),
    plain("ORKET_CLOCK_TURN_SEC", Kind::Seconds, "1800", "The whole attempt; an environment asset's timeout goes first."),
    plain("ORKET_CLOCK_TOOL_IDLE_SEC", Kind::Seconds, "120", "Between two signs of life of a tool."),
    plain("ORKET_CLOCK_TOOL_SEC", Kind::Seconds, "600", "One tool call."),
    plain("ORKET_CLOCK_RUN_SEC", Kind::Seconds, "0", "The whole run."),
    plain("ORKET_REPEAT_CHARS", Kind::Count(0, 100_000_000), "16384", "Characters of pure repetition that count as a stall."),
    plain("ORKET_RETRY_BASE_MS", Kind::Count(0, 3_600_000), "1000", "The wait before the first retry; it doubles with each."),
    plain("ORKET_RETRY_MAX_MS", Kind::Count(0, 86_400_000), "60000", "The longest wait before a retry."),
    plain("ORKET_BUDGET_TOKENS", Kind::Count(0, 1_000_000_000_000), "", "Tokens that an epic may read and write, over all runs of its build."),
    plain("ORKET_BUDGET_USD", Kind::Text, "", "US dollars that an epic may cost; every model in use needs a price in prices/default.json."),
    plain("ORKET_BUDGET_WALL_SEC", Kind::Text, "", "Seconds that an epic may ask models, added up over all turns."),
    plain("ORKET_BUDGET_TURNS", Kind::Count(0, 1_000_000_000), "", "Questions that an epic may ask models."),
    plain("ORKET_CARD_BUDGET_TOKENS", Kind::Count(0, 1_000_000_000_000), "", "Tokens that each card may read and write."),
    plain("ORKET_CARD_BUDGET_USD", Kind::Text, "", "US dollars that each card may cost."),
    plain("ORKET_CARD_BUDGET_WALL_SEC", Kind::Text, "", "Seconds that each card may ask models."),
    plain("ORKET_CARD_BUDGET_TURNS", Kind::Count(0, 1_000_000_000), "", "Questions that each card may ask models."),
    plain("ORKET_CONTEXT_TOKENS", Kind::Count(0, 100_000_000), "", "Tokens that a prompt may have, at four bytes a token, in every round of a turn; what is too much is taken from the oldest earlier replies, then from the answers to look-ups. Unset: num_ctx of the environment, else 32768; 0: no limit."),
    plain("ORKET_PROMPT_RESOLVER_MODE", Kind::Word(&["compiler", "resolver"]), "", "How prompts are put together: role and dialect, or these with guard layers over them."),
    plain("ORKET_PROMPT_SELECTION_POLICY", Kind::Word(&["stable", "canary", "exact"]), "", "Which versions of roles and dialects may speak."),
    plain("ORKET_PROMPT_SELECTION_STRICT", Kind::Word(&["true", "false", "1", "0"]), "", "Whether another version is an error (true) or a warning."),
    plain("ORKET_PROMPT_VERSION_EXACT", Kind::Text, "", "For the policy exact: <role's version>/<dialect's version>."),
    plain("ORKET_PROMPT_GUARD_LAYERS", Kind::Text, "", "For the resolver: hallucination, security, consistency, separated by commas."),
    plain("ORKET_MEMORY_VISIBILITY_MODE", Kind::Word(&["off", "read_only", "buffered_write", "live_read_write"]), "buffered_write", "What runs see of earlier decisions and add to them: nothing; what was there when they began; that, adding when they are over; everything at once."),
    plain("ORKET_MEMORY_PROJECT", Kind::Text, "default", "Whose memory runs use; each name has its own."),
    plain("ORKET_MEMORY_MAX_RESULTS", Kind::Count(0, 100), "5", "Past decisions shown in a prompt; 0 for none."),
    plain("ORKET_MAX_CREATED_CARDS", Kind::Count(0, 1_000_000), "200", "Cards that the turns of one run may create."),
    plain("ORKET_MAX_RETRIES", Kind::Count(0, 1_000), "3", "Failed attempts forgiven where the card does not say."),
    plain("ORKET_CONTEXT_WINDOW", Kind::Count(0, 1_000), "10", "Earlier replies shown in a prompt; it says how many older ones are left out."),
    plain("ORKET_MODEL_<ROLE>", Kind::Model, "", "The model of a role, e.g. ORKET_MODEL_CODER=ollama:qwen2.5-coder:14b.").environment_only(),
    plain("ORKET_OPERATOR_MODEL", Kind::Model, "", "The model of the role operations_lead; goes before ORKET_MODEL_OPERATIONS_LEAD.").environment_only(),
    plain("ORKET_APPROVAL_REQUIRED_TOOLS", Kind::Text, "", "Tools whose calls wait for a person, separated by commas: `orket gates`."),
    plain("ORKET_APPROVAL_REQUIRED_CATEGORIES", Kind::Text, "", "Effect classes whose calls wait for a person: pure, idempotent, keyed, at_most_once."),
    plain("ORKET_APPROVAL_REQUIRED_SEATS", Kind::Text, "", "Seats whose calls, looking aside, wait for a person."),
    plain("ORKET_APPROVAL_EXPIRY_SEC", Kind::Seconds, "0", "How long the question whether a call may be made stands before it counts as refused; 0 for ever."),
    plain("ORKET_ARCHITECTURE_MODE", Kind::Choice(&knob::ARCHITECTURE_MODE), "force_monolith", "Which shape the product has; microservices count only where they are unlocked."),
    plain("ORKET_FRONTEND_FRAMEWORK_MODE", Kind::Choice(&knob::FRONTEND_FRAMEWORK_MODE), "force_vue", "Which framework a frontend is built with."),
    plain("ORKET_PROJECT_SURFACE_PROFILE", Kind::Choice(&knob::PROJECT_SURFACE_PROFILE), "", "What the product shows of itself; unset: nothing is laid out before a run (docs/stages.md)."),
    plain("ORKET_SMALL_PROJECT_BUILDER_VARIANT", Kind::Choice(&knob::SMALL_PROJECT_BUILDER_VARIANT), "", "Who builds all cards of a small epic; unset: every card keeps its seat."),
    plain("ORKET_SMALL_PROJECT_ISSUE_THRESHOLD", Kind::Count(1, 1_000), "3", "Up to how many cards an epic is small."),
    plain("ORKET_SMALL_PROJECT_AUTO_INJECT_REVIEWER", Kind::Choice(&knob::FLAG), "", "Whether a small project's team without a reviewer gets one; unset: no, the run is refused."),
    plain("ORKET_IDESIGN_MODE", Kind::Choice(&knob::IDESIGN_MODE), "force_none", "Structural governance: refuse epics that do not ask for iDesign, leave it to each epic, or demand nothing."),
    plain("ORKET_ENABLE_MICROSERVICES", Kind::Choice(&knob::FLAG), "", "Whether microservices are unlocked; unset: the unlock report says so."),
    plain("ORKET_MICROSERVICES_UNLOCK_REPORT", Kind::Text, "benchmarks/results/microservices_unlock_check.json", "A JSON file whose `unlocked` says whether microservices are; one that says neither true nor false is an error."),
    plain("ORKET_MICROSERVICES_PILOT_STABILITY_REPORT", Kind::Text, "benchmarks/results/microservices_pilot_stability_check.json", "A JSON file whose `stable` says whether the pilot with microservices is; shown by the runtime policy."),
    plain("ORKET_STATE_BACKEND_MODE", Kind::Choice(&knob::STATE_BACKEND_MODE), "local", "Where state is kept; gitea has no effect in this version, and is taken over HTTP only while its pilot is on."),
    plain("ORKET_ENABLE_GITEA_STATE_PILOT", Kind::Choice(&knob::FLAG), "false", "Whether gitea may be chosen to keep state; gitea_state_pilot_enabled in files.").key_in_files("gitea_state_pilot_enabled"),
    plain("ORKET_DISABLE_SCAFFOLDER", Kind::Choice(&knob::FLAG), "false", "Switches the scaffolder off."),
    plain("ORKET_DISABLE_DEPENDENCY_MANAGER", Kind::Choice(&knob::FLAG), "false", "Switches the dependency manager off."),
    plain("ORKET_DISABLE_DEPLOYMENT_PLANNER", Kind::Choice(&knob::FLAG), "false", "Switches the deployment planner off."),
    plain("ORKET_JOURNAL_SYNC", Kind::Word(&["full", "normal"]), "full", "full: nothing acknowledged is lost; normal: faster, the last commits may be lost when the power fails."),
    plain("ORKET_SHUTDOWN_SEC", Kind::Seconds, "10", "How long a shutdown in good order lets tool calls finish."),
    plain("ORKET_TIMEZONE", Kind::Zone, "UTC", "The zone of the times in orket.log: UTC, an offset such as +02:00, or a name such as Europe/Berlin."),
    plain("ORKET_LOG_MAX_MB", Kind::Count(0, 100_000), "64", "Size in MiB at which orket.log is rotated; 0 never."),
    plain("ORKET_LOG_KEEP", Kind::Count(0, 1_000), "5", "Rotated log files that are kept."),
    plain("ORKET_EVENTS_KEEP", Kind::Count(0, 1_000_000_000), "1000000", "Events that are kept to be looked up and replayed (<durable>/db/events.db); 0 for none."),
    plain("ORKET_LOG", Kind::Text, "warn", "What the program says about itself on standard error: a tracing filter, e.g. info or orket=debug.").environment_only(),
    plain("ORKET_FAULT", Kind::Text, "", "For tests: kill@NAME#N or panic@NAME#N.").environment_only(),
    plain("ORKET_OLLAMA_URL", Kind::Url, "http://127.0.0.1:11434", "Where Ollama listens.").alias(&["OLLAMA_HOST"]),
    plain("ORKET_OPENAI_URL", Kind::Url, "https://api.openai.com/v1", "An OpenAI-compatible endpoint: vLLM, LM Studio, llama.cpp, a hosted one.").alias(&["OPENAI_BASE_URL", "OPENAI_API_BASE"]),
    plain("ORKET_OPENAI_KEY", Kind::Text, "", "Its key, where it wants one.").alias(&["OPENAI_API_KEY"]).secret(),
    plain("ORKET_ANTHROPIC_URL", Kind::Url, "https://api.anthropic.com", "The Anthropic endpoint.").alias(&["ANTHROPIC_BASE_URL"]),
    plain("ORKET_ANTHROPIC_KEY", Kind::Text, "", "Its key.").alias(&["ANTHROPIC_API_KEY"]).secret(),
    plain("ORKET_CONSTRAINED_DECODING", Kind::Word(&["auto", "off"]), "auto", "auto: Ollama and servers that speak like OpenAI, OpenAI itself among them, decode under the turn's schema; off: never."),
    plain("ORKET_SKILL_MAX_EXECUTION_TIME", Kind::Seconds, "0", "The longest a skill may run, in seconds; caps what its manifest declares, 0 leaves it to that."),
    plain("ORKET_SKILL_MAX_MEMORY", Kind::Count(0, 16_777_216), "0", "The most memory a skill may take, in MiB; caps what its manifest declares, 0 leaves it to that."),
    plain("ORKET_DISABLE_RUNTIME_VERIFIER", Kind::Word(&["false", "true", "0", "1"]), "false", "Leaves out syntax checks and the organization's commands before a review; what a card demands itself is still run."),
    plain("ORKET_VERIFY_TIMEOUT_SEC", Kind::Seconds, "5", "How long a verification fixture may take."),
    plain("ORKET_VERIFY_CPU_SEC", Kind::Count(0, 86_400), "2", "Seconds of processor time that a verification fixture may use; 0 leaves it to ORKET_SANDBOX_CPU_SECONDS."),
    plain("ORKET_VERIFY_MEM_MB", Kind::Count(0, 16_777_216), "256", "Memory that a verification fixture may take, in MiB of address space; 0 leaves it to ORKET_SANDBOX_MEMORY_MB."),
    plain("ORKET_TOOL_GRACE_MS", Kind::Count(0, 600_000), "500", "Between SIGTERM and SIGKILL to a tool's processes."),
    plain("ORKET_SANDBOX_MEMORY_MB", Kind::Count(0, 16_777_216), "4096", "The most memory that a child process and its descendants may hold together, in MiB; 0 for no limit."),
    plain("ORKET_SANDBOX_CPU_SECONDS", Kind::Count(0, 31_536_000), "600", "The most processor time that a child process and its descendants may use together; 0 for no limit."),
    plain("ORKET_SANDBOX_PROCESSES", Kind::Count(0, 4_194_304), "512", "How many processes and threads a child process and its descendants may be at once; 0 for no limit."),
    plain("ORKET_SANDBOX_FILE_MB", Kind::Count(0, 16_777_216), "1024", "The longest file that a child process may write, in MiB; 0 for no limit."),
    plain("ORKET_SANDBOX_DISK_MB", Kind::Count(0, 16_777_216), "4096", "The most that a child process and its descendants may write in all, in MiB; 0 for no limit."),
    plain("ORKET_SANDBOX_NETWORK", Kind::Word(&["off", "on"]), "off", "on: child processes may use the network; off: only those of skills that were granted a permission of scope network."),
    plain("ORKET_SANDBOX_READ", Kind::Paths, "", "Further folders and files that child processes may read, absolute, separated by colons."),
    plain("ORKET_SANDBOX_WRITE", Kind::Paths, "", "Further folders that child processes may write in, absolute, separated by colons."),
    plain("ORKET_NETWORK_MODE", Kind::Text, "offline", "offline: what init, api add and refactor run reaches nothing but loopback; online_opt_in: the network is open to it.").environment_only(),
    plain("ORKET_REPLAY_ARTIFACTS", Kind::Text, "0", "Whether init, api add and refactor record what was asked for and what came of it, below .orket/replay_artifacts/; any text but 0, false, off and no is yes."),
    plain("ORKET_FAILURE_LESSONS", Kind::Text, "0", "Whether failed verifications of api add and refactor are recorded, in .orket/memory/failure_lessons.jsonl, and told before the next change like it; any text but 0, false, off and no is yes."),
    plain("ORKET_FAILURE_LESSONS_STRICT_PREFLIGHT", Kind::Text, "0", "Whether what such a lesson says is missing stops the change; any text but 0, false, off and no is yes."),
    plain("ORKET_DISABLE_SANDBOX", Kind::Choice(&knob::FLAG), "false", "No sandboxes of docker compose are created (docs/SANDBOXES.md); those that are there can be stopped."),
    plain("ORKET_SANDBOX_MAX", Kind::Count(1, 79), "8", "Sandboxes of docker compose at once; one more is refused."),
    plain("ORKET_SANDBOX_TTL_HOURS", Kind::Count(0, 87_600), "72", "Hours after which a sandbox of docker compose is removed; 0 never."),
    plain("ORKET_SANDBOX_UP_TIMEOUT", Kind::Count(1, 86_400), "900", "Seconds that bringing a sandbox up may take, building its images included."),
    plain("ORKET_SANDBOX_CONTAINER_CPUS", Kind::Count(0, 1_024), "1", "Processors that each container of a sandbox may use; 0 for no limit."),
    plain("ORKET_SANDBOX_CONTAINER_MEMORY_MB", Kind::Count(0, 16_777_216), "1024", "Memory that each container of a sandbox may take, in MiB; SQL Server has 2048 at least; 0 for no limit."),
    plain("ORKET_SANDBOX_CONTAINER_PIDS", Kind::Count(0, 4_194_304), "256", "Processes and threads that each container of a sandbox may be; 0 for no limit."),
    plain("ORKET_HOST", Kind::Text, "127.0.0.1", "The address that orket serve listens on; one that is not of this machine alone needs a key.").environment_only(),
    plain("ORKET_PORT", Kind::Count(0, 65_535), "8082", "The port that orket serve listens on; 0 takes a free one and says which.").environment_only(),
    plain("ORKET_API_KEY", Kind::Text, "", "The key that may do everything over HTTP.").secret().environment_only(),
    plain("ORKET_API_KEYS_FILE", Kind::Text, "", "A JSON file of named keys with scopes (docs/SECURITY.md).").environment_only(),
    plain("ORKET_ALLOW_INSECURE_NO_API_KEY", Kind::Choice(&knob::FLAG), "false", "Serves everybody while there is no key; only on an address of this machine.").environment_only(),
    plain("ORKET_ALLOWED_ORIGINS", Kind::Text, "http://localhost:5173,http://127.0.0.1:5173", "Web pages that may ask from a browser, separated by commas.").environment_only(),
    plain("ORKET_API_RATE_LIMIT", Kind::Count(0, 100_000_000), "60000", "Requests a minute that a key may make where its entry says nothing; 0 for no limit.").environment_only(),
    plain("ORKET_API_WORKERS", Kind::Count(0, 256), "0", "Threads that serve HTTP; 0 for one each processor.").environment_only(),
    plain("ORKET_MAX_RUNS", Kind::Count(1, 1_000_000), "1000", "Runs under way at once; one more is refused, to be tried again."),
    plain("ORKET_METRICS_VRAM_CACHE_SEC", Kind::Seconds, "5", "How long GET /v1/system/metrics keeps what nvidia-smi said.").environment_only(),
    plain("GITEA_URL", Kind::Url, "", "Where Gitea or Forgejo is, without credentials.").environment_only(),
    plain("GITEA_TOKEN", Kind::Text, "", "An access token for it; goes before user and password.").secret().environment_only(),
    plain("GITEA_ADMIN_USER", Kind::Text, "", "A user of it, where there is no token.").environment_only(),
    plain("GITEA_ADMIN_PASSWORD", Kind::Text, "", "The user's password.").secret().environment_only(),
    plain("GITEA_PRODUCT_OWNER", Kind::Text, "", "Whose repositories the products are; whose the exports are where ORKET_GITEA_ARTIFACT_OWNER does not say."),
    plain("ORKET_GITEA_ARTIFACT_EXPORT", Kind::Choice(&knob::FLAG), "false", "Whether the files of each run that ends are pushed into a repository of Gitea (docs/GITEA_SETUP.md)."),
    plain("ORKET_GITEA_ARTIFACT_OWNER", Kind::Text, "", "The organization or user that the repository belongs to; unset: GITEA_PRODUCT_OWNER, else GITEA_ADMIN_USER."),
    plain("ORKET_GITEA_ARTIFACT_REPO", Kind::Text, "orket-run-artifacts", "The repository; made when it is not there."),
    plain("ORKET_GITEA_ARTIFACT_BRANCH", Kind::Text, "main", "The branch that is pushed to."),
    plain("ORKET_GITEA_ARTIFACT_PATH_PREFIX", Kind::Text, "runs", "The folder in it, below which each run has <day>/<run>."),
    plain("ORKET_GITEA_ARTIFACT_PRIVATE", Kind::Choice(&knob::FLAG), "true", "Whether a repository that is made is private."),
    plain("ORKET_GITEA_ARTIFACT_CACHE_ROOT", Kind::Folder, "", "Where clones are kept; unset: gitea_artifacts in the data folder.").environment_only(),
    plain("ORKET_GITEA_ARTIFACT_AUTHOR_NAME", Kind::Text, "Orket Artifact Bot", "Name in the commits."),
    plain("ORKET_GITEA_ARTIFACT_AUTHOR_EMAIL", Kind::Text, "orket@local", "Address in the commits."),
    plain("GITEA_WEBHOOK_SECRET", Kind::Text, "", "What Gitea signs deliveries with; orket webhook does not start without it.").secret().environment_only(),
    plain("GITEA_WEBHOOK_SECRET_PREVIOUS", Kind::Text, "", "Secrets before it that still count, separated by commas, while it is being changed.").secret().environment_only(),
    plain("ORKET_WEBHOOK_HOST", Kind::Text, "127.0.0.1", "The address that the webhook receiver listens on.").environment_only(),
    plain("ORKET_WEBHOOK_PORT", Kind::Count(0, 65_535), "8080", "The port that the webhook receiver listens on; 0 takes a free one and says which.").environment_only(),
    plain("ORKET_WEBHOOK_WORKERS", Kind::Count(0, 256), "0", "Threads that serve the webhook receiver; 0 for one each processor.").environment_only(),
    plain("ORKET_RATE_LIMIT", Kind::Count(1, 100_000_000), "60", "Signed deliveries a minute that are taken of each repository.").environment_only(),
    plain("ORKET_RATE_LIMIT_BURST", Kind::Count(1, 100_000_000), "", "Deliveries of a repository at once; unset: as many as a minute brings.").environment_only(),
    plain("ORKET_RATE_LIMIT_ALL", Kind::Count(1, 100_000_000), "", "Signed deliveries a minute of all repositories together; unset: ten times ORKET_RATE_LIMIT.").environment_only(),
    plain("ORKET_WEBHOOK_PEER_LIMIT", Kind::Count(1, 100_000_000), "60", "Requests a minute of one address that may be unsigned, forged, too large or too slow before it is refused unread.").environment_only(),
    plain("ORKET_TRUSTED_PROXIES", Kind::Text, "", "Addresses and networks of proxies whose X-Forwarded-For is believed, separated by commas.").environment_only(),
    plain("ORKET_ENABLE_WEBHOOK_TEST_ENDPOINT", Kind::Choice(&knob::FLAG), "false", "Takes events without a signature at /webhook/test, with ORKET_WEBHOOK_TEST_TOKEN or ORKET_API_KEY.").environment_only(),
    plain("ORKET_WEBHOOK_TEST_TOKEN", Kind::Text, "", "What X-Webhook-Test-Token must be; ORKET_API_KEY counts no more then.").secret().environment_only(),
    plain("ORKET_WEBHOOK_KEEP_DAYS", Kind::Count(1, 36_500), "90", "Days that deliveries are kept.").environment_only(),
    plain("ORKET_WEBHOOK_KEEP", Kind::Count(1, 1_000_000_000), "100000", "Deliveries that are kept.").environment_only(),
    plain("ORKET_GITEA_TIMEOUT_SEC", Kind::Seconds, "10", "How long one request to Gitea may take.").environment_only(),
    plain("ORKET_GITEA_GIVE_UP_HOURS", Kind::Count(1, 8_760), "24", "How long what follows from a delivery is tried before it has failed.").environment_only(),
    plain("ORKET_ORG_NAME", Kind::Text, "", "Overrides the organization's name."),
    plain("ORKET_ORG_VISION", Kind::Text, "", "Overrides the organization's vision."),
];

/// The variable with this name; a member of the model family finds the family.
#[must_use]
pub fn find(name: &str) -> Option<&'static Variable> {
    let family = name
        .strip_prefix(MODEL_PREFIX)
        .is_some_and(|role| !role.is_empty());
    VARIABLES
        .iter()
        .find(|variable| variable.name == name || (family && variable.name == MODEL_FAMILY))
}

/// Whether this variable, or one that is read in its place, holds a secret.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    VARIABLES
        .iter()
        .any(|it| it.secret && (it.name == name || it.aliases.contains(&name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `.env.example` names the variables of the table, with their defaults, and no other.
    #[test]
    fn the_example_file_and_the_table_agree() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/.env.example");
        let text = std::fs::read_to_string(path).expect("readable");
        let in_file: Vec<(String, String)> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# ").unwrap_or(line).split_once('='))
            .filter(|(name, _)| {
                name.chars()
                    .all(|c| c.is_ascii_uppercase() || "_<>".contains(c))
            })
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let in_table: Vec<(String, String)> = VARIABLES
            .iter()
            .map(|variable| (variable.name.to_owned(), variable.default.to_owned()))
            .collect();
        assert_eq!(in_file, in_table);
    }

    /// No source file reads a variable that the table does not know.
    #[test]
    fn every_variable_named_in_the_sources_is_in_the_table() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut unknown = Vec::new();
        let mut folders = vec![
            root.join("src"),
            root.join("core/src"),
            root.join("actors/src"),
        ];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)
                .expect("folder")
                .map(Result::unwrap)
            {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|ext| ext == "rs")
                    && !path.to_string_lossy().ends_with("_tests.rs")
                {
                    let text = std::fs::read_to_string(&path).expect("readable");
                    for name in quoted_names(&text)
                        .filter(|name| find(name).is_none() && !PASSED_ON.contains(name))
                    {
                        unknown.push(format!("{}: {name}", path.display()));
                    }
                }
            }
        }
        assert_eq!(unknown, Vec::<String>::new());
    }

    /// Given to child processes, not read as settings.
    const PASSED_ON: [&str; 8] = [
        concat!("ORKET_", "RUN_ID"),
        concat!("ORKET_", "ISSUE_ID"),
        concat!("ORKET_", "IDEMPOTENCY_KEY"),
        concat!("ORKET_", "CHILD_OF"),
        concat!("ORKET_", "SKILL_ENTRYPOINT_ID"),
        concat!("ORKET_", "SKILL_RUNTIME"),
        concat!("ORKET_", "SKILL_RUNTIME_VERSION"),
        concat!("ORKET_", "SKILL_LIMITS"),
    ];

    /// Whole string literals that are a variable's name; the marker is put together so that it is none itself.
    fn quoted_names(text: &str) -> impl Iterator<Item = &str> {
        let marker = concat!('"', "ORKET_");
        text.match_indices(marker).filter_map(move |(at, _)| {
            let rest = &text[at + 1..];
            let end = rest.find('"')?;
            let name = &rest[..end];
            let is_name = name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            (is_name && name != MODEL_PREFIX && name != "ORKET_").then_some(name)
        })
    }
}
