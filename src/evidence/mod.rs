//! Whether the record of a run holds: its plan, its cards and their attempts, the chains, the
//! decisions, the transitions, the comments, the files.
//!
//! Nothing is written and nobody is asked. All is read as of one moment, so that a run under way can
//! be looked at, and as it is stored, so that even a step that cannot be read any more is named.

mod against;
mod attempts;
mod cards;
mod chain;
mod comments;
mod files;
mod plans;
mod problem;
mod removed;
mod replay;
mod transitions;

use std::collections::HashSet;

use orket_actors::port::store::StoreError;
use orket_core::chain::Walk;
use orket_core::ids::RunId;
use orket_core::status::{CardKind, CardStatus};
use orket_core::turn::{LedgerEffect, Step, TurnOutcome};
use serde::Serialize;
use utoipa::ToSchema;

use crate::storage::Reader;
use crate::storage::reader::{StoredAttempt, StoredCard};

use self::cards::Began;
use self::plans::Plans;
use self::removed::Removed;
use self::replay::{Read, definition};
use self::transitions::Found;

pub use against::{Against, Answered, Side, ask_again};
pub use problem::Problem;
pub use replay::{Replayed, Wanted, replay_run};

/// What was found out about a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Evidence {
    /// Everything holds.
    pub ok: bool,
    /// Cards looked at.
    pub cards: usize,
    /// Attempts at these cards, whichever run of the build made them.
    pub attempts: usize,
    /// Steps in the chains.
    pub steps: usize,
    /// Attempts whose every decision was derived again and is the recorded one.
    pub replayed: usize,
    /// Changes of status that were looked at.
    pub transitions: usize,
    /// Files below `observability/` that hold what the journal says.
    pub files: usize,
    /// Files that are not there; `orket export` writes them again.
    pub missing_files: usize,
    /// What does not hold.
    pub problems: Vec<Problem>,
    /// What there is no record of, and why that is as it should be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Looks at everything the journal and the workspace hold of a run, as of one moment.
///
/// # Errors
///
/// When the journal cannot be read at all.
pub fn verify_run(reader: &Reader, run_id: &RunId) -> Result<Evidence, StoreError> {
    reader.at_one_moment(|reader| {
        let mut evidence = Evidence::default();
        let mut plans = Plans::of(reader);
        let mut removed = Removed::of(reader);
        if let Some(note) = removed.note(run_id.as_str())? {
            evidence.notes.push(note);
        }
        let is_imported = removed::is_imported(reader, run_id.as_str())?;
        if is_imported {
            evidence.notes.push(removed::IMPORTED.to_owned());
        }
        match plans.get(run_id.as_str()) {
            Ok(plan) => cards::all_there(reader, &plan, &mut evidence)?,
            Err(_) if is_imported => {}
            Err(message) => evidence.problems.push(Problem {
                kind: "plan",
                message,
                ..Problem::default()
            }),
        }
        for card in reader.stored_cards(run_id.as_str())? {
            evidence.cards += 1;
            let mut look = Look {
                reader,
                plans: &mut plans,
                removed: &mut removed,
                run_id: run_id.as_str(),
                card: &card,
                evidence: &mut evidence,
            };
            look.at_card()?;
        }
        evidence.ok = evidence.problems.is_empty();
        Ok(evidence)
    })
}

/// The look at one card.
struct Look<'a, 'b> {
    reader: &'a Reader,
    plans: &'a mut Plans<'b>,
    removed: &'a mut Removed<'b>,
    run_id: &'a str,
    card: &'a StoredCard,
    evidence: &'a mut Evidence,
}

impl Look<'_, '_> {
    fn at_card(&mut self) -> Result<(), StoreError> {
        let card = self.card;
        let began = match Began::of(self.reader, card)? {
            Ok(began) => began,
            Err(problem) => {
                self.evidence.problems.push(problem);
                Began::default()
            }
        };
        let life = cards::life(card, self.evidence);
        let plan = definition(card);
        match &plan {
            Ok(plan) => cards::definition(card, plan, self.evidence),
            Err(message) => {
                let problem = Problem::of_card("card", &card.card_id, message);
                self.evidence.problems.push(problem);
            }
        }
        let attempts = self.reader.stored_attempts(card.row)?;
        if let Some(life) = &life {
            attempts::all_there(card, &began, life, &attempts, self.evidence);
        }
        let mut walk = Walk::of(card.row);
        let mut found = Vec::new();
        let mut comments = comments::Expected::default();
        let mut created = Vec::new();
        for attempt in &attempts {
            let steps = self.reader.stored_steps(attempt.row)?;
            if steps.is_empty() && self.removed.note(&attempt.run_id)?.is_some() {
                chain::skip(&mut walk, attempt);
                self.evidence.attempts += 1;
                comments.lacks_some();
                continue;
            }
            chain::check(&mut walk, attempt, &steps, self.evidence);
            self.evidence.attempts += 1;
            let read = match Read::of(attempt, &steps) {
                Ok(read) => read,
                Err(problem) => {
                    self.evidence.problems.push(problem);
                    comments.lacks_some();
                    continue;
                }
            };
            let first = read.steps.first().map(AsRef::as_ref);
            found.extend(Found::by(attempt, first));
            comments.begins(first);
            let derived = match read.derive(self.plans, &plan) {
                Ok(derived) => {
                    self.evidence.replayed += 1;
                    Some(derived)
                }
                Err(problem) => {
                    self.evidence.problems.push(problem);
                    comments.lacks_some();
                    None
                }
            };
            let of_steps = (steps.as_slice(), read.steps.as_slice());
            attempts::row(card, attempt, of_steps, derived.as_ref(), self.evidence);
            let ended_well = matches!(
                read.steps.last().map(AsRef::as_ref),
                Some(Step::TurnFinished {
                    outcome: TurnOutcome::Succeeded { .. }
                })
            );
            if let Some(derived) = derived.filter(|_| ended_well) {
                comments.makes(attempt, &derived.ledger);
                created.extend(
                    derived
                        .ledger
                        .into_iter()
                        .filter_map(|effect| match effect {
                            LedgerEffect::CreateCard { card } => Some((attempt, card.id)),
                            LedgerEffect::Comment { .. } => None,
                        }),
                );
            }
            if attempt.run_id == self.run_id
                && let Ok(plan) = self.plans.get(self.run_id)
            {
                files::check(&plan, attempt, &read.steps, self.evidence);
            }
        }
        comments.check(self.reader, card, &began, self.evidence)?;
        self.created(&created)?;
        let kind = plan.map_or(CardKind::Issue, |plan| plan.kind);
        let status = began.status.unwrap_or(CardStatus::Ready);
        let stood = (kind, status);
        transitions::check(self.reader, self.plans, card, stood, &found, self.evidence)
    }

    /// Whether the cards that attempts created are there.
    fn created(
        &mut self,
        created: &[(&StoredAttempt, orket_core::ids::CardId)],
    ) -> Result<(), StoreError> {
        if created.is_empty() {
            return Ok(());
        }
        let there: HashSet<String> = cards::ids(self.reader, &self.card.build_id)?;
        for (attempt, id) in created {
            if !there.contains(id.as_str()) {
                let message = format!("the card `{id}` that it created is not there");
                let problem = Problem::of_attempt("card", attempt, message);
                self.evidence.problems.push(problem);
            }
        }
        Ok(())
    }
}
