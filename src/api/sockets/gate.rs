//! Who gets in: a key, and for browsers the page that asks.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::ORIGIN;

use crate::api::caller::{Door, admit, is_of_this_machine, presented};
use crate::api::keys::Scope;
use crate::api::problem::Problem;

/// Web pages that may ask.
#[derive(Debug, Clone)]
pub struct Origins(pub std::sync::Arc<[String]>);

impl Origins {
    /// Whether pages of this origin may ask.
    #[must_use]
    pub fn has(&self, origin: &[u8]) -> bool {
        self.0.iter().any(|it| it.as_bytes() == origin)
    }
}

/// Why somebody does not get in.
#[derive(Debug)]
pub enum Refused {
    /// 403, without a word.
    Forbidden,
    /// Anything else.
    Problem(Problem),
}

/// Lets a request in or does not. Browsers cannot send headers along with a WebSocket, so that here,
/// and only here, the key may be in the query, `in_query`; a key in a header goes first, right or wrong.
///
/// # Errors
///
/// [`Refused`].
pub fn pass(request: &HttpRequest, in_query: Option<&str>) -> Result<(), Refused> {
    let keys = match request.app_data::<Door>() {
        Some(Door::Socket) => return Ok(()),
        Some(Door::Network(keys)) => keys,
        None => {
            return Err(Refused::Problem(Problem::internal(
                "the server has no door",
            )));
        }
    };
    if keys.is_open() && !is_of_this_machine(request) {
        return Err(Refused::Forbidden);
    }
    let peer = request.peer_addr().map(|address| address.ip());
    let key = presented(request.headers()).or(in_query.map(str::as_bytes));
    admit(keys, key, peer, Scope::Read).map_err(|problem| {
        if problem.status() == StatusCode::FORBIDDEN {
            Refused::Forbidden
        } else {
            Refused::Problem(problem)
        }
    })?;
    let Some(origin) = request.headers().get(ORIGIN) else {
        return Ok(());
    };
    let is_allowed = request
        .app_data::<Origins>()
        .is_some_and(|origins| origins.has(origin.as_bytes()));
    if is_allowed {
        Ok(())
    } else {
        Err(Refused::Forbidden)
    }
}
