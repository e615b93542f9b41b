//! One turn: its shape, its tool call, what it stages, its promotion. Each step only while all before
//! it came through. Blocks.

use serde_json::{Map, Value};

use super::call::Call;
use super::capability::{Policy, RECORD_AT, decide};
use super::event::Event;
use super::name::{RunName, TurnNumber};
use super::request::{TurnRequest, turn_id};
use super::result::{Issue, TurnResult};
use super::store::{Promoted, Root};
use super::words::{Code, Outcome, Stage};

/// What the turns of a run have in common.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// The run.
    pub run: &'a RunName,
    /// After which turn it begins, when it has promoted nothing yet.
    pub begin: TurnNumber,
    /// What roles may do.
    pub policy: &'a Policy,
    /// Whether the caller may give leave beyond the policy.
    pub is_admin: bool,
}

/// Executes it.
#[must_use]
pub fn execute(
    request: &Map<String, Value>,
    root: &mut Root,
    around: &Surroundings<'_>,
) -> TurnResult {
    let run = around.run.as_str();
    let turn_id = match turn_id(request) {
        Ok(turn_id) => turn_id,
        Err(refused) => {
            let (turn_id, issue) = *refused;
            let mut result = TurnResult::begun(run, &turn_id);
            result.fail(issue);
            return result;
        }
    };
    let mut result = TurnResult::begun(run, &turn_id);
    match TurnRequest::read(request, &turn_id) {
        Ok(request) => steps(request, &mut result, root, around),
        Err(issue) => result.fail(issue),
    }
    if result.outcome == Outcome::Pass {
        let event = Event::info(
            result.stage,
            Code::IGatekeeperPass,
            "/",
            "the turn came through",
        );
        result.tell(&event);
    }
    result.sealed()
}

fn steps(
    mut request: TurnRequest,
    result: &mut TurnResult,
    root: &mut Root,
    around: &Surroundings<'_>,
) {
    if let Some(call) = request.call.take() {
        judge(call, result, around);
    }
    let is_staged = request.triplet.is_some() || request.tombstone.is_some();
    if result.outcome == Outcome::Pass && is_staged {
        result.stage = Stage::Lsi;
        if let Err(error) = root.stage(around.run, &result.turn_id, &request) {
            let text = "what the turn brings could not be staged";
            let issue = Issue::new(Stage::Lsi, Code::ELsiStagingFailed, "/index/staging", text);
            result.fail(issue.with("error", error.to_string()));
        }
    }
    if result.outcome == Outcome::Pass && request.is_promotion {
        promote(result, root, around);
    }
}

fn judge(call: Call, result: &mut TurnResult, around: &Surroundings<'_>) {
    result.stage = Stage::Capability;
    let call = if around.is_admin {
        call
    } else {
        for field in call.wishes() {
            let text = "only a key with the scope admin can give this leave; it was not heeded";
            let code = Code::ICapabilityOverrideIgnored;
            let event = Event::warn(Stage::Capability, code, "/turn_input/context", text);
            result.tell(&event.with("field", field));
        }
        call.without_wishes()
    };
    let (capabilities, decided) = decide(&call, around.policy, &result.run_id, &result.turn_id);
    let skipped = capabilities
        .decisions_v1_2_1
        .iter()
        .find(|it| it.info_code.is_some());
    if let Some(record) = skipped {
        let code = Code::ICapabilitySkipped;
        let event = Event::info(Stage::Capability, code, RECORD_AT, record.reason);
        result.tell(&event.with("tool_name", &record.tool_name));
    }
    result.capabilities = capabilities;
    if let Err((code, reason)) = decided {
        result.fail(Issue::new(Stage::Capability, code, RECORD_AT, reason).with("ordinal", 0));
    }
}

fn promote(result: &mut TurnResult, root: &mut Root, around: &Surroundings<'_>) {
    result.stage = Stage::Promotion;
    let at = "/index/committed";
    match root.promote(around.run, around.begin, &result.turn_id) {
        Promoted::Refused(issues) => {
            for issue in issues {
                result.fail(issue);
            }
        }
        Promoted::Nothing => {
            let text = "nothing was staged; what is committed stays";
            result.tell(&Event::info(
                Stage::Promotion,
                Code::INoopPromotion,
                at,
                text,
            ));
        }
        Promoted::Done(events) => {
            for event in &events {
                result.tell(event);
            }
            let text = "the turn is promoted";
            result.tell(&Event::info(
                Stage::Promotion,
                Code::IPromotionPass,
                at,
                text,
            ));
        }
    }
}
