//! The id of the request that is being served. Known while its future is polled, so that an error
//! that is made anywhere below can carry it.

use std::cell::RefCell;

use actix_web::http::header::HeaderValue;

thread_local! {
    static CURRENT: RefCell<Option<HeaderValue>> = const { RefCell::new(None) };
}

/// Runs `poll` as part of the request with this id.
pub(super) fn within<T>(id: &HeaderValue, poll: impl FnOnce() -> T) -> T {
    let before = CURRENT.with(|current| current.replace(Some(id.clone())));
    let result = poll();
    CURRENT.with(|current| current.replace(before));
    result
}

/// The id of the request that is being served on this thread; a new one outside any.
#[must_use]
pub fn current() -> String {
    let known = CURRENT.with(|current| {
        current
            .borrow()
            .as_ref()
            .and_then(|id| id.to_str().ok().map(str::to_owned))
    });
    known.unwrap_or_else(|| uuid::Uuid::new_v4().simple().to_string())
}
