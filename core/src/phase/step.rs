//! What may happen to a phase. Time is an argument: milliseconds since 1970-01-01 UTC.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::bug::{BugCard, Looked};
use super::record::{
    Cause, Earlier, Event, Extension, Mark, Metrics, Own, Phase, PhaseStatus, Todo,
};
use super::{Moment, NamesOfTwo, PhaseRules};

/// A day in milliseconds.
pub const DAY_MS: i64 = 86_400_000;
/// How many days one extension adds at most.
const STEP_DAYS: u32 = 7;
/// Earlier phases of a rock that are remembered.
const REMEMBERED: usize = 20;

/// It does not run, so it cannot be ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the bug-fix phase of rock `{rock}` is {status} already")]
pub struct NotLive {
    /// The rock.
    pub rock: String,
    /// How it stands.
    pub status: PhaseStatus,
}

/// What came of starting a phase.
#[derive(Debug, Clone, PartialEq)]
pub enum Begun {
    /// It is this one, from now on.
    New(Phase),
    /// One runs already and stays as it is.
    Live(Phase),
}

/// A phase of `rock` from `now_ms` on.
#[must_use]
pub fn start(rock: &str, now_ms: i64, rules: &PhaseRules) -> Phase {
    let scheduled_end = after(Moment(now_ms), rules.initial_days);
    let mut phase = Phase {
        id: format!("phase-{rock}"),
        rock_id: rock.to_owned(),
        status: PhaseStatus::Active,
        initial_duration_days: rules.initial_days,
        max_duration_days: rules.max_days,
        current_duration_days: rules.initial_days,
        started_at: Moment(now_ms),
        scheduled_end,
        actual_end: None,
        metrics: Metrics {
            high_rate_threshold: rules.high_rate,
            critical_threshold: rules.critical_threshold,
            ..Metrics::default()
        },
        bug_issue_ids: Vec::new(),
        phase2_rock_id: None,
        extensions: Vec::new(),
        orket: Own::default(),
        other: serde_json::Map::new(),
    };
    let transition = json!({"rock": rock, "phase": "bug_fix"});
    tell(&mut phase, "rock_phase_transition", transition);
    let data = json!({
        "rock": rock, "phase": phase.id, "started_at": phase.started_at,
        "scheduled_end": scheduled_end, "days": rules.initial_days,
    });
    tell(&mut phase, "bug_fix_phase_started", data);
    phase
}

/// Starts a phase, where there may have been one. One that runs is left alone. What is still to be done
/// and told for one that is over is not lost, but a sandbox that the new phase is for stays.
#[must_use]
pub fn begin(known: Option<Phase>, rock: &str, now_ms: i64, rules: &PhaseRules) -> Begun {
    let Some(known) = known else {
        return Begun::New(start(rock, now_ms, rules));
    };
    if known.status.is_live() {
        return Begun::Live(known);
    }
    let mut phase = start(rock, now_ms, rules);
    let mut own = known.orket;
    own.earlier.push(Earlier {
        status: known.status,
        started_at: known.started_at,
        actual_end: known.actual_end,
        total_bugs: known.metrics.total_bugs,
        phase2_rock_id: known.phase2_rock_id,
    });
    let too_many = own.earlier.len().saturating_sub(REMEMBERED);
    own.earlier.drain(..too_many);
    own.todo.retain(|todo| match todo {
        Todo::WriteRock { .. } => true,
        Todo::RemoveSandbox { .. } => false,
    });
    own.untold.append(&mut phase.orket.untold);
    own.causes.clear();
    own.aborted = None;
    phase.orket = own;
    phase.other = known.other;
    Begun::New(phase)
}

/// Takes note of what was seen of its bugs, and extends it when there is cause to; see the module's head.
/// How many days were added. One that does not run stays as it is.
pub fn observe(phase: &mut Phase, looked: &Looked, now_ms: i64) -> u32 {
    if !phase.status.is_live() {
        return 0;
    }
    let mut known: HashSet<&str> = phase.bug_issue_ids.iter().map(String::as_str).collect();
    let mut new = Vec::new();
    for bug in &looked.ids {
        if known.insert(bug) {
            new.push(bug.clone());
        }
    }
    phase.bug_issue_ids.extend(new);
    let days = days_since(phase.started_at, now_ms);
    let metrics = &mut phase.metrics;
    metrics.total_bugs = looked.total;
    metrics.critical_bugs = looked.critical;
    metrics.bugs_found_today = looked.found_today;
    metrics.bugs_fixed_today = looked.fixed_today;
    metrics.discovery_rate = f64::from(looked.total) / f64::from(days);
    extend(phase, now_ms)
}

fn extend(phase: &mut Phase, now_ms: i64) -> u32 {
    let left = phase
        .max_duration_days
        .saturating_sub(phase.current_duration_days);
    let causes = causes(phase);
    let is_due = |(cause, bugs, _): &(Cause, u32, String)| {
        phase
            .orket
            .causes
            .get(cause)
            .is_none_or(|mark| now_ms.saturating_sub(mark.at.0) >= DAY_MS && *bugs > mark.bugs)
    };
    if left == 0 || !causes.iter().any(is_due) {
        return 0;
    }
    let added_days = STEP_DAYS.min(left);
    let at = Moment(now_ms);
    let reasons: Vec<&str> = causes.iter().map(|(_, _, words)| words.as_str()).collect();
    let reason = reasons.join("; ");
    for (cause, bugs, _) in &causes {
        phase.orket.causes.insert(*cause, Mark { at, bugs: *bugs });
    }
    phase.current_duration_days = phase.current_duration_days.saturating_add(added_days);
    phase.scheduled_end = after(phase.started_at, phase.current_duration_days);
    phase.status = PhaseStatus::Extended;
    let data = json!({
        "rock": phase.rock_id, "phase": phase.id, "reason": reason, "added_days": added_days,
        "days": phase.current_duration_days, "scheduled_end": phase.scheduled_end,
    });
    phase.extensions.push(Extension {
        date: at.to_string(),
        reason,
        added_days,
        other: serde_json::Map::new(),
    });
    tell(phase, "bug_fix_phase_extended", data);
    added_days
}

/// What speaks for an extension now: the cause, the bugs behind it, and words.
fn causes(phase: &Phase) -> Vec<(Cause, u32, String)> {
    let metrics = &phase.metrics;
    let mut causes = Vec::new();
    if metrics.discovery_rate > metrics.high_rate_threshold {
        let words = format!(
            "{:.1} bugs a day are found, more than {:.1}",
            metrics.discovery_rate, metrics.high_rate_threshold
        );
        causes.push((Cause::DiscoveryRate, metrics.total_bugs, words));
    }
    if metrics.critical_bugs > metrics.critical_threshold {
        let words = format!(
            "{} bugs are critical, more than {}",
            metrics.critical_bugs, metrics.critical_threshold
        );
        causes.push((Cause::CriticalBugs, metrics.critical_bugs, words));
    }
    causes
}

impl Phase {
    /// Whether its time is up.
    #[must_use]
    pub fn is_expired(&self, now_ms: i64) -> bool {
        self.status.is_live() && Moment(now_ms) >= self.scheduled_end
    }

    /// Whether a bug went into a second rock: then it is that rock's.
    #[must_use]
    pub fn has_handed_over(&self, bug: &BugCard) -> bool {
        self.orket.handed_over.contains(&key(bug))
    }

    /// Whether somebody has to look after it: it runs, or something is left to do or to tell.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.status.is_live() || self.has_left_something()
    }

    /// Whether something is left to do or to tell.
    #[must_use]
    pub fn has_left_something(&self) -> bool {
        !self.orket.todo.is_empty() || !self.orket.untold.is_empty()
    }

    /// Whether taking note of what was seen would change it, or its time is up.
    #[must_use]
    pub fn is_changed_by(&self, looked: &Looked, now_ms: i64) -> bool {
        let mut seen = self.clone();
        observe(&mut seen, looked, now_ms);
        seen != *self || self.is_expired(now_ms)
    }
}

fn key(bug: &BugCard) -> String {
    format!("{}/{}", bug.epic, bug.id)
}

/// Ends it. The bugs that are `open` become a second rock, to be written; the sandbox is to be removed.
///
/// # Errors
///
/// [`NotLive`].
pub fn end(phase: &mut Phase, open: Vec<BugCard>, now_ms: i64) -> Result<(), NotLive> {
    close(phase, PhaseStatus::Completed, now_ms)?;
    let still_open: Vec<String> = open.iter().map(|bug| bug.id.clone()).collect();
    if !open.is_empty() {
        phase.phase2_rock_id = Some(NamesOfTwo::of(&phase.rock_id, 1).rock);
        phase.orket.handed_over.extend(open.iter().map(key));
        phase.orket.todo.push(Todo::WriteRock {
            cards: open,
            files: None,
            problem: None,
        });
    }
    phase.orket.todo.push(Todo::RemoveSandbox {
        made_before: phase.actual_end,
        problem: None,
    });
    let data = json!({
        "rock": phase.rock_id, "phase": phase.id, "actual_end": phase.actual_end,
        "total_bugs": phase.metrics.total_bugs, "open_bugs": still_open,
        "phase2_rock_id": phase.phase2_rock_id,
    });
    tell(phase, "bug_fix_phase_completed", data);
    Ok(())
}

/// An operator ends it, and nothing follows: no second rock, and the sandbox stays.
///
/// # Errors
///
/// [`NotLive`].
pub fn abort(phase: &mut Phase, by: &str, reason: &str, now_ms: i64) -> Result<(), NotLive> {
    close(phase, PhaseStatus::Aborted, now_ms)?;
    phase.orket.aborted = Some(match reason {
        "" => format!("by {by}"),
        reason => format!("by {by}: {reason}"),
    });
    let data = json!({
        "rock": phase.rock_id, "phase": phase.id, "actual_end": phase.actual_end,
        "by": by, "reason": reason,
    });
    tell(phase, "bug_fix_phase_aborted", data);
    Ok(())
}

fn close(phase: &mut Phase, status: PhaseStatus, now_ms: i64) -> Result<(), NotLive> {
    if !phase.status.is_live() {
        return Err(NotLive {
            rock: phase.rock_id.clone(),
            status: phase.status,
        });
    }
    phase.status = status;
    phase.actual_end = Some(Moment(now_ms));
    Ok(())
}

fn tell(phase: &mut Phase, event: &str, data: Value) {
    phase.orket.untold.push(Event {
        event: event.to_owned(),
        data,
    });
}

fn after(start: Moment, days: u32) -> Moment {
    Moment(
        start
            .0
            .saturating_add(i64::from(days).saturating_mul(DAY_MS)),
    )
}

/// Whole days, at least one: a rate needs something to divide by.
fn days_since(start: Moment, now_ms: i64) -> u32 {
    let days = now_ms.saturating_sub(start.0).div_euclid(DAY_MS);
    u32::try_from(days)
        .unwrap_or(if days < 0 { 1 } else { u32::MAX })
        .max(1)
}
