//! Listening for HTTP: where, for whom, and what is refused before anything is started.

use std::net::{TcpListener, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::Uri;
use serde_json::json;

use super::context::Context;
use super::failure::Failure;
use super::out;
use crate::api::keys::{ApiKeys, KeysError};
use crate::api::server::{Shared, serve_address};
use crate::config::settings::ApiSettings;

/// An address that is bound and not served yet.
pub struct Listening {
    /// Where.
    pub url: String,
    listener: TcpListener,
    keys: Arc<ApiKeys>,
    origins: Arc<[String]>,
    workers: usize,
}

/// Binds the address that flags or settings name.
///
/// # Errors
///
/// When keys are wrong, when an address of others than this machine has no key, and when it cannot
/// be bound.
pub fn listen(
    context: &Context,
    host: Option<&str>,
    port: Option<u16>,
) -> Result<Listening, Failure> {
    let api = &context.settings.api;
    let keys = keys(api, &context.cwd)?;
    let origins = origins(&api.origins)?;
    let host = host.unwrap_or(&api.host).trim();
    let port = port.unwrap_or(api.port);
    let is_short = ApiKeys::is_short(api.key.as_deref());
    let listener = bind(host, port, &keys, is_short)?;
    let address = listener
        .local_addr()
        .map_err(|error| Failure::new("E_LISTEN", error.to_string()))?;
    if keys.is_open() {
        out::warn(
            "warning: there is no key: every program on this machine may do everything here (ORKET_ALLOW_INSECURE_NO_API_KEY)",
        );
    } else if !keys.is_configured() {
        out::warn(
            "warning: there is no key: everything below /v1 is refused until ORKET_API_KEY or ORKET_API_KEYS_FILE is set",
        );
    }
    Ok(Listening {
        url: format!("http://{address}"),
        listener,
        keys: Arc::new(keys),
        origins: origins.into(),
        workers: match api.workers {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            workers => workers,
        },
    })
}

fn keys(api: &ApiSettings, cwd: &Path) -> Result<ApiKeys, Failure> {
    let failed = |error: KeysError| {
        Failure::new("E_API_KEYS", error.to_string()).hint(
            "a list such as [{\"name\": \"dashboard\", \"key\": \"…\", \"scopes\": [\"read\"]}]; `openssl rand -hex 32` makes a key; docs/SECURITY.md",
        )
    };
    let entries = match &api.keys_file {
        Some(path) => ApiKeys::read(&cwd.join(path)).map_err(failed)?,
        None => Vec::new(),
    };
    ApiKeys::new(
        api.key.as_deref(),
        entries,
        api.allow_no_key,
        api.per_minute,
    )
    .map_err(failed)
}

/// Origins as browsers name them: scheme, host and, where it is not the scheme's own, port.
fn origins(given: &[String]) -> Result<Vec<String>, Failure> {
    given
        .iter()
        .map(|text| {
            let wrong = || {
                Failure::new(
                    "E_CONFIG",
                    format!("ORKET_ALLOWED_ORIGINS: `{text}` is no origin"),
                )
                .hint("origins look like http://localhost:5173; several are separated by commas, and `*` is none")
            };
            let bare = text.trim_end_matches('/');
            let uri: Uri = bare.parse().map_err(|_| wrong())?;
            let is_origin = matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
                && uri.path_and_query().is_none_or(|it| it.as_str() == "/")
                && !bare.contains(['@', '?', '#', '*'])
                && uri.authority().is_some_and(|it| bare.ends_with(it.as_str()));
            if is_origin {
                Ok(bare.to_ascii_lowercase())
            } else {
                Err(wrong())
            }
        })
        .collect()
}

fn bind(host: &str, port: u16, keys: &ApiKeys, is_short: bool) -> Result<TcpListener, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(
            "E_LISTEN",
            format!("cannot listen on {host} port {port}: {error}"),
        )
        .hint("--host and --port, or ORKET_HOST and ORKET_PORT, choose another; port 0 takes a free one")
    };
    let addresses: Vec<_> = (host, port).to_socket_addrs().map_err(failed)?.collect();
    if let Some(open) = addresses.iter().find(|it| !it.ip().is_loopback())
        && !keys.is_configured()
    {
        return Err(Failure::new(
            "E_NO_API_KEY",
            format!(
                "{} can be reached from other machines, and there is no key",
                open.ip()
            ),
        )
        .hint("set ORKET_API_KEY or ORKET_API_KEYS_FILE, or listen on 127.0.0.1"));
    }
    if is_short {
        if let Some(open) = addresses.iter().find(|it| !it.ip().is_loopback()) {
            return Err(Failure::new(
                "E_API_KEYS",
                format!(
                    "{} can be reached from other machines, and ORKET_API_KEY has fewer than 16 characters",
                    open.ip()
                ),
            )
            .hint("`openssl rand -hex 24` makes a good one; or listen on 127.0.0.1"));
        }
        out::warn("warning: ORKET_API_KEY has fewer than 16 characters: it can be guessed");
    }
    let listener = TcpListener::bind(addresses.as_slice()).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

/// Ends when the server does.
pub type Serving = tokio::task::JoinHandle<std::io::Result<()>>;

const MINUTE: Duration = Duration::from_secs(60);

impl Listening {
    /// Serves it, on threads of its own.
    ///
    /// # Errors
    ///
    /// When the server cannot be started.
    pub fn serve(self, shared: Shared) -> Result<(ServerHandle, Serving), Failure> {
        let (configured, open) = (self.keys.is_configured(), self.keys.is_open());
        let posture = json!({
            "api_key_configured": configured,
            "insecure_no_api_key_bypass": open,
        });
        shared.api.emit("api_security_posture", None, posture);
        if open {
            let message = "every program on this machine may do everything: there is no key";
            let warning = json!({ "message": message });
            shared.api.emit("api_security_warning", None, warning);
        }
        let keys = Arc::clone(&self.keys);
        let (server, handle) =
            serve_address(self.listener, shared, self.keys, self.origins, self.workers)
                .map_err(|error| Failure::new("E_LISTEN", error.to_string()))?;
        actix_rt::spawn(async move {
            let mut minutes = tokio::time::interval(MINUTE);
            loop {
                minutes.tick().await;
                keys.tidy();
            }
        });
        Ok((handle, actix_rt::spawn(server)))
    }
}
