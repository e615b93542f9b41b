//! Plans from assets in memory.

mod budgets;
mod models;
mod reach;
mod resolve;
mod stages;
mod verifier;

use serde_json::{Value, json};

use super::*;
use crate::asset::MemorySource;
use crate::contract::Contract;
use crate::model::ModelName;
use crate::plan::{CommandTool, VerifyCommand};
use crate::skill::SkillBinding;
use crate::status::CardStatus;
use crate::tool::{EffectClass, ToolHome};

fn tool(name: &str, required: &[&str]) -> ToolSpec {
    let properties: serde_json::Map<String, Value> = required
        .iter()
        .map(|name| ((*name).to_owned(), json!({"type": "string"})))
        .collect();
    ToolSpec {
        name: name.to_owned(),
        description: format!("Does what `{name}` says."),
        parameters: json!({"type": "object", "properties": properties, "required": required}),
        effect: EffectClass::Idempotent,
        home: ToolHome::Host,
        time_limit_ms: None,
    }
}

fn catalogue() -> Vec<ToolSpec> {
    vec![
        tool("write_file", &["path", "content"]),
        tool("read_file", &["path"]),
        tool("update_issue_status", &["status"]),
    ]
}

fn role(tools: &[&str]) -> String {
    json!({"role": {"description": "Does the work.", "tools": tools}}).to_string()
}

/// Two seats, two cards, a real model.
fn house() -> MemorySource {
    let seats = json!({"coder": {"roles": ["coder"]}, "guard": {"roles": ["integrity_guard"]}});
    let cards = json!([
        {"summary": "First", "seat": "coder"},
        {"summary": "Second", "seat": "Guard", "depends_on": ["DEMO-01"]}
    ]);
    MemorySource::default()
        .with(
            "config/epics/demo.json",
            json!({"name": "Demo", "team": "duo", "environment": "desk", "issues": cards})
                .to_string(),
        )
        .with("config/teams/duo.json", json!({"seats": seats}).to_string())
        .with(
            "config/environments/desk.json",
            json!({"model": "m:7b", "temperature": 0.2, "seed": 42, "timeout": 2.5}).to_string(),
        )
        .with(
            "config/roles/coder.json",
            role(&["write_file", "read_file", "update_issue_status"]),
        )
        .with(
            "config/roles/integrity_guard.json",
            role(&["read_file", "update_issue_status"]),
        )
        .with("config/dialects/generic.json", "{}")
}

fn request() -> PlanRequest {
    PlanRequest {
        epic: "demo".to_owned(),
        department: "core".to_owned(),
        run_id: RunId::new("run-1").expect("id"),
        build_id: BuildId::new("build-1").expect("id"),
        workspace: "/workspace".to_owned(),
        target: None,
        model_override: None,
        rock: None,
    }
}

fn build_from(source: &MemorySource, settings: &PlanSettings) -> BuiltPlan {
    build(&Library::new(source), &request(), settings, &catalogue())
        .unwrap_or_else(|errors| panic!("{errors}"))
}

fn edited(path: &str, edit: impl FnOnce(&mut Value)) -> MemorySource {
    let source = house();
    let mut value: Value = serde_json::from_str(&source.0[path]).expect("json");
    edit(&mut value);
    source.with(path, value.to_string())
}

const EPIC: &str = "config/epics/demo.json";

#[test]
fn a_plan_holds_every_choice() {
    let BuiltPlan {
        plan,
        cards,
        warnings,
    } = build_from(&house(), &PlanSettings::default());
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(plan.guard_seat, "guard");
    assert_eq!(plan.clocks.turn_ms, 2_500);
    assert_eq!(plan.wip_limit_per_seat, 0);
    insta::assert_json_snapshot!(cards);
    insta::assert_snapshot!(plan.seats["guard"].system_prompt);
}

#[test]
fn the_strongest_choice_of_a_model_wins() {
    let scripted = |text: &str| ModelName::parse(text).expect("model");
    let mut source = house().with("config/organization.json", "{\"name\": \"x\"}");
    let mut settings = PlanSettings::default();
    let mut request = request();
    let coder = |source: &MemorySource, settings: &PlanSettings, request: &PlanRequest| {
        let built = build(&Library::new(source), request, settings, &catalogue());
        let built = built.unwrap_or_else(|errors| panic!("{errors}"));
        built.plan.seats["coder"].model.clone()
    };
    let environment = |model: Value| json!({"model": model}).to_string();
    let rules = |rules: Value| json!({"name": "x", "process_rules": rules}).to_string();

    source = source.with("config/environments/desk.json", environment(Value::Null));
    let built_in = scripted("ollama:qwen2.5-coder:14b");
    assert_eq!(coder(&source, &settings, &request), built_in);
    source = source.with("config/environments/desk.json", environment(json!("env:1")));
    assert_eq!(coder(&source, &settings, &request), scripted("env:1"));
    let default = rules(json!({"default_llm": "house:1"}));
    source = source.with("config/organization.json", default);
    assert_eq!(coder(&source, &settings, &request), scripted("house:1"));
    let by_role = rules(json!({"default_llm": "house:1", "models": {"coder": "rule:1"}}));
    source = source.with("config/organization.json", by_role);
    assert_eq!(coder(&source, &settings, &request), scripted("rule:1"));
    let preference = ("coder".to_owned(), "liked:1".to_owned());
    settings.preference_models.extend([preference]);
    assert_eq!(coder(&source, &settings, &request), scripted("liked:1"));
    let variable = ("CODER".to_owned(), "variable:1".to_owned());
    settings.env_models.extend([variable]);
    assert_eq!(coder(&source, &settings, &request), scripted("variable:1"));
    let mut epic: Value = serde_json::from_str(&source.0[EPIC]).expect("json");
    epic["params"] = json!({"model_overrides": {"coder": "epic:1"}});
    source = source.with(EPIC, epic.to_string());
    assert_eq!(coder(&source, &settings, &request), scripted("epic:1"));
    request.model_override = Some("anthropic:line:1".to_owned());
    let line = coder(&source, &settings, &request);
    assert_eq!(
        (line.provider.as_str(), line.model.as_str()),
        ("anthropic", "line:1")
    );
}

#[test]
fn a_role_shares_the_preferences_of_its_like() {
    let mut settings = PlanSettings::default();
    let preference = ("reviewer".to_owned(), "judge:1".to_owned());
    settings.preference_models.extend([preference]);
    let plan = build_from(&house(), &settings).plan;
    assert_eq!(plan.seats["guard"].model.model, "judge:1");
    assert_eq!(plan.seats["coder"].model.model, "m:7b");
}

#[test]
fn a_dry_run_never_asks_a_real_model_by_accident() {
    let mut epic: Value = serde_json::from_str(&house().0[EPIC]).expect("json");
    epic["params"] = json!({"model_overrides": {"coder": "real:1"}});
    epic["issues"][0]["params"] = json!({"model_overrides": {"coder": "real:2"}});
    let source = house()
        .with(EPIC, epic.to_string())
        .with("config/scenarios/dry.json", "{}")
        .with(
            "config/environments/desk.json",
            "{\"model\": \"scripted:dry\"}",
        )
        .with(
            "config/organization.json",
            json!({"name": "x", "process_rules": {"default_llm": "real:3"}}).to_string(),
        );
    let mut settings = PlanSettings::default();
    for role in ["coder", "integrity_guard", "reviewer"] {
        let preference = (role.to_owned(), "real:4".to_owned());
        settings.preference_models.extend([preference]);
    }
    let built = build_from(&source, &settings);
    for seat in built.plan.seats.values() {
        assert_eq!(seat.model.to_string(), "scripted:dry");
    }
    assert_eq!(built.cards[0].model_override("coder"), None);
    let variable = ("CODER".to_owned(), "real:5".to_owned());
    settings.env_models.extend([variable]);
    let plan = build_from(&source, &settings).plan;
    assert_eq!(plan.seats["coder"].model.to_string(), "ollama:real:5");
    assert_eq!(plan.seats["guard"].model.to_string(), "scripted:dry");
}

#[test]
fn a_cards_own_model_stays_with_the_card_until_the_command_line_speaks() {
    let source = edited(EPIC, |epic| {
        epic["issues"][0]["params"] = json!({"model_overrides": {"coder": "openai:gpt"}});
    });
    let card = &build_from(&source, &PlanSettings::default()).cards[0];
    let wish = card.model_override("coder").expect("a model");
    assert_eq!(wish.to_string(), "openai:gpt");
    let request = PlanRequest {
        model_override: Some("m".to_owned()),
        ..request()
    };
    let built = build(
        &Library::new(&source),
        &request,
        &PlanSettings::default(),
        &catalogue(),
    );
    assert_eq!(
        built.expect("a plan").cards[0].model_override("coder"),
        None
    );
}

#[test]
fn params_replace_what_a_seat_must_bring_and_add_to_the_review() {
    let source = edited(EPIC, |epic| {
        epic["issues"][0]["params"] = json!({
            "required_write_paths": ["agent_output/main.sh"],
            "required_read_paths": ["agent_output/design.txt"],
            "review_required_read_paths": ["agent_output/main.sh"],
            "review_required_statuses": ["done", "blocked"],
            "verify": ["sh run.sh 'a b'", ["true"], {"command": ["false"], "expect_exit": 1, "expect_stdout": "x"}]
        });
        epic["issues"][1]["params"] = json!({"required_write_paths": [], "verify": []});
    });
    let cards = build_from(&source, &PlanSettings::default()).cards;
    assert_eq!(
        cards[0].contract,
        Contract {
            required_tools: vec!["write_file".into(), "update_issue_status".into()],
            required_statuses: vec![CardStatus::CodeReview],
            required_write_paths: vec!["agent_output/main.sh".into()],
            required_read_paths: vec!["agent_output/design.txt".into()],
            tool_calls_only: false,
            ..Contract::default()
        }
    );
    assert_eq!(
        cards[0].review_contract,
        Contract {
            required_tools: vec!["update_issue_status".into()],
            required_statuses: vec![CardStatus::Done, CardStatus::Blocked],
            required_read_paths: vec!["agent_output/main.sh".into()],
            rejection_payload: true,
            ..Contract::default()
        }
    );
    let command = |words: &[&str], expect_exit, expect_stdout: Option<&str>| VerifyCommand {
        command: words.iter().map(|word| (*word).to_owned()).collect(),
        expect_stdout: expect_stdout.map(str::to_owned),
        expect_exit,
        timeout_ms: 60_000,
    };
    assert_eq!(
        cards[0].verify,
        [
            command(&["sh", "run.sh", "a b"], 0, None),
            command(&["true"], 0, None),
            command(&["false"], 1, Some("x")),
        ]
    );
    assert_eq!(cards[1].verify, []);
}

#[test]
fn a_role_says_itself_what_its_turns_must_bring() {
    let quiet = json!({"role": {"tools": []}}).to_string();
    let source = house().with("config/roles/coder.json", quiet);
    let cards = build_from(&source, &PlanSettings::default()).cards;
    assert_eq!(cards[0].contract, Contract::default());

    let strict = json!({
        "tools": ["write_file", "update_issue_status"],
        "contract": {"required_tools": ["write_file"], "tool_calls_only": true}
    });
    let source = house().with("config/roles/coder.json", strict.to_string());
    let contract = &build_from(&source, &PlanSettings::default()).cards[0].contract;
    assert_eq!(contract.required_tools, ["write_file"]);
    assert_eq!(contract.required_write_paths, Vec::<String>::new());
    assert!(contract.tool_calls_only);
}

#[test]
fn the_organization_checks_what_files_are_written_unless_the_card_does() {
    let rules = json!({
        "runtime_verifier_commands": [["make", "test"]],
        "runtime_verifier_timeout_sec": 5
    });
    let organization = json!({
        "name": "x", "process_rules": rules,
        "bottleneck_thresholds": {"wip_limit_per_seat": 2}
    });
    let source = house().with("config/organization.json", organization.to_string());
    let built = build_from(&source, &PlanSettings::default());
    assert_eq!(built.cards[0].verify[0].command, ["make", "test"]);
    assert_eq!(built.cards[0].verify[0].timeout_ms, 5_000);
    assert_eq!(built.cards[1].verify, [], "the guard writes no files");
    assert_eq!(built.plan.wip_limit_per_seat, 2);
}

#[test]
fn a_skill_is_a_tool_run_as_a_child_process() {
    let manifest = json!({
        "skill_contract_version": "1.0.5", "skill_id": "lint", "skill_version": "1",
        "description": "Checks the style.", "manifest_digest": "sha256:00",
        "entrypoints": [{
            "entrypoint_id": "run", "runtime": "python", "runtime_version": "3.12",
            "command": "python3 lint.py", "working_directory": "tools",
            "tool_profile_id": "lint_files", "tool_profile_version": "1",
            "runtime_limits": {"max_execution_time": 1.5, "max_memory": 256},
            "args_fingerprint_fields": ["path"], "result_fingerprint_fields": ["ok"],
            "input_schema": {"type": "object", "required": ["path"]},
            "required_environment_variables": ["LINT_HOME"], "effect_class": "pure"
        }]
    });
    let tools = [
        "write_file",
        "update_issue_status",
        "lint_files",
        "report_credits",
    ];
    let source = house()
        .with("config/roles/coder.json", role(&tools))
        .with("config/skills/lint.json", manifest.to_string());
    let built = build_from(&source, &PlanSettings::default());
    let offered = &built.plan.seats["coder"].tools;
    assert_eq!(
        offered[2],
        ToolSpec {
            name: "lint_files".to_owned(),
            description: "Checks the style.".to_owned(),
            parameters: json!({"type": "object", "required": ["path"]}),
            effect: EffectClass::Pure,
            home: ToolHome::Host,
            time_limit_ms: Some(1_500),
        }
    );
    assert_eq!(offered.len(), 3);
    assert_eq!(
        built.plan.commands["lint_files"],
        CommandTool {
            command: vec!["python3".into(), "lint.py".into()],
            working_directory: "tools".to_owned(),
            environment: vec!["LINT_HOME".to_owned()],
            memory_bytes: Some(256 * 1024 * 1024),
            skill: Some(SkillBinding {
                skill_id: "lint".to_owned(),
                skill_version: "1".to_owned(),
                entrypoint_id: "run".to_owned(),
                runtime: "python".to_owned(),
                runtime_version: "3.12".to_owned(),
                tool_profile_id: "lint_files".to_owned(),
                tool_profile_version: "1".to_owned(),
                max_execution_ms: Some(1_500),
                max_memory_bytes: Some(256 * 1024 * 1024),
                allowed_permissions: Some(crate::skill::Permissions::new()),
                ..SkillBinding::default()
            }),
        }
    );
    assert_eq!(
        built.warnings,
        [
            "config/roles/coder.json: tools[3]: `report_credits` is not part of this version and is not offered"
        ]
    );
}

#[test]
fn a_skill_that_could_change_something_is_not_pure_whatever_it_says() {
    let effect = |change: Value| {
        let mut entrypoint = json!({
            "entrypoint_id": "run", "runtime": "shell", "runtime_version": "posix",
            "command": ["sh", "x.sh"], "working_directory": ".",
            "tool_profile_id": "lint_files", "tool_profile_version": "1",
            "args_fingerprint_fields": ["path"], "result_fingerprint_fields": ["ok"],
            "side_effect_fingerprint_fields": ["ok"], "effect_class": "pure"});
        for (key, value) in change.as_object().unwrap() {
            entrypoint[key] = value.clone();
        }
        let manifest = json!({
            "skill_contract_version": "1.0.5", "skill_id": "lint", "skill_version": "1",
            "description": "Checks the style.", "manifest_digest": "sha256:00",
            "entrypoints": [entrypoint]});
        let source = house()
            .with(
                "config/roles/coder.json",
                role(&["write_file", "lint_files"]),
            )
            .with("config/skills/lint.json", manifest.to_string());
        let built = build_from(&source, &PlanSettings::default());
        built.plan.seats["coder"].tools[1].effect
    };
    let reads = json!({"requested_permissions": {"filesystem": "read", "network": "off"}});
    assert_eq!(effect(reads), EffectClass::Pure);
    for more in [
        json!({"requested_permissions": {"filesystem": ["read", "write"]}}),
        json!({"requested_permissions": {"network": "api.example.org"}}),
        json!({"side_effect_categories": ["filesystem"]}),
    ] {
        assert_eq!(effect(more.clone()), EffectClass::AtMostOnce, "{more}");
    }
}

#[test]
fn what_is_odd_but_stops_nothing_is_said() {
    let source = edited(EPIC, |epic| {
        epic["issues"][1] = json!({
            "name": "Second", "seat": "coder", "status": "done", "depend_on": ["DEMO-01"],
            "verification": {"fixture_path": "verification/x.py"},
            "params": {"required_write_path": ["x"]}
        });
    });
    let team = json!({"seats": {
        "coder": {"roles": ["coder"]}, "guard": {"roles": ["integrity_guard"]},
        "spare": {"roles": ["juggler"]}
    }});
    let source = source.with("config/teams/duo.json", team.to_string());
    let built = build_from(&source, &PlanSettings::default());
    assert!(!built.plan.seats.contains_key("spare"));
    insta::assert_snapshot!(built.warnings.join("\n"));
}

#[test]
fn every_problem_is_reported_at_once() {
    let source = edited(EPIC, |epic| {
        epic["issues"] = json!([
            {"id": "A", "summary": "a", "seat": "codr", "depends_on": ["B"]},
            {"id": "B", "summary": "b", "seat": "coder", "depends_on": ["C", "X"]},
            {"id": "C", "summary": "c", "seat": "coder", "depends_on": ["A", "C"]},
            {"id": "A", "summary": "d", "seat": "coder", "params": {"required_statuses": ["done"]}}
        ]);
    });
    let source = source.with("config/roles/integrity_guard.json", role(&["read_fil"]));
    let request = PlanRequest {
        target: Some(CardId::new("D").expect("id")),
        ..request()
    };
    let errors = build(
        &Library::new(&source),
        &request,
        &PlanSettings::default(),
        &catalogue(),
    );
    insta::assert_snapshot!(errors.expect_err("a broken epic"));
}

#[test]
fn the_organization_s_rules_are_in_every_contract_and_a_wrong_one_is_named() {
    let organization = |rules: Value| {
        let organization =
            json!({"name": "O", "forbidden_file_types": ["exe"], "process_rules": rules});
        let text = json!({ "organization": organization }).to_string();
        house().with("model/organization.json", text)
    };
    let source = organization(json!({
        "runtime_guard_rule_ids": ["HALLUCINATION.INVENTED_DETAIL"],
        "verification_scope_limits": {"max_workspace_items": 9},
        "dependency_file_ownership_enabled": true,
        "dependency_file_owner_roles": "packager",
    }));
    let built = build_from(&source, &PlanSettings::default());
    for card in &built.cards {
        for contract in [&card.contract, &card.review_contract] {
            assert_eq!(contract.rules, ["HALLUCINATION.INVENTED_DETAIL"]);
            assert_eq!(contract.limits.max_workspace_items, Some(9));
        }
    }
    let gate = &built.plan.policy.gate;
    assert_eq!(gate.forbidden_file_types, [".exe"]);
    assert_eq!(gate.owned_files[0].owners, ["packager"]);
    let source = organization(json!({
        "runtime_guard_rule_ids": ["SECURITY.PATH_TRAVERSAL", "SECURITY.PATH_TRAVERSAL", "X"],
        "verification_scope_limits": {"max_items": 1, "max_total_context_items": -1},
        "architecture_mode": "chaos",
        "frontend_framework_mode": "svelte",
        "idesign_mode": "maybe",
        "deployment_file_ownership_enabled": "perhaps",
    }));
    let errors = build(
        &Library::new(&source),
        &request(),
        &PlanSettings::default(),
        &catalogue(),
    );
    insta::assert_snapshot!(errors.expect_err("refused").to_string());
}

fn with_modes(modes: &[(&str, &str)]) -> PlanSettings {
    let mut settings = PlanSettings::default();
    for (key, value) in modes {
        settings
            .modes
            .insert((*key).to_owned(), (*value).to_owned());
    }
    settings
}

/// The problems of a plan, as lines; empty when there is one.
fn refusals(source: &MemorySource, settings: &PlanSettings) -> String {
    match build(&Library::new(source), &request(), settings, &catalogue()) {
        Ok(_) => String::new(),
        Err(problems) => problems.to_string(),
    }
}

#[test]
fn prompts_are_stamped_and_only_the_versions_that_may_speak_do() {
    let role = |status: &str, version: &str, rules: Value| {
        edited("config/roles/coder.json", |role| {
            role["role"]["prompt_metadata"] = json!({"id": "role.coder", "status": status, "version": version, "owned_rule_ids": rules});
        })
        .with(
            "config/dialects/generic.json",
            json!({"prompt_metadata": {"id": "dialect.generic", "version": "2.0"}}).to_string(),
        )
    };
    let stable = role("stable", "1.4", json!([]));
    let built = build_from(&stable, &PlanSettings::default());
    let seat = &built.plan.seats["coder"];
    assert_eq!(seat.prompt.prompt_id, "role.coder+dialect.generic");
    assert_eq!(seat.prompt.prompt_version, "1.4/2.0");
    let checksum = crate::canonical::sha256_hex(seat.system_prompt.as_bytes());
    assert_eq!(seat.prompt.prompt_checksum, checksum[..16]);

    let canary = role("canary", "1.5", json!([]));
    let told = refusals(&canary, &PlanSettings::default());
    assert!(told.contains("only `stable` prompts may speak"), "{told}");
    let loose = with_modes(&[("prompt_selection_strict", "false")]);
    let built = build_from(&canary, &loose);
    assert!(
        built.warnings.iter().any(|it| it.contains("only `stable`")),
        "{:?}",
        built.warnings
    );
    assert_eq!(
        refusals(
            &canary,
            &with_modes(&[("prompt_selection_policy", "canary")])
        ),
        ""
    );
    let retired = role("retired", "1.5", json!([]));
    assert!(
        !refusals(
            &retired,
            &with_modes(&[("prompt_selection_policy", "canary")])
        )
        .is_empty()
    );

    let exact = |version: &str| {
        let modes = [
            ("prompt_selection_policy", "exact"),
            ("prompt_version_exact", version),
        ];
        // The guard's role has no version of its own.
        refusals(&canary, &with_modes(&modes))
    };
    assert!(exact("9/9").contains("only version 9/9 may speak"));
    assert!(
        !exact("1.5/2.0").contains("coder.json"),
        "{}",
        exact("1.5/2.0")
    );
    assert!(
        refusals(
            &stable,
            &with_modes(&[("prompt_selection_policy", "exact")])
        )
        .contains("prompt_version_exact")
    );
    let owning = role("stable", "1", json!(["SECURITY.MINE"]));
    assert!(refusals(&owning, &PlanSettings::default()).contains("belongs to a guard"));
}

#[test]
fn the_resolver_lays_its_guard_layers_over_a_prompt() {
    let source = house();
    let plain = build_from(&source, &PlanSettings::default());
    assert!(
        !plain.plan.seats["coder"]
            .system_prompt
            .contains("What you are held to")
    );
    let modes = [
        ("prompt_resolver_mode", "resolver"),
        ("prompt_guard_layers", "security, consistency"),
    ];
    let over = build_from(&source, &with_modes(&modes));
    let prompt = &over.plan.seats["coder"].system_prompt;
    assert!(
        prompt.contains("Stay inside the workspace") && prompt.contains("Keep to what was decided")
    );
    assert!(!prompt.contains("Name only files"));
    assert!(prompt.contains("Gate mode auto"), "{prompt}");
    let stamp = serde_json::to_value(&over.plan.seats["coder"].prompt).expect("json");
    assert_eq!(
        [&stamp["role"], &stamp["dialect"], &stamp["guard_count"]],
        [&json!("coder"), &json!("generic"), &json!(2)]
    );
    let asks = [modes[0], ("approval_required_tools", "write_file")];
    let asks = build_from(&source, &with_modes(&asks));
    let prompt = &asks.plan.seats["coder"].system_prompt;
    assert!(
        prompt.contains("calls of write_file wait until"),
        "{prompt}"
    );
    for (key, value) in [
        ("prompt_resolver_mode", "magic"),
        ("prompt_guard_layers", "luck"),
        ("context_tokens", "many"),
    ] {
        let told = refusals(&source, &with_modes(&[(key, value)]));
        assert!(told.contains(key) && told.contains(value), "{told}");
    }
}

#[test]
fn the_context_of_the_environment_bounds_a_prompt_unless_something_stronger_does() {
    let bound = edited("config/environments/desk.json", |it| {
        it["params"] = json!({"num_ctx": 4_096})
    });
    let tokens = |settings: &PlanSettings| {
        build_from(&bound, settings)
            .plan
            .policy
            .prompts
            .context_tokens
    };
    assert_eq!(tokens(&PlanSettings::default()), 4_096);
    assert_eq!(tokens(&with_modes(&[("context_tokens", "0")])), 0);
    let plain = build_from(&house(), &PlanSettings::default());
    assert_eq!(plain.plan.policy.prompts.context_tokens, 32_768);
}

#[test]
fn a_setting_without_effect_is_told() {
    let warnings = |modes: &[(&str, &str)]| {
        let built = build_from(&house(), &with_modes(modes));
        built.warnings.join("\n")
    };
    for (key, value) in [
        ("architecture_mode", "force_microservices"),
        ("architecture_mode", "architect_decides"),
        ("prompt_version_exact", "9/9"),
        ("prompt_guard_layers", "security"),
    ] {
        let told = warnings(&[(key, value)]);
        assert!(told.contains(key), "{key}: {told}");
    }
    let all = [
        ("architecture_mode", "force_microservices"),
        ("enable_microservices", "true"),
        ("prompt_resolver_mode", "resolver"),
        ("prompt_guard_layers", "security"),
    ];
    assert_eq!(warnings(&all), "");
    let broken = PlanSettings {
        problems: vec![Problem::new(
            "check.json",
            "unlocked",
            "must say true or false",
        )],
        ..PlanSettings::default()
    };
    let told = refusals(&house(), &broken);
    assert!(told.contains("check.json: unlocked"), "{told}");
}
