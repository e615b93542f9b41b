//! How much memory a model takes, where its server says so: Ollama does, at `/api/ps`.

use std::time::Duration;

use serde::Deserialize;

const LIMIT: Duration = Duration::from_secs(5);

#[derive(Deserialize)]
struct Running {
    #[serde(default)]
    models: Vec<Loaded>,
}

#[derive(Deserialize)]
struct Loaded {
    #[serde(default)]
    name: String,
    #[serde(default)]
    model: String,
    size: Option<u64>,
}

/// The bytes that Ollama at this address holds for a model, in all memories together; `None` when it
/// does not say.
pub(super) async fn of_ollama(url: &str, model: &str) -> Option<u64> {
    let base = url.trim_end_matches('/');
    let base = base.strip_suffix("/api").unwrap_or(base);
    let answer = client(base)?
        .get(format!("{base}/api/ps"))
        .timeout(LIMIT)
        .send()
        .await
        .ok()?;
    let running: Running = answer.error_for_status().ok()?.json().await.ok()?;
    let is_it = |loaded: &&Loaded| {
        let latest = format!("{model}:latest");
        [model, latest.as_str()]
            .iter()
            .any(|name| loaded.name == *name || loaded.model == *name)
    };
    running.models.iter().find(is_it)?.size
}

/// A server that just answered a question answers this one at the same place; no proxy is between.
fn client(url: &str) -> Option<reqwest::Client> {
    // Somebody else may have installed one; any will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy();
    if !url.starts_with("https:") {
        // No TLS is spoken here: a machine without CA certificates must not fail.
        builder = builder.tls_certs_only([]);
    }
    builder.build().ok()
}
