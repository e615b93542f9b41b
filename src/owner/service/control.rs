//! Halting a run and going on with one.

use orket_actors::port::store::{BudgetGrant, GATE_PENDING, GateDecision, RunStatus};
use orket_actors::runtime::RunReport;
use orket_core::ids::RunId;
use orket_core::policy::{MOST_AMOUNT, shown};

use super::start::ended_meanwhile;
use super::{Refusal, Service};
use crate::owner::builds::command_for;
use crate::owner::ports::{BudgetView, GateView, RunRow};
use crate::owner::wire::{
    DecideRequest, Decision, GrantRequest, Outcome, ResumeRequest, Started, StartedRun,
};

impl Service {
    /// Stops a run; returns when the ledger says so.
    ///
    /// # Errors
    ///
    /// When there is no such run or it is over.
    pub async fn halt(&self, run: RunId) -> Result<RunReport, Refusal> {
        if self.halt_queued(&run).await? {
            return self.report(&run).await;
        }
        Ok(self.inner.engine.halt(run).await?)
    }

    /// Decides a gate; the run goes on by itself as far as that lets it.
    ///
    /// # Errors
    ///
    /// When there is no such gate or it is decided already.
    pub async fn decide(
        &self,
        gate: i64,
        decision: GateDecision,
        request: DecideRequest,
    ) -> Result<Decision, Refusal> {
        let found = self.pending(gate).await?;
        let by = if request.by.trim().is_empty() {
            "operator".to_owned()
        } else {
            request.by
        };
        let reason = request.reason;
        let decided = self.inner.engine.decide_gate(gate, decision, by, reason);
        let goes_on = match decided.await {
            Ok(goes_on) => goes_on,
            Err(error) => {
                // Somebody else may have been quicker; that is what is told then.
                self.pending(gate).await?;
                return Err(error.into());
            }
        };
        Ok(Decision {
            id: gate,
            run_id: found.run_id,
            status: decision.as_str().to_owned(),
            goes_on,
        })
    }

    /// A gate that nobody has decided.
    async fn pending(&self, gate: i64) -> Result<GateView, Refusal> {
        let found = self
            .records(move |records| records.gates(None))
            .await?
            .into_iter()
            .find(|it| it.id == gate)
            .ok_or_else(|| Refusal::unknown_gate(gate))?;
        if found.status != GATE_PENDING {
            return Err(Refusal::gate_decided(gate, &found.status));
        }
        Ok(found)
    }

    /// Lets a run spend more; what waited for it goes on.
    ///
    /// # Errors
    ///
    /// When there is no such run or no such scope in it.
    pub async fn grant(
        &self,
        reference: &str,
        request: GrantRequest,
    ) -> Result<BudgetView, Refusal> {
        let row = self.resolve(reference).await?;
        let view = self.budget(&row.run_id).await?;
        let grants = grants_of(&view, &request)?;
        let run =
            RunId::new(row.run_id.clone()).map_err(|error| Refusal::internal(error.to_string()))?;
        let by = if request.by.trim().is_empty() {
            "operator".to_owned()
        } else {
            request.by
        };
        self.inner.engine.grant(run, grants, by).await?;
        self.budget(&row.run_id).await
    }

    /// What a run may spend and has spent.
    ///
    /// # Errors
    ///
    /// When there is no such run.
    pub async fn budget(&self, reference: &str) -> Result<BudgetView, Refusal> {
        let row = self.resolve(reference).await?;
        let run_id = row.run_id.clone();
        self.records(move |records| records.budget(&run_id))
            .await?
            .ok_or_else(|| Refusal::unknown_run(reference))
    }

    /// The run that took over the cards of this one, if one did.
    async fn newer_run(&self, row: &RunRow) -> Result<Option<RunRow>, Refusal> {
        let epic = row.epic.clone();
        let newest = self
            .records(move |records| records.builds_of(&epic))
            .await?
            .into_iter()
            .find(|run| run.build_id == row.build_id);
        Ok(newest.filter(|newest| newest.run_id != row.run_id))
    }

    /// Goes on with a run that is not done: only what is left is run.
    ///
    /// # Errors
    ///
    /// When there is no such run or everything in it is done.
    pub async fn resume(&self, run: RunId, request: ResumeRequest) -> Result<Started, Refusal> {
        let _one_at_a_time = self.inner.starting.enter().await?;
        self.refuse_when_closing()?;
        let row = self.resolve(run.as_str()).await?;
        if request.under_way && !row.status.can_go_on() {
            return Ok(ended_meanwhile(&row.epic, &row.run_id, &row.build_id));
        }
        if row.status == RunStatus::Done {
            return Err(Refusal {
                status: 409,
                code: "E_RUN_OVER".to_owned(),
                detail: format!("run `{run}` is done; nothing is left to do"),
                hint: Some(format!("orket run --epic {} starts a new build", row.epic)),
            });
        }
        if let Some(newer) = self.newer_run(&row).await? {
            return Err(Refusal {
                status: 409,
                code: "E_RUN_OVER".to_owned(),
                detail: format!("the cards of run `{run}` are in run `{}` now", newer.run_id),
                hint: Some(command_for(&newer)),
            });
        }
        let outcome = self.attach(run.as_str()).await?;
        let rest = self.go_on_with_rock_of(&run).await?;
        let words = match outcome {
            Outcome::Attached => format!("run {run} is under way; attached to it"),
            Outcome::Queued => format!("run {run} waits for its turn in its rock"),
            Outcome::Resumed | Outcome::Started | Outcome::AlreadyDone => {
                format!(
                    "run {run} was {}; going on with what is left of it",
                    row.status.as_str()
                )
            }
        };
        Ok(Started {
            run_id: run.to_string(),
            run_ids: vec![run.to_string()],
            outcome,
            rock: None,
            finished_card: None,
            runs: vec![StartedRun {
                run_id: run.to_string(),
                build_id: row.build_id,
                epic: row.epic,
                outcome,
                words,
            }],
            warnings: rest
                .into_iter()
                .chain(self.inner.surroundings.differing(request.settings.as_ref()))
                .collect(),
        })
    }
}

/// What a request lets which scopes of a run spend.
///
/// # Errors
///
/// When the run has no such scope.
pub fn grants_of(view: &BudgetView, request: &GrantRequest) -> Result<Vec<BudgetGrant>, Refusal> {
    let known = "a scope is `epic`, `rock` (in a run that is part of one) or `card:ID`";
    request
        .add
        .iter()
        .map(|grant| {
            let (kind, id) = match grant.scope.split_once(':') {
                None if grant.scope == "epic" => ("epic", view.build_id.clone()),
                None if grant.scope == "rock" => {
                    let rock = view.rock_build.clone();
                    let none = || {
                        Refusal::bad_request(format!(
                            "run {} is part of no rock; {known}",
                            view.run_id
                        ))
                    };
                    ("rock", rock.ok_or_else(none)?)
                }
                Some(("card", card)) => ("card", format!("{}/{card}", view.build_id)),
                None | Some(_) => {
                    let message = format!("`{}` is no scope; {known}", grant.scope);
                    return Err(Refusal::bad_request(message));
                }
            };
            let limited = view.lines.iter().any(|line| {
                line.scope == kind
                    && line.scope_id == id
                    && line.unit == grant.unit
                    && line.allowed.is_some()
            });
            if !limited {
                let message = format!(
                    "{kind} {id} has no limit of {}; `orket budget {}` shows what is limited",
                    grant.unit, view.run_id
                );
                return Err(Refusal::bad_request(message));
            }
            if grant.amount > MOST_AMOUNT {
                let message = format!(
                    "{} {} is more than a budget can hold; {} is the most",
                    shown(grant.unit, grant.amount),
                    grant.unit,
                    shown(grant.unit, MOST_AMOUNT)
                );
                return Err(Refusal::bad_request(message));
            }
            Ok(BudgetGrant {
                scope: kind.to_owned(),
                scope_id: id,
                unit: grant.unit,
                amount: grant.amount,
            })
        })
        .collect()
}
