//! The server itself and its repositories.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::GiteaErrorKind;
use super::{Gitea, GiteaError, RepoRef};

/// A repository as Gitea describes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Repository {
    /// `owner/name`.
    pub full_name: String,
    /// Where it is cloned from.
    pub clone_url: String,
    /// Its page.
    pub html_url: String,
    /// Empty while it has no commit.
    #[serde(default)]
    pub default_branch: String,
}

#[derive(Deserialize)]
struct WireVersion {
    version: String,
}

#[derive(Deserialize)]
struct WireUser {
    login: String,
}

impl Gitea {
    /// The server's version: a cheap question whether it is there.
    ///
    /// # Errors
    /// See [`GiteaError`].
    pub async fn version(&self) -> Result<String, GiteaError> {
        let doing = "asking for the version".to_owned();
        let answer = self.link.get(&["version"], doing);
        Ok(answer.one::<WireVersion>().await?.version)
    }

    /// A repository.
    ///
    /// # Errors
    /// See [`GiteaError`].
    pub async fn repository(&self, repo: &RepoRef) -> Result<Repository, GiteaError> {
        let path = ["repos", repo.owner(), repo.name()];
        let call = self.link.get(&path, format!("looking at {repo}"));
        call.one().await
    }

    /// Login of who asks.
    ///
    /// # Errors
    /// See [`GiteaError`].
    pub async fn login(&self) -> Result<String, GiteaError> {
        let doing = "asking who this is".to_owned();
        let answer = self.link.get(&["user"], doing);
        Ok(answer.one::<WireUser>().await?.login)
    }

    /// A repository, made if it is not there: in the organization of that name, and when there is
    /// none, of the user who asks.
    ///
    /// # Errors
    /// [`GiteaErrorKind::NotFound`] when the owner is neither an organization nor who asks,
    /// [`GiteaErrorKind::Unauthorized`] when the organization is not theirs.
    pub async fn ensure_repository(
        &self,
        repo: &RepoRef,
        private: bool,
        branch: &str,
    ) -> Result<Repository, GiteaError> {
        match self.repository(repo).await {
            Err(error) if error.kind == GiteaErrorKind::NotFound => {}
            answer => return answer,
        }
        let body = json!({
            "name": repo.name(),
            "description": "Artifacts of runs",
            "private": private,
            "auto_init": false,
            "default_branch": branch,
        });
        let refusal = match self
            .make(&["orgs", repo.owner(), "repos"], repo, &body)
            .await
        {
            // Not an organization, or a token that may do nothing with any.
            Err(error)
                if matches!(
                    error.kind,
                    GiteaErrorKind::NotFound | GiteaErrorKind::Unauthorized
                ) =>
            {
                error
            }
            made => {
                made?;
                return self.repository(repo).await;
            }
        };
        // `POST /user/repos` makes it of whoever asks, wanted or not.
        let is_own = match self.login().await {
            Ok(login) => login.eq_ignore_ascii_case(repo.owner()),
            Err(error) if error.is_transient() => return Err(error),
            Err(_) => false,
        };
        if !is_own {
            return Err(refusal);
        }
        self.make(&["user", "repos"], repo, &body).await?;
        self.repository(repo).await
    }

    async fn make(&self, path: &[&str], repo: &RepoRef, body: &Value) -> Result<(), GiteaError> {
        let doing = format!("making {repo}");
        let call = self.link.change(Method::POST, path, doing);
        match call.body(body.clone()).nothing().await {
            // Somebody made it meanwhile.
            Err(error) if error.kind == GiteaErrorKind::Conflict => Ok(()),
            made => made,
        }
    }
}
