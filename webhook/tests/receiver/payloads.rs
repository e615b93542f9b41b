//! Bodies in the shapes that Gitea, Forgejo and the Python Orket's docs use.

use serde_json::{Value, json};

pub const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

fn user(login: &str, id: u64) -> Value {
    json!({
        "id": id, "login": login, "username": login, "full_name": "", "email": format!("{login}@example.org"),
        "avatar_url": "http://git.example.org/avatars/1", "language": "", "is_admin": false,
    })
}

pub fn repository() -> Value {
    json!({
        "id": 3, "owner": user("acme", 2), "name": "site", "full_name": "acme/site", "private": false,
        "clone_url": "http://git.example.org/acme/site.git", "default_branch": "main",
    })
}

/// A pull request event: `action` as Gitea names it.
pub fn pull_request(action: &str, number: u64, title: &str) -> Value {
    let branch = |label: &str, sha: &str| json!({"label": label, "ref": label, "sha": sha, "repo_id": 3, "repo": null});
    json!({
        "action": action, "number": number,
        "pull_request": {
            "id": 40 + number, "number": number, "title": title, "body": "", "state": "open",
            "user": user("ada", 5), "labels": [], "milestone": null, "assignee": null, "assignees": null,
            "is_locked": false, "comments": 0, "mergeable": true, "merged": false, "merged_at": null,
            "merge_commit_sha": null, "merged_by": null,
            "base": branch("main", "f".repeat(40).as_str()), "head": branch("page", SHA),
            "created_at": "2026-01-01T10:00:00Z", "updated_at": "2026-01-01T10:00:00Z", "closed_at": null,
        },
        "repository": repository(), "sender": user("ada", 5), "review": null,
    })
}

/// A review as stock Gitea tells of it.
pub fn review(kind: &str, reviewer: &str, words: &str) -> Value {
    let mut body = pull_request("reviewed", 7, "Add a page");
    body["review"] = json!({"type": format!("pull_request_review_{kind}"), "content": words});
    body["sender"] = user(reviewer, 6);
    body
}

/// A review as the Python Orket understood it: no more than it needed.
pub fn old_review(state: &str, reviewer: &str, words: &str) -> Value {
    json!({
        "action": "submitted",
        "pull_request": {"number": 7, "title": "Add a page", "user": {"login": "ada"}, "head": {"ref": "page", "sha": SHA}},
        "repository": {"name": "site", "owner": {"login": "acme"}},
        "review": {"state": state, "user": {"login": reviewer}, "body": words},
    })
}

pub fn push() -> Value {
    json!({
        "ref": "refs/heads/main", "before": "0".repeat(40), "after": SHA, "compare_url": "",
        "commits": [], "head_commit": null, "repository": repository(), "pusher": user("ada", 5),
        "sender": user("ada", 5),
    })
}
