//! Who may look into a project's memory: the access profiles of utility agents.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::status::words;

/// What a utility agent may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessProfile {
    /// Its name.
    pub profile_id: String,
    /// The roles that may use it.
    pub allowed_roles: Vec<String>,
    /// The most records of one answer.
    pub max_results: usize,
}

words! {
    /// Why a look was refused.
    AccessCode, "access code" {
        /// The profile itself is wrong.
        Invalid = "E_UTILITY_AGENT_PROFILE_INVALID",
        /// No profile was named.
        Required = "E_UTILITY_AGENT_PROFILE_REQUIRED",
        /// There is no such profile.
        Unknown = "E_UTILITY_AGENT_PROFILE_UNKNOWN",
        /// The profile is not for this role.
        Forbidden = "E_UTILITY_AGENT_ROLE_FORBIDDEN",
    }
}

/// A refusal: `{"ok": false, "code": …, "message": …, "detail": …}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AccessRefusal {
    /// Always `false`.
    pub ok: bool,
    /// The code.
    pub code: AccessCode,
    /// What is wrong and what would be right.
    pub message: String,
    /// What was asked.
    pub detail: Value,
}

impl AccessRefusal {
    fn new(code: AccessCode, message: String, detail: Value) -> Self {
        Self {
            ok: false,
            code,
            message,
            detail,
        }
    }
}

/// The profiles that come with Orket.
#[must_use]
pub fn default_profiles() -> Vec<AccessProfile> {
    let profile = |id: &str, roles: &[&str]| AccessProfile {
        profile_id: id.to_owned(),
        allowed_roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        max_results: 5,
    };
    vec![
        profile("code_assistant", &["architect", "coder", "reviewer"]),
        profile("ops_assistant", &["architect", "coordinator"]),
    ]
}

/// A profile out of JSON.
///
/// # Errors
///
/// `E_UTILITY_AGENT_PROFILE_INVALID` for one without a name, without roles or without results.
pub fn profile(value: &Value) -> Result<AccessProfile, AccessRefusal> {
    let invalid = |message: String| {
        AccessRefusal::new(AccessCode::Invalid, message, json!({"profile": value}))
    };
    let profile: AccessProfile = serde_json::from_value(value.clone())
        .map_err(|error| invalid(format!("the profile cannot be read: {error}")))?;
    let has_blank = |texts: &[String]| texts.iter().any(|text| text.trim().is_empty());
    if profile.profile_id.trim().is_empty() {
        return Err(invalid("profile_id must not be empty".to_owned()));
    }
    if profile.allowed_roles.is_empty() || has_blank(&profile.allowed_roles) {
        return Err(invalid(
            "allowed_roles must name at least one role".to_owned(),
        ));
    }
    if profile.max_results == 0 {
        return Err(invalid("max_results must be at least 1".to_owned()));
    }
    Ok(profile)
}

/// The profile by which `role` may look.
///
/// # Errors
///
/// [`AccessRefusal`].
pub fn admit<'a>(
    profiles: &'a [AccessProfile],
    profile_id: Option<&str>,
    role: &str,
) -> Result<&'a AccessProfile, AccessRefusal> {
    let known: Vec<_> = profiles.iter().map(|it| it.profile_id.as_str()).collect();
    let Some(id) = profile_id.map(str::trim).filter(|id| !id.is_empty()) else {
        let message = format!("name a profile: {}", known.join(", "));
        let detail = json!({"role": role, "known": known});
        return Err(AccessRefusal::new(AccessCode::Required, message, detail));
    };
    let Some(profile) = profiles.iter().find(|it| it.profile_id == id) else {
        let message = format!("there is no profile `{id}`; known: {}", known.join(", "));
        let detail = json!({"profile_id": id, "known": known});
        return Err(AccessRefusal::new(AccessCode::Unknown, message, detail));
    };
    let role = role.trim().to_lowercase();
    let is_allowed = |allowed: &String| allowed.trim().to_lowercase() == role;
    if profile.allowed_roles.iter().any(is_allowed) {
        return Ok(profile);
    }
    let roles = profile.allowed_roles.join(", ");
    let message = format!("the profile `{id}` is not for the role `{role}`; it is for: {roles}");
    let detail = json!({"profile_id": id, "role": role, "allowed_roles": profile.allowed_roles});
    Err(AccessRefusal::new(AccessCode::Forbidden, message, detail))
}

/// One record that a search found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    /// The record.
    pub id: i64,
    /// What kind of record it is.
    pub record_type: String,
    /// What is remembered.
    pub content: String,
    /// What was given with it.
    pub metadata: Value,
    /// When, milliseconds since 1970.
    pub created_at: i64,
    /// How many of the query's words it holds.
    pub score: i64,
}

/// The hits as a utility agent gets them: best score first, then the older, then the smaller id,
/// and no more than the profile allows.
#[must_use]
pub fn for_agent(mut hits: Vec<Hit>, profile: &AccessProfile) -> Vec<Hit> {
    hits.sort_by_key(|hit| (Reverse(hit.score), hit.created_at, hit.id));
    hits.truncate(profile.max_results);
    hits
}

/// The words of a text, in lower case and composed form, each once, sorted.
#[must_use]
pub fn words_of(text: &str) -> Vec<String> {
    use unicode_normalization::UnicodeNormalization as _;
    let composed: String = text.nfc().collect::<String>().to_lowercase();
    let mut words: Vec<String> = composed
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    words.sort();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_code() {
        let profiles = default_profiles();
        let code = |id: Option<&str>, role: &str| {
            let refused = admit(&profiles, id, role).map(|it| it.max_results);
            refused.map_err(|refusal| refusal.code.as_str())
        };
        assert_eq!(code(Some("code_assistant"), "Coder"), Ok(5));
        assert_eq!(code(None, "coder"), Err("E_UTILITY_AGENT_PROFILE_REQUIRED"));
        assert_eq!(
            code(Some(" "), "coder"),
            Err("E_UTILITY_AGENT_PROFILE_REQUIRED")
        );
        assert_eq!(
            code(Some("x"), "coder"),
            Err("E_UTILITY_AGENT_PROFILE_UNKNOWN")
        );
        assert_eq!(
            code(Some("ops_assistant"), "coder"),
            Err("E_UTILITY_AGENT_ROLE_FORBIDDEN")
        );
        let good = json!({"profile_id": "p", "allowed_roles": ["coder"], "max_results": 1});
        assert!(profile(&good).is_ok());
        for (key, wrong) in [
            ("profile_id", json!("")),
            ("allowed_roles", json!([])),
            ("allowed_roles", json!([" "])),
            ("max_results", json!(0)),
            ("max_results", json!("many")),
        ] {
            let mut value = good.clone();
            value[key] = wrong;
            let code = profile(&value).unwrap_err().code.as_str();
            assert_eq!(code, "E_UTILITY_AGENT_PROFILE_INVALID", "{value}");
        }
    }

    #[test]
    fn rows_are_ordered_and_cut() {
        let hit = |id, created_at, score| Hit {
            id,
            record_type: String::new(),
            content: String::new(),
            metadata: json!({}),
            created_at,
            score,
        };
        let profile = AccessProfile {
            max_results: 3,
            ..default_profiles().swap_remove(0)
        };
        let hits = vec![hit(1, 9, 1), hit(4, 5, 2), hit(3, 5, 2), hit(2, 1, 1)];
        let ids: Vec<_> = for_agent(hits, &profile).iter().map(|hit| hit.id).collect();
        assert_eq!(ids, [3, 4, 2]);
    }

    #[test]
    fn words_are_compared_composed_and_in_lower_case() {
        assert_eq!(
            words_of("Café, CAFE\u{301} and-tea 2x"),
            ["2x", "and", "café", "tea"]
        );
        assert_eq!(words_of(" .. "), [""; 0]);
    }
}
