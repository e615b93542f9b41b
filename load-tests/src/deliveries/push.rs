//! What a push looks like: as much as Gitea sends of one, about 4 KB.

use serde_json::{Value, json};

/// The body of a push event, with the fields that Gitea documents for it.
pub fn body() -> Value {
    let commits: Vec<Value> = (0..3)
        .map(|number| {
            json!({
                "id": format!("{number:040x}"), "message": "Say what the page is for\n\nAnd for whom.\n",
                "url": format!("https://git.example.org/acme/site/commit/{number:040x}"),
                "author": person("ada"), "committer": person("ada"), "verification": null,
                "timestamp": "2026-01-01T10:00:00Z", "added": [format!("pages/{number}.md")],
                "removed": [], "modified": ["pages/index.md", "pages/about.md"],
            })
        })
        .collect();
    json!({
        "ref": "refs/heads/page", "before": "0".repeat(40), "after": "1".repeat(40),
        "compare_url": "https://git.example.org/acme/site/compare/0...1",
        "commits": commits, "total_commits": 3, "head_commit": commits.first(),
        "repository": {
            "id": 3, "owner": user("acme"), "name": "site", "full_name": "acme/site", "description": "",
            "empty": false, "private": false, "fork": false, "template": false, "mirror": false, "size": 2_048,
            "html_url": "https://git.example.org/acme/site", "clone_url": "https://git.example.org/acme/site.git",
            "ssh_url": "git@git.example.org:acme/site.git", "default_branch": "main", "archived": false,
            "stars_count": 3, "forks_count": 0, "watchers_count": 5, "open_issues_count": 4,
            "created_at": "2025-01-01T10:00:00Z", "updated_at": "2026-01-01T10:00:00Z",
            "permissions": {"admin": true, "push": true, "pull": true},
        },
        "pusher": user("ada"), "sender": user("ada"),
    })
}

fn person(name: &str) -> Value {
    json!({"name": name, "email": format!("{name}@noreply.example.org"), "username": name})
}

fn user(login: &str) -> Value {
    json!({
        "id": 5, "login": login, "full_name": "Somebody Whoever", "username": login,
        "email": format!("{login}@noreply.example.org"), "avatar_url": "https://git.example.org/avatars/0f",
        "language": "en-US", "is_admin": false, "created": "2025-01-01T10:00:00Z", "active": true,
        "visibility": "public", "followers_count": 0, "following_count": 1, "description": "",
    })
}
