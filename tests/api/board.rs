//! The board and the previews.

use serde_json::{Value, json};

use super::house::Server;

fn epic(name: &str, ids: &[&str]) -> String {
    let issues: Vec<Value> = ids
        .iter()
        .map(|id| json!({"id": id, "summary": format!("Do {id}"), "seat": "coder"}))
        .collect();
    json!({"name": name, "team": "standard", "environment": "golden_scripted", "issues": issues})
        .to_string()
}

fn board(server: &Server) -> Value {
    let answer = server.get("/v1/system/board");
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

#[test]
fn without_a_department_the_board_is_that_of_core() {
    let server = Server::start();
    let board = board(&server);
    assert_eq!(board, server.get("/v1/system/board?dept=core").json());
    let rock = &board["rocks"][0];
    assert_eq!(
        (&rock["id"], &rock["name"], &rock["status"]),
        (&json!("GR"), &json!("The golden rock"), &json!("ready"))
    );
    let epic = &rock["epics"][0];
    assert_eq!(
        (&epic["id"], &epic["asset"]),
        (&json!("GF"), &json!("golden_flow"))
    );
    let issue = &epic["issues"][2];
    assert_eq!(issue["id"], "GF-3");
    for (field, value) in [
        ("summary", json!("Write the greeting program")),
        ("name", json!("Write the greeting program")),
        ("type", json!("issue")),
        ("status", json!("ready")),
        ("priority", json!(3.0)),
        ("wait_reason", Value::Null),
        ("parent_id", Value::Null),
        ("build_id", Value::Null),
        ("owner_department", json!("core")),
        ("seat", json!("coder")),
        ("assignee", Value::Null),
        ("sprint", Value::Null),
        ("depends_on", json!(["GF-2"])),
        ("retry_count", json!(0)),
        ("max_retries", json!(3)),
        (
            "verification",
            json!({"fixture_path": null, "scenarios": [], "last_run": null}),
        ),
    ] {
        assert_eq!(issue[field], value, "{field}");
    }
    assert_eq!(issue["metrics"]["shippability_threshold"], 7.0);
    assert_eq!(
        issue["params"]["required_write_paths"],
        json!(["agent_output/main.sh"])
    );
    for empty in ["orphaned_epics", "orphaned_issues", "artifacts", "alerts"] {
        assert_eq!(board[empty], json!([]), "{empty}");
    }
    let unknown = server.get("/v1/system/board?dept=nowhere");
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.json()["hint"], "there are: core");
    assert_eq!(server.get("/v1/system/board?dept=../..").status, 404);
}

#[test]
fn statuses_are_those_of_the_latest_build() {
    let server = Server::start();
    let run = server.run_done(json!({"path": "model/core/epics/golden_flow.json"}));
    let board = board(&server);
    let epic = &board["rocks"][0]["epics"][0];
    assert_eq!(epic["status"], "done");
    assert_eq!(epic["run_id"], json!(run));
    assert_eq!(epic["build_id"], "build-golden_flow");
    for issue in epic["issues"].as_array().unwrap() {
        assert_eq!(
            (&issue["status"], &issue["build_id"]),
            (&json!("done"), &json!("build-golden_flow"))
        );
    }
    // The rock itself has not run.
    assert_eq!(board["rocks"][0]["status"], "ready");
    let artifacts = board["artifacts"].as_array().unwrap();
    assert!(
        artifacts.contains(&json!("workspace/default/agent_output/main.sh")),
        "{artifacts:?}"
    );
    assert_eq!(board["artifacts_are_all"], true);
    let first = artifacts[0].as_str().unwrap();
    assert_eq!(
        server.get(&format!("/v1/system/read?path={first}")).status,
        200
    );

    server.run_done(json!({"path": "model/core/rocks/golden_rock.json"}));
    let rock = server.until("/v1/system/board", |board| {
        board["rocks"][0]["status"] == "done"
    })["rocks"][0]
        .clone();
    assert_eq!(rock["build_id"], "rock-golden_rock");
    assert_eq!(rock["epics"][0]["build_id"], "rock-golden_rock.golden_flow");
}

#[test]
fn a_broken_asset_is_shown_with_what_is_wrong_and_is_an_alert() {
    let server = Server::build()
        .file("model/core/rocks/mixed.json", &json!({"name": "Mixed", "epics": [{"epic": "good"}, {"epic": "torn"}, {"epic": "gone"}]}).to_string())
        .file("model/core/rocks/shapeless.json", "{\"name\": \"Shapeless\"}")
        .file("model/core/epics/good.json", &epic("Good", &["G-1"]))
        .file("model/core/epics/torn.json", "{\"name\": ")
        .file("model/core/epics/alone.json", &epic("Alone", &["A-1"]))
        .file("model/core/issues/stray.json", "{\"id\": \"S-1\", \"summary\": \"Nobody's\"}")
        .file("model/core/issues/bad.json", "[]")
        .start();
    let board = board(&server);
    let rocks = board["rocks"].as_array().unwrap();
    let by_name = |name: &str| {
        rocks
            .iter()
            .find(|rock| rock["name"] == name)
            .unwrap_or_else(|| panic!("{rocks:?}"))
    };
    let shapeless = by_name("shapeless");
    assert!(
        shapeless["error"]
            .as_str()
            .unwrap()
            .contains("model/core/rocks/shapeless.json: epics: ")
    );
    let epics = by_name("Mixed")["epics"].as_array().unwrap();
    assert_eq!(epics[0]["issues"][0]["id"], "G-1");
    assert!(
        epics[1]["error"]
            .as_str()
            .unwrap()
            .contains("model/core/epics/torn.json: line 1")
    );
    assert!(
        epics[2]["error"]
            .as_str()
            .unwrap()
            .contains("there is no epic `gone`")
    );
    assert_eq!(
        (&epics[2]["id"], &epics[2]["name"]),
        (&json!("gone"), &json!("gone"))
    );
    let orphaned: Vec<_> = board["orphaned_epics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|epic| &epic["id"])
        .collect();
    assert_eq!(orphaned, [&json!("alone")]);
    let issues = board["orphaned_issues"].as_array().unwrap();
    assert_eq!(issues.len(), 2);
    assert!(
        issues[0]["error"]
            .as_str()
            .unwrap()
            .contains("model/core/issues/bad.json")
    );
    assert_eq!(issues[1]["id"], "S-1");
    let alerts = board["alerts"].as_array().unwrap();
    assert!(
        alerts
            .iter()
            .all(|alert| alert["type"] == "error" && alert["action_required"].is_string())
    );
    let told = alerts
        .iter()
        .map(|alert| alert["message"].as_str().unwrap())
        .collect::<Vec<_>>()
        .join("\n");
    for words in [
        "rock `shapeless`",
        "epic `torn`",
        "epic `gone`",
        "issue `bad`",
        "1 epic no rock lists, 2 issues no epic has",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn a_large_board_does_not_hold_up_other_requests() {
    let mut builder = Server::build().env("ORKET_API_WORKERS", "1");
    for number in 0..150 {
        let ids: Vec<String> = (0..40).map(|card| format!("E{number}-{card}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let name = format!("e{number:03}");
        builder = builder.file(&format!("model/core/epics/{name}.json"), &epic(&name, &ids));
    }
    let server = builder.start();
    std::thread::scope(|scope| {
        let large = scope.spawn(|| board(&server));
        let mut meanwhile = 0;
        while !large.is_finished() {
            assert_eq!(server.get("/health").status, 200);
            meanwhile += 1;
        }
        let board = large.join().unwrap();
        assert_eq!(board["orphaned_epics"].as_array().unwrap().len(), 150);
        assert!(
            meanwhile > 1,
            "nothing was answered while the board was made"
        );
    });
}

#[test]
fn a_preview_has_the_prompts_that_a_run_would_use() {
    let server = Server::start();
    let preview = server
        .get("/v1/system/preview-asset?path=model/core/epics/golden_flow.json")
        .json();
    assert_eq!(
        (&preview["type"], &preview["id"]),
        (&json!("epic"), &json!("GF"))
    );
    assert_eq!(
        preview["display_name"],
        "A greeting, from wish to reviewed program"
    );
    let steps = preview["sequencing"].as_array().unwrap();
    assert_eq!(steps.len(), 5);
    assert_eq!(
        (
            &steps[2]["step"],
            &steps[2]["issue_id"],
            &steps[2]["assigned_to"]
        ),
        (&json!(3), &json!("GF-3"), &json!("coder"))
    );
    let prompt = steps[2]["compiled_system_prompt"].as_str().unwrap();
    assert!(prompt.contains("You hold the seat `coder`"), "{prompt}");

    // It is what the model was really told.
    server.run_done(json!({"path": "model/core/epics/golden_flow.json"}));
    let messages = std::fs::read_dir(server.folder.path().join("workspace/default/observability"))
        .unwrap()
        .map(|run| run.unwrap().path().join("GF-3"))
        .flat_map(|card| std::fs::read_dir(card).unwrap())
        .map(|turn| turn.unwrap().path())
        .find(|turn| turn.to_string_lossy().ends_with("_coder"))
        .map(|turn| std::fs::read_to_string(turn.join("messages.json")).unwrap())
        .unwrap();
    let messages: Value = serde_json::from_str(&messages).unwrap();
    assert_eq!(messages[0]["content"], *prompt);

    for wish in ["GF-3", "Write%20the%20greeting%20program"] {
        let issue = server
            .get(&format!(
                "/v1/system/preview-asset?path=model/core/epics/golden_flow.json&issue_id={wish}"
            ))
            .json();
        assert_eq!(
            (&issue["type"], &issue["id"], &issue["assigned_to"]),
            (&json!("issue"), &json!("GF-3"), &json!("coder"))
        );
        assert_eq!(issue["display_name"], "Write the greeting program");
        assert_eq!(issue["compiled_system_prompt"], *prompt);
    }
    let rock = server
        .get("/v1/system/preview-asset?path=model/core/rocks/golden_rock.json")
        .json();
    assert_eq!(
        (&rock["type"], &rock["id"], &rock["milestone_tasks"]),
        (&json!("rock"), &json!("GR"), &json!([]))
    );
    assert_eq!(rock["description"], "The golden flow, started as a rock.");
    assert_eq!(rock["epics"][0], preview);
    let of_rock = server
        .get("/v1/system/preview-asset?path=model/core/rocks/golden_rock.json&issue_id=GF-3")
        .json();
    assert_eq!(of_rock["id"], "GF-3");
}

#[test]
fn a_preview_that_cannot_be_made_says_why() {
    let server = Server::build()
        .file("model/core/epics/torn.json", "{\"name\": \"Torn\", \"team\": \"standard\", \"environment\": \"golden_scripted\", \"issues\": [{\"id\": \"T-1\"}]}")
        .file("model/core/epics/unstaffed.json", &json!({"name": "U", "team": "nobody", "environment": "golden_scripted",
            "issues": [{"id": "U-1", "summary": "Do it", "seat": "coder"}]}).to_string())
        .file("model/core/issues/stray.json", "{\"id\": \"S-1\", \"summary\": \"Nobody's\"}")
        .start();
    let ask = |query: &str| server.get(&format!("/v1/system/preview-asset?{query}"));
    let says = |query: &str, status: u16, words: &str| {
        let answer = ask(query);
        assert_eq!(answer.status, status, "{query}: {}", answer.text);
        let detail = answer.json()["detail"].to_string();
        assert!(detail.contains(words), "{query}: {detail}");
    };
    says("", 422, "missing");
    says(
        "path=model/core/epics/goldn_flow.json",
        404,
        "did you mean `golden_flow`?",
    );
    says(
        "path=model/core/rocks/golden_rok.json",
        404,
        "did you mean `golden_rock`?",
    );
    says(
        "path=model/core/epics/golden_flow.json&issue_id=GF-33",
        404,
        "did you mean `GF-3`",
    );
    says(
        "path=model/core/teams/standard.json",
        400,
        "Unsupported preview mode 'teams'.",
    );
    says(
        "path=model/core/epics/torn.json",
        422,
        "model/core/epics/torn.json: issues[0].summary: ",
    );
    says(
        "path=model/core/epics/unstaffed.json",
        422,
        "model/core/epics/unstaffed.json: team: ",
    );
    says(
        "path=model/core/issues/stray.json",
        422,
        "model/core/issues/stray.json: id: ",
    );
    says(
        "path=model/core/issues/none.json",
        404,
        "there is no issue `none`",
    );
    says(
        "path=model/nowhere/epics/golden_flow.json",
        404,
        "there is no department `nowhere`",
    );
    says("path=../../etc/passwd", 403, "../../etc/passwd");
    says("path=.", 400, "names no asset");
    let found = ask("path=model/core/issues/GF-1.json");
    assert_eq!((found.status, &found.json()["id"]), (200, &json!("GF-1")));
}
