//! Cases 63 to 73 of the reference, as written or as improved.

use std::time::Duration;

use orket_webhook::receiver::TestEndpoint;
use serde_json::json;

use crate::http::{Reply, request};
use crate::payloads::{old_review, pull_request, push, review};
use crate::rig::{Choices, Rig, run, sign, sign_with};

fn detail(reply: &Reply) -> (u16, String) {
    (
        reply.status,
        reply.json()["detail"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    )
}

#[test]
fn case_63_only_what_is_signed_is_taken() {
    run(async {
        let rig = Rig::start(Choices::default()).await;
        let body = push().to_string().into_bytes();
        let signed = sign(&body);
        let missing = (401, "Missing signature".to_owned());
        let invalid = (401, "Invalid signature".to_owned());
        assert_eq!(detail(&rig.post(&[], &body).await), missing);
        assert_eq!(
            detail(&rig.post(&[("X-Gitea-Signature", "")], &body).await),
            missing
        );
        let prefixed = format!("sha256={signed}");
        for wrong in ["00", &prefixed, &signed.to_uppercase(), "é"] {
            let reply = rig.post(&[("X-Gitea-Signature", wrong)], &body).await;
            assert_eq!(detail(&reply), invalid, "{wrong}");
        }
        let other = sign_with("another-secret", &body);
        assert_eq!(
            detail(&rig.post(&[("X-Gitea-Signature", &other)], &body).await),
            invalid
        );
        assert_eq!(rig.count("webhook_events").await, 0);
        // As Gitea, Forgejo and GitHub sign, and with the secret before this one.
        for (number, (name, value)) in [
            ("X-Gitea-Signature", signed.clone()),
            ("X-Forgejo-Signature", signed.clone()),
            ("X-Hub-Signature-256", prefixed.clone()),
            (
                "X-Gitea-Signature",
                sign_with("the-secret-before-it", &body),
            ),
        ]
        .into_iter()
        .enumerate()
        {
            let reply = rig
                .post(&[(name, &value), ("X-Gitea-Event", "push")], &body)
                .await;
            assert_eq!(reply.status, 200, "{name}");
            assert_eq!(reply.json()["duplicate"] == true, number > 0);
        }
    });
}

#[test]
fn case_64_a_repository_that_tells_too_much_is_told_when_to_come_again() {
    run(async {
        let mut rig = Rig::start(Choices {
            each: 1,
            ..Choices::default()
        })
        .await;
        // What is not signed spends nothing.
        for _ in 0..5 {
            assert_eq!(rig.post(&[], b"{}").await.status, 401);
        }
        let first = rig.deliver("push", &push()).await;
        assert_eq!(first.status, 200);
        assert_eq!(first.header("ratelimit-limit").as_deref(), Some("1"));
        assert_eq!(first.header("ratelimit-remaining").as_deref(), Some("0"));
        let second = rig.deliver("push", &push()).await;
        assert_eq!(
            detail(&second),
            (429, "Webhook rate limit exceeded".to_owned())
        );
        assert_eq!(second.header("retry-after").as_deref(), Some("60"));
        assert_eq!(second.header("ratelimit-reset").as_deref(), Some("60"));
        // Another repository has a quota of its own.
        let mut other = push();
        other["repository"]["name"] = json!("shop");
        assert_eq!(rig.deliver("push", &other).await.status, 200);
        // A restart gives nothing back; a minute does.
        rig.clock.advance(Duration::from_secs(59));
        rig.restart().await;
        let early = rig.deliver("push", &push()).await;
        assert_eq!(
            (early.status, early.header("retry-after").as_deref()),
            (429, Some("1"))
        );
        rig.clock.advance(Duration::from_secs(1));
        assert_eq!(rig.deliver("push", &push()).await.status, 200);
    });
}

#[test]
fn case_65_size_and_shape_are_checked() {
    run(async {
        let rig = Rig::start(Choices::default()).await;
        let exactly = format!("{{\"x\":\"{}\"}}", "a".repeat((1 << 20) - 8));
        assert_eq!(exactly.len(), 1 << 20);
        assert_eq!(
            rig.deliver_as("exact", "push", exactly.as_bytes())
                .await
                .status,
            200
        );
        let more = exactly + " ";
        let refused = rig.deliver_as("more", "push", more.as_bytes()).await;
        assert_eq!(detail(&refused), (413, "Payload too large".to_owned()));
        for bad in [
            "",
            "{",
            "[]",
            "null",
            "3",
            "{\"number\":0}",
            "{\"number\":-1}",
            "{\"action\":1}",
            "{\"review\":[]}",
        ] {
            let reply = rig.deliver_as(bad, "pull_request", bad.as_bytes()).await;
            let (status, words) = detail(&reply);
            assert_eq!(status, 400, "{bad}");
            assert!(words.starts_with("Invalid payload: "), "{words}");
        }
        assert_eq!(rig.count("webhook_events").await, 1);
    });
}

#[test]
fn case_66_what_nothing_follows_from_is_recorded_and_ignored() {
    run(async {
        let rig = Rig::start(Choices::default()).await;
        let said = |reply: Reply| reply.said();
        let ignored = |words: &str| (200, "ignored".to_owned(), words.to_owned());
        assert_eq!(
            said(rig.deliver("push", &push()).await),
            ignored("Event type push not handled")
        );
        let body = json!({"test": 1}).to_string();
        let signed = sign(body.as_bytes());
        let headers = [("X-Gitea-Signature", signed.as_str())];
        let nameless = rig.post(&headers, body.as_bytes()).await;
        assert_eq!(said(nameless), ignored("Event type None not handled"));
        let closed = pull_request("closed", 7, "Add a page");
        let told = rig.deliver("pull_request", &closed).await;
        assert_eq!(said(told), ignored("Event type pull_request not handled"));
        for (event, body) in [
            ("pull_request_comment", review("comment", "grace", "hm")),
            (
                "pull_request_review",
                old_review("commented", "grace", "hm"),
            ),
        ] {
            assert_eq!(
                said(rig.deliver(event, &body).await),
                ignored("Review state not actionable")
            );
        }
        for event in [
            "issues",
            "issue_comment",
            "release",
            "create",
            "wiki",
            "a-new-one",
        ] {
            assert_eq!(rig.deliver(event, &push()).await.said().1, "ignored");
        }
        assert_eq!(rig.count("webhook_events").await, 11);
        assert!(rig.gitea.requests().is_empty());
        assert!(rig.elsewhere.asked().is_empty());
    });
}

#[test]
fn case_67_an_approval_merges_once() {
    for (event, body) in [
        ("pull_request_approved", review("approved", "grace", "good")),
        (
            "pull_request_review",
            old_review("approved", "grace", "good"),
        ),
    ] {
        run(async {
            let rig = Rig::start(Choices::default()).await;
            let reply = rig.deliver(event, &body).await;
            let words = "PR #7 approved; it is merged".to_owned();
            assert_eq!(reply.said(), (200, "success".to_owned(), words));
            let merges: Vec<_> = rig
                .gitea
                .requests()
                .into_iter()
                .filter(|it| it.path.ends_with("/merge"))
                .collect();
            assert_eq!(merges.len(), 1);
            let sent: serde_json::Value = serde_json::from_str(&merges[0].body).unwrap();
            assert_eq!(
                (&sent["Do"], &sent["delete_branch_after_merge"]),
                (&json!("merge"), &json!(true))
            );
            assert_eq!(sent["head_commit_id"], crate::payloads::SHA);
            assert!(sent["MergeMessageField"].as_str().unwrap().contains("#7"));
            assert_eq!(rig.gitea.violations(), Vec::<String>::new());
            assert_eq!(
                rig.elsewhere
                    .told
                    .lock()
                    .unwrap()
                    .iter()
                    .filter(|(event, _)| event == "pr_merged")
                    .count(),
                1
            );
        });
    }
}

#[test]
fn case_68_requested_changes_escalate_and_reject() {
    run(async {
        let rig = Rig::start(Choices::default()).await;
        let mut said = Vec::new();
        for cycle in 1..=4 {
            let words = format!("reason {cycle}");
            let (event, body) = if cycle % 2 == 0 {
                (
                    "pull_request_review",
                    old_review("changes_requested", "grace", &words),
                )
            } else {
                ("pull_request_rejected", review("rejected", "grace", &words))
            };
            let (status, word, words) = rig.deliver(event, &body).await.said();
            assert_eq!(status, 200);
            said.push((word, words, rig.gitea.requests().len()));
            let stands = rig.stands("acme/site#7").await.unwrap();
            assert_eq!(stands.1, cycle);
        }
        let expected = [
            ("changes_requested", "PR #7 rejected (cycle 1/4)", 0),
            ("changes_requested", "PR #7 rejected (cycle 2/4)", 0),
            (
                "escalated",
                "PR #7 rejected (cycle 3/4); a comment says so",
                1,
            ),
        ];
        for (said, (word, words, requests)) in said.iter().zip(expected) {
            assert_eq!(
                (said.0.as_str(), said.1.as_str(), said.2),
                (word, words, requests)
            );
        }
        let last = &said[3];
        assert_eq!(last.0, "rejected");
        assert_eq!(
            last.1,
            "PR #7 rejected (cycle 4/4); it is closed; a comment says so; \
             an issue about its requirements is opened"
        );
        assert_eq!(
            rig.stands("acme/site#7").await.unwrap(),
            ("rejected".to_owned(), 4)
        );
        rig.gitea.with(|state| {
            assert!(!state.pull("acme/site", 7).unwrap().open);
            let comments = state.comments("acme/site", 7);
            assert_eq!(comments.len(), 2);
            assert!(comments[0].contains("@lead_architect"));
            let repository = &state.repositories["acme/site"];
            let (_, issue) = repository.issues.iter().next_back().unwrap();
            assert_eq!(
                issue.title,
                "Requirements Review: PR #7 failed after 4 cycles"
            );
            for cycle in 1..=4 {
                assert!(
                    issue.body.contains(&format!("> reason {cycle}")),
                    "{}",
                    issue.body
                );
            }
            // Labels are given by their ids.
            let names: Vec<&str> = issue
                .labels
                .iter()
                .filter_map(|id| repository.labels.iter().find(|label| label.id == *id))
                .map(|label| label.name.as_str())
                .collect();
            assert_eq!(names, ["requirements-review", "auto-rejected"]);
        });
        assert_eq!(rig.gitea.violations(), Vec::<String>::new());
        // Once more: it is over, and nothing is sent.
        let requests = rig.gitea.requests().len();
        let body = review("rejected", "grace", "again");
        let (_, word, words) = rig.deliver("pull_request_rejected", &body).await.said();
        assert_eq!(
            (word.as_str(), words.as_str()),
            ("ignored", "PR #7 is rejected")
        );
        assert_eq!(rig.gitea.requests().len(), requests);
    });
}

#[test]
fn case_69_an_opened_pull_request_runs_the_card_that_its_title_names() {
    run(async {
        let rig = Rig::start(Choices::default()).await;
        let body = pull_request("opened", 7, "[ISSUE-ABC123] Add a page");
        let (status, word, words) = rig.deliver("pull_request", &body).await.said();
        assert_eq!((status, word.as_str()), (200, "success"));
        assert_eq!(words, "PR #7 is about card ISSUE-ABC123; it is run");
        assert_eq!(rig.elsewhere.asked(), ["run ISSUE-ABC123"]);
        let body = pull_request("synchronized", 7, "[ISSUE-ABC123] Add a page");
        assert_eq!(rig.deliver("pull_request", &body).await.said().1, "success");
        assert_eq!(rig.elsewhere.asked().len(), 2);
        let body = pull_request("opened", 8, "Add a page");
        let (_, word, words) = rig.deliver("pull_request", &body).await.said();
        assert_eq!(
            (word.as_str(), words.as_str()),
            ("ignored", "No issue ID found in PR title")
        );
        assert_eq!(rig.elsewhere.asked().len(), 2);
    });
}

#[test]
fn case_70_what_is_merged_is_brought_up_and_people_are_told() {
    run(async {
        let rig = Rig::start(Choices::default()).await;
        rig.gitea.merge_behind_your_back("acme/site", 7);
        let mut body = pull_request("closed", 7, "Add a page");
        body["pull_request"]["merged"] = json!(true);
        let reply = rig.deliver("pull_request", &body).await;
        assert_eq!(reply.said().1, "success");
        assert_eq!(rig.stands("acme/site#7").await.unwrap().0, "merged");
        let delivery = reply.json()["delivery"].as_i64().unwrap();
        let calls = rig.settled(delivery).await;
        let done = |kind: &str| (kind.to_owned(), "done".to_owned());
        assert_eq!(
            calls,
            [done("start_phase"), done("deploy"), done("comment")]
        );
        let asked = rig.elsewhere.asked();
        assert_eq!(asked[0], "phase acme__site-pr7");
        assert!(
            asked[1].starts_with("deploy acme__site-pr7 at "),
            "{asked:?}"
        );
        rig.gitea.with(|state| {
            let comments = state.comments("acme/site", 7);
            assert!(
                comments[0].contains("http://127.0.0.1:8001"),
                "{comments:?}"
            );
        });
        assert_eq!(rig.gitea.violations(), Vec::<String>::new());
    });
}

#[test]
fn case_70_a_deployment_that_fails_leaves_it_merged() {
    run(async {
        use orket_webhook::outside::OutsideError::Never;
        let rig = Rig::start(Choices::default()).await;
        rig.elsewhere.answers.lock().unwrap().extend([
            Ok("phase".to_owned()),
            Err(Never("docker is not installed".to_owned())),
        ]);
        let mut body = pull_request("closed", 7, "Add a page");
        body["pull_request"]["merged"] = json!(true);
        let reply = rig.deliver("pull_request", &body).await;
        assert_eq!((reply.status, reply.said().1.as_str()), (200, "success"));
        let delivery = reply.json()["delivery"].as_i64().unwrap();
        let calls = rig.settled(delivery).await;
        assert_eq!(calls[1], ("deploy".to_owned(), "failed".to_owned()));
        assert_eq!(rig.stands("acme/site#7").await.unwrap().0, "merged");
        // Whoever asks again is told what became of it.
        let shown = rig
            .receiver()
            .store
            .delivery(delivery.to_string())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            shown.calls[1].outcome.as_deref(),
            Some("docker is not installed")
        );
    });
}

#[test]
fn case_71_what_is_missing_is_said() {
    run(async {
        let rig = Rig::start(Choices::default()).await;
        let mut stateless = old_review("approved", "grace", "");
        stateless["review"].as_object_mut().unwrap().remove("state");
        let reply = rig.deliver("pull_request_review", &stateless).await;
        assert_eq!(
            detail(&reply),
            (400, "Invalid payload: review.state is missing".to_owned())
        );
        let mut bare = pull_request("closed", 7, "Add a page");
        bare.as_object_mut().unwrap().remove("pull_request");
        let reply = rig.deliver("pull_request", &bare).await;
        assert_eq!(
            detail(&reply),
            (400, "Invalid payload: pull_request is missing".to_owned())
        );
        // What Gitea leaves empty is no error.
        let mut sparse = pull_request("closed", 7, "Add a page");
        sparse["pull_request"]["merged"] = json!(true);
        sparse["pull_request"]["user"] = json!(null);
        sparse["pull_request"]["head"]["sha"] = json!("");
        assert_eq!(rig.deliver("pull_request", &sparse).await.status, 200);
    });
}

#[test]
fn case_72_test_events_need_leave() {
    async fn test_event(rig: &Rig, headers: &[(&str, &str)]) -> (u16, String) {
        let body = json!({"event": "push", "payload": push()}).to_string();
        let reply = request(
            None,
            rig.address(),
            "POST",
            "/webhook/test",
            headers,
            body.as_bytes(),
        )
        .await;
        let reply = reply.unwrap();
        let said = reply.said();
        (reply.status, said.2)
    }
    run(async {
        let rig = Rig::start(Choices::default()).await;
        let disabled = (403, "Test webhook endpoint disabled".to_owned());
        assert_eq!(test_event(&rig, &[]).await, disabled);
        let enabled = |token: Option<&str>, key: Option<&str>| Choices {
            test: TestEndpoint {
                is_enabled: true,
                token: token.map(str::to_owned),
                api_key: key.map(str::to_owned),
            },
            ..Choices::default()
        };
        let rig = Rig::start(enabled(None, None)).await;
        let unset = (403, "Test webhook auth not configured".to_owned());
        assert_eq!(test_event(&rig, &[]).await, unset);
        let rig = Rig::start(enabled(None, Some("key"))).await;
        let wrong_key = (401, "Invalid API key".to_owned());
        assert_eq!(test_event(&rig, &[("X-API-Key", "no")]).await, wrong_key);
        let done = (200, "Event type push not handled".to_owned());
        assert_eq!(test_event(&rig, &[("X-API-Key", "key")]).await, done);
        // Each is a new one, however often it is sent.
        assert_eq!(test_event(&rig, &[("X-API-Key", "key")]).await, done);
        assert_eq!(rig.count("webhook_events").await, 2);
        let rig = Rig::start(enabled(Some("token"), Some("key"))).await;
        let wrong_token = (401, "Invalid test webhook token".to_owned());
        assert_eq!(test_event(&rig, &[("X-API-Key", "key")]).await, wrong_token);
        assert_eq!(
            test_event(&rig, &[("X-Webhook-Test-Token", "token")]).await,
            done
        );
    });
}

#[test]
fn the_routes_for_people_and_machines() {
    run(async {
        let rig = Rig::start(Choices::default()).await;
        let root = rig.get("/").await.json();
        assert_eq!(
            (&root["service"], &root["status"]),
            (&json!("Orket Webhook Server"), &json!("running"))
        );
        assert!(root["version"].is_string());
        assert_eq!(
            rig.get("/health").await.json(),
            json!({"status": "healthy"})
        );
        rig.deliver("push", &push()).await;
        let metrics = String::from_utf8(rig.get("/metrics").await.body).unwrap();
        assert!(
            metrics.contains("orket_webhook_requests_total{result=\"stored\"} 1\n"),
            "{metrics}"
        );
        assert!(metrics.ends_with("# EOF\n"));
        assert_eq!(rig.get("/nowhere").await.status, 404);
        let get = rig.get("/webhook/gitea").await;
        assert_eq!(
            (get.status, get.header("allow").as_deref()),
            (405, Some("POST"))
        );
    });
}

#[test]
fn a_repeat_gets_the_first_answer_and_does_nothing() {
    run(async {
        let mut rig = Rig::start(Choices {
            each: 3,
            ..Choices::default()
        })
        .await;
        let body = review("approved", "grace", "good");
        rig.reviewed(&body);
        let body = body.to_string();
        let first = rig
            .deliver_as("one", "pull_request_approved", body.as_bytes())
            .await;
        assert_eq!(first.said().1, "success");
        let requests = rig.gitea.requests().len();
        for id in ["one", "two", "one"] {
            let again = rig
                .deliver_as(id, "pull_request_approved", body.as_bytes())
                .await;
            assert_eq!(again.said(), first.said());
            assert_eq!(again.json()["duplicate"], true);
        }
        rig.restart().await;
        for _ in 0..5 {
            let again = rig
                .deliver_as("one", "pull_request_approved", body.as_bytes())
                .await;
            assert_eq!(
                (again.said(), again.json()["duplicate"] == true),
                (first.said(), true)
            );
        }
        assert_eq!(rig.gitea.requests().len(), requests);
        assert_eq!(rig.count("webhook_events").await, 1);
        // Repeats spend nothing of what the repository may tell.
        for _ in 0..2 {
            assert_eq!(rig.deliver("push", &push()).await.status, 200);
        }
        assert_eq!(rig.deliver("push", &push()).await.status, 429);
    });
}

#[test]
fn case_74_cycles_are_counted_for_each_pull_request() {
    run(async {
        let rig = Rig::start(Choices::default()).await;
        assert_eq!(rig.stands("acme/site#7").await, None);
        for number in [7, 8, 7] {
            let mut body = review("rejected", "grace", "no");
            body["pull_request"]["number"] = json!(number);
            rig.deliver("pull_request_rejected", &body).await;
        }
        let stands = |status: &str, cycles| Some((status.to_owned(), cycles));
        assert_eq!(rig.stands("acme/site#7").await, stands("active", 2));
        assert_eq!(rig.stands("acme/site#8").await, stands("active", 1));
        rig.deliver("pull_request", &pull_request("closed", 8, "Add a page"))
            .await;
        assert_eq!(rig.stands("acme/site#8").await, stands("closed", 1));
        assert_eq!(rig.stands("acme/site#7").await, stands("active", 2));
    });
}

#[test]
fn the_secret_that_old_versions_of_gitea_send_along_is_not_kept() {
    run(async {
        let rig = Rig::start(Choices::default()).await;
        let mut body = push();
        body["secret"] = json!(crate::rig::SECRET);
        let reply = rig.deliver("push", &body).await;
        assert_eq!(reply.status, 200);
        let delivery = reply.json()["delivery"].to_string();
        let shown = rig
            .receiver()
            .store
            .delivery(delivery)
            .await
            .unwrap()
            .unwrap();
        assert!(
            !shown.payload.contains(crate::rig::SECRET)
                && shown.payload.contains("refs/heads/main")
        );
    });
}
