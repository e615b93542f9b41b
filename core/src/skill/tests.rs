//! One failing manifest for each code, and which code wins when several would do.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;

fn good() -> Value {
    json!({
        "skill_contract_version": "1.0.5", "skill_id": "lint", "skill_version": "2",
        "description": "Checks the style.", "manifest_digest": "sha256:00",
        "entrypoints": [{
            "entrypoint_id": "run", "runtime": "shell", "runtime_version": "posix",
            "command": ["sh", "lint.sh"], "working_directory": ".",
            "tool_profile_id": "lint_files", "tool_profile_version": "1",
            "runtime_limits": {"max_execution_time": 1.5, "max_memory": "64MB"},
            "args_fingerprint_fields": ["path"], "result_fingerprint_fields": ["ok"],
            "side_effect_categories": ["filesystem"],
            "side_effect_fingerprint_fields": ["written"],
            "requested_permissions": {"filesystem": ["read", "write"], "network": "off"},
            "required_permissions": {"filesystem": "write"},
            "something_else": 1
        }]
    })
}

/// A change to the good manifest.
type Edit = fn(&mut Value);

const UNPINNED: Edit = |it| it["entrypoints"][0]["runtime_version"] = json!(" ");
const NO_ARGS: Edit = |it| it["entrypoints"][0]["args_fingerprint_fields"] = json!([]);
const NO_EFFECT: Edit = |it| it["entrypoints"][0]["side_effect_fingerprint_fields"] = json!([]);
const NOT_ASKED: Edit =
    |it| it["entrypoints"][0]["requested_permissions"] = json!({"filesystem": "read"});
const NO_PREFIX: Edit = |it| it["manifest_digest"] = json!("00ff");
const NO_HEX: Edit = |it| it["manifest_digest"] = json!("sha256:zz");
const OLD: Edit = |it| it["skill_contract_version"] = json!("1.0.4");
const NO_ID: Edit = |it| it["skill_id"] = json!("");
const TWICE: Edit = |it| {
    let first = it["entrypoints"][0].clone();
    it["entrypoints"].as_array_mut().unwrap().push(first);
};

fn edited(edits: &[Edit]) -> Checked {
    let mut manifest = good();
    for edit in edits {
        edit(&mut manifest);
    }
    check(manifest.to_string().as_bytes())
}

#[test]
fn a_manifest_that_keeps_the_contract_is_admitted() {
    let bare = check(good().to_string().as_bytes());
    assert_eq!(bare.refusal, None);
    assert_eq!(
        serde_json::to_value(&bare.validation).unwrap(),
        json!({
            "contract_valid": true, "determinism_eligible": true, "side_effect_risk": "declared",
            "fingerprint_completeness": "complete", "permission_risk": "declared",
            "trust_level": "validated", "validation_policy_version": "skill.validation.v1",
            "validation_timestamp": "1970-01-01T00:00:00Z", "errors": []
        })
    );
    let wrapped = json!({"skill": good()}).to_string();
    assert_eq!(check(wrapped.as_bytes()), bare);
}

#[test]
fn every_code_has_a_manifest_that_fails_with_it() {
    let told = |checked: Checked| {
        let refusal = checked.refusal.unwrap();
        let errors: Vec<_> = checked
            .validation
            .errors
            .iter()
            .map(Finding::to_string)
            .collect();
        (
            refusal.error_code.as_str(),
            refusal.validation_stage,
            errors.join("|"),
        )
    };
    let table = [
        (
            edited(&[NO_ID]),
            "ERR_SCHEMA_INVALID",
            "schema",
            "schema:skill_id: must not be empty",
        ),
        (
            edited(&[OLD]),
            "ERR_CONTRACT_UNSUPPORTED_VERSION",
            "contract_version",
            "contract:unsupported_version",
        ),
        (
            edited(&[NO_PREFIX]),
            "ERR_CONTRACT_INVALID",
            "contract",
            "contract:manifest_digest_missing_algorithm_prefix",
        ),
        (
            edited(&[NO_HEX]),
            "ERR_CONTRACT_INVALID",
            "contract",
            "contract:manifest_digest_not_hex",
        ),
        (
            edited(&[UNPINNED]),
            "ERR_RUNTIME_UNPINNED",
            "runtime",
            "entrypoint:run:runtime_unpinned",
        ),
        (
            edited(&[NO_ARGS]),
            "ERR_FINGERPRINT_INCOMPLETE",
            "fingerprint",
            "entrypoint:run:fingerprint_incomplete",
        ),
        (
            edited(&[NO_EFFECT]),
            "ERR_SIDE_EFFECT_UNDECLARED",
            "side_effect",
            "entrypoint:run:side_effect_undeclared",
        ),
        (
            edited(&[NOT_ASKED]),
            "ERR_PERMISSION_UNDECLARED",
            "permissions",
            "entrypoint:run:permission_undeclared",
        ),
        (
            edited(&[TWICE]),
            "ERR_CONTRACT_INVALID",
            "loader",
            "entrypoint:run:tool_profile_duplicated",
        ),
        (
            unreadable("no such file"),
            "ERR_VALIDATION_INTERNAL",
            "-",
            "internal:no such file",
        ),
    ];
    let mut seen = BTreeSet::new();
    for (checked, code, stage, errors) in table {
        assert_eq!(told(checked), (code, stage, errors.to_owned()));
        seen.insert(code.to_owned());
    }
    let all: BTreeSet<_> = ErrorCode::ALL
        .iter()
        .map(|code| code.as_str().to_owned())
        .collect();
    assert_eq!(seen, all, "a code without a manifest");
    let (code, ..) = told(check(b"{\"skill_id\": \"\xff\"}"));
    assert_eq!(code, "ERR_VALIDATION_INTERNAL");
}

#[test]
fn of_several_faults_the_first_row_decides() {
    let mut faults = vec![
        TWICE, NOT_ASKED, NO_EFFECT, NO_ARGS, UNPINNED, NO_PREFIX, OLD, NO_ID,
    ];
    let mut codes = Vec::new();
    while !faults.is_empty() {
        let refusal = edited(&faults).refusal.unwrap();
        codes.push((refusal.error_code.as_str(), refusal.validation_stage));
        faults.pop();
    }
    assert_eq!(
        codes,
        [
            ("ERR_SCHEMA_INVALID", "schema"),
            ("ERR_CONTRACT_UNSUPPORTED_VERSION", "contract_version"),
            ("ERR_CONTRACT_INVALID", "contract"),
            ("ERR_RUNTIME_UNPINNED", "runtime"),
            ("ERR_FINGERPRINT_INCOMPLETE", "fingerprint"),
            ("ERR_SIDE_EFFECT_UNDECLARED", "side_effect"),
            ("ERR_PERMISSION_UNDECLARED", "permissions"),
            ("ERR_CONTRACT_INVALID", "loader"),
        ]
    );
}

#[test]
fn the_loader_says_everything_in_one_payload() {
    let refusal = edited(&[UNPINNED, OLD]).refusal;
    assert_eq!(
        serde_json::to_value(refusal).unwrap(),
        json!({
            "error_code": "ERR_CONTRACT_UNSUPPORTED_VERSION",
            "message": "contract:unsupported_version; entrypoint:run:runtime_unpinned",
            "skill_id": "lint", "skill_version": "2", "skill_contract_version_seen": "1.0.4",
            "validation_stage": "contract_version", "retryable": false, "entrypoint_id": "run"
        })
    );
    let refusal = check(b"[]").refusal;
    assert_eq!(
        serde_json::to_value(refusal).unwrap(),
        json!({
            "error_code": "ERR_SCHEMA_INVALID", "message": "schema:$: must be a JSON object",
            "skill_id": "unknown", "skill_version": "unknown",
            "skill_contract_version_seen": "unknown", "validation_stage": "schema",
            "retryable": false
        })
    );
}

#[test]
fn every_field_of_the_wrong_kind_is_named() {
    let mut wrong = good();
    wrong["content_digest"] = json!(1);
    wrong["entrypoints"][0] = json!({
        "entrypoint_id": 1, "command": [], "working_directory": ".", "tool_profile_id": "t",
        "tool_profile_version": "1", "runtime": "rust", "input_schema": [],
        "runtime_limits": {"max_execution_time": 0, "max_memory": "much"},
        "args_fingerprint_fields": "path", "requested_permissions": {"a": 1}
    });
    let errors: Vec<_> = check(wrong.to_string().as_bytes())
        .validation
        .errors
        .iter()
        .map(Finding::to_string)
        .collect();
    assert_eq!(
        errors,
        [
            "schema:content_digest: must be a text",
            "schema:entrypoints.0.entrypoint_id: must be a text",
            "schema:entrypoints.0.command: must not be empty",
            "schema:entrypoints.0.input_schema: must be an object",
            "schema:entrypoints.0.args_fingerprint_fields: must be a list of texts",
            "schema:entrypoints.0.requested_permissions: must be an object with a text or a list of texts for each scope",
            "schema:entrypoints.0.runtime_limits.max_execution_time: must be seconds greater than 0",
            "schema:entrypoints.0.runtime_limits.max_memory: must be mebibytes greater than 0, or a text such as 256MB",
        ]
    );
}

#[test]
fn amounts_of_memory_are_read_in_every_spelling() {
    let bytes = |value: Value| memory_bytes(&value);
    let mib = 1024 * 1024;
    assert_eq!(bytes(json!(256)), Some(256 * mib));
    assert_eq!(bytes(json!(0.5)), Some(mib / 2));
    assert_eq!(bytes(json!("1 GiB")), Some(1024 * mib));
    assert_eq!(bytes(json!("64k")), Some(64 * 1024));
    assert_eq!(bytes(json!("12b")), Some(12));
    for wrong in [
        json!(0),
        json!(-1),
        json!("1 TB"),
        json!(""),
        json!(true),
        json!("1.2.3"),
    ] {
        assert_eq!(bytes(wrong.clone()), None, "{wrong}");
    }
}

#[test]
fn a_permission_that_was_not_granted_stops_the_call() {
    let granted = |value: Value| crate::policy::SkillPolicy {
        granted_permissions: permissions(Some(&value)),
        ..crate::policy::SkillPolicy::default()
    };
    let shell = ["sh".to_owned()];
    let binding = SkillBinding {
        runtime: "shell".to_owned(),
        required_permissions: permissions(Some(
            &json!({"filesystem": ["read", "write"], "clock": "now"}),
        )),
        ..SkillBinding::default()
    };
    let breach = binding
        .breach(&shell, &granted(json!({"filesystem": "read"})))
        .unwrap();
    assert_eq!(breach.code, "E_SKILL_PERMISSION");
    assert_eq!(
        breach.message,
        "Skill contract violation: missing required permissions (clock:now, filesystem:write)"
    );
    assert_eq!(breach_of(&breach.clone().into_result()), Some(breach));
    let all = granted(json!({"filesystem": ["write", "read"], "clock": ["now"]}));
    assert_eq!(binding.breach(&shell, &all), None);
}

#[test]
fn a_command_runs_on_the_runtime_that_was_declared() {
    let code = |runtime: &str, program: &str| {
        let binding = SkillBinding {
            runtime: runtime.to_owned(),
            ..SkillBinding::default()
        };
        let policy = crate::policy::SkillPolicy::default();
        binding
            .breach(&[program.to_owned()], &policy)
            .map(|breach| breach.code)
    };
    for (runtime, program) in [
        ("python", "python3.12"),
        ("Shell", "/bin/sh"),
        ("node", "node"),
        ("shell", "tools/run"),
        ("rust", "target/lint"),
        ("ruby", "/usr/bin/ruby3.1"),
    ] {
        assert_eq!(code(runtime, program), None, "{runtime} {program}");
    }
    for (runtime, program) in [
        ("python", "sh"),
        ("shell", "curl"),
        ("container", "docker"),
        ("rust", "curl"),
        ("rust", "rustup"),
    ] {
        let refused = code(runtime, program);
        assert_eq!(refused.as_deref(), Some("E_SKILL_RUNTIME"), "{program}");
    }
}

#[test]
fn a_version_that_is_pinned_is_held_to() {
    let binding = |runtime: &str, version: &str| SkillBinding {
        runtime: runtime.to_owned(),
        runtime_version: version.to_owned(),
        ..SkillBinding::default()
    };
    let policy = crate::policy::SkillPolicy::default();
    let python = ["python3".to_owned()];
    let code = |found: Option<Breach>| found.map(|it| it.code);
    assert_eq!(binding("python", "3.11").breach(&python, &policy), None);
    for none in ["posix", ">=3.9", "3.11 || 3.12"] {
        let refused = code(binding("python", none).breach(&python, &policy));
        assert_eq!(refused.as_deref(), Some("E_SKILL_RUNTIME"), "{none}");
    }
    let told = |text: &str| version_told(text).map(str::to_owned);
    assert_eq!(told("Python 3.11.7\n").as_deref(), Some("3.11.7"));
    assert_eq!(told("v20.1.0\n").as_deref(), Some("20.1.0"));
    let bash = "GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)\n";
    assert_eq!(told(bash).as_deref(), Some("5.2.15"));
    assert_eq!(told("sh: 0: Illegal option --\n"), None);
    let other = |pin: &str, found: Option<&str>| binding("python", pin).other_version("p", found);
    for pin in ["3", "3.11", "3.11.7", "v3.11"] {
        assert_eq!(other(pin, Some("3.11.7")), None, "{pin}");
    }
    for (pin, found) in [
        ("3.1", Some("3.11.7")),
        ("9.99", Some("3.11.7")),
        ("3", None),
    ] {
        assert_eq!(code(other(pin, found)).as_deref(), Some("E_SKILL_RUNTIME"));
    }
    let shell = ["sh".to_owned()];
    assert_eq!(binding("shell", "posix").versioned(&shell), None);
    assert_eq!(binding("shell", "5.2").versioned(&shell), Some("sh"));
    let own = ["tools/run".to_owned()];
    assert_eq!(binding("python", "3.11").versioned(&own), None);
}

#[test]
fn what_is_allowed_is_asked_for_and_granted() {
    let of = |value: Value| permissions(Some(&value));
    let asked = of(json!({"filesystem": ["read", "write"], "network": "off"}));
    let some = allowed(&asked, &of(json!({"filesystem": "read", "clock": "now"})));
    assert_eq!(some, of(json!({"filesystem": "read"})));
    assert!(!may_write(&some) && !may_change(&some));
    let all = allowed(
        &asked,
        &of(json!({"filesystem": ["write"], "network": ["off", "on"]})),
    );
    assert!(may_write(&all) && !may_call(&all));
    assert!(may_call(&of(json!({"network": "api.example.org"}))));
}

#[test]
fn what_the_loader_refuses_does_not_pass_the_check() {
    let at = |edit: Edit| {
        let checked = edited(&[edit]);
        let refusal = checked.refusal.expect("refused");
        assert_eq!(refusal.error_code, ErrorCode::SchemaInvalid);
        let found = checked.validation.errors.first().map(Finding::to_string);
        let found = found.unwrap_or_default();
        let place = found
            .strip_prefix("schema:entrypoints.0.")
            .unwrap_or(&found);
        place.split(": ").next().unwrap_or_default().to_owned()
    };
    assert_eq!(
        at(|it| it["entrypoints"][0]["working_directory"] = json!("../x")),
        "working_directory"
    );
    assert_eq!(
        at(|it| it["entrypoints"][0]["command"] = json!("cat x | sh")),
        "command"
    );
    assert_eq!(
        at(|it| it["entrypoints"][0]["effect_class"] = json!("harmless")),
        "effect_class"
    );
    assert_eq!(
        at(|it| it["entrypoints"][0]["input_schema"] = json!({"items": {"$ref": "#/x"}})),
        "input_schema.items.$ref"
    );
    assert_eq!(
        at(|it| it["entrypoints"][0]["runtime_limits"]["max_execution_time"] = json!(1e300)),
        "runtime_limits.max_execution_time"
    );
}

#[test]
fn the_smaller_limit_holds() {
    let policy = crate::policy::SkillPolicy {
        max_execution_ms: Some(1_000),
        ..crate::policy::SkillPolicy::default()
    };
    assert_eq!(policy.execution_ms(Some(5_000)), Some(1_000));
    assert_eq!(policy.execution_ms(Some(50)), Some(50));
    assert_eq!(policy.execution_ms(None), Some(1_000));
    assert_eq!(policy.memory_bytes(Some(7)), Some(7));
    assert_eq!(policy.memory_bytes(None), None);
}
