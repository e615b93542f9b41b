//! Every flow against a Gitea that fails in every way: each ends in its documented state, nothing is done
//! twice, nothing is lost.

use std::sync::Arc;

use orket_fake_gitea::{Fault, Route};
use orket_webhook::outside::OutsideError;
use serde_json::json;

use crate::http::Reply;
use crate::payloads::{SHA, old_review, pull_request, review};
use crate::rig::{Choices, DEADLINE, Rig, run};

fn delivery(reply: &Reply) -> i64 {
    reply.json()["delivery"].as_i64().unwrap()
}

fn merges(rig: &Rig) -> u32 {
    rig.gitea
        .with(|state| state.pull("acme/site", 7).unwrap().merges)
}

async fn approve(rig: &Rig) -> Reply {
    rig.deliver(
        "pull_request_approved",
        &review("approved", "grace", "good"),
    )
    .await
}

/// What is refused for good is answered so at once, and can be tried again by approving again.
#[test]
fn a_merge_that_is_refused_says_so() {
    let cases: [(u16, &str); 5] = [
        (401, "credentials"),
        (403, "credentials"),
        (404, "404"),
        (423, "423"),
        (422, "422"),
    ];
    run(async {
        for (status, named) in cases {
            let rig = Rig::start(Choices::default()).await;
            rig.gitea.fail_next(Route::Merge, Fault::Status(status));
            let reply = approve(&rig).await;
            let (http, word, words) = reply.said();
            assert_eq!((http, word.as_str()), (200, "failed"), "{words}");
            assert!(
                words.starts_with("PR #7 approved; it is not merged ("),
                "{words}"
            );
            assert!(words.contains(named), "{words}");
            assert_eq!(
                rig.settled(delivery(&reply)).await,
                [("merge".to_owned(), "failed".to_owned())]
            );
            let told = rig.elsewhere.told.lock().unwrap().clone();
            assert!(told.iter().any(|(event, _)| event == "pr_merge_failed"));
            // An approval by somebody else tries it again.
            let body = review("approved", "linus", "good");
            let again = rig.deliver("pull_request_approved", &body).await;
            assert_eq!(again.said().1, "success", "{status}");
            assert_eq!(merges(&rig), 1);
        }
    });
}

#[test]
fn what_fails_for_a_while_is_done_later_and_once() {
    let faults = [
        Fault::Status(500),
        Fault::Status(502),
        Fault::Status(503),
        Fault::StatusWithRetryAfter(429, 7),
        Fault::EffectThenStatus(500),
        Fault::Reset,
        Fault::ResetBefore,
        Fault::Garbage,
        Fault::Endless,
        Fault::Saying(405, "Please try again later".to_owned()),
    ];
    run(async {
        for fault in faults {
            let rig = Rig::start(Choices::default()).await;
            rig.gitea.fail_next(Route::Merge, fault.clone());
            let reply = approve(&rig).await;
            let (_, word, words) = reply.said();
            // A success whose body is nonsense may count as done at once.
            assert!(
                matches!(word.as_str(), "pending" | "success"),
                "{fault:?}: {words}"
            );
            let calls = rig.settled(delivery(&reply)).await;
            assert_eq!(
                calls,
                [("merge".to_owned(), "done".to_owned())],
                "{fault:?}"
            );
            assert_eq!(merges(&rig), 1, "{fault:?}");
            assert_eq!(rig.gitea.violations(), Vec::<String>::new());
        }
    });
}

#[test]
fn a_rejection_is_carried_out_once_whatever_fails_on_the_way() {
    let routes = [
        Route::Close,
        Route::Comment,
        Route::CreateIssue,
        Route::Labels,
        Route::CreateLabel,
    ];
    let faults = [
        Fault::Status(503),
        Fault::EffectThenStatus(500),
        Fault::Reset,
        Fault::ResetBefore,
    ];
    run(async {
        for route in routes {
            for fault in &faults {
                let rig = Rig::start(Choices::default()).await;
                for cycle in 1..=3 {
                    let body = review("rejected", "grace", &format!("reason {cycle}"));
                    let reply = rig.deliver("pull_request_rejected", &body).await;
                    rig.settled(delivery(&reply)).await;
                }
                rig.gitea.fail_next(route, fault.clone());
                let body = review("rejected", "grace", "reason 4");
                let reply = rig.deliver("pull_request_rejected", &body).await;
                assert_eq!(reply.said().1, "rejected");
                let calls = rig.settled(delivery(&reply)).await;
                let done = |kind: &str| (kind.to_owned(), "done".to_owned());
                let expected = [done("close"), done("comment"), done("open_issue")];
                assert_eq!(calls, expected, "{route:?} {fault:?}");
                rig.gitea.with(|state| {
                    assert_eq!(
                        state.comments("acme/site", 7).len(),
                        2,
                        "{route:?} {fault:?}"
                    );
                    let repository = &state.repositories["acme/site"];
                    assert_eq!(repository.issues.len(), 1, "{route:?} {fault:?}");
                    assert_eq!(repository.labels.len(), 2, "{route:?} {fault:?}");
                });
                assert_eq!(rig.gitea.violations(), Vec::<String>::new());
            }
        }
    });
}

#[test]
fn somebody_else_may_have_merged_closed_or_pushed_meanwhile() {
    run(async {
        let rig = Rig::start(Choices::default()).await;
        rig.gitea.merge_behind_your_back("acme/site", 7);
        let (_, word, words) = approve(&rig).await.said();
        assert_eq!(
            (word.as_str(), words.as_str()),
            ("success", "PR #7 approved; it is merged")
        );
        assert_eq!(merges(&rig), 0);

        let rig = Rig::start(Choices::default()).await;
        rig.gitea.push("acme/site", 7, &"b".repeat(40));
        let (_, word, words) = approve(&rig).await.said();
        assert_eq!(word, "failed");
        assert!(words.contains("its branch moved on"), "{words}");
        assert_eq!(merges(&rig), 0);

        let rig = Rig::start(Choices::default()).await;
        rig.gitea
            .change_pull("acme/site", 7, |pull| pull.open = false);
        let (_, word, words) = approve(&rig).await.said();
        assert_eq!(
            (word.as_str(), words.as_str()),
            ("failed", "PR #7 approved; it is not merged (it is closed)")
        );

        let rig = Rig::start(Choices::default()).await;
        rig.gitea
            .change_pull("acme/site", 7, |pull| pull.mergeable = false);
        let (_, word, words) = approve(&rig).await.said();
        assert_eq!(word, "failed", "{words}");
        assert_eq!(merges(&rig), 0);
    });
}

#[test]
fn an_author_is_not_believed_about_who_opened_it() {
    run(async {
        let rig = Rig::start(Choices::default()).await;
        // The event does not say who opened it; Gitea does.
        let mut body = old_review("approved", "ada", "mine is good");
        body["pull_request"].as_object_mut().unwrap().remove("user");
        let (_, word, words) = rig.deliver("pull_request_review", &body).await.said();
        assert_eq!(word, "failed");
        assert!(words.contains("ada opened it"), "{words}");
        assert_eq!(merges(&rig), 0);
        // Nor does it say which commit: what is there now is pinned.
        let mut body = old_review("approved", "grace", "good");
        body["pull_request"].as_object_mut().unwrap().remove("head");
        assert_eq!(
            rig.deliver("pull_request_review", &body).await.said().1,
            "success"
        );
        let asked = rig.gitea.requests();
        let merge = asked
            .iter()
            .rfind(|it| it.path.ends_with("/merge"))
            .unwrap();
        assert!(merge.body.contains(SHA), "{}", merge.body);
    });
}

#[test]
fn a_gitea_that_is_down_for_an_hour_loses_nothing() {
    run(async {
        let rig = Rig::start(Choices::default()).await;
        rig.gitea.stop_listening();
        let reply = approve(&rig).await;
        let (http, word, _) = reply.said();
        assert_eq!((http, word.as_str()), (200, "pending"));
        let row = delivery(&reply);
        for _ in 0..360 {
            rig.clock.advance(std::time::Duration::from_secs(10));
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        let rows = rig.receiver().store.calls_of(row).await.unwrap();
        assert!(rows[0].attempts > 3, "{rows:?}");
        rig.gitea.listen_again().unwrap();
        assert_eq!(
            rig.settled(row).await,
            [("merge".to_owned(), "done".to_owned())]
        );
        assert_eq!(merges(&rig), 1);
        // Whoever sends it again hears how it ended.
        let shown = rig
            .receiver()
            .store
            .delivery(row.to_string())
            .await
            .unwrap()
            .unwrap();
        let again = rig
            .deliver_as("x", "pull_request_approved", shown.payload.as_bytes())
            .await;
        assert_eq!(again.said().1, "success");
    });
}

#[test]
fn a_day_is_long_enough_to_try() {
    run(async {
        let rig = Rig::start(Choices::default()).await;
        rig.gitea.fail_always(Route::Merge, Fault::Status(503));
        let reply = approve(&rig).await;
        let row = delivery(&reply);
        let end = std::time::Instant::now() + DEADLINE;
        let status = loop {
            let rows = rig.receiver().store.calls_of(row).await.unwrap();
            if rows[0].status != "pending" && rows[0].status != "sending" {
                break rows[0].status.clone();
            }
            assert!(std::time::Instant::now() < end);
            rig.clock.advance(std::time::Duration::from_secs(400));
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        };
        // 503 may hide that it was done.
        assert_eq!(status, "unknown");
        rig.gitea.heal().unwrap();
        // An operator has it tried again.
        assert_eq!(rig.receiver().store.try_again(row, 0).await.unwrap(), 1);
        rig.receiver().wake();
        assert_eq!(
            rig.settled(row).await,
            [("merge".to_owned(), "done".to_owned())]
        );
        assert_eq!(merges(&rig), 1);
    });
}

#[test]
fn a_slow_gitea_does_not_keep_the_sender_waiting() {
    run(async {
        let rig = Arc::new(Rig::start(Choices::default()).await);
        rig.gitea.fail_next(Route::Merge, Fault::Hold);
        let approving = {
            let rig = Arc::clone(&rig);
            actix_rt::spawn(async move { approve(&rig).await })
        };
        let asked = |state: &orket_fake_gitea::State| {
            state.requests.iter().any(|it| it.path.ends_with("/merge"))
        };
        rig.gitea.wait_for(asked, DEADLINE).await.unwrap();
        // Others are served meanwhile.
        let other = pull_request("opened", 8, "[ISSUE-X1] More");
        assert_eq!(
            rig.deliver("pull_request", &other).await.said().1,
            "success"
        );
        while !approving.is_finished() {
            rig.clock.advance(std::time::Duration::from_secs(1));
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        let reply = approving.await.unwrap();
        assert_eq!(reply.said().1, "pending");
        rig.gitea.release();
        assert_eq!(
            rig.settled(delivery(&reply)).await,
            [("merge".to_owned(), "done".to_owned())]
        );
        assert_eq!(merges(&rig), 1);
    });
}

#[test]
fn an_empty_runtime_is_asked_again_and_an_unknown_card_is_not() {
    run(async {
        let rig = Rig::start(Choices::default()).await;
        rig.elsewhere.answers.lock().unwrap().extend([
            Err(OutsideError::Later(
                "nobody owns the data folder".to_owned(),
            )),
            Ok("run r-1".to_owned()),
        ]);
        let body = pull_request("opened", 7, "[ISSUE-A1] Add a page");
        let reply = rig.deliver("pull_request", &body).await;
        let (_, word, words) = reply.said();
        assert_eq!(word, "pending");
        assert!(words.contains("nobody owns the data folder"), "{words}");
        assert_eq!(
            rig.settled(delivery(&reply)).await,
            [("run_card".to_owned(), "done".to_owned())]
        );
        assert_eq!(rig.elsewhere.asked(), ["run ISSUE-A1", "run ISSUE-A1"]);
        let never = OutsideError::Never("there is no card ISSUE-A1".to_owned());
        rig.elsewhere.answers.lock().unwrap().push_back(Err(never));
        let reply = rig.deliver("pull_request", &body).await;
        let (_, word, words) = reply.said();
        assert_eq!(word, "failed");
        assert_eq!(
            words,
            "PR #7 is about card ISSUE-A1; it is not run (there is no card ISSUE-A1)"
        );
    });
}

#[test]
fn the_policy_of_the_organization_is_kept() {
    run(async {
        let policy = json!({
            "required_approvals": 2, "required_reviewers": ["integrity_guard"], "repositories": ["acme/site"],
            "max_review_cycles": 2, "escalation_cycle": 1, "auto_deploy": false, "merge_style": "squash",
        });
        let policy =
            orket_core::webhook::review_policy::ReviewPolicy::read(policy.as_object().unwrap());
        let rig = Rig::start(Choices {
            policy: policy.unwrap(),
            ..Choices::default()
        })
        .await;
        let approved = async |reviewer: &str| {
            let body = review("approved", reviewer, "good");
            rig.deliver("pull_request_approved", &body).await.said().2
        };
        assert_eq!(approved("grace").await, "PR #7 approved (1/2)");
        assert_eq!(approved("grace").await, "PR #7 approved (1/2)");
        assert_eq!(
            approved("ada").await,
            "PR #7 was reviewed by its author, which does not count"
        );
        assert_eq!(
            approved("linus").await,
            "PR #7 approved; it waits for integrity_guard"
        );
        assert_eq!(merges(&rig), 0);
        assert_eq!(
            approved("integrity_guard").await,
            "PR #7 approved; it is merged"
        );
        rig.gitea.with(|state| {
            let merged = state.pull("acme/site", 7).unwrap().merged.clone().unwrap();
            assert_eq!(merged.how, "squash");
        });
        let mut elsewhere = review("approved", "grace", "good");
        elsewhere["repository"]["name"] = json!("shop");
        let refused = rig
            .deliver("pull_request_approved", &elsewhere)
            .await
            .said()
            .2;
        assert_eq!(refused, "Repository acme/shop is not served");
    });
}

#[test]
fn what_is_kept_is_bounded_and_repeats_stay_repeats() {
    run(async {
        let mut rig = Rig::start(Choices::default()).await;
        let first = review("rejected", "grace", "reason 1").to_string();
        rig.deliver_as("first", "pull_request_rejected", first.as_bytes())
            .await;
        rig.gitea.stop_listening();
        let open = approve(&rig).await;
        for number in 0..20 {
            let body = json!({"number": 1, "x": number});
            rig.deliver("push", &body).await;
        }
        let keep = |days, most| orket_webhook::store::Retention { days, most };
        let store = rig.receiver().store.clone();
        use orket_actors::port::clock::Clock as _;
        let now = rig.clock.wall_ms();
        assert_eq!(store.tidy(keep(90, 100), now).await.unwrap().deliveries, 0);
        // All but the newest five, and but the one of which something is still to be done.
        assert_eq!(store.tidy(keep(90, 5), now).await.unwrap().deliveries, 16);
        assert_eq!(rig.count("webhook_events").await, 6);
        rig.restart().await;
        let again = rig
            .deliver_as("first", "pull_request_rejected", first.as_bytes())
            .await;
        assert_eq!(
            (again.said().1.as_str(), again.json()["duplicate"] == true),
            ("ignored", true)
        );
        assert_eq!(rig.stands("acme/site#7").await.unwrap().1, 1);
        rig.gitea.listen_again().unwrap();
        assert_eq!(
            rig.settled(delivery(&open)).await,
            [("merge".to_owned(), "done".to_owned())]
        );
    });
}

#[test]
fn what_was_approved_and_taken_back_is_not_merged() {
    run(async {
        let rig = Rig::start(Choices::default()).await;
        let wait = Fault::Saying(405, "Please try again later".to_owned());
        rig.gitea.fail_always(Route::Merge, wait);
        let first = approve(&rig).await;
        assert_eq!(first.said().1, "pending");
        // A second approval comes to the same merge, and says how that stands.
        let body = review("approved", "linus", "good");
        let second = rig.deliver("pull_request_approved", &body).await;
        assert_eq!(second.said().1, "pending", "{:?}", second.said());
        for reviewer in ["grace", "linus"] {
            let body = review("rejected", reviewer, "on second thoughts");
            rig.deliver("pull_request_rejected", &body).await;
        }
        rig.gitea.heal().unwrap();
        let skipped = [("merge".to_owned(), "skipped".to_owned())];
        assert_eq!(rig.settled(delivery(&first)).await, skipped);
        assert_eq!(rig.settled(delivery(&second)).await, skipped);
        assert_eq!(merges(&rig), 0);
    });
}

#[test]
fn the_rules_of_now_count_when_it_is_merged() {
    run(async {
        let rig = Rig::start(Choices::default()).await;
        rig.gitea.fail_next(Route::Merge, Fault::Status(503));
        let reply = approve(&rig).await;
        let policy = orket_core::webhook::review_policy::ReviewPolicy {
            required_approvals: 2,
            ..Default::default()
        };
        rig.receiver().set_policy(policy);
        assert_eq!(
            rig.settled(delivery(&reply)).await,
            [("merge".to_owned(), "failed".to_owned())]
        );
        assert_eq!(merges(&rig), 0);
    });
}

/// A review that the host has no more, has of another commit, or never had.
#[test]
fn only_what_the_host_has_as_approvals_of_this_commit_counts() {
    run(async {
        for number in 0..3 {
            let rig = Rig::start(Choices::default()).await;
            let body = review("approved", "grace", "good").to_string();
            rig.gitea.review("acme/site", 7, "grace", "APPROVED");
            rig.gitea.change_pull("acme/site", 7, |pull| match number {
                0 => pull.reviews[0].dismissed = true,
                1 => pull.reviews[0].commit = "c".repeat(40),
                _ => pull.reviews.clear(),
            });
            let reply = rig
                .deliver_as("one", "pull_request_approved", body.as_bytes())
                .await;
            let (_, word, words) = reply.said();
            assert_eq!(word, "failed");
            assert!(words.contains("code host"), "{words}");
            assert_eq!(merges(&rig), 0);
        }
    });
}

#[test]
fn a_host_that_is_slow_is_given_time_before_a_comment_is_looked_for() {
    run(async {
        let rig = Rig::start(Choices::default()).await;
        for cycle in 1..=2 {
            let body = review("rejected", "grace", &format!("reason {cycle}"));
            rig.deliver("pull_request_rejected", &body).await;
        }
        rig.gitea.fail_next(Route::Comment, Fault::Reset);
        let body = review("rejected", "grace", "reason 3");
        let reply = rig.deliver("pull_request_rejected", &body).await;
        let rows = rig
            .receiver()
            .store
            .calls_of(delivery(&reply))
            .await
            .unwrap();
        use orket_actors::port::clock::Clock as _;
        let wait = rows[0].next_try_ms - rig.clock.wall_ms();
        assert!((29_000..40_000).contains(&wait), "{wait}");
        assert_eq!(
            rig.settled(delivery(&reply)).await,
            [("comment".to_owned(), "done".to_owned())]
        );
        rig.gitea
            .with(|state| assert_eq!(state.comments("acme/site", 7).len(), 1));
    });
}

#[test]
fn a_card_that_waits_keeps_no_merge_waiting() {
    run(async {
        let rig = Rig::start(Choices::default()).await;
        let later = OutsideError::Later("nobody owns the data folder".to_owned());
        rig.elsewhere.answers.lock().unwrap().push_back(Err(later));
        let opened = pull_request("opened", 7, "[ISSUE-A1] Add a page");
        assert_eq!(
            rig.deliver("pull_request", &opened).await.said().1,
            "pending"
        );
        assert_eq!(approve(&rig).await.said().1, "success");
    });
}

/// More is due than is done at once, and something was being done when the process ended.
#[test]
fn what_was_being_done_is_taken_over_however_much_is_due() {
    run(async {
        let mut rig = Rig::start(Choices::default()).await;
        rig.gitea.fail_always(Route::Merge, Fault::Status(503));
        let mut rows = Vec::new();
        for number in 20..40 {
            rig.gitea.add_pull("acme/site", number, SHA, "ada");
            let mut body = review("approved", "grace", "good");
            body["pull_request"]["number"] = json!(number);
            rows.push(delivery(&rig.deliver("pull_request_approved", &body).await));
        }
        let last = rows[19];
        let mark = move |connection: &mut diesel::SqliteConnection| {
            use diesel::prelude::*;
            diesel::sql_query(format!(
                "UPDATE outbox SET status = 'sending' WHERE event_row = {last}"
            ))
            .execute(connection)
        };
        rig.receiver().store.write(mark).await.unwrap();
        rig.gitea.heal().unwrap();
        rig.restart().await;
        for row in rows {
            assert_eq!(
                rig.settled(row).await,
                [("merge".to_owned(), "done".to_owned())]
            );
        }
        let merged = rig.gitea.with(|state| {
            let pulls = state.repositories["acme/site"].pulls.values();
            pulls.map(|pull| pull.merges).collect::<Vec<_>>()
        });
        assert_eq!(merged.iter().sum::<u32>(), 20);
        assert!(merged.iter().all(|merges| *merges <= 1));
    });
}

/// Nobody signs the id of a delivery: another body under it is another delivery.
#[test]
fn another_body_under_an_id_that_is_known_is_another_delivery() {
    run(async {
        let rig = Rig::start(Choices::default()).await;
        let first = rig.deliver_as("same", "push", br#"{"x":1}"#).await;
        let second = rig.deliver_as("same", "push", br#"{"x":2}"#).await;
        assert_eq!((first.status, second.status), (200, 200));
        assert_ne!(second.json()["duplicate"], true);
        assert_eq!(rig.count("webhook_events").await, 2);
        let again = rig.deliver_as("same", "push", br#"{"x":2}"#).await;
        assert_eq!(again.json()["duplicate"], true);
    });
}

/// A proxy that answers for Gitea while it is away is not believed.
#[test]
fn what_is_not_gitea_s_word_is_not_final() {
    run(async {
        let rig = Rig::start(Choices::default()).await;
        rig.gitea.fail_next(
            Route::Merge,
            Fault::Plain(404, "404 page not found".to_owned()),
        );
        let reply = approve(&rig).await;
        assert_eq!(reply.said().1, "pending", "{:?}", reply.said());
        assert_eq!(
            rig.settled(delivery(&reply)).await,
            [("merge".to_owned(), "done".to_owned())]
        );
    });
}

#[test]
fn what_the_rules_kept_out_can_be_let_in_later() {
    run(async {
        let elsewhere = orket_core::webhook::review_policy::ReviewPolicy {
            repositories: Some(vec!["acme/other".to_owned()]),
            ..Default::default()
        };
        let rig = Rig::start(Choices {
            policy: elsewhere.clone(),
            ..Choices::default()
        })
        .await;
        let reply = approve(&rig).await;
        assert_eq!(reply.said().1, "ignored");
        let row = delivery(&reply);
        let store = rig.receiver().store.clone();
        assert_eq!(store.decide_again(row, elsewhere, 0).await.unwrap(), 0);
        rig.receiver().set_policy(Default::default());
        assert_eq!(
            store
                .decide_again(row, Default::default(), 0)
                .await
                .unwrap(),
            1
        );
        // Once only.
        assert_eq!(
            store
                .decide_again(row, Default::default(), 0)
                .await
                .unwrap(),
            0
        );
        rig.receiver().wake();
        assert_eq!(
            rig.settled(row).await,
            [("merge".to_owned(), "done".to_owned())]
        );
    });
}
