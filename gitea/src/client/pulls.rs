//! Pull requests: looked at, merged, closed.

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Gitea, GiteaError, PullRef};

/// A pull request as Gitea sees it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// Open or closed; a merged one is closed.
    pub state: PullState,
    /// Whether it was merged.
    pub is_merged: bool,
    /// The newest commit of its branch.
    pub head_sha: String,
    /// The branch to be merged.
    pub head_ref: String,
    /// The branch it is merged into.
    pub base_ref: String,
    /// Login of who opened it; empty when the account is gone.
    pub author: String,
    /// Whether Gitea sees no conflict; false also while it is still looking.
    pub mergeable: bool,
    /// The commit that merged it.
    pub merge_commit_sha: Option<String>,
    /// Where the repository that it is merged into is cloned from.
    pub clone_url: String,
}

/// Whether a pull request is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PullState {
    /// Open.
    Open,
    /// Closed or merged.
    Closed,
}

/// How to merge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merge {
    /// In which way.
    pub way: MergeWay,
    /// Title of the commit; Gitea's own when none.
    pub title: Option<String>,
    /// Message of the commit; Gitea's own when none.
    pub message: Option<String>,
    /// Whether the branch goes.
    pub delete_branch: bool,
    /// The commit that was approved: Gitea answers 409 when the branch has moved on.
    pub head_sha: Option<String>,
}

/// In which way a pull is merged, in Gitea's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MergeWay {
    /// A merge commit.
    Merge,
    /// Its commits on top of the base.
    Rebase,
    /// The same, and a merge commit.
    RebaseMerge,
    /// One commit.
    Squash,
    /// The base moves to the head, or nothing happens.
    FastForwardOnly,
}

impl MergeWay {
    /// The word for it in Gitea's `Do`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Rebase => "rebase",
            Self::RebaseMerge => "rebase-merge",
            Self::Squash => "squash",
            Self::FastForwardOnly => "fast-forward-only",
        }
    }
}

#[derive(Deserialize)]
struct WirePull {
    state: PullState,
    #[serde(default)]
    merged: bool,
    head: WireBranch,
    base: WireBranch,
    user: Option<WireUser>,
    mergeable: Option<bool>,
    merge_commit_sha: Option<String>,
}

#[derive(Deserialize)]
struct WireBranch {
    #[serde(rename = "ref")]
    name: String,
    sha: String,
    repo: Option<WireRepository>,
}

#[derive(Deserialize)]
struct WireUser {
    login: String,
}

#[derive(Deserialize)]
struct WireRepository {
    #[serde(default)]
    clone_url: String,
}

impl From<WirePull> for Pull {
    fn from(pull: WirePull) -> Self {
        Self {
            state: pull.state,
            is_merged: pull.merged,
            head_sha: pull.head.sha,
            head_ref: pull.head.name,
            base_ref: pull.base.name,
            author: pull.user.map(|user| user.login).unwrap_or_default(),
            mergeable: pull.mergeable.unwrap_or(false),
            merge_commit_sha: pull.merge_commit_sha,
            clone_url: pull
                .base
                .repo
                .map(|repo| repo.clone_url)
                .unwrap_or_default(),
        }
    }
}

impl Gitea {
    /// What a pull request is now.
    ///
    /// # Errors
    /// See [`GiteaError`].
    pub async fn pull(&self, at: &PullRef) -> Result<Pull, GiteaError> {
        let number = at.number.to_string();
        let path = ["repos", at.repo.owner(), at.repo.name(), "pulls", &number];
        let call = self.link.get(&path, format!("looking at {at}"));
        Ok(call.one::<WirePull>().await?.into())
    }

    /// Merges a pull request.
    ///
    /// # Errors
    /// [`super::GiteaErrorKind::NotMergeable`] also when it is merged already,
    /// [`super::GiteaErrorKind::Conflict`] when its head is not `head_sha` any more.
    pub async fn merge(&self, at: &PullRef, merge: &Merge) -> Result<(), GiteaError> {
        let number = at.number.to_string();
        let (owner, name) = (at.repo.owner(), at.repo.name());
        let path = ["repos", owner, name, "pulls", &number, "merge"];
        let mut body = Map::new();
        body.insert("Do".to_owned(), merge.way.as_str().into());
        body.insert(
            "delete_branch_after_merge".to_owned(),
            merge.delete_branch.into(),
        );
        let texts = [
            ("MergeTitleField", &merge.title),
            ("MergeMessageField", &merge.message),
            ("head_commit_id", &merge.head_sha),
        ];
        for (field, text) in texts {
            if let Some(text) = text {
                body.insert(field.to_owned(), text.as_str().into());
            }
        }
        let call = self
            .link
            .change(Method::POST, &path, format!("merging {at}"));
        call.body(Value::Object(body)).nothing().await
    }

    /// Closes a pull request without merging it. Closing a closed one is no error.
    ///
    /// # Errors
    /// `Refused(412)` when it is merged.
    pub async fn close(&self, at: &PullRef) -> Result<(), GiteaError> {
        let number = at.number.to_string();
        let path = ["repos", at.repo.owner(), at.repo.name(), "pulls", &number];
        let call = self
            .link
            .change(Method::PATCH, &path, format!("closing {at}"));
        call.body(json!({"state": "closed"})).nothing().await
    }
}
