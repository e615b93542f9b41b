//! What goes wrong in a promotion: case 61, and worse.

use serde_json::{Value, json};

use super::{LIFECYCLE, codes, files, index, lifecycle, promoting};
use crate::house::Server;

#[test]
fn a_damaged_ledger_is_never_begun_anew() {
    let server = Server::start();
    lifecycle(
        &server,
        Value::Null,
        json!([promoting("turn-0001", "a", &[])]),
    );
    let ledger = index(&server).join("committed/index/run_ledger.json");
    std::fs::write(&ledger, "").unwrap();
    let refused = lifecycle(
        &server,
        Value::Null,
        json!([promoting("turn-0001", "b", &[])]),
    );
    assert_eq!(codes(&refused), ["E_PROMOTION_FAILED"]);
    assert_eq!(std::fs::read(&ledger).unwrap(), b"");
}

#[test]
fn a_promotion_that_fails_changes_nothing() {
    let server = Server::start();
    let first = lifecycle(
        &server,
        Value::Null,
        json!([promoting("turn-0001", "a", &[])]),
    );
    let committed = index(&server).join("committed");
    let before = files(&committed);
    // Case 61: what is committed cannot be taken over.
    std::os::unix::net::UnixListener::bind(committed.join("triplets/odd")).unwrap();
    let run = json!({"run_id": first["finish"]["run_id"]});
    let turns = json!([promoting("turn-0002", "b", &[])]);
    let failed = lifecycle(&server, run.clone(), turns.clone());
    assert_eq!(codes(&failed), ["E_PROMOTION_FAILED"]);
    assert_eq!(
        failed["turns"][0]["issues"][0]["location"],
        json!("/index/committed")
    );
    std::fs::remove_file(committed.join("triplets/odd")).unwrap();
    assert_eq!(files(&committed), before);
    assert_eq!(codes(&lifecycle(&server, run, turns)), [""]);
}

/// Cut off at each point of a promotion, and killed there: what was acknowledged is there after a
/// restart, and the turn that was not can be asked for again.
#[test]
fn a_crash_in_a_promotion_loses_nothing() {
    // Each point, the pass that is the second turn's, and whether that is promoted after it.
    let points = [
        ("kernel.prepared", 2, false),
        ("kernel.decided", 2, true),
        // The first turn places four files.
        ("kernel.applying", 6, true),
        ("kernel.applied", 2, true),
    ];
    for (point, pass, is_promoted) in points {
        let mut server = Server::build()
            .env("ORKET_FAULT", &format!("kill@{point}#{pass}"))
            .start();
        let run = json!({"run_id": "run-00000001"});
        lifecycle(
            &server,
            run.clone(),
            json!([promoting("turn-0001", "a", &[])]),
        );
        let body = json!({"workflow_id": "w", "start_request": run,
            "execute_turn_requests": [promoting("turn-0002", "b", &["a"])]});
        assert_eq!(server.post(LIFECYCLE, body).status, 0, "{point}");
        server.kill_and_restart();
        // Opening the root puts it in order.
        lifecycle(&server, run.clone(), json!([]));
        let committed = index(&server).join("committed");
        assert!(committed.join("triplets/a.json").is_file(), "{point}");
        assert_eq!(
            committed.join("triplets/b.json").is_file(),
            is_promoted,
            "{point}"
        );
        for left in [
            "promotion.__new",
            "promotion.__apply",
            "promotion.__undo",
            "promotion.__done",
        ] {
            assert!(!index(&server).join(left).exists(), "{point} {left}");
        }
        let expected = if is_promoted {
            "E_PROMOTION_ALREADY_APPLIED"
        } else {
            ""
        };
        let again = json!([promoting("turn-0002", "b", &["a"])]);
        assert_eq!(
            codes(&lifecycle(&server, run, again)),
            [expected],
            "{point}"
        );
    }
}
