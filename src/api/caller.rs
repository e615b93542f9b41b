//! Who asks. A handler that takes a [`Caller`] is served only to keys with that scope; one without
//! is public. A test holds every route of the OpenAPI document to the scope that it states.

use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN};
use actix_web::{FromRequest, HttpRequest};

use super::keys::{ApiKeys, Denied, Key, Scope};
use super::problem::Problem;
use super::sockets::gate::Origins;

/// The scope of a [`Caller`], as a type.
pub trait Wants: 'static {
    /// The scope.
    const SCOPE: Scope;
}

/// [`Scope::Read`].
#[derive(Debug)]
pub struct Read;
/// [`Scope::Run`].
#[derive(Debug)]
pub struct Run;
/// [`Scope::Admin`].
#[derive(Debug)]
pub struct Admin;

impl Wants for Read {
    const SCOPE: Scope = Scope::Read;
}
impl Wants for Run {
    const SCOPE: Scope = Scope::Run;
}
impl Wants for Admin {
    const SCOPE: Scope = Scope::Admin;
}

/// See the file's head.
#[derive(Debug)]
pub struct Caller<S: Wants> {
    /// The name of the key; `socket` for whoever may open the owner's socket.
    pub name: Arc<str>,
    /// Whether it came through the owner's socket.
    pub is_local: bool,
    /// Whether it has [`Scope::Admin`] besides.
    pub is_admin: bool,
    scope: PhantomData<S>,
}

/// How a request came in.
#[derive(Debug, Clone)]
pub enum Door {
    /// Through the owner's socket, which only its user may open: everything is allowed.
    Socket,
    /// Over the network: keys decide.
    Network(Arc<ApiKeys>),
}

static SOCKET: LazyLock<Arc<str>> = LazyLock::new(|| "socket".into());

/// What a request presents as its key: `X-API-Key`, else `Authorization: Bearer`.
#[must_use]
pub fn presented(headers: &HeaderMap) -> Option<&[u8]> {
    if let Some(key) = headers.get("x-api-key") {
        return Some(key.as_bytes());
    }
    let (scheme, token) = headers.get(AUTHORIZATION)?.as_bytes().split_at_checked(7)?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then(|| token.trim_ascii())
}

/// The key, if it has the scope and has not asked too often.
///
/// # Errors
///
/// 403 without a valid key or without the scope, 429 after too many requests or wrong keys.
pub fn admit(
    keys: &ApiKeys,
    presented: Option<&[u8]>,
    peer: Option<IpAddr>,
    scope: Scope,
) -> Result<Arc<Key>, Problem> {
    let key: &Arc<Key> = keys
        .recognise(presented, peer)
        .map_err(|denied| match denied {
            Denied::Unknown => Problem::new(
                StatusCode::FORBIDDEN,
                "E_API_KEY",
                "Could not validate credentials",
            )
            .hint("send a key in the header X-API-Key, or as Authorization: Bearer"),
            Denied::TooManyTries(wait) => Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "E_API_KEY",
                "too many wrong keys came from this address",
            )
            .retry_after(whole_seconds(wait)),
        })?;
    key.count().map_err(|wait| {
        Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "E_RATE_LIMIT",
            "this key asks too often",
        )
        .retry_after(whole_seconds(wait))
    })?;
    if !key.may(scope) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "E_SCOPE",
            format!("this key lacks the scope {}", scope.as_str()),
        ));
    }
    Ok(Arc::clone(key))
}

/// Without any key a browser's word is all there is: the address that it was told to ask must be one
/// of this machine (a foreign name may be made to lead here), and a page that asks must be from here
/// or be allowed.
#[must_use]
pub fn is_of_this_machine(request: &HttpRequest) -> bool {
    // Without the header, as HTTP/1.0 has it, no browser asks.
    let host = match request.headers().get(HOST) {
        Some(host) => host.as_bytes(),
        None => return !request.headers().contains_key(ORIGIN),
    };
    is_loopback(host)
        && request.headers().get(ORIGIN).is_none_or(|origin| {
            let own = origin.as_bytes().strip_prefix(b"http://");
            own.is_some_and(|own| own.eq_ignore_ascii_case(host))
                || request
                    .app_data::<Origins>()
                    .is_some_and(|origins| origins.has(origin.as_bytes()))
        })
}

/// Whether an authority, with or without a port, is a name of this machine.
fn is_loopback(authority: &[u8]) -> bool {
    let Ok(authority) = std::str::from_utf8(authority) else {
        return false;
    };
    let is_port = |port: &str| port.bytes().all(|digit| digit.is_ascii_digit());
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if is_port(port) && !host.ends_with(':') => host,
        _ => authority,
    };
    if host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    host.parse::<IpAddr>()
        .is_ok_and(|address| address.to_canonical().is_loopback())
}

/// The answer to such a page.
#[must_use]
pub fn stranger() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "E_API_KEY",
        "without a key only programs and pages of this machine are served",
    )
    .hint("set ORKET_API_KEY; pages of other origins need ORKET_ALLOWED_ORIGINS too")
}

fn whole_seconds(wait: std::time::Duration) -> u64 {
    wait.as_secs()
        .saturating_add(u64::from(wait.subsec_nanos() > 0))
        .max(1)
}

impl<S: Wants> FromRequest for Caller<S> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(caller::<S>(request))
    }
}

fn caller<S: Wants>(request: &HttpRequest) -> Result<Caller<S>, Problem> {
    let scope = PhantomData;
    match request.app_data::<Door>() {
        Some(Door::Socket) => Ok(Caller {
            name: Arc::clone(&SOCKET),
            is_local: true,
            is_admin: true,
            scope,
        }),
        Some(Door::Network(keys)) => {
            if keys.is_open() && !is_of_this_machine(request) {
                return Err(stranger());
            }
            let peer = request.peer_addr().map(|address| address.ip());
            let key = admit(keys, presented(request.headers()), peer, S::SCOPE)?;
            Ok(Caller {
                name: Arc::clone(key.name()),
                is_local: false,
                is_admin: key.may(Scope::Admin),
                scope,
            })
        }
        None => Err(Problem::internal("the server has no door")),
    }
}
