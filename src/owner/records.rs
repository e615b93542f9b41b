//! [`Records`] over the journal's reader. Without a journal there is nothing, which is no error.

use std::collections::HashMap;
use std::sync::Arc;

use orket_actors::port::queue::RockRun;
use orket_actors::port::store::{CardRow, StoreError};
use orket_actors::runtime::{CardReport, RunReport};
use orket_core::build_name::rock_build;
use orket_core::card_life::CardLife;
use orket_core::ids::CardId;
use orket_core::plan::{CardPlan, RunPlan};
use orket_core::policy::{BudgetPolicy, Unit};
use orket_core::status::CardStatus;
use orket_core::turn::Step;

use super::host::wall_ms;
use super::ports::{
    AttemptRow, BudgetLineView, BudgetView, GateView, Records, RecordsError, RunRow,
};
use crate::fork::{Fork, ForkError, Place};
use crate::storage::Reader;
use crate::storage::reader::{
    ArchiveFound, ArchiveWish, BareRun, BudgetLine, CardSummary, GateRow, LookupError, RunSummary,
    SessionRow,
};

/// See the file's head; cheap to clone.
#[derive(Debug, Clone)]
pub struct JournalRecords {
    reader: Option<Reader>,
}

impl JournalRecords {
    /// Over a reader; `None` for a folder without a journal.
    #[must_use]
    pub fn new(reader: Option<Reader>) -> Self {
        Self { reader }
    }

    fn read<T: Default>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, StoreError>,
    ) -> Result<T, RecordsError> {
        match &self.reader {
            Some(reader) => read(reader).map_err(failed),
            None => Ok(T::default()),
        }
    }

    fn find(&self, prefix: &str) -> Result<Option<RunSummary>, RecordsError> {
        let Some(reader) = &self.reader else {
            return Ok(None);
        };
        match reader.find_run(prefix) {
            Ok(run) => Ok(Some(run)),
            Err(LookupError::Unknown(_) | LookupError::Ambiguous { .. }) => Ok(None),
            Err(LookupError::Store(error)) => Err(failed(error)),
        }
    }
}

fn failed(error: StoreError) -> RecordsError {
    RecordsError(error.to_string())
}

impl Records for JournalRecords {
    fn runs(&self, limit: u32) -> Result<Vec<RunRow>, RecordsError> {
        let runs = self.read(|reader| reader.runs(limit))?;
        runs.into_iter().map(|run| Ok(run_row(run))).collect()
    }

    fn request(&self, key: &str) -> Result<Option<(String, String)>, RecordsError> {
        self.read(|reader| reader.request(key))
    }

    fn runs_like(&self, prefix: &str) -> Result<Vec<RunRow>, RecordsError> {
        let Some(reader) = &self.reader else {
            return Ok(Vec::new());
        };
        let ids = match reader.find_run(prefix) {
            Ok(run) => return Ok(vec![run_row(run)]),
            Err(LookupError::Unknown(_)) => return Ok(Vec::new()),
            Err(LookupError::Ambiguous { candidates, .. }) => candidates,
            Err(LookupError::Store(error)) => return Err(failed(error)),
        };
        let mut rows = Vec::new();
        for id in ids {
            if let Some(run) = self.find(&id)? {
                rows.push(run_row(run));
            }
        }
        Ok(rows)
    }

    fn builds_of(&self, epic: &str) -> Result<Vec<RunRow>, RecordsError> {
        let newest = self.read(|reader| reader.newest_runs(epic, None))?;
        newest.into_iter().map(|run| Ok(bare_row(run))).collect()
    }

    fn newest_of_build(&self, epic: &str, build: &str) -> Result<Option<RunRow>, RecordsError> {
        let newest = self.read(|reader| reader.newest_runs(epic, Some(build)))?;
        Ok(newest.into_iter().next().map(bare_row))
    }

    fn unfinished_rocks(&self) -> Result<Vec<String>, RecordsError> {
        self.read(Reader::unfinished_rocks)
    }

    fn rock_runs(&self, rock_build: &str) -> Result<Vec<RockRun>, RecordsError> {
        self.read(|reader| reader.rock_runs(rock_build))
    }

    fn rock_build_of(&self, run_id: &str) -> Result<Option<String>, RecordsError> {
        self.read(|reader| reader.rock_build_of(run_id))
    }

    fn has_not_begun(&self, run_id: &str) -> Result<bool, RecordsError> {
        self.read(|reader| reader.has_not_begun(run_id))
    }

    fn report(&self, run_id: &str) -> Result<Option<RunReport>, RecordsError> {
        self.read(|reader| {
            let run = reader.session(run_id)?;
            run.map(|run| report_of(reader, &run)).transpose()
        })
    }

    fn budget(&self, run_id: &str) -> Result<Option<BudgetView>, RecordsError> {
        let Some(plan) = self.plan(run_id)? else {
            return Ok(None);
        };
        let build = plan.build_id.as_str();
        let rock_build = plan
            .rock
            .as_ref()
            .and_then(|_| rock_build(build, &plan.epic))
            .map(str::to_owned);
        let found = self.read(|reader| reader.budgets(build, rock_build.as_deref()))?;
        let policy = &plan.policy.budget;
        let mut lines: Vec<BudgetLineView> = found
            .into_iter()
            .map(|line| budget_line(limited(line, policy, build)))
            .collect();
        // What is limited shows before anything is spent.
        let scopes = [
            ("rock", rock_build.clone(), policy.rock),
            ("epic", Some(build.to_owned()), policy.epic),
        ];
        let mut place = 0;
        for (scope, scope_id, limits) in scopes {
            let Some(scope_id) = scope_id else { continue };
            for unit in Unit::ALL {
                let known = lines
                    .iter()
                    .any(|it| it.scope == scope && it.scope_id == scope_id && it.unit == *unit);
                if let Some(limit) = limits.of(*unit).filter(|_| !known) {
                    let line = BudgetLine {
                        scope: scope.to_owned(),
                        scope_id: scope_id.clone(),
                        unit: *unit,
                        allowed: Some(limit),
                        granted: 0,
                        reserved: 0,
                        spent: 0,
                    };
                    lines.insert(place, budget_line(line));
                    place += 1;
                }
            }
        }
        Ok(Some(BudgetView {
            run_id: run_id.to_owned(),
            build_id: build.to_owned(),
            rock_build,
            lines,
        }))
    }

    fn attempts(&self, run_id: &str, card: Option<&str>) -> Result<Vec<AttemptRow>, RecordsError> {
        let turns = self.read(|reader| reader.turns(run_id, card))?;
        Ok(turns
            .into_iter()
            .map(|turn| AttemptRow {
                row: turn.row,
                issue_id: turn.card_id,
                turn: turn.turn,
                attempt: turn.attempt,
                seat: turn.seat,
                role: turn.role,
                status: turn.status,
                code: turn.code,
                tokens: turn.prompt_tokens.saturating_add(turn.output_tokens),
                started_ms: turn.started_ms,
                ended_ms: turn.ended_ms,
            })
            .collect())
    }

    fn steps(&self, attempt: i64) -> Result<Vec<Arc<Step>>, RecordsError> {
        let steps = self.read(|reader| reader.steps(attempt))?;
        Ok(steps.into_iter().map(|row| row.step).collect())
    }

    fn gates(&self, status: Option<&str>) -> Result<Vec<GateView>, RecordsError> {
        let gates = self.read(|reader| reader.gates(status))?;
        Ok(gates.into_iter().map(gate_view).collect())
    }

    fn to_archive(&self, wish: &ArchiveWish) -> Result<ArchiveFound, RecordsError> {
        match &self.reader {
            Some(reader) => reader.to_archive(wish).map_err(failed),
            None => Ok(ArchiveFound {
                missing: wish.card_ids.clone(),
                build_is_missing: wish.build_id.is_some(),
                ..ArchiveFound::default()
            }),
        }
    }

    fn stood_before_archive(
        &self,
        rows: &[CardRow],
    ) -> Result<HashMap<CardRow, CardStatus>, RecordsError> {
        self.read(|reader| reader.stood_before_archive(rows))
    }

    fn plan(&self, run_id: &str) -> Result<Option<Arc<RunPlan>>, RecordsError> {
        self.read(|reader| reader.plan(run_id))
    }

    fn fork(&self, place: &Place) -> Result<Fork, ForkError> {
        match &self.reader {
            Some(reader) => crate::fork::read(reader, place),
            None => Err(ForkError::Unknown(place.clone())),
        }
    }
}

fn bare_row(run: BareRun) -> RunRow {
    RunRow {
        run_id: run.run_id,
        build_id: run.build_id,
        epic: run.epic,
        target: run.target,
        status: run.status,
        started_ms: run.started_ms,
        ended_ms: run.ended_ms,
    }
}

fn run_row(run: RunSummary) -> RunRow {
    RunRow {
        run_id: run.run_id,
        build_id: run.build_id,
        epic: run.epic,
        target: run.target,
        status: run.status,
        started_ms: run.started_ms,
        ended_ms: run.ended_ms,
    }
}

/// With the plan's limit where the row has none: one that a grant made before anything was spent
/// does not know it.
fn limited(line: BudgetLine, policy: &BudgetPolicy, build: &str) -> BudgetLine {
    let limits = match line.scope.as_str() {
        "rock" => Some(policy.rock),
        "epic" => Some(policy.epic),
        "card" => card_within(&line.scope_id, build).map(|card| policy.of_card(&card)),
        _ => None,
    };
    let by_plan = limits.and_then(|limits| limits.of(line.unit));
    BudgetLine {
        allowed: line.allowed.or(by_plan),
        ..line
    }
}

/// The card of a scope `BUILD/CARD`.
fn card_within(scope_id: &str, build: &str) -> Option<CardId> {
    let card = scope_id.strip_prefix(build)?.strip_prefix('/')?;
    CardId::new(card).ok()
}

fn budget_line(line: BudgetLine) -> BudgetLineView {
    let used = line.spent.saturating_add(line.reserved);
    BudgetLineView {
        left: line
            .allowed
            .map(|allowed| allowed.saturating_add(line.granted).saturating_sub(used)),
        scope: line.scope,
        scope_id: line.scope_id,
        unit: line.unit,
        allowed: line.allowed,
        granted: line.granted,
        spent: line.spent,
        reserved: line.reserved,
    }
}

fn gate_view(gate: GateRow) -> GateView {
    GateView {
        id: gate.id,
        run_id: gate.run_id,
        issue_id: gate.card_id,
        seat: gate.seat,
        request_type: gate.request_type,
        reason: gate.reason,
        payload: gate.payload,
        status: gate.status,
        digest: gate.digest,
        created_ms: gate.created_ms,
        expires_ms: gate.expires_ms,
        resolved_ms: gate.resolved_ms,
        decided_by: gate.decided_by,
        resolution: gate.resolution,
        spent_ms: gate.spent_ms,
    }
}

/// A card of a run that has not begun.
fn waiting_card(plan: &CardPlan) -> CardReport {
    let life = CardLife::default();
    CardReport {
        id: plan.id.to_string(),
        summary: plan.summary.clone(),
        seat: plan.seat.clone(),
        status: life.status.as_str().to_owned(),
        attempts: life.attempts,
        tokens: life.tokens,
        code: None,
        note: String::new(),
    }
}

/// How a run stands or ended, by the ledger.
///
/// # Errors
///
/// [`StoreError::Unavailable`].
pub fn report_of(reader: &Reader, run: &SessionRow) -> Result<RunReport, StoreError> {
    let waiting = reader.queued_run(&run.run_id)?;
    let has_begun = waiting.is_none();
    let cards = match waiting {
        Some(waiting) => waiting.cards.iter().map(waiting_card).collect(),
        None => {
            let cards = reader.run_cards(&run.run_id)?;
            cards.into_iter().map(card).collect()
        }
    };
    let end = if has_begun {
        run.ended_ms.unwrap_or_else(wall_ms)
    } else {
        run.started_ms
    };
    Ok(RunReport {
        run_id: run.run_id.clone(),
        build_id: run.build_id.clone(),
        epic: run.epic.clone(),
        status: run.status.as_str().to_owned(),
        cards,
        elapsed_ms: u64::try_from(end.saturating_sub(run.started_ms)).unwrap_or(0),
    })
}

fn card(card: CardSummary) -> CardReport {
    CardReport {
        id: card.card_id,
        summary: card.summary,
        seat: card.seat,
        status: card.status.as_str().to_owned(),
        attempts: card.attempts,
        tokens: card.tokens,
        code: card.code,
        note: card.note,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_a_grant_began_shows_the_plan_s_limit() {
        let policy: BudgetPolicy = serde_json::from_value(serde_json::json!({
            "epic": {"turns": 3}, "card": {"turns": 2}, "cards": {"A-1": {"turns": 1}},
        }))
        .unwrap();
        let left = |scope: &str, scope_id: &str, allowed: Option<u64>| {
            let line = BudgetLine {
                scope: scope.to_owned(),
                scope_id: scope_id.to_owned(),
                unit: Unit::Turns,
                allowed,
                granted: 5,
                reserved: 0,
                spent: 1,
            };
            let shown = budget_line(limited(line, &policy, "b"));
            (shown.allowed, shown.left)
        };
        assert_eq!(left("epic", "b", None), (Some(3), Some(7)));
        assert_eq!(left("epic", "b", Some(9)), (Some(9), Some(13)));
        assert_eq!(left("card", "b/A-1", None), (Some(1), Some(5)));
        assert_eq!(left("card", "b/A-2", None), (Some(2), Some(6)));
        assert_eq!(left("rock", "r", None), (None, None));
    }
}
