//! The project's files: looking, reading, saving. What may be touched, [`crate::api::files`] says.

use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::web::{Bytes, Data, Json};
use actix_web::{HttpRequest, HttpResponse, get, post};
use orket_core::asset::Library;
use orket_core::policy::GatePolicy;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::api::Api;
use crate::api::body::{Raw, object};
use crate::api::caller::{Admin, Caller, Read};
use crate::api::check::Check;
use crate::api::files::guarded::Guarded;
use crate::api::files::listing::{Item, list};
use crate::api::files::tree::Tree;
use crate::api::files::{FileProblem, draft, read, rules, save};
use crate::api::problem::Problem;
use crate::api::state::blocking;
use crate::assets::DiskThenEmbedded;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(explorer)
        .service(read_file)
        .service(save_file);
}

/// The most bytes of a body that saves a file: what JSON makes of the largest text but one of nothing
/// but control characters.
const LARGEST_BODY: usize = 12 * 1024 * 1024;
/// The most items of one page.
const LARGEST_PAGE: u64 = 10_000;

/// What is in a folder.
#[derive(Debug, Serialize, ToSchema)]
pub struct Explorer {
    /// Folders first, then by name.
    items: Vec<ExplorerItem>,
    /// As it was given.
    path: String,
    /// To go on after the last of these; null at the end.
    next_cursor: Option<String>,
}

/// Something in a folder.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExplorerItem {
    /// Its name.
    #[schema(example = "golden_flow.json")]
    name: String,
    /// Whether it is a folder.
    is_dir: bool,
    /// Its ending, with the dot; empty for folders and for names without one.
    #[schema(example = ".json")]
    ext: String,
}

/// Look into a folder of the project. Only `config/`, `docs/`, `model/`, `product/` and `workspace/`
/// are there, without hidden files, databases and what tools keep for themselves. A folder that does
/// not exist is an empty one.
#[utoipa::path(tag = "system", params(
        ("path" = Option<String>, Query, description = "Relative to the project; `.` for the project itself"),
        ("limit" = Option<u64>, Query, description = "At most so many", minimum = 1, maximum = 10000),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")),
    security(("api_key" = ["read"]), ("bearer" = ["read"])), responses((status = 200, body = Explorer)))]
#[get("/v1/system/explorer")]
pub async fn explorer(
    _caller: Caller<Read>,
    api: Data<Api>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Check::query(&request)?;
    let path = query.text("path").unwrap_or_else(|| ".".to_owned());
    let limit = query.count("limit", LARGEST_PAGE, 1, LARGEST_PAGE);
    let cursor = query.text("cursor");
    let after = cursor.as_deref().and_then(Item::of_cursor);
    if cursor.is_some() && after.is_none() {
        query.problem(
            "cursor",
            "value_error",
            "must be the next_cursor of a page",
            None,
        );
    }
    query.finish()?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let done = blocking(move || {
        let page = tree(&api)
            .and_then(|tree| list(&tree, &path, after.as_ref(), limit))
            .map_err(|problem| match problem {
                FileProblem::Forbidden(why) => Problem::forbidden("Forbidden").hint(why),
                other => answered(other, StatusCode::BAD_REQUEST),
            })?;
        let next_cursor = page.items.last().filter(|_| page.is_more).map(Item::cursor);
        let items = page.items.into_iter().map(shown).collect();
        to_json(&Explorer {
            items,
            path,
            next_cursor,
        })
    });
    Ok(json_answer(done.await??))
}

fn shown(item: Item) -> ExplorerItem {
    let is_dir = item.is_dir();
    let ext = if is_dir {
        ""
    } else {
        rules::ending(&item.name)
    }
    .to_owned();
    ExplorerItem {
        name: item.name,
        is_dir,
        ext,
    }
}

/// A file.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileContent {
    /// Its text.
    content: String,
}

/// Read a text file of the project, of at most 5 MiB.
#[utoipa::path(tag = "system", params(
        ("path" = String, Query, description = "Relative to the project")),
    security(("api_key" = ["read"]), ("bearer" = ["read"])), responses((status = 200, body = FileContent)))]
#[get("/v1/system/read")]
pub async fn read_file(
    _caller: Caller<Read>,
    api: Data<Api>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Check::query(&request)?;
    let path = query.required_text("path");
    query.finish()?;
    let done = blocking(move || {
        let content = tree(&api)
            .and_then(|tree| read::read(&tree, &path))
            .map_err(|problem| answered(problem, StatusCode::BAD_REQUEST))?;
        to_json(&FileContent { content })
    });
    Ok(json_answer(done.await??))
}

/// That a file was saved.
#[derive(Debug, Serialize, ToSchema)]
pub struct SavedFile {
    /// Always true.
    ok: bool,
    /// Where it is, relative to the project, links followed.
    path: String,
    /// Its size in bytes.
    bytes: usize,
    /// What keeps an asset from being used as it is, one sentence each, naming file and field. It is
    /// saved all the same.
    warnings: Vec<String>,
}

/// What is to be saved; for the schema.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "read field by field; this is its schema")]
pub struct SaveFile {
    /// Relative to the project.
    #[schema(example = "docs/notes.md")]
    path: String,
    /// The whole text, at most 5 MiB.
    content: String,
}

/// Save a text file of the project. Folders that it needs are made; a file that is there is replaced
/// as a whole.
#[utoipa::path(tag = "system", request_body = SaveFile,
    security(("api_key" = ["admin"]), ("bearer" = ["admin"])), responses((status = 200, body = SavedFile)))]
#[post("/v1/system/save")]
pub async fn save_file(
    caller: Caller<Admin>,
    api: Data<Api>,
    body: Raw<LARGEST_BODY>,
) -> Result<Json<SavedFile>, Problem> {
    let saved = blocking(move || {
        let mut fields = Check::body(object(&body.0)?);
        let path = fields.required_text("path");
        let content = fields.required_text("content");
        fields.finish()?;
        let (endings, mut warnings) = forbidden_endings(&api);
        let parts = tree(&api)
            .and_then(|tree| save::save(&tree, &path, &content, &endings))
            .map_err(|problem| answered(problem, StatusCode::CONFLICT))?;
        warnings.extend(draft::warnings(&parts, &content));
        Ok::<_, Problem>(SavedFile {
            ok: true,
            path: parts.join("/"),
            bytes: content.len(),
            warnings,
        })
    });
    let saved = saved.await??;
    tracing::info!(path = %saved.path, bytes = saved.bytes, by = %caller.name, "a file was saved");
    Ok(Json(saved))
}

/// The project's files without what is Orket's own. Blocks.
pub(super) fn tree(api: &Api) -> Result<Tree, FileProblem> {
    let mut files = vec![api.root.join(".env")];
    files.extend(api.settings.keys_file());
    let guarded = Guarded::new(api.settings.durable_root(), &files);
    Tree::open(&api.root, guarded)
}

/// Endings of files that nobody writes. When the organization cannot be read there are none, and that
/// is said: saving it anew is how it is mended.
fn forbidden_endings(api: &Api) -> (Vec<String>, Vec<String>) {
    match Library::new(DiskThenEmbedded::new(&api.root)).organization() {
        Ok(None) => (Vec::new(), Vec::new()),
        Ok(Some(loaded)) => {
            let rules = loaded.asset.process_rules.get("forbidden_file_types");
            let of_rules: Vec<&str> = match rules {
                Some(Value::String(text)) => text.split(',').collect(),
                Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            };
            let own = loaded.asset.forbidden_file_types.iter().map(String::as_str);
            let all = own.chain(of_rules).filter(|kind| !kind.trim().is_empty());
            (all.map(GatePolicy::ending).collect(), Vec::new())
        }
        Err(error) => {
            let warning =
                format!("the file types that the organization forbids are unknown: {error}");
            (Vec::new(), vec![warning])
        }
    }
}

/// As it is answered; `no_file` is the status where something is there and is no file.
fn answered(problem: FileProblem, no_file: StatusCode) -> Problem {
    let detail = problem.to_string();
    match problem {
        FileProblem::Malformed(_) => Problem::bad_request(detail),
        FileProblem::Forbidden(_) => Problem::forbidden(detail),
        FileProblem::Missing => Problem::not_found(detail),
        FileProblem::NotAFile { .. } | FileProblem::NotAFolder(_) => {
            Problem::new(no_file, "E_NOT_A_FILE", detail)
        }
        FileProblem::TooLarge { .. } => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "E_TOO_LARGE", detail)
        }
        FileProblem::NotText(_) => {
            Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "E_NOT_TEXT", detail)
        }
        FileProblem::NoSpace => {
            Problem::new(StatusCode::INSUFFICIENT_STORAGE, "E_NO_SPACE", detail)
        }
        FileProblem::System(error) => Problem::internal(error),
    }
}

/// The text of an answer that may be large: made where blocking is allowed.
pub(super) fn to_json(value: &impl Serialize) -> Result<Bytes, Problem> {
    serde_json::to_vec(value)
        .map(Bytes::from)
        .map_err(Problem::internal)
}

/// An answer that is made already.
pub(super) fn json_answer(text: Bytes) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(text)
}
