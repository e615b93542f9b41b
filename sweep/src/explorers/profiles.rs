//! Profiles of contexts: which are tried, and what each must do; and whether profiles are in order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::context::Thresholds;
use crate::lane::VramProfile;

/// The profiles of this program, as they stand in a file.
const BUILT_IN: &str = include_str!("../../presets/context_profiles.json");

/// A profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContextProfile {
    /// Tokens, the fewest first.
    pub contexts: Vec<u32>,
    /// At least this adherence.
    pub adherence_min: f64,
    /// At most these milliseconds to the first token.
    pub ttft_ceiling_ms: f64,
    /// At least these tokens in a second.
    pub decode_floor_tps: f64,
}

impl ContextProfile {
    /// What a context must do.
    #[must_use]
    pub const fn thresholds(&self) -> Thresholds {
        Thresholds {
            adherence_min: self.adherence_min,
            ttft_ceiling_ms: self.ttft_ceiling_ms,
            decode_floor_tps: self.decode_floor_tps,
            include_invalid: false,
        }
    }
}

/// Profiles by the graphics memory that they are for.
pub type Profiles = BTreeMap<VramProfile, ContextProfile>;

/// Those of this program.
///
/// # Errors
///
/// Never: a test reads them.
pub fn built_in() -> Result<Profiles, serde_json::Error> {
    serde_json::from_str(BUILT_IN)
}

/// What is wrong with profiles: all three must be there, contexts must ascend, and a more careful profile
/// must not demand less than a bolder one, nor try more.
#[must_use]
pub fn failures(profiles: &Profiles) -> Vec<String> {
    let mut failures = Vec::new();
    for name in VramProfile::ALL {
        match profiles.get(&name) {
            None => failures.push(format!("{name}: missing")),
            Some(profile) => {
                failures.extend(own_failures(profile).map(|it| format!("{name}: {it}")))
            }
        }
    }
    for (careful, bold) in [
        (VramProfile::Safe, VramProfile::Balanced),
        (VramProfile::Balanced, VramProfile::Stress),
    ] {
        if let (Some(a), Some(b)) = (profiles.get(&careful), profiles.get(&bold)) {
            failures.extend(order_failures(a, b).map(|it| format!("{careful}, {bold}: {it}")));
        }
    }
    failures
}

fn own_failures(profile: &ContextProfile) -> impl Iterator<Item = &'static str> {
    let ascending = profile.contexts.is_sorted_by(|a, b| a < b);
    let positive = profile.contexts.iter().all(|it| *it > 0) && !profile.contexts.is_empty();
    [
        (!positive, "contexts must be above 0, and at least one"),
        (!ascending, "contexts must ascend"),
        (
            !(0.0..=1.0).contains(&profile.adherence_min),
            "adherence_min must be between 0 and 1",
        ),
        (
            !(profile.ttft_ceiling_ms > 0.0 && profile.decode_floor_tps > 0.0),
            "ttft_ceiling_ms and decode_floor_tps must be above 0",
        ),
    ]
    .into_iter()
    .filter_map(|(wrong, words)| wrong.then_some(words))
}

fn order_failures(
    careful: &ContextProfile,
    bold: &ContextProfile,
) -> impl Iterator<Item = &'static str> {
    [
        (
            careful.adherence_min < bold.adherence_min,
            "adherence_min must not rise",
        ),
        (
            careful.ttft_ceiling_ms > bold.ttft_ceiling_ms,
            "ttft_ceiling_ms must not fall",
        ),
        (
            careful.decode_floor_tps < bold.decode_floor_tps,
            "decode_floor_tps must not rise",
        ),
        (
            careful.contexts.last() > bold.contexts.last(),
            "the largest context must not fall",
        ),
    ]
    .into_iter()
    .filter_map(|(wrong, words)| wrong.then_some(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_are_in_order() {
        let profiles = built_in().unwrap();
        assert_eq!(failures(&profiles), Vec::<String>::new());
        assert_eq!(profiles[&VramProfile::Safe].contexts, [4096, 8192, 16_384]);
        assert_eq!(
            profiles[&VramProfile::Stress].thresholds().decode_floor_tps,
            10.0
        );
    }

    #[test]
    fn what_is_out_of_order_is_said() {
        let mut profiles = built_in().unwrap();
        let safe = profiles.get_mut(&VramProfile::Safe).unwrap();
        safe.contexts = vec![8192, 4096, 40_000];
        safe.adherence_min = 0.9;
        safe.ttft_ceiling_ms = 400.0;
        safe.decode_floor_tps = 14.0;
        profiles.remove(&VramProfile::Stress);
        insta::assert_snapshot!(failures(&profiles).join("\n"), @r"
        safe: contexts must ascend
        stress: missing
        safe, balanced: adherence_min must not rise
        safe, balanced: ttft_ceiling_ms must not fall
        safe, balanced: decode_floor_tps must not rise
        safe, balanced: the largest context must not fall
        ");
    }
}
