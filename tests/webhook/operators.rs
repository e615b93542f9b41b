//! What operators meet: a start that says what is missing, cards that run, deliveries that are shown.

use serde_json::json;

use crate::house::{DEADLINE, House, SECRET, merged, opened, push, read, review};

fn failure(house: &House, args: &[&str]) -> (i32, String) {
    let output = house.run(args);
    (
        output.status.code().unwrap(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// Case 73, and what goes beyond it.
#[test]
fn it_does_not_start_without_what_it_needs_and_says_what_that_is() {
    let mut house = House::new();
    let mut refused = |name: &str, value: &str, words: &str| {
        let before = [
            ("GITEA_WEBHOOK_SECRET", SECRET),
            ("GITEA_TOKEN", "token-of-tests"),
        ];
        for (name, value) in before {
            house.set(name, value);
        }
        house.set(name, value);
        for args in [
            &["webhook"][..],
            &["serve", "--port", "0", "--with-webhook"],
        ] {
            let (code, said) = failure(&house, args);
            assert_eq!(code, 1, "{said}");
            assert!(said.contains(words), "{said}");
            assert!(!said.contains("secret-of-the-tests"), "{said}");
        }
        house.set(name, "");
    };
    refused(
        "GITEA_WEBHOOK_SECRET",
        "",
        "GITEA_WEBHOOK_SECRET is not set",
    );
    refused(
        "GITEA_WEBHOOK_SECRET",
        "   ",
        "GITEA_WEBHOOK_SECRET is not set",
    );
    refused("GITEA_WEBHOOK_SECRET", "changeme", "placeholder");
    refused(
        "GITEA_WEBHOOK_SECRET",
        "<a long random secret>",
        "placeholder",
    );
    refused("GITEA_WEBHOOK_SECRET", "short", "at least");
    refused(
        "GITEA_WEBHOOK_SECRET_PREVIOUS",
        "short",
        "GITEA_WEBHOOK_SECRET_PREVIOUS",
    );
    refused("GITEA_TOKEN", "", "GITEA_TOKEN");
    refused("ORKET_TRUSTED_PROXIES", "10.0.0.1, here", "`here`");
    refused("GITEA_URL", "http://user:pw@localhost", "GITEA_URL");
    let rules =
        json!({"name": "Acme", "process_rules": {"pr_review_policy": {"required_aprovals": 2}}});
    house.file("model/organization.json", &rules.to_string());
    let (code, said) = failure(&house, &["webhook"]);
    assert_eq!(code, 1);
    assert!(said.contains("required_aprovals"), "{said}");
}

#[test]
fn a_card_is_run_by_the_owner_and_a_receiver_alone_waits_for_one() {
    let epic = json!({
        "name": "From a pull request", "team": "standard", "environment": "standard",
        "issues": [{"id": "ISSUE-A1", "summary": "Write a greeting", "seat": "coder", "priority": "High"}],
    });
    let mut house = House::new();
    house.file("model/core/epics/from_pr.json", &epic.to_string());
    house.start(&["webhook"]);
    let title = "[ISSUE-A1] Add a page";
    let (status, told) = house
        .deliver("one", "pull_request", &opened(7, title))
        .unwrap();
    assert_eq!(
        (status, told["status"].as_str()),
        (200, Some("pending")),
        "{told}"
    );
    assert!(
        told["message"].as_str().unwrap().contains("orket serve"),
        "{told}"
    );
    // Nobody owns the folder yet; as soon as somebody does, it goes on.
    let mut owner = house.command(&["serve", "--socket-only"]).spawn().unwrap();
    let all = house.settled();
    assert_eq!(all[0]["status"], "success", "{all:#?}");
    let runs = house.json(&["runs"]);
    assert_eq!(runs["runs"].as_array().unwrap().len(), 1, "{runs}");
    assert!(
        all[0]["calls"][0]["outcome"]
            .as_str()
            .unwrap()
            .contains(runs["runs"][0]["run_id"].as_str().unwrap())
    );
    // A card that nobody knows is no reason to wait.
    let (_, told) = house
        .deliver("two", "pull_request", &opened(8, "[ISSUE-NONE9] x"))
        .unwrap();
    assert_eq!(told["status"], "failed", "{told}");
    assert!(
        told["message"].as_str().unwrap().contains("ISSUE-NONE9"),
        "{told}"
    );
    house.stop();
    owner.kill().unwrap();
    owner.wait().unwrap();
    let log = read(&house.folder.path().join("workspace/default/orket.log"));
    assert!(log.contains("\"webhook_security_posture\""), "{log}");
    assert!(log.contains("\"webhook_call\""), "{log}");
}

#[test]
fn served_together_with_the_api_it_runs_cards_itself() {
    let epic = json!({
        "name": "From a pull request", "team": "standard", "environment": "standard",
        "issues": [{"id": "ISSUE-A1", "summary": "Write a greeting", "seat": "coder", "priority": "High"}],
    });
    let mut house = House::new();
    house.set("ORKET_API_KEY", "a-key-for-tests-0123456789");
    house.file("model/core/epics/from_pr.json", &epic.to_string());
    let told = house.start(&["serve", "--port", "0", "--with-webhook"]);
    assert!(told["url"].is_string() && told["socket"].is_string());
    let (_, told) = house
        .deliver("one", "pull_request", &opened(7, "[ISSUE-A1] Add a page"))
        .unwrap();
    assert_eq!(told["status"], "success", "{told}");
    let (_, told) = house
        .deliver(
            "two",
            "pull_request_approved",
            &review("approved", "grace", "good"),
        )
        .unwrap();
    assert_eq!(told["message"], "PR #7 approved; it is merged");
    // Merged: its phase starts; there is no docker here, or nothing to clone, and the delivery says so.
    let (_, told) = house.deliver("three", "pull_request", &merged(7)).unwrap();
    assert_eq!(told["status"], "success", "{told}");
    let all = house.settled();
    let calls = all[0]["calls"].as_array().unwrap();
    assert_eq!(
        (&calls[0]["kind"], &calls[0]["status"]),
        (&json!("start_phase"), &json!("done")),
        "{calls:#?}"
    );
    assert_eq!(
        (&calls[1]["kind"], &calls[1]["status"]),
        (&json!("deploy"), &json!("failed")),
        "{calls:#?}"
    );
    let phases = house.json(&["phases"]);
    assert!(phases.to_string().contains("acme__site-pr7"), "{phases}");
    house.stop();
    let log = read(&house.folder.path().join("workspace/default/orket.log"));
    assert!(log.contains("\"pr_merged\""), "{log}");
    assert!(!log.contains(house.gitea.token()), "no secret in the log");
    assert!(!log.contains(SECRET));
}

#[test]
fn deliveries_are_listed_shown_and_tried_again() {
    let mut house = House::new();
    let none = house.json(&["webhook", "deliveries"]);
    assert_eq!(none, json!({"deliveries": []}));
    house.start(&["webhook"]);
    house.gitea.fail_next(
        orket_fake_gitea::Route::Merge,
        orket_fake_gitea::Fault::Status(403),
    );
    house.deliver("first", "push", &push(1)).unwrap();
    let (_, told) = house
        .deliver(
            "second",
            "pull_request_approved",
            &review("approved", "grace", "good"),
        )
        .unwrap();
    assert_eq!(told["status"], "failed");
    let text = String::from_utf8(house.run(&["webhook", "deliveries"]).stdout).unwrap();
    assert!(
        text.contains("acme/site#7") && text.contains("failed"),
        "{text}"
    );
    let open = house.json(&["webhook", "deliveries", "list", "--open"]);
    assert_eq!(open["deliveries"].as_array().unwrap().len(), 1);
    assert_eq!(open["deliveries"][0]["delivery_id"], "second");
    let of_pr = house.json(&["webhook", "deliveries", "list", "--pr", "Acme/Site#7"]);
    assert_eq!(of_pr["deliveries"].as_array().unwrap().len(), 1);
    let shown = house.json(&["webhook", "deliveries", "show", "second"]);
    assert_eq!(shown["payload"]["sender"]["login"], "grace");
    assert_eq!(shown["calls"][0]["status"], "failed");
    let text = String::from_utf8(
        house
            .run(&["webhook", "deliveries", "show", "second"])
            .stdout,
    )
    .unwrap();
    assert!(text.contains("merge: failed"), "{text}");
    let again = house.json(&["webhook", "deliveries", "redeliver", "second"]);
    assert_eq!(again["tried_again"], 1);
    let merged = |state: &orket_fake_gitea::State| state.pull("acme/site", 7).unwrap().merges == 1;
    house.gitea.wait_for_blocking(merged, DEADLINE).unwrap();
    assert_eq!(house.settled()[0]["status"], "success");
    let nothing = house.json(&["webhook", "deliveries", "redeliver", "second"]);
    assert_eq!(nothing["tried_again"], 0);
    let unknown = house.run(&["webhook", "deliveries", "show", "nobody"]);
    assert_eq!(unknown.status.code(), Some(1));
    house.stop();
    // Without a receiver, too.
    assert_eq!(
        house.json(&["webhook", "deliveries"])["deliveries"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn one_data_folder_has_one_receiver() {
    let mut house = House::new();
    house.start(&["webhook"]);
    let (code, said) = failure(&house, &["webhook"]);
    assert_eq!(code, 1);
    assert!(said.contains("another receiver"), "{said}");
    house.kill();
    house.start(&["webhook"]);
}
