//! `kill -9` at every point that can be aimed at, and at many that cannot: nothing that was acknowledged
//! is lost, nothing is done twice.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use orket_fake_gitea::{Fault, Route, State};

use crate::house::{DEADLINE, House, deliver, push, review};

fn merges(house: &House) -> u32 {
    house
        .gitea
        .with(|state| state.pull("acme/site", 7).unwrap().merges)
}

/// Sends from a thread of its own; the answer may never come.
fn send(
    house: &House,
    id: &str,
    event: &str,
    body: serde_json::Value,
) -> std::thread::JoinHandle<()> {
    let (to, id, event) = (house.webhook.clone(), id.to_owned(), event.to_owned());
    std::thread::spawn(move || {
        // The process is killed before it answers.
        let _ = deliver(&to, &id, &event, &body);
    })
}

/// Killed while Gitea is asked to merge: before it does, and after it did and before it says so.
#[test]
fn killed_in_the_middle_of_a_merge_it_is_merged_once() {
    for fault in [Fault::Hold, Fault::ResetBefore, Fault::Reset] {
        let mut house = House::new();
        house.start(&["webhook"]);
        house.gitea.fail_next(Route::Merge, fault.clone());
        let body = review("approved", "grace", "good");
        let sending = send(&house, "one", "pull_request_approved", body.clone());
        let asked = |state: &State| state.requests.iter().any(|it| it.path.ends_with("/merge"));
        house.gitea.wait_for_blocking(asked, DEADLINE).unwrap();
        house.kill();
        sending.join().unwrap();
        house.gitea.release();
        // The delivery was stored before anything was asked of Gitea: the next process goes on.
        house.start(&["webhook"]);
        let all = house.settled();
        assert_eq!(all.len(), 1, "{fault:?}");
        assert_eq!(all[0]["calls"][0]["status"], "done", "{fault:?}: {all:#?}");
        assert_eq!(merges(&house), 1, "{fault:?}");
        // Gitea sends it again, since it got no answer.
        let (status, again) = house
            .deliver("one", "pull_request_approved", &body)
            .unwrap();
        assert_eq!(
            (status, &again["duplicate"]),
            (200, &serde_json::json!(true))
        );
        assert_eq!(again["status"], "success");
        assert_eq!(merges(&house), 1);
        assert_eq!(house.gitea.violations(), Vec::<String>::new());
    }
}

/// Killed in each of the calls of a rejection, after Gitea did what it was asked.
#[test]
fn killed_in_the_middle_of_a_rejection_each_call_is_made_once() {
    for route in [
        Route::Close,
        Route::Comment,
        Route::CreateLabel,
        Route::CreateIssue,
    ] {
        let mut house = House::new();
        house.start(&["webhook"]);
        for cycle in 1..=3 {
            let body = review("rejected", "grace", &format!("reason {cycle}"));
            let (status, _) = house
                .deliver(&format!("r-{cycle}"), "pull_request_rejected", &body)
                .unwrap();
            assert_eq!(status, 200);
        }
        house.gitea.fail_next(route, Fault::Hold);
        let before = house.gitea.requests().len();
        let body = review("rejected", "grace", "reason 4");
        let sending = send(&house, "r-4", "pull_request_rejected", body);
        let path = match route {
            Route::Close => "/pulls/7",
            Route::Comment => "/comments",
            Route::CreateLabel => "/labels",
            _ => "/issues",
        };
        let verb = if route == Route::Close {
            "PATCH"
        } else {
            "POST"
        };
        let asked = move |state: &State| {
            state
                .requests
                .iter()
                .skip(before)
                .any(|it| it.method == verb && it.path.ends_with(path))
        };
        house.gitea.wait_for_blocking(asked, DEADLINE).unwrap();
        house.kill();
        sending.join().unwrap();
        house.gitea.release();
        house.start(&["webhook"]);
        let all = house.settled();
        let statuses: Vec<&str> = all[0]["calls"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["status"].as_str().unwrap())
            .collect();
        assert_eq!(statuses, ["done", "done", "done"], "{route:?}: {all:#?}");
        house.gitea.with(|state| {
            assert_eq!(state.comments("acme/site", 7).len(), 2, "{route:?}");
            let repository = &state.repositories["acme/site"];
            assert_eq!(
                (repository.issues.len(), repository.labels.len()),
                (1, 2),
                "{route:?}"
            );
            assert!(!repository.pulls[&7].open);
        });
        assert_eq!(house.gitea.violations(), Vec::<String>::new());
    }
}

/// Killed again and again under load: what was answered is there, once each, and so is what follows.
#[test]
fn killed_at_any_time_what_was_acknowledged_is_there() {
    const ROUNDS: usize = 6;
    const SENDERS: usize = 4;
    let mut house = House::new();
    house.set("ORKET_RATE_LIMIT", "1000000");
    let acknowledged = Arc::new(Mutex::new(Vec::<String>::new()));
    let next = Arc::new(AtomicUsize::new(0));
    for round in 0..ROUNDS {
        house.start(&["webhook"]);
        let stop = Arc::new(AtomicBool::new(false));
        let target = acknowledged.lock().unwrap().len() + 40 + 23 * round;
        let senders: Vec<_> = (0..SENDERS)
            .map(|_| {
                let (to, stop) = (house.webhook.clone(), Arc::clone(&stop));
                let (acknowledged, next) = (Arc::clone(&acknowledged), Arc::clone(&next));
                std::thread::spawn(move || {
                    while !stop.load(Ordering::SeqCst) {
                        let number = next.fetch_add(1, Ordering::SeqCst);
                        let id = format!("d-{number}");
                        let Ok((status, _)) = deliver(&to, &id, "push", &push(number)) else {
                            continue;
                        };
                        assert_eq!(status, 200);
                        acknowledged.lock().unwrap().push(id);
                    }
                })
            })
            .collect();
        let end = std::time::Instant::now() + DEADLINE;
        while acknowledged.lock().unwrap().len() < target {
            assert!(std::time::Instant::now() < end, "too slow");
            std::thread::sleep(Duration::from_millis(1));
        }
        // In the middle of whatever it does now.
        house.kill();
        stop.store(true, Ordering::SeqCst);
        for sender in senders {
            sender.join().unwrap();
        }
    }
    let all = house.json(&["webhook", "deliveries", "list", "--limit", "10000"]);
    let mut stored: Vec<String> = all["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["delivery_id"].as_str().unwrap().to_owned())
        .collect();
    stored.sort();
    let rows = stored.len();
    stored.dedup();
    assert_eq!(stored.len(), rows, "each once");
    let acknowledged = acknowledged.lock().unwrap();
    for id in acknowledged.iter() {
        assert!(
            stored.binary_search(id).is_ok(),
            "{id} was acknowledged and is lost"
        );
    }
    println!(
        "{} acknowledged, {rows} stored, {} sent",
        acknowledged.len(),
        next.load(Ordering::SeqCst)
    );
    // At most one of each sender and round was stored and not answered.
    assert!(rows <= acknowledged.len() + ROUNDS * SENDERS);
}

/// Killed at each point of the receiver's own work, the first times that it comes there: around commits,
/// around calls, around the note of what became of them.
#[test]
fn killed_at_each_point_a_rejection_is_carried_out_once() {
    let points = [
        "webhook.in_transaction",
        "webhook.after_commit",
        "webhook.before_attempt",
        "webhook.after_attempt",
        "webhook.after_note",
    ];
    for point in points {
        for time in [1, 2, 3, 5] {
            let mut house = House::new();
            house.start(&["webhook"]);
            for cycle in 1..=3 {
                let body = review("rejected", "grace", &format!("reason {cycle}"));
                house
                    .deliver(&format!("r-{cycle}"), "pull_request_rejected", &body)
                    .unwrap();
            }
            house.kill();
            house.set("ORKET_FAULT", &format!("kill@{point}#{time}"));
            // It may die while it starts: the store and the outbox are at work then already.
            house.try_start(&["webhook"]);
            let body = review("rejected", "grace", "reason 4");
            let _ = deliver(&house.webhook, "r-4", "pull_request_rejected", &body);
            // Three calls are all that follow.
            let is_reached = time <= 3 || !(point.contains("attempt") || point.contains("note"));
            if is_reached {
                house.ended();
            } else {
                house.settled();
                house.kill();
            }
            house.unset("ORKET_FAULT");
            house.start(&["webhook"]);
            // Whoever got no answer sends it again.
            let (status, _) = house
                .deliver("r-4", "pull_request_rejected", &body)
                .unwrap();
            assert_eq!(status, 200);
            let all = house.settled();
            assert_eq!(all.len(), 4, "{point}#{time}");
            let calls = all[0]["calls"].as_array().unwrap();
            assert_eq!(calls.len(), 3, "{point}#{time}: {calls:#?}");
            assert!(
                calls.iter().all(|it| it["status"] == "done"),
                "{point}#{time}: {calls:#?}"
            );
            house.gitea.with(|state| {
                assert_eq!(state.comments("acme/site", 7).len(), 2, "{point}#{time}");
                let repository = &state.repositories["acme/site"];
                assert_eq!(
                    (repository.issues.len(), repository.labels.len()),
                    (1, 2),
                    "{point}#{time}"
                );
                assert!(!repository.pulls[&7].open);
            });
            assert_eq!(house.gitea.violations(), Vec::<String>::new());
        }
    }
}
