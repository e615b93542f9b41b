//! What this Gitea knows.

use std::collections::{BTreeMap, BTreeSet};

use crate::fault::Plan;

/// Everything, as a test may look at it or change it.
#[derive(Debug, Default)]
pub struct State {
    /// By `owner/name`.
    pub repositories: BTreeMap<String, Repository>,
    /// Names of organizations: `POST /orgs/{o}/repos` answers 404 for others.
    pub organizations: BTreeSet<String>,
    /// Every request in the order of arrival.
    pub requests: Vec<Recorded>,
    /// What requests did that Gitea's documentation does not allow.
    pub violations: Vec<String>,
    /// Whether comments come in pages, as newer servers do; otherwise all at once.
    pub comments_in_pages: bool,
    /// Where bare repositories are, `owner/name.git`, when they are served over git.
    pub(crate) git_root: Option<std::path::PathBuf>,
    pub(crate) plan: Plan,
    /// Raised by `release`: whoever holds an answer of an older value lets go.
    pub(crate) releases: u64,
    pub(crate) last_id: u64,
}

/// One repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repository {
    /// Whether only members see it.
    pub private: bool,
    /// Nothing may be changed in it: 423.
    pub archived: bool,
    /// Its default branch.
    pub default_branch: String,
    /// By number.
    pub pulls: BTreeMap<u64, Pull>,
    /// By number.
    pub issues: BTreeMap<u64, Issue>,
    /// In the order of their ids.
    pub labels: Vec<Label>,
    /// Of pulls and issues, in the order of their ids.
    pub comments: Vec<Comment>,
}

/// One pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// Whether it is open; a merged one is not.
    pub open: bool,
    /// The newest commit of the branch.
    pub head_sha: String,
    /// Branch to be merged.
    pub head_ref: String,
    /// Branch it is merged into.
    pub base_ref: String,
    /// Login of who opened it.
    pub author: String,
    /// Whether Gitea sees no conflict and no missing approval.
    pub mergeable: bool,
    /// How it was merged.
    pub merged: Option<Merged>,
    /// How often it was merged through the API: more than once is never right.
    pub merges: u32,
    /// In the order in which they were given.
    pub reviews: Vec<Review>,
}

/// One review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Login of the reviewer.
    pub reviewer: String,
    /// `APPROVED`, `REQUEST_CHANGES`, `COMMENT`.
    pub state: String,
    /// The commit that was looked at.
    pub commit: String,
    /// Whether somebody took it back.
    pub dismissed: bool,
}

/// How a pull was merged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merged {
    /// The commit that merged it.
    pub commit: String,
    /// `merge`, `squash`, …; empty when somebody else merged it.
    pub how: String,
    /// Title of the commit, when one was given.
    pub title: Option<String>,
    /// Message of the commit, when one was given.
    pub message: Option<String>,
    /// Whether the branch was deleted.
    pub branch_deleted: bool,
}

/// One issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
    /// Whether it is open.
    pub open: bool,
    /// Ids of its labels.
    pub labels: Vec<u64>,
}

/// One label of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// What an issue refers to.
    pub id: u64,
    /// What people see.
    pub name: String,
    /// Six hexadecimal digits.
    pub color: String,
}

/// One comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Unique.
    pub id: u64,
    /// Number of the pull or issue.
    pub on: u64,
    /// Its text.
    pub body: String,
    /// Login of who wrote it.
    pub author: String,
}

/// One request and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query as they came.
    pub path: String,
    /// The body as text.
    pub body: String,
    /// The status that was answered; none yet, or never, when the connection was reset.
    pub status: Option<u16>,
}

impl State {
    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// A pull of a repository; `None` when there is none.
    #[must_use]
    pub fn pull(&self, repository: &str, number: u64) -> Option<&Pull> {
        self.repositories.get(repository)?.pulls.get(&number)
    }

    /// Texts of the comments on a pull or an issue.
    #[must_use]
    pub fn comments(&self, repository: &str, number: u64) -> Vec<String> {
        let comments = self.repositories.get(repository).map(|at| &at.comments);
        comments
            .into_iter()
            .flatten()
            .filter(|comment| comment.on == number)
            .map(|comment| comment.body.clone())
            .collect()
    }
}

impl Repository {
    /// Issues and pulls are numbered together.
    pub(crate) fn next_number(&self) -> u64 {
        let pull = self.pulls.last_key_value().map_or(0, |(number, _)| *number);
        let issue = self
            .issues
            .last_key_value()
            .map_or(0, |(number, _)| *number);
        pull.max(issue) + 1
    }
}

impl Pull {
    /// An open, mergeable pull into `main`.
    #[must_use]
    pub fn new(head_sha: &str, author: &str) -> Self {
        Self {
            open: true,
            head_sha: head_sha.to_owned(),
            head_ref: "feature".to_owned(),
            base_ref: "main".to_owned(),
            author: author.to_owned(),
            mergeable: true,
            merged: None,
            merges: 0,
            reviews: Vec::new(),
        }
    }
}
