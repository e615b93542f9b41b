//! Cards: lists, one of them, and what was said of it. Ids are unique within a build; where only an
//! id is given, the newest build that has it is meant.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, get};
use orket_actors::port::store::{CardRow, StoreError};
use orket_core::status::CardStatus;
use utoipa_actix_web::service_config::ServiceConfig;

use super::cards_shapes::{Card, CardComments, CardFilters, CardList, Comment};
use crate::api::Api;
use crate::api::caller::{Caller, Read};
use crate::api::check::Check;
use crate::api::problem::Problem;
use crate::storage::Reader;
use crate::storage::reader::{CardFilter, CardPage};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(cards).service(card).service(comments);
}

/// Cards, newest first.
#[utoipa::path(tag = "cards", params(
        ("build_id" = Option<String>, Query, description = "Cards of this build"),
        ("session_id" = Option<String>, Query, description = "Cards that belong to this run now"),
        ("status" = Option<String>, Query, description = "Cards in this status, whichever its case"),
        ("limit" = Option<u64>, Query, description = "At most so many (50)", minimum = 1, maximum = 500),
        ("offset" = Option<u64>, Query, description = "Leave so many out first; a cursor is faster", minimum = 0),
        ("cursor" = Option<i64>, Query, description = "Those after this `next_cursor`", minimum = 0)),
    security(("api_key" = ["read"]), ("bearer" = ["read"])), responses((status = 200, body = CardList)))]
#[get("/v1/cards")]
pub async fn cards(
    _caller: Caller<Read>,
    api: Data<Api>,
    request: HttpRequest,
) -> Result<Json<CardList>, Problem> {
    let mut query = Check::query(&request)?;
    let filters = CardFilters {
        build_id: query.text("build_id"),
        session_id: query.text("session_id"),
        status: query.text("status"),
    };
    let limit = query.count("limit", 50, 1, 500);
    let offset = query.count("offset", 0, 0, MOST);
    let before = query.optional_count("cursor", 0, MOST);
    let status = match filters.status.as_deref().map(str::parse::<CardStatus>) {
        Some(Err(unknown)) => {
            query.problem("status", "enum", &unknown.to_string(), None);
            None
        }
        Some(Ok(status)) => Some(status),
        None => None,
    };
    query.finish()?;
    let filter = CardFilter {
        build_id: filters.build_id.clone(),
        session_id: filters.session_id.clone(),
        status,
    };
    let page = CardPage {
        before: before.map(signed),
        offset: signed(offset),
        limit: signed(limit),
    };
    let found = api
        .read(move |reader| reader.issue_rows(&filter, page))
        .await?;
    Ok(Json(CardList {
        count: found.items.len(),
        items: found.items,
        limit,
        offset,
        filters,
        next_cursor: found.next,
    }))
}

/// The largest number that SQLite knows.
pub(super) const MOST: u64 = i64::MAX.unsigned_abs();

pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Which of several cards with one id is meant.
pub(super) struct Which {
    build_id: Option<String>,
    session_id: Option<String>,
}

impl Which {
    pub(super) fn of(query: &mut Check) -> Self {
        Self {
            build_id: query.text("build_id"),
            session_id: query.text("session_id"),
        }
    }

    /// Reads something of the card.
    ///
    /// # Errors
    ///
    /// 404 when there is no such card.
    pub(super) async fn read<T: Send + 'static>(
        self,
        api: &Api,
        id: &str,
        read: impl FnOnce(&Reader, CardRow) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Problem> {
        let wished = id.to_owned();
        let found = api
            .read(move |reader| {
                let (build, session) = (self.build_id.as_deref(), self.session_id.as_deref());
                match reader.find_card(&wished, build, session)? {
                    Some(row) => read(reader, row).map(Some),
                    None => Ok(None),
                }
            })
            .await?;
        found.ok_or_else(|| unknown(id))
    }
}

fn unknown(id: &str) -> Problem {
    Problem::not_found(format!("Card '{id}' not found"))
}

/// A part of a list that goes on after entry `after`.
pub(super) struct Part {
    pub(super) after: i64,
    limit: u64,
}

impl Part {
    pub(super) fn of(query: &mut Check) -> Self {
        Self {
            after: signed(query.count("cursor", 0, 0, MOST)),
            limit: query.count("limit", 500, 1, 1_000),
        }
    }

    /// One more than is shown, to see whether there is more.
    pub(super) fn wanted(&self) -> i64 {
        signed(self.limit).saturating_add(1)
    }

    /// Cuts what was found to what is shown; where the next part goes on.
    pub(super) fn cut<T>(&self, found: &mut Vec<T>, place: impl Fn(&T) -> i64) -> Option<i64> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let is_more = found.len() > limit;
        found.truncate(limit);
        found.last().filter(|_| is_more).map(place)
    }
}

/// One card.
#[utoipa::path(tag = "cards", params(
        ("id" = String, Path, description = "The card"),
        ("build_id" = Option<String>, Query, description = "Its build, where not the newest is meant"),
        ("session_id" = Option<String>, Query, description = "A run of its build")),
    security(("api_key" = ["read"]), ("bearer" = ["read"])), responses((status = 200, body = Card)))]
#[get("/v1/cards/{id}")]
pub async fn card(
    _caller: Caller<Read>,
    api: Data<Api>,
    id: Path<String>,
    request: HttpRequest,
) -> Result<Json<Card>, Problem> {
    let mut query = Check::query(&request)?;
    let which = Which::of(&mut query);
    query.finish()?;
    let found = which
        .read(&api, &id, |reader, row| reader.card_detail(row))
        .await?;
    Ok(Json(found.ok_or_else(|| unknown(&id))?.into()))
}

/// What was said of a card, oldest first.
#[utoipa::path(tag = "cards", params(
        ("id" = String, Path, description = "The card"),
        ("build_id" = Option<String>, Query, description = "Its build, where not the newest is meant"),
        ("session_id" = Option<String>, Query, description = "A run of its build"),
        ("limit" = Option<u64>, Query, description = "At most so many (500)", minimum = 1, maximum = 1000),
        ("cursor" = Option<i64>, Query, description = "Those after this `next_cursor`", minimum = 0)),
    security(("api_key" = ["read"]), ("bearer" = ["read"])), responses((status = 200, body = CardComments)))]
#[get("/v1/cards/{id}/comments")]
pub async fn comments(
    _caller: Caller<Read>,
    api: Data<Api>,
    id: Path<String>,
    request: HttpRequest,
) -> Result<Json<CardComments>, Problem> {
    let mut query = Check::query(&request)?;
    let which = Which::of(&mut query);
    let part = Part::of(&mut query);
    query.finish()?;
    let (after, wanted) = (part.after, part.wanted());
    let mut found = which
        .read(&api, &id, move |reader, row| {
            reader.card_comments(row, after, wanted)
        })
        .await?;
    let next_cursor = part.cut(&mut found, |comment| comment.id);
    Ok(Json(CardComments {
        comments: found
            .into_iter()
            .map(|comment| Comment::of(&id, comment))
            .collect(),
        card_id: id.into_inner(),
        next_cursor,
    }))
}
