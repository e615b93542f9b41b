//! The small-project policy: an epic of a few cards has one builder. Its cards keep their reviewers.

use serde_json::json;

use super::{Stage, StagePlan, Variant};
use crate::asset::{Issue, Seat, Team, name};

/// Up to how many cards an epic is small, unless the rules say otherwise.
pub const THRESHOLD: u32 = 3;

/// The seat that is added when a team has no reviewer and the rules allow it.
pub const INJECTED_SEAT: &str = "auto_code_reviewer";

/// The role that a small project must have on its team.
pub const REVIEWER: &str = "code_reviewer";

/// Seats and roles whose cards stay where they are.
const KEPT: [&str; 3] = ["code_reviewer", "reviewer", "integrity_guard"];

/// What the rules say about small projects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Who builds.
    pub variant: Variant,
    /// Up to how many cards an epic is small; at least 1.
    pub threshold: u32,
    /// Whether a reviewer may be added to the team.
    pub inject_reviewer: bool,
}

/// What the policy changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Staffing {
    /// The seat of each card, in the epic's order.
    pub seats: Vec<String>,
    /// A reviewer that the team gets.
    pub added: Option<Seat>,
    /// What is told at the start of the run.
    pub told: Vec<StagePlan>,
}

/// Why the policy cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody would review.
    #[error(
        "a small project needs a seat with the role `code_reviewer`, and `{0}` has none; add one, \
         or set small_project_auto_inject_code_reviewer to true, or switch the policy off with \
         params.disable_small_project_policy of the epic"
    )]
    NoReviewer(String),
    /// Nobody would build.
    #[error(
        "the builder of a small project is the role `{role}`, and `{team}` has no such seat; add \
         one, or set small_project_builder_variant to another of: auto, coder, architect"
    )]
    NoBuilder {
        /// The role.
        role: &'static str,
        /// The team.
        team: String,
    },
}

/// Decides for an epic of these cards; `None` when it is not small.
///
/// # Errors
///
/// [`Refusal`] when the team has not whom it needs.
pub fn decide(
    rules: Rules,
    team_name: &str,
    team: &Team,
    issues: &[Issue],
) -> Result<Option<Staffing>, Refusal> {
    let most = usize::try_from(rules.threshold.max(1)).unwrap_or(usize::MAX);
    if issues.is_empty() || issues.len() > most {
        return Ok(None);
    }
    let roles: &[&'static str] = match rules.variant {
        Variant::Auto | Variant::Coder => &["coder"],
        Variant::Architect => &["architect", "lead_architect"],
    };
    let role = roles.first().copied().unwrap_or("coder");
    let has = |seat: &&Seat| seat.roles.iter().any(|it| roles.contains(&it.as_str()));
    let builder = team
        .seats
        .iter()
        .find(has)
        .or_else(|| team.seat(role))
        .ok_or_else(|| Refusal::NoBuilder {
            role,
            team: team_name.to_owned(),
        })?;
    let reviews = |seat: &&Seat| seat.roles.iter().any(|it| it == REVIEWER);
    let reviewer = team.seats.iter().find(reviews);
    let added = match reviewer {
        Some(_) => None,
        None if rules.inject_reviewer => Some(injected(team)),
        None => return Err(Refusal::NoReviewer(team_name.to_owned())),
    };
    let reviewer = reviewer.or(added.as_ref()).map(|seat| seat.key.clone());
    let seats: Vec<String> = issues
        .iter()
        .map(|issue| match team.seat(&issue.seat) {
            Some(seat) if !is_kept(seat) => builder.key.clone(),
            // One that does not exist is reported with the cards.
            Some(_) | None => issue.seat.clone(),
        })
        .collect();
    let moved: Vec<&str> = issues
        .iter()
        .zip(&seats)
        .filter(|(issue, seat)| name::sanitise(&issue.seat) != **seat)
        .map(|(issue, _)| issue.id.as_str())
        .collect();
    let decision = json!({
        "small_project": true, "issue_count": issues.len(), "threshold": rules.threshold,
        "builder_variant": rules.variant.as_str(), "builder_seat": builder.key,
        "reviewer_seat": reviewer, "reseated": moved,
    });
    let mut told = Vec::new();
    if let Some(seat) = &added {
        let facts = json!({"seat": seat.key, "role": REVIEWER});
        told.push(StagePlan::told(Stage::ReviewerInjected, object(facts)));
    }
    told.push(StagePlan::told(Stage::SmallProject, object(decision)));
    Ok(Some(Staffing { seats, added, told }))
}

fn is_kept(seat: &Seat) -> bool {
    let speaks = seat.roles.first().map(String::as_str).unwrap_or_default();
    KEPT.contains(&seat.key.as_str()) || KEPT.contains(&speaks)
}

/// A reviewer's seat under a key that is free.
fn injected(team: &Team) -> Seat {
    let mut key = INJECTED_SEAT.to_owned();
    let mut number = 2_u32;
    while team.seat(&key).is_some() {
        key = format!("{INJECTED_SEAT}_{number}");
        number = number.saturating_add(1);
    }
    Seat {
        written: key.clone(),
        name: "Code reviewer".to_owned(),
        roles: vec![REVIEWER.to_owned()],
        key,
    }
}

fn object(value: serde_json::Value) -> serde_json::Map<String, serde_json::Value> {
    match value {
        serde_json::Value::Object(map) => map,
        _ => serde_json::Map::new(),
    }
}
