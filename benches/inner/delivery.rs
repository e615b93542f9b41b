//! A signed delivery of a code host, as large as Gitea's are. Nothing here is measured.

use orket_webhook::signature::{Secrets, sign};
use serde_json::{Value, json};

const SECRET: &str = "a-secret-for-benches-3f9a1c";

/// A body, its signature, and the secrets to check it with.
pub struct Delivery {
    /// About 4.5 KB.
    pub body: Vec<u8>,
    /// In hexadecimal digits.
    pub signature: String,
    /// One.
    pub secrets: Secrets,
}

impl Delivery {
    /// Somebody approved a pull request.
    pub fn approval() -> Self {
        let body = event().to_string().into_bytes();
        Self {
            signature: sign(SECRET, &body),
            secrets: Secrets::new(Some(SECRET), None).expect("a secret"),
            body,
        }
    }
}

fn event() -> Value {
    let repository = json!({
        "id": 3, "owner": user("acme"), "name": "site", "full_name": "acme/site", "description": "The site.",
        "empty": false, "private": false, "fork": false, "template": false, "mirror": false, "size": 2048,
        "html_url": "https://git.example.org/acme/site", "ssh_url": "git@git.example.org:acme/site.git",
        "clone_url": "https://git.example.org/acme/site.git", "original_url": "", "stars_count": 3,
        "forks_count": 0, "watchers_count": 5, "open_issues_count": 4, "open_pr_counter": 2,
        "default_branch": "main", "archived": false, "created_at": "2025-01-01T10:00:00Z",
        "permissions": {"admin": true, "push": true, "pull": true}, "has_issues": true, "has_wiki": true,
    });
    let branch = |name: &str| {
        json!({"label": name, "ref": name, "sha": "0123456789abcdef0123456789abcdef01234567",
            "repo_id": 3, "repo": repository})
    };
    json!({
        "action": "reviewed", "number": 7,
        "pull_request": {
            "id": 41, "number": 7, "title": "A page about us", "body": "Says who we are — and why.",
            "state": "open", "merged": false, "user": user("ada"), "labels": [], "milestone": null,
            "url": "https://git.example.org/acme/site/pulls/7", "base": branch("main"), "head": branch("page"),
            "merge_base": "fedcba9876543210fedcba9876543210fedcba98", "created_at": "2026-01-01T10:00:00Z",
            "updated_at": "2026-01-01T10:00:00Z", "closed_at": null, "due_date": null,
        },
        "repository": repository, "sender": user("grace"),
        "review": {"type": "pull_request_review_approved", "content": "Good as it is."},
    })
}

fn user(login: &str) -> Value {
    json!({
        "id": 5, "login": login, "login_name": "", "full_name": "Somebody Whoever", "username": login,
        "email": format!("{login}@noreply.example.org"), "avatar_url": "https://git.example.org/avatars/0f1e2d",
        "language": "en-US", "is_admin": false, "last_login": "2026-01-01T10:00:00Z",
        "created": "2025-01-01T10:00:00Z", "restricted": false, "active": true, "prohibit_login": false,
        "location": "", "website": "", "description": "", "visibility": "public",
    })
}
