//! What an operator writes: every shape that is accepted, every mistake that is named, and the
//! assets that come with the program.

mod asset_house;

use std::fs;

use orket::assets::DiskThenEmbedded;
use orket_core::asset::{
    Asset, AssetSource, Department, Dialect, Engines, Environment, Epic, Issue, Library, Located,
    Organization, Problem, Rock, Role, Skill, Team, check, parse,
};
use orket_core::plan_build::BuiltPlan;
use serde_json::{Value, json};

use asset_house::{EPIC, MAKER, SKILL, catalogue, house, mistakes, plan, problems, set, write};

#[test]
fn every_mistake_is_named_with_its_file_and_field() {
    assert_eq!(problems(house().path()), []);
    let mut told = String::new();
    for (file, pointer, value) in mistakes() {
        let house = house();
        let path = house.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        let mut asset: Value = serde_json::from_str(&text).unwrap();
        set(&mut asset, pointer, value.clone());
        fs::write(&path, asset.to_string()).unwrap();
        let found = problems(house.path());
        let mut shown = value.to_string();
        shown.truncate(60);
        told.push_str(&format!("{file} {pointer} = {shown}\n"));
        assert!(!found.is_empty(), "{told} was accepted");
        for problem in found {
            assert!(!problem.field.is_empty(), "{problem}");
            assert!(house.path().join(&problem.file).is_file(), "{problem}");
            told.push_str(&format!("    {problem}\n"));
        }
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_file_that_is_no_asset_at_all_is_named_too() {
    let house = house();
    let mut told = String::new();
    for bytes in [
        &b""[..],
        b"{",
        b"[]",
        b"{\"name\": \"x\",\n  \"team\": }",
        b"\xff\xfe",
        b"{\"epic\": 5}",
    ] {
        fs::write(house.path().join(EPIC), bytes).unwrap();
        told.push_str(&format!("{:?}\n", String::from_utf8_lossy(bytes)));
        for problem in problems(house.path()) {
            told.push_str(&format!("    {problem}\n"));
        }
    }
    fs::remove_file(house.path().join(EPIC)).unwrap();
    fs::create_dir(house.path().join(EPIC)).unwrap();
    told.push_str("a folder in its place\n");
    for problem in problems(house.path()) {
        told.push_str(&format!("    {problem}\n"));
    }
    fs::remove_dir(house.path().join(EPIC)).unwrap();
    told.push_str("nothing in its place\n");
    for problem in problems(house.path()) {
        told.push_str(&format!("    {problem}\n"));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_broken_skill_is_named_when_a_role_needs_its_tool() {
    let house = house();
    let role = json!({"tools": ["write_file", "update_issue_status", "tidy"]});
    write(house.path(), MAKER, &role.to_string());
    let skill = json!({
        "skill_contract_version": "1.0.5", "skill_id": "tidy", "skill_version": "",
        "manifest_digest": "sha256:00",
        "entrypoints": [{
            "entrypoint_id": "run", "runtime": "shell", "command": "sh tidy.sh > /dev/null",
            "working_directory": "../outside", "tool_profile_id": "tidy",
            "runtime_limits": {"max_execution_time": -1}, "effect_class": "harmless"
        }]
    });
    write(house.path(), SKILL, &skill.to_string());
    let told: Vec<_> = problems(house.path())
        .iter()
        .map(Problem::to_string)
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn every_kind_is_read_with_its_defaults_wrapped_or_not() {
    fn both<T: Asset + PartialEq + std::fmt::Debug>(value: &Value) -> T {
        let file = "config/x/thing.json";
        let bare = parse::<T>(&value.to_string(), file).unwrap();
        let wrapped = json!({ T::KIND: value }).to_string();
        assert_eq!(parse::<T>(&wrapped, file).unwrap(), bare);
        assert_eq!(bare.warnings, []);
        bare.asset
    }
    let epic = json!({"team": "std", "environment": "std", "surprise": 1,
                      "issues": [{"summary": "Do it"}]});
    insta::assert_json_snapshot!("epic", both::<Epic>(&epic));
    insta::assert_json_snapshot!(
        "issue",
        both::<Issue>(&json!({
            "id": "I1", "name": "Do it", "seat": "Code Reviewer", "priority": "HIGH",
            "depends_on": ["I0"], "requirements": ["one", "two"], "description": null,
            "verification": {"verification_fixture": "verification/x.py", "scenarios": [{"expected_output": 3}],
                             "last_verification": {"total_scenarios": 1, "passed": 1}},
            "metrics": {"score": 8}
        }))
    );
    insta::assert_json_snapshot!(
        "rock",
        both::<Rock>(&json!({
            "id": "K1", "name": "Launch", "status": "active",
            "epics": [{"epic": "demo", "department": "sales"}, {"epic": "next"}]
        }))
    );
    insta::assert_json_snapshot!(
        "organization",
        both::<Organization>(&json!({"name": "Acme"}))
    );
    insta::assert_json_snapshot!("department", both::<Department>(&json!({})));
    insta::assert_json_snapshot!(
        "team",
        both::<Team>(&json!({
            "seats": {"Lead Coder": {"roles": ["Senior Developer"]}}, "roles": {}
        }))
    );
    insta::assert_json_snapshot!(
        "role",
        both::<Role>(&json!({
            "id": "R1", "name": "coder", "prompt": null, "tools": ["write_file"], "intent": "Build.",
            "prompt_metadata": {"version": "1.0.0", "lineage": {"parent": null}},
            "contract": {"required_statuses": ["code_review"]}
        }))
    );
    insta::assert_json_snapshot!("dialect", both::<Dialect>(&json!({"dsl_format": "x"})));
    insta::assert_json_snapshot!(
        "environment",
        both::<Environment>(&json!({
            "model": "anthropic:claude", "timeout": 0.25, "seed": 7
        }))
    );
    insta::assert_json_snapshot!(
        "engines",
        both::<Engines>(&json!({
            "name": "Catalog", "mappings": {"coder": {"tier": "mid", "catalog": [{"model": "m:32b"}]}}
        }))
    );
    insta::assert_json_snapshot!(
        "skill",
        both::<Skill>(&json!({
            "skill_contract_version": "1.0.5", "skill_id": "s", "skill_version": "1",
            "description": "d", "manifest_digest": "sha256:00",
            "entrypoints": [{"entrypoint_id": "e", "runtime": "shell", "command": ["sh", "x.sh"],
                "working_directory": ".", "tool_profile_id": "tidy", "tool_profile_version": "1"}]
        }))
    );
}

#[test]
fn every_alias_means_the_same() {
    let epic = |key: &str, card: Value| {
        let text = json!({"team": "t", "environment": "e", key: [card]}).to_string();
        parse::<Epic>(&text, "demo.json").unwrap().asset.issues
    };
    let plain = epic("issues", json!({"summary": "Do it"}));
    for key in ["stories", "cards"] {
        assert_eq!(epic(key, json!({"name": "Do it"})), plain);
    }
    let priority = |value: Value| {
        epic("cards", json!({"name": "x", "priority": value}))[0]
            .card
            .priority
    };
    for (given, meant) in [
        (json!("High"), 3.0),
        (json!("medium"), 2.0),
        (json!(" LOW "), 1.0),
        (json!("4.5"), 4.5),
        (json!(0), 0.0),
        (json!(-1.5), -1.5),
        (Value::Null, 2.0),
    ] {
        assert_eq!(priority(given.clone()), meant, "{given}");
    }
}

#[test]
fn a_card_without_an_id_gets_the_same_one_each_time() {
    let house = house();
    let epic = json!({"team": "duo", "environment": "desk", "cards": [
        {"name": "One", "seat": "Maker"}, {"id": "mine", "name": "Two", "seat": "maker"},
        {"name": "Three", "seat": "maker", "depends_on": ["MY_FLOW.V2-01"],
         "params": {"required_write_paths": []}}
    ]});
    write(
        house.path(),
        "config/epics/my_flow.v2.json",
        &epic.to_string(),
    );
    let ids = |built: BuiltPlan| -> Vec<String> {
        built.cards.iter().map(|card| card.id.to_string()).collect()
    };
    let first = plan(house.path(), "my_flow.v2").unwrap();
    assert_eq!(plan(house.path(), "My Flow.v2").unwrap(), first);
    assert_eq!(ids(first), ["MY_FLOW.V2-01", "mine", "MY_FLOW.V2-03"]);
}

#[test]
fn the_nearest_file_wins_and_misses_are_guessed() {
    let root = tempfile::tempdir().unwrap();
    let library = Library::new(DiskThenEmbedded::new(root.path()));
    let seen = |name: &str, department: &str| {
        let loaded = library.load::<Environment>(name, department);
        loaded.map(|loaded| (loaded.file, loaded.asset.name))
    };
    let shipped = "model/core/environments/standard.json";
    assert_eq!(seen("standard", "sales").unwrap().0, shipped);
    for (file, name) in [
        (shipped, "edited"),
        ("model/sales/environments/standard.json", "of sales"),
        ("config/environments/standard.json", "of the house"),
    ] {
        write(root.path(), file, &json!({ "name": name }).to_string());
        assert_eq!(
            seen("standard", "sales").unwrap(),
            (file.to_owned(), name.to_owned())
        );
    }
    write(root.path(), "model/sales/environments/fast lane.json", "{}");
    write(root.path(), "model/sales/environments/notes.txt", "");
    assert_eq!(
        library.list("environments", "sales"),
        ["fast lane", "golden_scripted", "standard"]
    );
    insta::assert_snapshot!(
        [
            seen("standrad", "sales").unwrap_err().to_string(),
            seen("nothing like it", "core").unwrap_err().to_string(),
            seen("../standard", "core").unwrap_err().to_string(),
            seen("standard", "a/../../b").unwrap_err().to_string(),
            library.department("ghost").unwrap_err().to_string(),
        ]
        .join("\n")
    );
    let outside = library.source().read("../../etc/passwd");
    assert!(outside.unwrap().is_err());
    assert_eq!(library.source().list("../.."), Vec::<String>::new());
    assert!(
        library
            .source()
            .is_embedded("model/core/teams/standard.json")
    );
    assert!(!library.source().is_embedded(shipped));
}

#[test]
fn the_organization_may_be_in_two_files() {
    let root = tempfile::tempdir().unwrap();
    let library = Library::new(DiskThenEmbedded::new(root.path()));
    let name = || library.organization().unwrap().unwrap().asset.name;
    assert_eq!(name(), "Orket");
    write(
        root.path(),
        "config/organization.json",
        "{\"name\": \"One file\"}",
    );
    assert_eq!(name(), "One file");
    write(
        root.path(),
        "config/org_info.json",
        "{\"name\": \"Info\", \"vision\": \"v\"}",
    );
    assert_eq!(
        name(),
        "One file",
        "one of the two files alone is not enough"
    );
    let over = json!({"organization": {"name": "Over", "architecture": {"idesign_threshold": 3}}});
    write(root.path(), "config/architecture.json", &over.to_string());
    let merged = library.organization().unwrap().unwrap().asset;
    assert_eq!(
        (merged.name.as_str(), merged.vision.as_str()),
        ("Over", "v")
    );
    assert_eq!(merged.architecture.idesign_threshold, 3);

    write(root.path(), "config/org_info.json", "{\"vision\": 1}");
    write(
        root.path(),
        "config/architecture.json",
        "{\"process_rules\": 2}",
    );
    insta::assert_snapshot!(library.organization().unwrap_err());
}

#[test]
fn a_rock_runs_its_epics_in_the_order_of_their_dependencies() {
    let rock = json!({"epics": [
        {"epic": "c", "depends_on": ["a", "b"]}, {"epic": "a"}, {"epic": "b", "depends_on": ["a"]}, {"epic": "d"}
    ]});
    let rock = parse::<Rock>(&rock.to_string(), "rocks/r.json")
        .unwrap()
        .asset;
    let order = check::ordered(&rock, "rocks/r.json").unwrap();
    let names: Vec<_> = order.iter().map(|entry| entry.epic.as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
}

#[test]
fn a_name_given_to_card_is_an_epic_a_rock_or_a_card() {
    let house = house();
    let library = Library::new(DiskThenEmbedded::new(house.path()));
    let locate = |id| library.locate(id, "core");
    assert_eq!(locate("demo"), Ok(Located::Epic("demo".to_owned())));
    assert_eq!(locate("launch"), Ok(Located::Rock("launch".to_owned())));
    let Ok(Located::Card { epic, card }) = locate("GF-3") else {
        panic!("{:?}", locate("GF-3"));
    };
    assert_eq!((epic.as_str(), card.as_str()), ("golden_flow", "GF-3"));
    let missing = locate("GF-33").unwrap_err().to_string();
    assert!(missing.contains("did you mean `GF-3`"), "{missing}");
}

#[test]
fn the_shipped_assets_all_load_and_their_epics_plan_without_a_warning() {
    fn load_all<T: Asset>(library: &Library<DiskThenEmbedded>) -> Vec<String> {
        let names = library.list(T::CATEGORY, "core");
        for name in &names {
            let loaded = library
                .load::<T>(name, "core")
                .unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(loaded.warnings, [], "{name}");
        }
        names
    }
    let root = tempfile::tempdir().unwrap();
    let library = Library::new(DiskThenEmbedded::new(root.path()));
    let shipped = json!({
        "teams": load_all::<Team>(&library),
        "roles": load_all::<Role>(&library),
        "dialects": load_all::<Dialect>(&library),
        "environments": load_all::<Environment>(&library),
        "epics": load_all::<Epic>(&library),
        "rocks": load_all::<Rock>(&library),
        "scenarios": library.list("scenarios", "core"),
    });
    insta::assert_json_snapshot!("shipped", shipped);
    assert_eq!(library.department("core").unwrap().warnings, []);
    for epic in library.list("epics", "core") {
        let built = plan(root.path(), &epic).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(built.warnings, Vec::<String>::new(), "{epic}");
    }
    for rock in library.list("rocks", "core") {
        let rock = library.load::<Rock>(&rock, "core").unwrap();
        for entry in check::ordered(&rock.asset, &rock.file).unwrap() {
            library
                .load::<Epic>(&entry.epic, &entry.department)
                .unwrap();
        }
    }
}

#[test]
fn the_golden_flow_reads_as_it_is_run() {
    let root = tempfile::tempdir().unwrap();
    let BuiltPlan { plan, cards, .. } = plan(root.path(), "golden_flow").unwrap();
    assert_eq!(plan.guard_seat, "integrity_guard");
    assert_eq!(plan.clocks.turn_ms, 60_000);
    for seat in plan.seats.values() {
        assert_eq!(seat.model.to_string(), "scripted:golden_flow");
        for tool in catalogue() {
            let offered = seat.tools.iter().any(|spec| spec.name == tool.name);
            let named = seat.system_prompt.contains(&tool.name);
            assert_eq!(
                named, offered,
                "{} in the prompt of {}",
                tool.name, seat.seat
            );
        }
    }
    insta::assert_json_snapshot!("golden_flow_cards", cards);
    insta::assert_snapshot!(
        "golden_flow_coder_prompt",
        plan.seats["coder"].system_prompt
    );
}
