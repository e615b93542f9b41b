//! What a run would send of a prompt, as it is shown.

use orket_core::artifact::Layers;
use orket_core::plan_build::resolve::Resolution;
use orket_core::policy::ResolverMode;
use orket_core::turn::Purpose;
use serde::Serialize;
use serde_json::Value;
use similar::TextDiff;

/// Where a prompt comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Metadata {
    /// The ids of role and dialect.
    pub prompt_id: String,
    /// Their versions.
    pub prompt_version: String,
    /// The first 16 hexadecimal digits of SHA-256 over the text.
    pub prompt_checksum: String,
    /// How it was put together.
    pub resolver_policy: String,
    /// The version that was asked for, else the one that speaks.
    pub version_hint: String,
    /// Which versions may speak.
    pub selection_policy: String,
    /// The role's status.
    pub role_status: String,
    /// The dialect's.
    pub dialect_status: String,
    /// The role.
    pub role: String,
    /// The dialect.
    pub dialect: String,
    /// How many guard layers are laid over it.
    pub guard_count: usize,
}

/// A prompt.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shown {
    /// Where it comes from.
    pub metadata: Metadata,
    /// What it was put together from, as `prompt_layers.json` has it.
    pub layers: Value,
    /// The text, when it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
}

/// Two of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Where the left one comes from.
    pub left_metadata: Metadata,
    /// Where the right one does.
    pub right_metadata: Metadata,
    /// What differs in the text, as lines of a unified diff; none when nothing does.
    pub prompt_diff: Vec<String>,
}

impl Metadata {
    /// That of a resolution.
    #[must_use]
    pub fn of(found: &Resolution) -> Self {
        let stamp = &found.seat.prompt;
        let version = &stamp.prompt_version;
        let layers = match found.policy.mode {
            ResolverMode::Compiler => 0,
            ResolverMode::Resolver => found.policy.guard_layers.len(),
        };
        Self {
            prompt_id: stamp.prompt_id.clone(),
            prompt_version: version.clone(),
            prompt_checksum: stamp.prompt_checksum.clone(),
            resolver_policy: stamp.resolver_policy.clone(),
            version_hint: found
                .policy
                .exact
                .clone()
                .unwrap_or_else(|| version.clone()),
            selection_policy: stamp.selection_policy.clone(),
            role_status: stamp.role_status.clone(),
            dialect_status: stamp.dialect_status.clone(),
            role: found.seat.role.clone(),
            dialect: found.dialect.clone(),
            guard_count: layers,
        }
    }
}

impl Shown {
    /// That of a resolution. Without a profile it is that of the seat: reviewing for the guard, working
    /// for everybody else.
    #[must_use]
    pub fn of(found: &Resolution, profile: Option<Purpose>, with_text: bool) -> Self {
        let own = if found.reviews {
            Purpose::Review
        } else {
            Purpose::Work
        };
        let layers = Layers::new(&found.policy, &found.seat, profile.unwrap_or(own));
        Self {
            metadata: Metadata::of(found),
            // Layers are texts and lists of them, which can be written.
            layers: serde_json::to_value(layers).unwrap_or_default(),
            prompt: with_text.then(|| found.seat.system_prompt.to_string()),
        }
    }
}

impl Difference {
    /// Between two resolutions.
    #[must_use]
    pub fn of(left: &Resolution, right: &Resolution) -> Self {
        let diff = TextDiff::from_lines(&*left.seat.system_prompt, &*right.seat.system_prompt);
        let mut unified = diff.unified_diff();
        let text = unified.header("left", "right").to_string();
        Self {
            left_metadata: Metadata::of(left),
            right_metadata: Metadata::of(right),
            prompt_diff: text
                .lines()
                .filter(|line| !line.starts_with('\\'))
                .map(str::to_owned)
                .collect(),
        }
    }
}
