//! What the shipped policy says to calls.

use serde_json::{Map, Value, json};

use super::*;
use crate::kernel::call::WrongType;

fn shipped() -> Policy {
    let text = include_str!("../../../model/core/contracts/kernel_capability_policy_v1.json");
    serde_json::from_str(text).unwrap()
}

fn call(tool_call: Value, context: Value) -> Call {
    Call::read(tool_call.as_object().unwrap(), context.as_object(), None).unwrap()
}

/// Outcome, code of refusal or of skipping, source.
fn decided(
    tool_call: Value,
    context: Value,
) -> (DecisionOutcome, Option<Code>, Option<&'static str>) {
    let call = call(tool_call, context);
    let (capabilities, result) = decide(&call, &shipped(), "run-00000001", "turn-0001");
    let record = capabilities.decisions_v1_2_1[0].clone();
    assert_eq!(record.deny_code, result.err().map(|(code, _)| code));
    assert_eq!(record.decision_id.len(), 64);
    let source = capabilities
        .decisions
        .first()
        .map(|it| it.evidence.capability_source);
    (
        record.outcome,
        record.deny_code.or(record.info_code),
        source,
    )
}

#[test]
fn the_policy_decides_by_role_and_task() {
    use DecisionOutcome::{Allowed, Denied};
    let tool = || json!({"tool": "write_file", "action": "file.write"});
    let role_task = Some("policy:role_task");
    let cases = [
        (
            json!({"role": "coder", "task": "edit"}),
            Allowed,
            None,
            role_task,
        ),
        (
            json!({"role": "coder", "task": "schema"}),
            Denied,
            Some(Code::ECapabilityDenied),
            role_task,
        ),
        (
            json!({"role": "coder"}),
            Denied,
            Some(Code::ECapabilityDenied),
            Some("policy:default"),
        ),
        (
            json!({}),
            Denied,
            Some(Code::ECapabilityDenied),
            Some("policy:default"),
        ),
    ];
    for (context, outcome, code, source) in cases {
        assert_eq!(
            decided(tool(), context.clone()),
            (outcome, code, source),
            "{context}"
        );
    }
    let plan = json!({"role": "architect", "task": "plan"});
    assert_eq!(decided(json!({"tool": "ask"}), plan).0, Allowed);
}

#[test]
fn what_narrows_a_call_is_looked_at_in_order() {
    let mut context = json!({"role": "coder", "task": "edit", "capability_resolved": false,
        "side_effects_declared": false, "requested_permissions": ["a", "b"],
        "declared_permissions": ["a"], "capability_enforcement": false});
    let expected = [
        (
            "capability_enforcement",
            DecisionOutcome::Skipped,
            Some(Code::ICapabilitySkipped),
        ),
        (
            "capability_resolved",
            DecisionOutcome::Unresolved,
            Some(Code::ECapabilityNotResolved),
        ),
        (
            "side_effects_declared",
            DecisionOutcome::Denied,
            Some(Code::ESideEffectUndeclared),
        ),
        (
            "declared_permissions",
            DecisionOutcome::Denied,
            Some(Code::EPermissionDenied),
        ),
    ];
    for (field, outcome, code) in expected {
        let (found, found_code, _) = decided(json!({}), context.clone());
        assert_eq!((found, found_code), (outcome, code), "{field}");
        context.as_object_mut().unwrap().remove(field);
    }
    assert_eq!(decided(json!({}), context).0, DecisionOutcome::Allowed);
}

#[test]
fn wishes_are_known_apart_and_can_be_left_out() {
    let asked = call(
        json!({"tool": "x", "allow_tool_call": true}),
        json!({"permissions": ["tool.call"], "capability_enforcement": false}),
    );
    assert_eq!(
        asked.wishes(),
        ["capability_enforcement", "permissions", "allow_tool_call"]
    );
    let (_, refused) = decide(&asked.without_wishes(), &shipped(), "r", "t");
    assert_eq!(refused.unwrap_err().0, Code::ECapabilityDenied);
    assert_eq!(
        decided(json!({}), json!({"permissions": ["tool.call"]})),
        (DecisionOutcome::Allowed, None, Some("request:permissions"))
    );
    assert_eq!(
        decided(
            json!({}),
            json!({"allow_tool_call": true, "permissions": []})
        ),
        (
            DecisionOutcome::Allowed,
            None,
            Some("request:allow_tool_call")
        )
    );
    let nothing = call(
        json!({"tool": "x"}),
        json!({"capability_enforcement": true, "allow_tool_call": false}),
    );
    assert_eq!(nothing.wishes(), Vec::<&str>::new());
}

#[test]
fn a_field_of_another_type_is_named_and_not_read_as_yes() {
    let read = |context: Value| Call::read(&Map::new(), None, context.as_object()).unwrap_err();
    assert_eq!(
        read(json!({"side_effects_declared": "false"})),
        WrongType(
            "/context/side_effects_declared".into(),
            "must be true or false"
        )
    );
    assert_eq!(
        read(json!({"permissions": ["a", 1]})),
        WrongType("/context/permissions".into(), "must be a list of texts")
    );
}
