//! Putting cards away. Which cards are meant is looked up, each is held to the status table, and those
//! that may go are archived in one write: all of them or none.

use std::collections::BTreeSet;

use orket_actors::port::store::{CardRow, StoreError};
use orket_actors::runtime::RuntimeError;
use orket_core::ids::RunId;
use orket_core::status::CardStatus;
use orket_core::transition::{self, Actor};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Refusal, Service};
use crate::owner::ports::{Records, RecordsError};
use crate::storage::reader::{ArchiveCard, ArchiveFound, ArchiveWish};

/// How often the cards are looked up anew when one changed between the look and the write.
pub(super) const LOOKS: u32 = 3;
/// The fewest characters of a text that cards are found by.
pub const SHORTEST_RELATED: usize = 3;

/// `POST /v1/cards/archive`: the cards that any of the first three fields means.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct ArchiveRequest {
    /// These cards, of the newest build that has each; `BUILD/CARD` names the build.
    #[schema(nullable)]
    pub card_ids: Vec<String>,
    /// All cards of this build.
    pub build_id: Option<String>,
    /// Cards with one of these texts in id, build, title or note: as they are, whichever their case,
    /// at least three characters; the newest 500.
    #[schema(nullable)]
    pub related_tokens: Vec<String>,
    /// Why.
    #[schema(nullable)]
    pub reason: String,
    /// Who.
    #[schema(nullable)]
    pub archived_by: String,
    /// Only say what would be done.
    #[schema(nullable)]
    pub dry_run: bool,
}

/// What was archived, and what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Archived {
    /// Always true.
    pub ok: bool,
    /// How many cards, each counted once.
    pub archived_count: usize,
    /// Their ids, each once, in order.
    pub archived_ids: Vec<String>,
    /// Ids that no card has, in order.
    pub missing_ids: Vec<String>,
    /// Ids of cards that were archived before, each once, in order.
    pub already_archived: Vec<String>,
    /// Cards that may not be archived as they stand.
    pub refused: Vec<RefusedCard>,
    /// The cards, oldest first: ids alone may be those of several builds.
    pub archived: Vec<ArchivedCard>,
    /// A build that was named has no cards.
    pub build_is_missing: bool,
    /// More cards have the texts than are archived at once; ask again.
    pub more_related: bool,
    /// Nothing was done; this is what would be.
    pub dry_run: bool,
}

/// A card that was archived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ArchivedCard {
    /// The card.
    pub id: String,
    /// Its build.
    pub build_id: String,
    /// The run it belongs to.
    pub session_id: String,
    /// How it stood.
    pub status: String,
}

/// A card that was not archived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefusedCard {
    /// The card.
    pub id: String,
    /// Its build.
    pub build_id: String,
    /// How it stands.
    pub status: String,
    /// Why not, in words.
    pub reason: String,
}

impl ArchiveRequest {
    /// Whether it names any cards at all.
    #[must_use]
    pub fn has_selector(&self) -> bool {
        let named = |texts: &[String]| texts.iter().any(|text| !text.trim().is_empty());
        named(&self.card_ids) || named(&self.related_tokens) || self.build().is_some()
    }

    fn build(&self) -> Option<&str> {
        let build = self.build_id.as_deref()?.trim();
        Some(build).filter(|build| !build.is_empty())
    }

    pub(super) fn wish(&self) -> ArchiveWish {
        let named = |texts: &[String]| -> Vec<String> {
            let texts: BTreeSet<&str> = texts.iter().map(|text| text.trim()).collect();
            let texts = texts.into_iter().filter(|text| !text.is_empty());
            texts.map(str::to_owned).collect()
        };
        ArchiveWish {
            card_ids: named(&self.card_ids),
            build_id: self.build().map(str::to_owned),
            related: named(&self.related_tokens),
            to_take_out: false,
        }
    }
}

impl Service {
    /// Archives the cards that are meant; with `dry_run` says which they are.
    ///
    /// # Errors
    ///
    /// When nothing is named, or the cards keep changing while they are looked up.
    pub async fn archive(&self, request: ArchiveRequest) -> Result<Archived, Refusal> {
        check(&request)?;
        // What begins a run reads the cards first: not while they are put away.
        let _no_start_meanwhile = self.inner.starting.enter().await?;
        if !request.dry_run {
            self.refuse_when_closing()?;
        }
        let mut looks = 0;
        loop {
            let active = self.inner.engine.active().await;
            let wish = request.wish();
            let found = self
                .records(move |records| records.to_archive(&wish))
                .await?;
            let (rows, mut archived) = sort_out(found, &active);
            archived.dry_run = request.dry_run;
            if request.dry_run || rows.is_empty() {
                return Ok(archived);
            }
            let (by, reason) = (by(&request), request.reason.trim().to_owned());
            match self.inner.engine.archive(rows, by, reason).await {
                Ok(()) => return Ok(archived),
                Err(RuntimeError::Store(StoreError::Conflict(why))) => {
                    looks += 1;
                    if looks == LOOKS {
                        return Err(Refusal {
                            status: 409,
                            code: "E_RUN_ACTIVE".to_owned(),
                            detail: format!("the cards changed while they were looked up: {why}"),
                            hint: Some("nothing was archived; try again".to_owned()),
                        });
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// What archiving would do, by the records alone: for a folder that nobody owns. Blocking.
///
/// # Errors
///
/// When nothing is named, or the journal cannot be read.
pub fn preview_archive(
    records: &dyn Records,
    request: &ArchiveRequest,
) -> Result<Archived, Refusal> {
    let (_, mut archived) = plan_archive(records, request)?;
    archived.dry_run = true;
    Ok(archived)
}

/// Which rows archiving would write, and what is said of all cards, by the records alone. Blocking.
///
/// # Errors
///
/// When nothing is named, or the journal cannot be read.
pub fn plan_archive(
    records: &dyn Records,
    request: &ArchiveRequest,
) -> Result<(Vec<(CardRow, CardStatus)>, Archived), Refusal> {
    check(request)?;
    let found = records
        .to_archive(&request.wish())
        .map_err(|error: RecordsError| Refusal::from(error))?;
    Ok(sort_out(found, &[]))
}

pub(super) fn check(request: &ArchiveRequest) -> Result<(), Refusal> {
    if !request.has_selector() {
        return Err(Refusal::bad_request(
            "say which cards: give card_ids, build_id or related_tokens",
        ));
    }
    let wish = request.wish();
    if let Some(short) = wish
        .related
        .iter()
        .find(|text| text.chars().count() < SHORTEST_RELATED)
    {
        return Err(Refusal::bad_request(format!(
            "`{short}` is too short to find cards by; give {SHORTEST_RELATED} characters or more"
        )));
    }
    Ok(())
}

/// Who asks, for the audit.
#[must_use]
pub fn by(request: &ArchiveRequest) -> String {
    let by = request.archived_by.trim();
    if by.is_empty() { "operator" } else { by }.to_owned()
}

/// Which of the cards may go, and what is said of all of them.
fn sort_out(found: ArchiveFound, active: &[RunId]) -> (Vec<(CardRow, CardStatus)>, Archived) {
    let mut rows = Vec::new();
    let mut archived = Archived {
        ok: true,
        missing_ids: found.missing,
        build_is_missing: found.build_is_missing,
        more_related: found.more_related,
        ..Archived::default()
    };
    let mut ids = BTreeSet::new();
    let mut before = BTreeSet::new();
    for card in found.cards.into_values() {
        if card.status == CardStatus::Archived {
            before.insert(card.card_id);
            continue;
        }
        if let Err(reason) = may_go(&card, active) {
            archived.refused.push(RefusedCard {
                id: card.card_id,
                build_id: card.build_id,
                status: card.status.as_str().to_owned(),
                reason,
            });
            continue;
        }
        rows.push((card.row, card.status));
        ids.insert(card.card_id.clone());
        archived.archived.push(ArchivedCard {
            id: card.card_id,
            build_id: card.build_id,
            session_id: card.run_id,
            status: card.status.as_str().to_owned(),
        });
    }
    archived.archived_count = rows.len();
    archived.archived_ids = ids.into_iter().collect();
    archived.already_archived = before.into_iter().collect();
    archived.missing_ids.sort_unstable();
    archived.missing_ids.dedup();
    (rows, archived)
}

fn may_go(card: &ArchiveCard, active: &[RunId]) -> Result<(), String> {
    let run = &card.run_id;
    if card.is_under_way || active.iter().any(|id| id.as_str() == run) {
        return Err(format!(
            "its run {run} is under way; halt it first (orket halt {run})"
        ));
    }
    transition::check(
        card.kind,
        card.status,
        CardStatus::Archived,
        None,
        Actor::Operator,
    )
    .map_err(|refusal| refusal.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use orket_core::status::CardKind;

    fn card(row: CardRow, id: &str, kind: CardKind, status: CardStatus) -> ArchiveCard {
        ArchiveCard {
            row,
            card_id: id.to_owned(),
            build_id: "B".to_owned(),
            run_id: "R".to_owned(),
            kind,
            status,
            is_under_way: false,
        }
    }

    fn found(cards: Vec<ArchiveCard>) -> ArchiveFound {
        ArchiveFound {
            cards: cards.into_iter().map(|card| (card.row, card)).collect(),
            ..ArchiveFound::default()
        }
    }

    #[test]
    fn an_issue_may_go_from_every_status_but_only_once() {
        let all = CardStatus::ALL.iter().zip(1..);
        let cards = all.map(|(status, row)| card(row, status.as_str(), CardKind::Issue, *status));
        let (rows, archived) = sort_out(found(cards.collect()), &[]);
        assert_eq!(rows.len(), CardStatus::ALL.len() - 1);
        assert_eq!(archived.archived_count, rows.len());
        assert_eq!(archived.already_archived, vec!["archived"]);
        assert_eq!(archived.refused, Vec::new());
    }

    #[test]
    fn what_the_table_does_not_let_go_is_refused_with_its_words() {
        let cards = vec![
            card(1, "A", CardKind::App, CardStatus::Done),
            card(2, "E", CardKind::Epic, CardStatus::Blocked),
            card(3, "D", CardKind::Epic, CardStatus::Done),
        ];
        let (rows, archived) = sort_out(found(cards), &[]);
        assert_eq!(rows, vec![(3, CardStatus::Done)]);
        let refused: Vec<_> = archived
            .refused
            .iter()
            .map(|card| (card.id.as_str(), card.reason.contains("cannot go from")))
            .collect();
        assert_eq!(refused, vec![("A", true), ("E", true)]);
    }

    #[test]
    fn cards_of_a_run_under_way_stay_and_equal_ids_of_two_builds_count_twice() {
        let mut under_way = card(1, "I", CardKind::Issue, CardStatus::InProgress);
        under_way.is_under_way = true;
        let mut announced = card(2, "J", CardKind::Issue, CardStatus::Ready);
        announced.run_id = "S".to_owned();
        let mut other = card(4, "K", CardKind::Issue, CardStatus::Done);
        other.build_id = "C".to_owned();
        let cards = vec![
            under_way,
            announced,
            card(3, "K", CardKind::Issue, CardStatus::Done),
            other,
        ];
        let (rows, archived) = sort_out(found(cards), &[RunId::new("S").unwrap()]);
        assert_eq!(rows.len(), 2);
        assert_eq!(archived.archived_count, 2);
        assert_eq!(archived.archived_ids, vec!["K"]);
        let refused: Vec<_> = archived
            .refused
            .iter()
            .map(|card| card.id.as_str())
            .collect();
        assert_eq!(refused, vec!["I", "J"]);
    }

    #[test]
    fn blank_selectors_select_nothing() {
        let blank = ArchiveRequest {
            card_ids: vec![" ".to_owned()],
            build_id: Some(String::new()),
            ..ArchiveRequest::default()
        };
        assert!(!blank.has_selector());
    }
}
