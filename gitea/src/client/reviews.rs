//! Reviews of pull requests.

use serde::Deserialize;

use super::error::GiteaError;
use super::{Gitea, PullRef};

/// What a reviewer says last of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Login of the reviewer; empty when the account is gone.
    pub reviewer: String,
    /// Whether it approves; otherwise it asks for changes.
    pub approves: bool,
    /// The commit that was looked at.
    pub commit: String,
    /// Whether it counts no more: it was dismissed, or the branch moved on.
    pub is_void: bool,
}

#[derive(Deserialize)]
struct WireReview {
    user: Option<WireUser>,
    #[serde(default)]
    state: String,
    #[serde(default)]
    commit_id: String,
    #[serde(default)]
    stale: bool,
    #[serde(default)]
    dismissed: bool,
}

#[derive(Deserialize)]
struct WireUser {
    #[serde(default)]
    login: String,
}

impl Gitea {
    /// What each reviewer says last: approvals and requests for changes, of the first 2,500 reviews.
    ///
    /// # Errors
    /// See [`GiteaError`].
    pub async fn reviews(&self, at: &PullRef) -> Result<Vec<Review>, GiteaError> {
        let number = at.number.to_string();
        let (owner, name) = (at.repo.owner(), at.repo.name());
        let path = ["repos", owner, name, "pulls", &number, "reviews"];
        let doing = format!("looking at the reviews of {at}");
        let mut last: Vec<Review> = Vec::new();
        let take = |review: &WireReview| {
            let approves = review.state == "APPROVED";
            if approves || review.state == "REQUEST_CHANGES" {
                let user = review.user.as_ref();
                let reviewer = user.map(|user| user.login.clone()).unwrap_or_default();
                last.retain(|earlier| !earlier.reviewer.eq_ignore_ascii_case(&reviewer));
                last.push(Review {
                    reviewer,
                    approves,
                    commit: review.commit_id.clone(),
                    is_void: review.stale || review.dismissed,
                });
            }
            false
        };
        // All of them are looked at: none is the one that is looked for.
        self.find::<WireReview>(&path, &[], &doing, take).await?;
        Ok(last)
    }
}
