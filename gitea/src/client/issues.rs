//! Comments, issues and their labels.

use std::collections::HashMap;

use reqwest::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::{GiteaError, GiteaErrorKind};
use super::send::PAGE;
use super::{Gitea, PullRef, RepoRef};

/// So many pages of a list are looked through: 2,500 entries.
const MAX_PAGES: usize = 50;
/// Of labels that Orket makes.
const COLOR: &str = "#5319e7";

/// An issue to be opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewIssue {
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// Names; those that the repository lacks are made.
    pub labels: Vec<String>,
}

#[derive(Deserialize)]
struct WireId {
    id: u64,
}

#[derive(Deserialize)]
struct WireComment {
    id: u64,
    #[serde(default)]
    body: String,
    user: Option<WireAuthor>,
}

#[derive(Deserialize)]
struct WireAuthor {
    #[serde(default)]
    login: String,
}

#[derive(Deserialize)]
struct WireLabel {
    id: u64,
    name: String,
}

#[derive(Deserialize)]
struct WireIssue {
    number: u64,
    #[serde(default)]
    title: String,
    #[serde(default)]
    body: String,
}

fn is_by(author: Option<&WireAuthor>, login: &str) -> bool {
    author.is_some_and(|author| author.login.eq_ignore_ascii_case(login))
}

impl Gitea {
    /// Comments on a pull request; its id.
    ///
    /// # Errors
    /// See [`GiteaError`].
    pub async fn comment(&self, at: &PullRef, body: &str) -> Result<u64, GiteaError> {
        let number = at.number.to_string();
        let path = comments_of(at, &number);
        let call = self
            .link
            .change(Method::POST, &path, format!("commenting on {at}"));
        let comment = call.body(json!({"body": body})).one::<WireId>().await?;
        Ok(comment.id)
    }

    /// The id of the first comment of our own on a pull request that contains this text; `None` when
    /// none of the first 2,500 does. Others may write the same.
    ///
    /// # Errors
    /// See [`GiteaError`].
    pub async fn find_comment(
        &self,
        at: &PullRef,
        containing: &str,
    ) -> Result<Option<u64>, GiteaError> {
        let number = at.number.to_string();
        let path = comments_of(at, &number);
        let doing = format!("looking through the comments on {at}");
        let login = match self.login().await {
            Ok(login) => Some(login),
            // Not every token may ask who it belongs to.
            Err(error) if error.kind == GiteaErrorKind::Unauthorized => None,
            Err(error) => return Err(error),
        };
        let fits = |comment: &WireComment| {
            let is_ours = |login: &String| is_by(comment.user.as_ref(), login);
            comment.body.contains(containing) && login.as_ref().is_none_or(is_ours)
        };
        let found = self.find(&path, &[], &doing, fits).await?;
        Ok(found.map(|comment| comment.id))
    }

    /// Opens an issue; its number. Labels are found by name, whatever their case.
    ///
    /// # Errors
    /// `may_have_happened` speaks of the issue alone: it is false when a label could not be found
    /// or made.
    pub async fn open_issue(&self, repo: &RepoRef, issue: &NewIssue) -> Result<u64, GiteaError> {
        let labels = self.label_ids(repo, &issue.labels).await;
        let labels = labels.map_err(GiteaError::without_effect)?;
        let path = ["repos", repo.owner(), repo.name(), "issues"];
        let doing = format!("opening an issue in {repo}");
        let body = json!({"title": issue.title, "body": issue.body, "labels": labels});
        let call = self.link.change(Method::POST, &path, doing);
        Ok(call.body(body).one::<WireIssue>().await?.number)
    }

    /// The number of the newest issue, open or closed, with this title and a body that contains
    /// this text; `None` when none of the newest 2,500 is so.
    ///
    /// # Errors
    /// See [`GiteaError`].
    pub async fn find_issue(
        &self,
        repo: &RepoRef,
        title: &str,
        containing: &str,
    ) -> Result<Option<u64>, GiteaError> {
        let path = ["repos", repo.owner(), repo.name(), "issues"];
        let query = [("state", "all"), ("type", "issues")];
        let doing = format!("looking through the issues of {repo}");
        // Gitea trims titles.
        let title = title.trim();
        let fits = |issue: &WireIssue| issue.title == title && issue.body.contains(containing);
        let found = self.find(&path, &query, &doing, fits).await?;
        Ok(found.map(|issue| issue.number))
    }

    async fn label_ids(&self, repo: &RepoRef, names: &[String]) -> Result<Vec<u64>, GiteaError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut known = self.labels(repo).await?;
        let mut ids = Vec::new();
        for name in names {
            let id = match known.get(&folded(name)) {
                Some(id) => *id,
                None => {
                    let id = self.made_label(repo, name).await?;
                    known.insert(folded(name), id);
                    id
                }
            };
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    /// Ids by folded name; the oldest of several that differ in case only.
    async fn labels(&self, repo: &RepoRef) -> Result<HashMap<String, u64>, GiteaError> {
        let path = ["repos", repo.owner(), repo.name(), "labels"];
        let doing = format!("looking through the labels of {repo}");
        let mut ids = HashMap::new();
        self.find(&path, &[], &doing, |label: &WireLabel| {
            let id = ids.entry(folded(&label.name)).or_insert(label.id);
            *id = label.id.min(*id);
            false
        })
        .await?;
        Ok(ids)
    }

    async fn made_label(&self, repo: &RepoRef, name: &str) -> Result<u64, GiteaError> {
        let path = ["repos", repo.owner(), repo.name(), "labels"];
        let doing = format!("making the label `{name}` in {repo}");
        let body = json!({"name": name, "color": COLOR});
        let call = self.link.change(Method::POST, &path, doing);
        match call.body(body).one::<WireId>().await {
            Ok(label) => Ok(label.id),
            Err(refusal) if is_taken(refusal.kind) => {
                // Somebody made it meanwhile.
                let labels = self.labels(repo).await?;
                labels.get(&folded(name)).copied().ok_or(refusal)
            }
            Err(error) => Err(error),
        }
    }

    /// The first entry of a list, over its pages, that fits.
    pub(super) async fn find<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        doing: &str,
        mut fits: impl FnMut(&T) -> bool,
    ) -> Result<Option<T>, GiteaError> {
        let mut seen = 0;
        for number in 1..=MAX_PAGES {
            let call = self.link.get(path, doing.to_owned());
            let call = query
                .iter()
                .fold(call, |call, (name, value)| call.query(name, value));
            let page = call.page::<T>(number).await?;
            let length = page.entries.len();
            seen += length;
            if let Some(found) = page.entries.into_iter().find(|entry| fits(entry)) {
                return Ok(Some(found));
            }
            // A short page may be the server's own limit: without a total only an empty one is the
            // end, or one so long that the server knows no pages here.
            let is_last = page.total.is_some_and(|total| seen >= total) || length > PAGE;
            if length == 0 || is_last {
                break;
            }
        }
        Ok(None)
    }
}

fn comments_of<'a>(at: &'a PullRef, number: &'a str) -> [&'a str; 6] {
    let (owner, name) = (at.repo.owner(), at.repo.name());
    ["repos", owner, name, "issues", number, "comments"]
}

fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

fn is_taken(kind: GiteaErrorKind) -> bool {
    matches!(
        kind,
        GiteaErrorKind::Conflict | GiteaErrorKind::Refused(422)
    )
}
