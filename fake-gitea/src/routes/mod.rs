//! What each route checks and does. The shape of a request is checked before anything else, and
//! without the state being changed: a fault may yet forbid the effect.

mod issues;
mod pulls;
mod repositories;

use serde_json::{Map, Value, json};

use crate::fault::Route;
use crate::http::{Answer, Request, decoded};
use crate::shape::{self, Field};
use crate::state::{Repository, State};

/// Pages are never longer, whatever `limit` asks for (`MAX_RESPONSE_ITEMS`).
const MAX_PAGE: usize = 50;

/// A request whose route and shape are known.
pub(crate) struct Asked {
    pub(crate) route: Route,
    /// `owner/name`; for a new repository `owner` alone, or nothing.
    pub(crate) repository: String,
    /// Of a pull or an issue; otherwise 0.
    pub(crate) number: u64,
    pub(crate) body: Map<String, Value>,
}

/// The address of this Gitea, without a slash at its end.
pub(crate) struct Here<'a> {
    pub(crate) url: &'a str,
    /// Login of who asks.
    pub(crate) user: &'a str,
}

/// Finds route and fields; what is wrong with the request otherwise.
pub(crate) fn understood(request: &Request) -> Result<Asked, Vec<String>> {
    let unknown = || {
        vec![format!(
            "no such route: {} {}",
            request.method,
            request.path()
        )]
    };
    let Some(path) = request.path().strip_prefix("/api/v1/") else {
        return Err(unknown());
    };
    let parts: Vec<String> = path.split('/').map(decoded).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (route, repository, number) = match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["version"]) => (Route::Version, String::new(), ""),
        ("GET", ["user"]) => (Route::User, String::new(), ""),
        ("POST", ["user", "repos"]) => (Route::CreateForUser, String::new(), ""),
        ("POST", ["orgs", owner, "repos"]) => (Route::CreateForOrganization, (*owner).into(), ""),
        (method, ["repos", owner, name, rest @ ..]) => {
            let (route, number) = match (method, rest) {
                ("GET", []) => (Route::Repository, ""),
                ("GET", ["pulls", number]) => (Route::Pull, *number),
                ("GET", ["pulls", number, "reviews"]) => (Route::Reviews, *number),
                ("PATCH", ["pulls", number]) => (Route::Close, *number),
                ("POST", ["pulls", number, "merge"]) => (Route::Merge, *number),
                ("GET", ["issues", number, "comments"]) => (Route::Comments, *number),
                ("POST", ["issues", number, "comments"]) => (Route::Comment, *number),
                ("GET", ["labels"]) => (Route::Labels, ""),
                ("POST", ["labels"]) => (Route::CreateLabel, ""),
                ("GET", ["issues"]) => (Route::Issues, ""),
                ("POST", ["issues"]) => (Route::CreateIssue, ""),
                _ => return Err(unknown()),
            };
            (route, format!("{owner}/{name}"), number)
        }
        _ => return Err(unknown()),
    };
    let number = match number {
        "" => 0,
        text => text
            .parse()
            .map_err(|_| vec![format!("`{text}` is not a number")])?,
    };
    let body = match fields(route) {
        None if request.body.is_empty() => Map::new(),
        None => return Err(vec![format!("{route:?} takes no body")]),
        Some(fields) => {
            let kind = request.header("content-type").unwrap_or_default();
            if !kind.starts_with("application/json") {
                return Err(vec![format!("the Content-Type is `{kind}`")]);
            }
            shape::checked(&request.body, fields)?
        }
    };
    Ok(Asked {
        route,
        repository,
        number,
        body,
    })
}

fn fields(route: Route) -> Option<&'static [Field]> {
    match route {
        Route::Any
        | Route::GitFetch
        | Route::GitPushRefs
        | Route::GitPush
        | Route::Version
        | Route::User
        | Route::Pull
        | Route::Reviews
        | Route::Comments
        | Route::Labels
        | Route::Issues
        | Route::Repository => None,
        Route::Close => Some(pulls::EDIT),
        Route::Merge => Some(pulls::MERGE),
        Route::Comment => Some(issues::COMMENT),
        Route::CreateLabel => Some(issues::LABEL),
        Route::CreateIssue => Some(issues::ISSUE),
        Route::CreateForOrganization | Route::CreateForUser => Some(repositories::REPOSITORY),
    }
}

/// Does what is asked.
pub(crate) fn done(state: &mut State, asked: &Asked, request: &Request, here: &Here<'_>) -> Answer {
    match asked.route {
        Route::Any | Route::GitFetch | Route::GitPushRefs | Route::GitPush => {
            refused(404, "no such route")
        }
        Route::Version => ok(&json!({"version": "1.24.0+fake"})),
        Route::User => ok(&json!({"login": here.user})),
        Route::Pull => pulls::shown(state, asked, here),
        Route::Reviews => pulls::reviews(state, asked, request),
        Route::Close => pulls::edited(state, asked, here),
        Route::Merge => pulls::merged(state, asked),
        Route::Comments => issues::comments(state, asked, request),
        Route::Comment => issues::commented(state, asked, here),
        Route::Labels => issues::labels(state, asked, request),
        Route::CreateLabel => issues::labelled(state, asked),
        Route::Issues => issues::list(state, asked, request),
        Route::CreateIssue => issues::opened(state, asked),
        Route::Repository => repositories::shown(state, asked, here),
        Route::CreateForOrganization => repositories::for_organization(state, asked, here),
        Route::CreateForUser => repositories::for_user(state, asked, here),
    }
}

fn of_json(status: u16, body: &Value) -> Answer {
    Answer {
        status,
        headers: vec![(
            "Content-Type".to_owned(),
            "application/json;charset=utf-8".to_owned(),
        )],
        body: body.to_string().into_bytes(),
    }
}

fn ok(body: &Value) -> Answer {
    of_json(200, body)
}

fn created(body: &Value) -> Answer {
    of_json(201, body)
}

/// A refusal in the shape of Gitea's.
pub(crate) fn refused(status: u16, message: &str) -> Answer {
    of_json(
        status,
        &json!({"message": message, "url": "http://localhost/api/swagger"}),
    )
}

fn not_found() -> Answer {
    refused(404, "The target couldn't be found.")
}

/// One page of a list.
fn page(request: &Request, all: &[Value]) -> Answer {
    let number = |name| {
        let value = request.parameter(name);
        value.and_then(|value| value.parse::<usize>().ok())
    };
    let limit = number("limit").unwrap_or(30).clamp(1, MAX_PAGE);
    let skip = number("page").unwrap_or(1).saturating_sub(1) * limit;
    let page: Vec<&Value> = all.iter().skip(skip).take(limit).collect();
    let mut answer = ok(&json!(page));
    let total = ("X-Total-Count".to_owned(), all.len().to_string());
    answer.headers.push(total);
    answer
}

fn text(body: &Map<String, Value>, name: &str) -> Option<String> {
    body.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn flag(body: &Map<String, Value>, name: &str) -> bool {
    body.get(name).and_then(Value::as_bool).unwrap_or(false)
}

/// The repository that may be written to.
fn writable<'a>(state: &'a mut State, name: &str) -> Result<&'a mut Repository, Answer> {
    match state.repositories.get_mut(name) {
        None => Err(not_found()),
        Some(repository) if repository.archived => {
            Err(refused(423, "Repo is archived or mirror and is read-only"))
        }
        Some(repository) => Ok(repository),
    }
}
