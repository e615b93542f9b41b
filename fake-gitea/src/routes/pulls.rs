//! Pull requests: shown, closed, merged.

use serde_json::{Value, json};

use super::{Asked, Here, created, flag, not_found, ok, page, refused, text, writable};
use crate::http::{Answer, Request};
use crate::shape::{Field, Kind, optional, required};
use crate::state::{Merged, Pull, Review, State};

const WAYS: &[&str] = &[
    "merge",
    "rebase",
    "rebase-merge",
    "squash",
    "fast-forward-only",
    "manually-merged",
];

pub(super) const MERGE: &[Field] = &[
    required("Do", Kind::OneOf(WAYS)),
    optional("MergeCommitID", Kind::Text),
    optional("MergeMessageField", Kind::Text),
    optional("MergeTitleField", Kind::Text),
    optional("delete_branch_after_merge", Kind::Flag),
    optional("force_merge", Kind::Flag),
    optional("head_commit_id", Kind::Text),
    optional("merge_when_checks_succeed", Kind::Flag),
];

pub(super) const EDIT: &[Field] = &[
    optional("title", Kind::Words),
    optional("body", Kind::Text),
    optional("base", Kind::Text),
    optional("assignees", Kind::Texts),
    optional("labels", Kind::Numbers),
    optional("milestone", Kind::Number),
    optional("allow_maintainer_edit", Kind::Flag),
    optional("state", Kind::OneOf(&["open", "closed"])),
];

fn described(repository: &str, number: u64, pull: &Pull, here: &Here<'_>) -> Value {
    let url = here.url;
    let repo = json!({
        "full_name": repository,
        "clone_url": format!("{url}/{repository}.git"),
        "html_url": format!("{url}/{repository}"),
    });
    json!({
        "number": number,
        "state": if pull.open { "open" } else { "closed" },
        "title": format!("Pull {number}"),
        "user": {"login": pull.author},
        "html_url": format!("{url}/{repository}/pulls/{number}"),
        "mergeable": pull.mergeable && pull.open,
        "merged": pull.merged.is_some(),
        "merge_commit_sha": pull.merged.as_ref().map(|merged| &merged.commit),
        "merged_by": null,
        "base": {"label": pull.base_ref, "ref": pull.base_ref, "sha": "b".repeat(40), "repo": repo},
        "head": {"label": pull.head_ref, "ref": pull.head_ref, "sha": pull.head_sha, "repo": null},
    })
}

pub(super) fn shown(state: &State, asked: &Asked, here: &Here<'_>) -> Answer {
    match state.pull(&asked.repository, asked.number) {
        Some(pull) => ok(&described(&asked.repository, asked.number, pull, here)),
        None => not_found(),
    }
}

pub(super) fn reviews(state: &State, asked: &Asked, request: &Request) -> Answer {
    let Some(pull) = state.pull(&asked.repository, asked.number) else {
        return not_found();
    };
    let described = |(id, review): (usize, &Review)| {
        json!({
            "id": id + 1,
            "user": {"login": review.reviewer},
            "state": review.state,
            "body": "",
            "commit_id": review.commit,
            "stale": review.commit != pull.head_sha,
            "official": true,
            "dismissed": review.dismissed,
            "submitted_at": "2026-01-01T10:00:00Z",
        })
    };
    let all: Vec<Value> = pull.reviews.iter().enumerate().map(described).collect();
    page(request, &all)
}

pub(super) fn edited(state: &mut State, asked: &Asked, here: &Here<'_>) -> Answer {
    let repository = match writable(state, &asked.repository) {
        Ok(repository) => repository,
        Err(refusal) => return refusal,
    };
    let Some(pull) = repository.pulls.get_mut(&asked.number) else {
        return not_found();
    };
    if let Some(wanted) = text(&asked.body, "state") {
        if pull.merged.is_some() {
            return refused(
                412,
                "cannot change state of this pull request, it was already merged",
            );
        }
        pull.open = wanted == "open";
    }
    created(&described(&asked.repository, asked.number, pull, here))
}

pub(super) fn merged(state: &mut State, asked: &Asked) -> Answer {
    let commit = format!("{:040x}", 0xc0de_0000 + state.next_id());
    let repository = match writable(state, &asked.repository) {
        Ok(repository) => repository,
        Err(refusal) => return refusal,
    };
    let Some(pull) = repository.pulls.get_mut(&asked.number) else {
        return not_found();
    };
    if pull.merged.is_some() {
        return refused(405, "The PR is already merged");
    }
    if !pull.open {
        return refused(405, "The PR is closed");
    }
    if !pull.mergeable {
        return refused(405, "Does not have enough approvals");
    }
    let expected = text(&asked.body, "head_commit_id").filter(|sha| !sha.is_empty());
    if expected.is_some_and(|sha| sha != pull.head_sha) {
        return refused(409, "head out of date");
    }
    pull.open = false;
    pull.merges += 1;
    pull.merged = Some(Merged {
        commit,
        how: text(&asked.body, "Do").unwrap_or_default(),
        title: text(&asked.body, "MergeTitleField"),
        message: text(&asked.body, "MergeMessageField"),
        branch_deleted: flag(&asked.body, "delete_branch_after_merge"),
    });
    Answer {
        status: 200,
        ..Answer::default()
    }
}
