//! The epic's cards, with their defaults filled in.

use std::collections::{BTreeMap, BTreeSet};

use super::contracts::{self, CardContracts, Place, Turn};
use super::seats::Seats;
use super::{Context, Findings, models, verify};
use crate::asset::{AssetSource, DEFAULT_MAX_RETRIES, Issue, name};
use crate::gate::normal_path;
use crate::ids::CardId;
use crate::plan::{CardPlan, SeatPlan, VerifyCommand};
use crate::status::{CardKind, CardStatus};

pub(super) fn build<S: AssetSource>(
    context: &Context<'_, S>,
    seats: &Seats,
    findings: &mut Findings,
) -> Vec<CardPlan> {
    let epic = &context.epic.asset;
    let shared = verify::of_organization(context, findings);
    let mut cards = Vec::with_capacity(epic.issues.len());
    for (place, issue) in epic.issues.iter().enumerate() {
        let field = format!("{}[{place}]", epic.issues_key);
        check_itself(context, issue, &field, findings);
        if let Some(card) = build_one(context, seats, issue, &field, &shared, findings) {
            cards.push(card);
        }
    }
    if findings.problems.is_empty() {
        warn_of_shared_files(context, &cards, findings);
    }
    cards
}

/// What is odd about a card wherever it is.
fn check_itself<S>(context: &Context<'_, S>, issue: &Issue, field: &str, findings: &mut Findings) {
    let file = &context.epic.file;
    if issue.card.kind != CardKind::Issue {
        let message = format!(
            "`{}` takes no turns; a card of an epic must be of type issue",
            issue.card.kind
        );
        findings.problem(file, format!("{field}.type"), message);
    }
    if issue.card.status != CardStatus::Ready {
        let message = format!(
            "`{}` is ignored: the cards of a new build begin as ready",
            issue.card.status
        );
        findings.warn(file, format!("{field}.status"), message);
    }
}

fn build_one<S: AssetSource>(
    context: &Context<'_, S>,
    seats: &Seats,
    issue: &Issue,
    field: &str,
    shared: &[VerifyCommand],
    findings: &mut Findings,
) -> Option<CardPlan> {
    let file = &context.epic.file;
    let Some(seat) = context.team.asset.seat(&issue.seat) else {
        let known = context
            .team
            .asset
            .seats
            .iter()
            .map(|seat| seat.key.as_str());
        let message = format!(
            "the team `{}` has no seat `{}`; {}",
            context.team.name,
            issue.seat,
            name::suggestion(&name::sanitise(&issue.seat), known)
        );
        findings.problem(file, format!("{field}.seat"), message);
        return None;
    };
    let params_field = format!("{field}.params");
    let mut params = issue.card.params.clone();
    models::settle_card_overrides(context, &mut params, &params_field, findings);
    let verify = verify::of_card(&params, file, &params_field, findings);
    let fixture = verify::fixture(&issue.verification, file, field, findings);
    let plan = seats.plans.get(&seat.key)?;
    let guard = seats.plans.get(seats.guard.as_ref()?)?;
    let contracts = card_contracts(context, seats, issue, &params_field, plan, guard, findings)?;
    let writes = plan.tools.iter().any(|tool| tool.name == contracts::WRITE);
    Some(CardPlan {
        id: issue.id.clone(),
        kind: issue.card.kind,
        summary: issue.card.name.clone(),
        seat: seat.key.clone(),
        description: issue.card.description.clone(),
        note: issue.card.note.clone(),
        requirements: issue.requirements.clone(),
        priority: issue.card.priority,
        depends_on: dependencies(issue),
        max_retries: issue
            .max_retries
            .or(context.settings.max_retries)
            .unwrap_or(DEFAULT_MAX_RETRIES),
        contract: contracts.work,
        review_contract: contracts.review,
        verify: verify.unwrap_or_else(|| {
            let shared = if writes { shared } else { &[] };
            shared.to_vec()
        }),
        fixture,
        params,
        labels: issue.card.labels.clone(),
        references: issue.card.references.clone(),
        created_by: None,
    })
}

fn card_contracts<S>(
    context: &Context<'_, S>,
    seats: &Seats,
    issue: &Issue,
    field: &str,
    seat: &SeatPlan,
    guard: &SeatPlan,
    findings: &mut Findings,
) -> Option<CardContracts> {
    let file = &context.epic.file;
    let params = &issue.card.params;
    let work = seats.work.get(&seat.seat)?;
    let (contracts, problems, warnings) =
        contracts::for_card(work, &guard.contract, params, file, field);
    let sound = problems.is_empty();
    findings.problems.extend(problems);
    findings.warnings.extend(warnings);
    if sound {
        let place = Place {
            file,
            prefix: &format!("{field}."),
        };
        let CardContracts { work: own, review } = &contracts;
        contracts::check(Turn::Work, own, Some(work), &seat.tools, &place, findings);
        let place = Place {
            file,
            prefix: &format!("{field}.review_"),
        };
        let base = Some(&guard.contract);
        contracts::check(Turn::Review, review, base, &guard.tools, &place, findings);
    }
    Some(contracts)
}

/// The cards it needs, each once. Ids that are none were reported with the graph.
fn dependencies(issue: &Issue) -> Vec<CardId> {
    let mut seen = BTreeSet::new();
    let ids = issue
        .depends_on
        .iter()
        .filter_map(|id| CardId::new(id).ok());
    ids.filter(|id| seen.insert(id.clone())).collect()
}

/// Two cards that must write the same file and may run at once: the last one wins.
fn warn_of_shared_files<S>(context: &Context<'_, S>, cards: &[CardPlan], findings: &mut Findings) {
    const LOOKED_AT: usize = 256;
    let mut writers: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, card) in cards.iter().enumerate() {
        for path in &card.contract.required_write_paths {
            let path = normal_path(path).unwrap_or_else(|| path.clone());
            writers.entry(path).or_default().push(place);
        }
    }
    let by_id: BTreeMap<&CardId, &CardPlan> = cards.iter().map(|card| (&card.id, card)).collect();
    for (path, places) in writers {
        let pairs = places.iter().zip(places.iter().skip(1)).take(LOOKED_AT);
        let at_once = pairs
            .filter_map(|(a, b)| Some((cards.get(*a)?, *b, cards.get(*b)?)))
            .find(|(one, _, other)| !needs(one, other, &by_id) && !needs(other, one, &by_id));
        if let Some((one, place, other)) = at_once {
            let field = format!("{}[{place}].depends_on", context.epic.asset.issues_key);
            let message = format!(
                "`{}` and `{}` must both write {path} and may run at once; let one depend on the other, or give them params.required_write_paths of their own",
                one.id, other.id
            );
            findings.warn(&context.epic.file, field, message);
        }
    }
}

/// Whether `card` waits for `other`, directly or not.
fn needs(card: &CardPlan, other: &CardPlan, by_id: &BTreeMap<&CardId, &CardPlan>) -> bool {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&CardId> = card.depends_on.iter().collect();
    while let Some(id) = open.pop() {
        if *id == other.id {
            return true;
        }
        if seen.insert(id) {
            let more = by_id.get(id).map(|card| card.depends_on.iter());
            open.extend(more.into_iter().flatten());
        }
    }
    false
}
