//! What the run's policy and the rules about names refuse, rule by rule.

use serde_json::{Value, json};

use super::fixture::{card, seat};
use super::*;
use crate::policy::FileOwnership;
use crate::skill::SkillBinding;
use crate::tool::{EffectClass, ToolHome};

fn strict() -> GatePolicy {
    GatePolicy {
        forbidden_file_types: vec![".exe".to_owned(), ".min.js".to_owned()],
        owned_files: vec![
            FileOwnership::dependencies(Vec::new(), Vec::new()),
            FileOwnership::deployment(vec!["ops/run.sh".to_owned()], vec!["Ops".to_owned()]),
        ],
        idesign: true,
        own_places: Vec::new(),
    }
}

fn ask(by: &str, policy: &GatePolicy, tool: &str, args: Value) -> Option<String> {
    let mut seat = seat("coder");
    seat.seat = by.to_owned();
    let delete = ToolSpec {
        name: "delete_file".to_owned(),
        description: String::new(),
        parameters: json!({"type": "object", "properties": {"path": {"type": "string"}}}),
        effect: EffectClass::Idempotent,
        home: ToolHome::Host,
        time_limit_ms: None,
    };
    let wipe = ToolSpec {
        name: "wipe".to_owned(),
        parameters: json!({"required": ["confirm"]}),
        ..delete.clone()
    };
    seat.tools = seat.tools.iter().cloned().chain([delete, wipe]).collect();
    let Value::Object(args) = args else {
        panic!("arguments are an object")
    };
    let scope = GateScope {
        seat: &seat,
        card: &card(),
        status: CardStatus::InProgress,
        policy,
    };
    let tool = tool.to_owned();
    let violation = check(&ToolCall { tool, args }, &scope).err()?;
    assert_eq!(violation.reason, REFUSED);
    violation.rule_id
}

fn write(by: &str, policy: &GatePolicy, path: &str) -> Option<String> {
    ask(
        by,
        policy,
        "write_file",
        json!({"path": path, "content": "x = 1"}),
    )
}

#[test]
fn a_name_that_means_another_file_somewhere_is_refused() {
    let long = "a".repeat(256);
    let deep = "a/".repeat(64) + "a";
    let endless = ["abcdefghij"; 100].join("/");
    for (rule, paths) in [
        (
            RULE_PATH_NAME,
            vec![
                "a.",
                "a /b",
                "verification./x",
                "CON",
                "a/nul.txt",
                "Com1",
                "lpt9.log",
                "a/AUX.",
                "conin$",
                "ab:c",
                "agent_output/x::$DATA",
                "VERIFI~1/x",
                "a?",
                "a*",
                "a|b",
                "....//x",
                long.as_str(),
                deep.as_str(),
                endless.as_str(),
            ],
        ),
        (
            RULE_LOOKALIKE,
            vec![
                "veri\u{fb01}cation/x",
                "verificat\u{0456}on/x",
                "\u{ff0e}\u{ff0e}/x",
                "a\u{2215}b",
                "a\u{2044}b",
                "\u{2024}\u{2024}/x",
                "veri\u{200b}fication/x",
                "\u{202e}txt.a",
                "e\u{0301}.txt",
                "\u{212a}ey",
                "veri\u{017f}ication",
                "a\u{00a0}",
            ],
        ),
        (
            RULE_TRAVERSAL,
            vec![
                "..%2fx",
                "%2e%2e/x",
                "a%5cb",
                "x%00",
                "%252e%252e/x",
                "a\0b",
                "../x",
            ],
        ),
        (
            RULE_PROTECTED,
            vec![
                "verification/x",
                "VERIFICATION\\x",
                "./agent_output//verification/x",
                ".GIT/config",
            ],
        ),
    ] {
        for path in paths {
            let found = write("coder", &GatePolicy::default(), path);
            assert_eq!(found.as_deref(), Some(rule), "{path:?}");
            if rule != RULE_PROTECTED {
                for tool in ["read_file", "list_directory"] {
                    let found = ask("coder", &GatePolicy::default(), tool, json!({"path": path}));
                    assert_eq!(found.as_deref(), Some(rule), "{tool} {path:?}");
                }
            }
        }
    }
    for path in [
        "ü/ß.txt",
        "日本/語.txt",
        "\u{43a}\u{43e}\u{434}.txt",
        "a.b/.c",
        "console",
        "com10",
        "a%b",
        "a~b",
    ] {
        assert_eq!(
            write("coder", &GatePolicy::default(), path),
            None,
            "{path:?}"
        );
    }
}

#[test]
fn files_with_owners_and_forbidden_types_are_kept_from_the_others() {
    let policy = strict();
    let cases = [
        ("coder", "agent_output/a.EXE", Some(RULE_FILE_TYPE)),
        ("coder", "agent_output/a.min.js", Some(RULE_FILE_TYPE)),
        ("coder", "agent_output/exe", None),
        (
            "coder",
            "agent_output/Requirements.txt",
            Some(RULE_OWNERSHIP),
        ),
        ("coder", "agent_output/dependencies/x", Some(RULE_OWNERSHIP)),
        ("dependency_manager", "agent_output/dependencies/x", None),
        ("dependency_manager", "ops/run.sh", Some(RULE_OWNERSHIP)),
        ("ops", "ops/run.sh", None),
        ("coder", "other/run.sh", None),
    ];
    for (by, path, rule) in cases {
        assert_eq!(write(by, &policy, path).as_deref(), rule, "{by} {path}");
        assert_eq!(write(by, &GatePolicy::default(), path), None, "{by} {path}");
    }
}

#[test]
fn the_layers_of_idesign_hold_where_they_are_asked_for() {
    let source = |path: &str, content: &str| {
        let args = json!({"path": path, "content": content});
        ask("coder", &strict(), "write_file", args)
    };
    for (path, content) in [
        (
            "managers/order_manager.py",
            "from engines.price_engine import x",
        ),
        ("engines/price_engine.py", "import accessors.db_accessor"),
        (
            "accessors/db_accessor.py",
            "# a manager would be wrong here",
        ),
        (
            "accessors/db_accessor.py",
            "\"\"\"Reads rows.\n\nimport this where a manager needs it.\n\"\"\"\nclass Row: pass\nclass DbAccessor: pass",
        ),
        (
            "accessors/db_accessor.js",
            "// a manager calls this\nimport x from './rows'",
        ),
        ("agent_output/accessors/__init__.py", ""),
        ("agent_output/main.py", "import manager"),
        ("README.md", ""),
    ] {
        assert_eq!(source(path, content), None, "{path}");
    }
    for (path, content) in [
        ("main.py", ""),
        ("lib/a.ts", ""),
        ("engines/price.py", ""),
        (
            "engines/price_engine.py",
            "from managers import order_manager",
        ),
        (
            "engines/price_engine.py",
            "from rows import (\n    a,\n    order_manager,\n)",
        ),
        ("managers/order_manager.py", "class Order:\n    pass"),
        (
            "accessors/db_accessor.js",
            "const x = require('../engines/price')",
        ),
    ] {
        assert_eq!(
            source(path, content).as_deref(),
            Some(RULE_IDESIGN),
            "{path}"
        );
    }
}

#[test]
fn what_cannot_be_undone_is_confirmed() {
    let policy = GatePolicy::default();
    let ask = |tool, args| ask("coder", &policy, tool, args);
    for args in [
        json!({"path": "a"}),
        json!({"path": "a", "confirm": "true"}),
    ] {
        assert_eq!(ask("delete_file", args).as_deref(), Some(RULE_CONFIRM));
    }
    assert_eq!(
        ask("delete_file", json!({"path": "a", "confirm": true})),
        None
    );
    let other = json!({"path": "verification/a", "confirm": true});
    assert_eq!(ask("delete_file", other).as_deref(), Some(RULE_PROTECTED));
    assert_eq!(
        ask("wipe", json!({"confirm": false})).as_deref(),
        Some(RULE_CONFIRM)
    );
    assert_eq!(ask("wipe", json!({"confirm": true})), None);
}

/// What the gate says of a call of a skill with this schema and this binding.
fn ask_skill(schema: Value, binding: SkillBinding, args: Value) -> Option<(String, String)> {
    let mut seat = seat("coder");
    let spec = ToolSpec {
        name: "lint".to_owned(),
        description: String::new(),
        parameters: schema,
        effect: EffectClass::AtMostOnce,
        home: ToolHome::Host,
        time_limit_ms: None,
    };
    seat.tools = seat.tools.iter().cloned().chain([spec]).collect();
    let command = CommandTool {
        command: vec!["sh".to_owned()],
        skill: Some(binding),
        ..CommandTool::default()
    };
    let Value::Object(args) = args else {
        panic!("arguments are an object")
    };
    let tool = "lint".to_owned();
    let scope = GateScope {
        seat: &seat,
        card: &card(),
        status: CardStatus::InProgress,
        policy: &GatePolicy::default(),
    };
    let call = ToolCall { tool, args };
    let checked = check(&call, &scope);
    let policy = SkillPolicy::default();
    let violation = checked
        .and_then(|()| skill(&call, Some(&command), &policy))
        .err()?;
    Some((violation.rule_id?, violation.message))
}

fn shell() -> SkillBinding {
    SkillBinding {
        runtime: "shell".to_owned(),
        ..SkillBinding::default()
    }
}

#[test]
fn a_skill_is_held_to_its_whole_schema() {
    let schema = json!({"type": "object", "required": ["n", "box"], "additionalProperties": false,
        "properties": {"n": {"type": "integer", "maximum": 3}, "mode": {"enum": ["a", "b"]},
            "box": {"type": "object", "required": ["w"]}}});
    let said = |args: Value| ask_skill(schema.clone(), shell(), args).map(|(_, message)| message);
    let right = json!({"n": 3, "mode": null, "box": {"w": 1}});
    assert_eq!(said(right), None);
    for (args, message) in [
        (
            json!({"n": 99, "box": {"w": 1}}),
            "lint: the argument `n` is 99 and must be at most 3",
        ),
        (
            json!({"n": 1, "mode": "zzz", "box": {"w": 1}}),
            "lint: the argument `mode` must be one of \"a\", \"b\"",
        ),
        (
            json!({"n": 1, "box": {}}),
            "lint: the argument `box.w` is missing",
        ),
        (
            json!({"n": 1, "box": {"w": 1}, "more": 1}),
            "lint: the argument `more` is not expected",
        ),
    ] {
        assert_eq!(said(args).as_deref(), Some(message));
    }
}

#[test]
fn a_skill_that_may_not_run_is_refused_before_anything_runs() {
    let rule = |binding| ask_skill(json!({}), binding, json!({})).map(|(rule, _)| rule);
    assert_eq!(rule(shell()), None);
    let needs = SkillBinding {
        required_permissions: crate::skill::permissions(Some(&json!({"filesystem": "write"}))),
        ..shell()
    };
    assert_eq!(rule(needs).as_deref(), Some("E_SKILL_PERMISSION"));
    let other = SkillBinding {
        runtime: "python".to_owned(),
        ..SkillBinding::default()
    };
    assert_eq!(rule(other).as_deref(), Some("E_SKILL_RUNTIME"));
}
