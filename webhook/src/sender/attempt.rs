//! One try of one row. What may have been done by an earlier try is looked for before it is done.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use orket_core::webhook::delivery::Repository;
use orket_core::webhook::outcome::CallKind;
use orket_core::webhook::pull_request::{Call, enough, may_merge};
use orket_gitea::client::{
    Gitea, GiteaError, GiteaErrorKind, Merge, MergeWay, NewIssue, Pull, PullRef, PullState,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Parts;
use crate::outside::{Merged, OutsideError};
use crate::store::{Due, OutboxRow};

/// What became of it.
#[derive(Debug)]
pub(super) enum Attempt {
    /// It is done, in these words, and these follow.
    Done(String, Vec<Call>),
    /// It cannot be done.
    Failed(String),
    /// It may go well later.
    Again {
        words: String,
        may_have_happened: bool,
        after: After,
    },
}

/// When it is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// When it is its turn.
    Backoff,
    /// Then too, but not before this has passed: the host says so.
    AtLeast(Duration),
    /// As soon as this has passed: nobody was asked this time.
    Soon(Duration),
}

impl Attempt {
    fn done(words: impl Into<String>) -> Self {
        Self::Done(words.into(), Vec::new())
    }

    pub(super) fn again(words: impl Into<String>, may_have_happened: bool) -> Self {
        Self::Again {
            words: words.into(),
            may_have_happened,
            after: After::Backoff,
        }
    }
}

impl From<GiteaError> for Attempt {
    fn from(error: GiteaError) -> Self {
        if !error.is_transient() {
            return Self::Failed(error.to_string());
        }
        let after = match error.kind {
            GiteaErrorKind::TooMany {
                retry_after: Some(wait),
            } => After::AtLeast(wait),
            GiteaErrorKind::Open { retry_after } => After::Soon(retry_after),
            _ => After::Backoff,
        };
        Self::Again {
            words: error.to_string(),
            may_have_happened: error.may_have_happened,
            after,
        }
    }
}

impl From<OutsideError> for Attempt {
    fn from(error: OutsideError) -> Self {
        match error {
            OutsideError::Later(words) => Self::again(words, true),
            OutsideError::Never(words) => Self::Failed(words),
        }
    }
}

#[derive(Deserialize)]
struct MergeRequest {
    sha: Option<String>,
    style: MergeWay,
    message: String,
    delete_branch: bool,
    author: Option<String>,
}

#[derive(Deserialize)]
struct CommentRequest {
    body: String,
}

#[derive(Deserialize)]
struct IssueRequest {
    title: String,
    body: String,
    labels: Vec<String>,
}

#[derive(Deserialize)]
struct CardRequest {
    card: String,
}

pub(super) async fn attempt(parts: &Parts, due: &Due) -> Attempt {
    let row = &due.row;
    let (Some(at), Some(kind)) = (place(&row.pr_key), row.kind()) else {
        return Attempt::Failed("it cannot be read".to_owned());
    };
    let gitea = &parts.gitea;
    let tried = match kind {
        CallKind::Merge => match request(row) {
            Ok(request) => merge(parts, &at, request, &row.pr_key).await,
            Err(unreadable) => return unreadable,
        },
        CallKind::Close => close(gitea, &at, due.was_sending).await,
        CallKind::Comment => match request(row) {
            Ok(request) => comment(gitea, &at, request, due).await,
            Err(unreadable) => return unreadable,
        },
        CallKind::OpenIssue => match request(row) {
            Ok(request) => open_issue(gitea, &at, request, due).await,
            Err(unreadable) => return unreadable,
        },
        CallKind::RunCard => {
            let request: CardRequest = match request(row) {
                Ok(request) => request,
                Err(unreadable) => return unreadable,
            };
            return match parts.outside.run_card(&request.card, &row.once).await {
                Ok(words) => Attempt::done(words),
                Err(error) => error.into(),
            };
        }
        CallKind::StartPhase => {
            return match parts.outside.start_phase(merged(&at, None)).await {
                Ok(words) => Attempt::done(words),
                Err(error) => error.into(),
            };
        }
        CallKind::Deploy => deploy(parts, &at).await,
    };
    tried.unwrap_or_else(Attempt::from)
}

fn request<T: DeserializeOwned>(row: &OutboxRow) -> Result<T, Attempt> {
    serde_json::from_str(&row.request)
        .map_err(|error| Attempt::Failed(format!("its request cannot be read: {error}")))
}

/// Reads `owner/name#number`.
fn place(key: &str) -> Option<PullRef> {
    let (repository, number) = key.rsplit_once('#')?;
    Some(PullRef {
        repo: repository.parse().ok()?,
        number: number.parse().ok()?,
    })
}

async fn merge(
    parts: &Parts,
    at: &PullRef,
    request: MergeRequest,
    key: &str,
) -> Result<Attempt, GiteaError> {
    let gitea = &parts.gitea;
    let policy = {
        let policy = parts.policy.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&policy)
    };
    let known = match parts.store.known(key.to_owned()).await {
        Ok(known) => known,
        Err(error) => return Ok(Attempt::again(error.to_string(), false)),
    };
    // As the code host has it now: the event may be old, and may not say everything.
    let pull = gitea.pull(at).await?;
    if let Some(over) = over(&pull, request.sha.as_deref()) {
        return Ok(over);
    }
    let repository = at.repo.to_string();
    let approvers = match may_merge(&known, &repository, request.sha.as_deref(), &policy) {
        Ok(approvers) => approvers,
        Err(why) => return Ok(Attempt::Failed(why)),
    };
    let author = if pull.author.is_empty() {
        request.author.unwrap_or_default()
    } else {
        pull.author.clone()
    };
    let is_author = |name: &String| name.eq_ignore_ascii_case(&author);
    let (own, approvers): (Vec<String>, Vec<String>) = approvers.into_iter().partition(is_author);
    if let (Some(own), Err(_)) = (own.first(), enough(&approvers, &policy)) {
        let words = format!("{own} opened it, and approved it too");
        return Ok(Attempt::Failed(words));
    }
    // An event of a review does not say which commit was looked at, nor that it was dismissed; the host does.
    let reviews = gitea.reviews(at).await?;
    let stands = |name: &String| {
        reviews.iter().any(|review| {
            review.reviewer.eq_ignore_ascii_case(name)
                && review.approves
                && !review.is_void
                && review.commit.eq_ignore_ascii_case(&pull.head_sha)
        })
    };
    let counted: Vec<String> = approvers.into_iter().filter(stands).collect();
    if let Err(why) = enough(&counted, &policy) {
        let words = format!("of what the code host has as approvals of what is there now, {why}");
        return Ok(Attempt::Failed(words));
    }
    let sha = Some(pull.head_sha);
    let asked = Merge {
        way: request.style,
        message: Some(request.message),
        title: None,
        delete_branch: request.delete_branch,
        head_sha: sha.clone(),
    };
    match gitea.merge(at, &asked).await {
        Ok(()) => Ok(Attempt::done("merged")),
        // Somebody else may have merged it meanwhile, or its checks still run.
        Err(error)
            if matches!(
                error.kind,
                GiteaErrorKind::NotMergeable | GiteaErrorKind::Conflict
            ) =>
        {
            let pull = gitea.pull(at).await?;
            if let Some(over) = over(&pull, sha.as_deref()) {
                return Ok(over);
            }
            if error.to_string().to_ascii_lowercase().contains("try again") {
                return Ok(Attempt::again(error.to_string(), false));
            }
            Ok(Attempt::Failed(error.to_string()))
        }
        Err(error) => Err(error),
    }
}

/// What there is to say when a pull request needs no merging any more, or must not be.
fn over(pull: &Pull, sha: Option<&str>) -> Option<Attempt> {
    if pull.is_merged {
        return Some(Attempt::done("it was merged already"));
    }
    if pull.state == PullState::Closed {
        return Some(Attempt::Failed("it is closed".to_owned()));
    }
    if sha.is_some_and(|sha| !sha.eq_ignore_ascii_case(&pull.head_sha)) {
        return Some(Attempt::Failed(
            "its branch moved on after it was approved; approve what is there now".to_owned(),
        ));
    }
    None
}

async fn close(gitea: &Gitea, at: &PullRef, was_sending: bool) -> Result<Attempt, GiteaError> {
    if was_sending {
        let pull = gitea.pull(at).await?;
        if pull.is_merged {
            return Ok(Attempt::Failed("it is merged".to_owned()));
        }
        if pull.state == PullState::Closed {
            return Ok(Attempt::done("closed"));
        }
    }
    gitea.close(at).await?;
    Ok(Attempt::done("closed"))
}

/// What a comment or an issue carries, so that it is found again. Markdown does not show it.
fn mark(once: &str) -> String {
    format!("<!-- orket {once} -->")
}

async fn comment(
    gitea: &Gitea,
    at: &PullRef,
    request: CommentRequest,
    due: &Due,
) -> Result<Attempt, GiteaError> {
    let mark = mark(&due.row.once);
    if due.was_sending
        && let Some(id) = gitea.find_comment(at, &mark).await?
    {
        return Ok(Attempt::done(format!("comment {id}")));
    }
    let id = gitea
        .comment(at, &format!("{}\n\n{mark}", request.body))
        .await?;
    Ok(Attempt::done(format!("comment {id}")))
}

async fn open_issue(
    gitea: &Gitea,
    at: &PullRef,
    request: IssueRequest,
    due: &Due,
) -> Result<Attempt, GiteaError> {
    let mark = mark(&due.row.once);
    if due.was_sending
        && let Some(number) = gitea.find_issue(&at.repo, &request.title, &mark).await?
    {
        return Ok(Attempt::done(format!("issue #{number}")));
    }
    let issue = NewIssue {
        title: request.title,
        body: format!("{}\n\n{mark}", request.body),
        labels: request.labels,
    };
    let number = gitea.open_issue(&at.repo, &issue).await?;
    Ok(Attempt::done(format!("issue #{number}")))
}

fn merged(at: &PullRef, pull: Option<&Pull>) -> Merged {
    Merged {
        repository: Repository {
            owner: at.repo.owner().to_owned(),
            name: at.repo.name().to_owned(),
        },
        number: at.number,
        commit: pull.and_then(|pull| pull.merge_commit_sha.clone()),
    }
}

async fn deploy(parts: &Parts, at: &PullRef) -> Result<Attempt, GiteaError> {
    let pull = parts.gitea.pull(at).await?;
    Ok(match parts.outside.deploy(merged(at, Some(&pull))).await {
        Ok(deployed) => Attempt::Done(
            deployed.sandbox,
            vec![Call::Comment {
                reason: "sandbox".to_owned(),
                body: deployed.comment,
            }],
        ),
        Err(error) => error.into(),
    })
}
