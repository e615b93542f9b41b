//! Taking archived cards out again: each gets the status back that the journal says it had, all of them
//! in one write or none.

use std::collections::{BTreeSet, HashMap};

use orket_actors::port::store::{CardRow, StoreError};
use orket_actors::runtime::RuntimeError;
use orket_core::ids::RunId;
use orket_core::status::{CardStatus, WaitReason};
use orket_core::transition::{self, Actor};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::archive::{ArchiveRequest, ArchivedCard, LOOKS, RefusedCard, check};
use super::{Refusal, Service};
use crate::owner::ports::{Records, RecordsError};
use crate::storage::reader::{ArchiveCard, ArchiveFound, ArchiveWish};

/// `POST /v1/cards/unarchive`: the cards that any of the first three fields means, as
/// `POST /v1/cards/archive` finds them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct UnarchiveRequest {
    /// These cards, of the newest build that has each; `BUILD/CARD` names the build.
    #[schema(nullable)]
    pub card_ids: Vec<String>,
    /// All cards of this build.
    pub build_id: Option<String>,
    /// Cards with one of these texts in id, build, title or note.
    #[schema(nullable)]
    pub related_tokens: Vec<String>,
    /// Why.
    #[schema(nullable)]
    pub reason: String,
    /// Who.
    #[schema(nullable)]
    pub unarchived_by: String,
    /// Only say what would be done.
    #[schema(nullable)]
    pub dry_run: bool,
}

/// What was taken out, and what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unarchived {
    /// Always true.
    pub ok: bool,
    /// How many cards, each counted once.
    pub unarchived_count: usize,
    /// Their ids, each once, in order.
    pub unarchived_ids: Vec<String>,
    /// Ids that no card has, in order.
    pub missing_ids: Vec<String>,
    /// Ids of cards that are not archived, each once, in order.
    pub not_archived: Vec<String>,
    /// Cards that may not be taken out as they stand.
    pub refused: Vec<RefusedCard>,
    /// The cards, oldest first, with the status that each has again.
    pub unarchived: Vec<ArchivedCard>,
    /// A build that was named has no cards.
    pub build_is_missing: bool,
    /// More archived cards have the texts than are taken out at once; ask again.
    pub more_related: bool,
    /// Nothing was done; this is what would be.
    pub dry_run: bool,
}

/// What is to be written, and what is said of it.
pub type Plan = (Vec<(CardRow, CardStatus)>, Unarchived);

impl UnarchiveRequest {
    /// Whether it names any cards at all.
    #[must_use]
    pub fn has_selector(&self) -> bool {
        self.selection().has_selector()
    }

    /// Who asks, for the audit.
    #[must_use]
    pub fn by(&self) -> String {
        let by = self.unarchived_by.trim();
        if by.is_empty() { "operator" } else { by }.to_owned()
    }

    fn selection(&self) -> ArchiveRequest {
        ArchiveRequest {
            card_ids: self.card_ids.clone(),
            build_id: self.build_id.clone(),
            related_tokens: self.related_tokens.clone(),
            ..ArchiveRequest::default()
        }
    }

    fn wish(&self) -> ArchiveWish {
        ArchiveWish {
            to_take_out: true,
            ..self.selection().wish()
        }
    }
}

impl Service {
    /// Takes the cards out that are meant; with `dry_run` says which they are.
    ///
    /// # Errors
    ///
    /// When nothing is named, or the cards keep changing while they are looked up.
    pub async fn unarchive(&self, request: UnarchiveRequest) -> Result<Unarchived, Refusal> {
        check(&request.selection())?;
        // What begins a run reads the cards first: not while they change.
        let _no_start_meanwhile = self.inner.starting.enter().await?;
        if !request.dry_run {
            self.refuse_when_closing()?;
        }
        let mut looks = 0;
        loop {
            let active = self.inner.engine.active().await;
            let wish = request.wish();
            let (rows, mut unarchived) = self
                .records(move |records| look(records, &wish, &active))
                .await?;
            unarchived.dry_run = request.dry_run;
            if request.dry_run || rows.is_empty() {
                return Ok(unarchived);
            }
            let (by, reason) = (request.by(), request.reason.trim().to_owned());
            match self.inner.engine.unarchive(rows, by, reason).await {
                Ok(()) => return Ok(unarchived),
                Err(RuntimeError::Store(StoreError::Conflict(why))) => {
                    looks += 1;
                    if looks == LOOKS {
                        return Err(Refusal {
                            status: 409,
                            code: "E_RUN_ACTIVE".to_owned(),
                            detail: format!("the cards changed while they were looked up: {why}"),
                            hint: Some("nothing was changed; try again".to_owned()),
                        });
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Which rows taking cards out would write, and what is said of all cards, by the records alone: for a
/// folder that nobody owns. Blocking.
///
/// # Errors
///
/// When nothing is named, or the journal cannot be read.
pub fn plan_unarchive(records: &dyn Records, request: &UnarchiveRequest) -> Result<Plan, Refusal> {
    check(&request.selection())?;
    look(records, &request.wish(), &[]).map_err(Refusal::from)
}

fn look(records: &dyn Records, wish: &ArchiveWish, active: &[RunId]) -> Result<Plan, RecordsError> {
    let found = records.to_archive(wish)?;
    let archived: Vec<CardRow> = found
        .cards
        .values()
        .filter(|card| card.status == CardStatus::Archived)
        .map(|card| card.row)
        .collect();
    let stood = records.stood_before_archive(&archived)?;
    Ok(sort_out(found, &stood, active))
}

/// Which of the cards may come out, and what is said of all of them.
fn sort_out(found: ArchiveFound, stood: &HashMap<CardRow, CardStatus>, active: &[RunId]) -> Plan {
    let mut rows = Vec::new();
    let mut said = Unarchived {
        ok: true,
        missing_ids: found.missing,
        build_is_missing: found.build_is_missing,
        more_related: found.more_related,
        ..Unarchived::default()
    };
    let mut ids = BTreeSet::new();
    let mut others = BTreeSet::new();
    for card in found.cards.into_values() {
        if card.status != CardStatus::Archived {
            others.insert(card.card_id);
            continue;
        }
        match may_come(&card, stood.get(&card.row).copied(), active) {
            Ok(status) => {
                rows.push((card.row, status));
                ids.insert(card.card_id.clone());
                said.unarchived.push(ArchivedCard {
                    id: card.card_id,
                    build_id: card.build_id,
                    session_id: card.run_id,
                    status: status.as_str().to_owned(),
                });
            }
            Err(reason) => said.refused.push(RefusedCard {
                id: card.card_id,
                build_id: card.build_id,
                status: card.status.as_str().to_owned(),
                reason,
            }),
        }
    }
    said.unarchived_count = rows.len();
    said.unarchived_ids = ids.into_iter().collect();
    said.not_archived = others.into_iter().collect();
    said.missing_ids.sort_unstable();
    said.missing_ids.dedup();
    (rows, said)
}

fn may_come(
    card: &ArchiveCard,
    stood: Option<CardStatus>,
    active: &[RunId],
) -> Result<CardStatus, String> {
    let run = &card.run_id;
    if card.is_under_way || active.iter().any(|id| id.as_str() == run) {
        return Err(format!(
            "its run {run} is under way; halt it first (orket halt {run})"
        ));
    }
    let Some(stood) = stood else {
        return Err("no record says how it stood before".to_owned());
    };
    // What it waits for, the journal gives back with it.
    let waits = Some(WaitReason::System);
    transition::check(card.kind, card.status, stood, waits, Actor::Operator)
        .map_err(|refusal| refusal.to_string())?;
    Ok(stood)
}
