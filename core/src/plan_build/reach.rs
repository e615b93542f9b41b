//! Whether each card can do what it must: the gate lets its files through, and the limits hold them.
//! What no turn could ever meet is refused before anything starts.

use serde_json::json;

use super::contracts::{READ, WRITE};
use super::seats::Seats;
use super::{Context, Findings};
use crate::contract::Contract;
use crate::gate::{self, GateScope};
use crate::plan::{CardPlan, SeatPlan};
use crate::policy::RunPolicy;
use crate::status::CardStatus;
use crate::tool::ToolCall;

/// One of a card's two turns.
struct Turn<'a> {
    seat: &'a SeatPlan,
    card: &'a CardPlan,
    contract: &'a Contract,
    status: CardStatus,
    /// Where the epic has the card.
    field: String,
    /// What comes before the names of its params.
    prefix: &'static str,
}

pub(super) fn check<S>(
    context: &Context<'_, S>,
    seats: &Seats,
    cards: &[CardPlan],
    policy: &RunPolicy,
    findings: &mut Findings,
) {
    let epic = &context.epic.asset;
    let guard = seats.guard.as_ref().and_then(|key| seats.plans.get(key));
    for card in cards {
        let place = epic.issues.iter().position(|issue| issue.id == card.id);
        let field = format!("{}[{}]", epic.issues_key, place.unwrap_or_default());
        let work = seats.plans.get(&card.seat).map(|seat| Turn {
            seat,
            card,
            contract: &card.contract,
            status: CardStatus::InProgress,
            field: field.clone(),
            prefix: "",
        });
        let review = guard.map(|seat| Turn {
            seat,
            card,
            contract: &card.review_contract,
            status: CardStatus::AwaitingGuardReview,
            field: field.clone(),
            prefix: "review_",
        });
        for turn in work.iter().chain(&review) {
            files(context, turn, policy, findings);
            limits(context, turn, policy, findings);
        }
    }
}

/// Files that the gate would refuse whatever is in them.
fn files<S>(
    context: &Context<'_, S>,
    turn: &Turn<'_>,
    policy: &RunPolicy,
    findings: &mut Findings,
) {
    let scope = GateScope {
        seat: turn.seat,
        card: turn.card,
        status: turn.status,
        policy: &policy.gate,
    };
    let writes = turn.contract.demanded_writes();
    let reads = turn.contract.required_read_paths.iter().map(String::as_str);
    let all = writes
        .map(|path| (WRITE, "required_write_paths", path))
        .chain(reads.map(|path| (READ, "required_read_paths", path)));
    for (tool, key, path) in all {
        let args = json!({"path": path, "content": ""});
        let call = ToolCall {
            tool: tool.to_owned(),
            args: args.as_object().cloned().unwrap_or_default(),
        };
        if let Err(refusal) = gate::check(&call, &scope) {
            let key = format!("{}{key}", turn.prefix);
            let (field, whose) = if turn.card.params.contains_key(&key) {
                (format!("{}.params.{key}", turn.field), "the card")
            } else {
                (format!("{}.seat", turn.field), "the seat's contract")
            };
            let message = format!(
                "{whose} demands a call that the tool gate refuses: {}",
                refusal.message
            );
            findings.problem(&context.epic.file, field, message);
        }
    }
}

/// Limits that are lower than what must be read and written.
fn limits<S>(
    context: &Context<'_, S>,
    turn: &Turn<'_>,
    policy: &RunPolicy,
    findings: &mut Findings,
) {
    for (name, needed) in turn.contract.too_low() {
        let message = format!(
            "is too low: a turn of card `{}` must read and write so much that it needs {needed}",
            turn.card.id
        );
        let of_run = turn.contract.limits == policy.contract.limits;
        match context.organization.filter(|_| of_run) {
            Some(organization) => {
                let field = format!("process_rules.verification_scope_limits.{name}");
                findings.problem(&organization.file, field, message);
            }
            None => {
                let field = format!("{}.seat", turn.field);
                let message = format!("the limit {name} of its contract {message}");
                findings.problem(&context.epic.file, field, message);
            }
        }
    }
}
