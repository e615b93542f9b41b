//! Looks at what Orket works with: models, Gitea, docker, git.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use orket_core::model::ModelName;
use orket_gitea::Credentials;
use reqwest::{Client, RequestBuilder, Url};
use serde_json::Value;

use crate::cli::context::Context;
use crate::config::masked::address;
use crate::config::settings::Endpoint;

use super::finding::Finding;

/// A look with its name.
type Named<'a> = (String, BoxFuture<'a, Vec<Finding>>);

/// Whether git is there.
pub async fn git(_context: &Context) -> Vec<Finding> {
    vec![match said("git", &["--version"]).await {
        Ok(version) => Finding::ok("git", version),
        Err(problem) => Finding::warn(
            "git",
            format!("{problem}; exports, refactor and api add need it"),
        )
        .next("apt-get install git"),
    }]
}

/// Whether docker is there.
pub async fn docker(context: &Context) -> Vec<Finding> {
    if context.settings.sandboxes.disabled {
        return vec![Finding::ok("docker", "not wanted: ORKET_DISABLE_SANDBOX")];
    }
    let server = said("docker", &["version", "--format", "{{.Server.Version}}"]).await;
    vec![match server {
        Ok(version) => match said("docker", &["compose", "version", "--short"]).await {
            Ok(compose) => Finding::ok("docker", format!("{version}, compose {compose}")),
            Err(problem) => {
                Finding::warn("docker", format!("{version}, without compose: {problem}"))
                    .next("install docker-compose-plugin")
            }
        },
        Err(problem) => Finding::warn(
            "docker",
            format!("{problem}; what was built cannot be brought up"),
        )
        .next("systemctl start docker, or ORKET_DISABLE_SANDBOX=true in .env"),
    }]
}

/// Whether Gitea answers, and to whom.
pub async fn gitea(context: &Context, limit: Duration) -> Vec<Finding> {
    let gitea = &context.settings.gitea;
    let Some(credentials) = &gitea.credentials else {
        return vec![Finding::ok(
            "Gitea",
            "not set up: neither GITEA_TOKEN nor GITEA_ADMIN_PASSWORD (docs/GITEA_SETUP.md)",
        )];
    };
    let base = gitea.url_or_default();
    let url = format!("{}/api/v1/user", base.trim_end_matches('/'));
    let base = address(&base);
    let client = match client(&url, limit) {
        Ok(client) => client,
        Err(problem) => {
            return vec![
                Finding::fail("Gitea", format!("GITEA_URL: {problem}")).next("orket config"),
            ];
        }
    };
    let asked = match credentials {
        Credentials::Token(token) => client
            .get(url)
            .header("authorization", format!("token {}", token.expose())),
        Credentials::Basic { user, password } => {
            client.get(url).basic_auth(user, Some(password.expose()))
        }
    };
    vec![match answer(asked).await {
        Ok((200, body)) => {
            let who = body
                .get("login")
                .and_then(Value::as_str)
                .unwrap_or("somebody");
            Finding::ok("Gitea", format!("{base} knows us as {who}"))
        }
        Ok((status @ (401 | 403), _)) => Finding::fail(
            "Gitea",
            format!("{base} refuses our token or password ({status})"),
        )
        .next("docs/GITEA_SETUP.md says how to make a token"),
        Ok((status, _)) => Finding::fail("Gitea", format!("{base} answered {status}"))
            .next("orket config, for GITEA_URL"),
        Err(problem) => Finding::fail("Gitea", format!("{base}: {problem}")).next(
            "docker compose -f infrastructure/docker-compose.gitea.yml up -d, or GITEA_URL in .env",
        ),
    }]
}

/// Each provider that a setting names, and Ollama where none does.
pub fn models(context: &Context, limit: Duration) -> Vec<Named<'_>> {
    let settings = &context.settings;
    let mut wanted: BTreeSet<(String, String)> = settings
        .models
        .values()
        .chain(settings.operator_model.as_ref())
        .map(parts)
        .collect();
    wanted.extend(
        settings
            .preferences
            .values()
            .filter_map(|text| ModelName::parse(text).ok())
            .map(|name| parts(&name)),
    );
    let of = |provider: &str| -> Vec<String> {
        let named = wanted.iter().filter(|(it, _)| it == provider);
        named.map(|(_, model)| model.clone()).collect()
    };
    let mut looks: Vec<Named<'_>> = vec![(
        "ollama".to_owned(),
        ollama(&settings.ollama, of("ollama"), limit).boxed(),
    )];
    if settings.openai.key.is_some() || !of("openai").is_empty() {
        looks.push((
            "openai".to_owned(),
            keyed(
                "openai",
                "ORKET_OPENAI_URL",
                &settings.openai,
                of("openai"),
                limit,
            )
            .boxed(),
        ));
    }
    if settings.anthropic.key.is_some() || !of("anthropic").is_empty() {
        looks.push((
            "anthropic".to_owned(),
            keyed(
                "anthropic",
                "ORKET_ANTHROPIC_URL",
                &settings.anthropic,
                of("anthropic"),
                limit,
            )
            .boxed(),
        ));
    }
    looks
}

fn parts(name: &ModelName) -> (String, String) {
    (name.provider.clone(), name.model.clone())
}

async fn ollama(endpoint: &Endpoint, wanted: Vec<String>, limit: Duration) -> Vec<Finding> {
    let url = format!("{}/api/tags", endpoint.url.trim_end_matches('/'));
    let shown = address(&endpoint.url);
    let asked = match client(&url, limit) {
        Ok(client) => answer(client.get(&url)).await,
        Err(problem) => Err(problem),
    };
    let (status, body) = match asked {
        Ok(told) => told,
        Err(problem) if wanted.is_empty() => {
            return vec![
                Finding::warn(
                    "ollama",
                    format!("{shown}: {problem}; the scripted model needs none"),
                )
                .next("ollama serve"),
            ];
        }
        Err(problem) => {
            return vec![
                Finding::fail("ollama", format!("{shown}: {problem}")).next("ollama serve"),
            ];
        }
    };
    if status != 200 {
        return vec![
            Finding::fail("ollama", format!("{shown} answered {status}"))
                .next("orket config, for ORKET_OLLAMA_URL"),
        ];
    }
    let pulled: BTreeSet<&str> = body
        .get("models")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|model| model.get("name").and_then(Value::as_str))
        .collect();
    let mut found = vec![Finding::ok(
        "ollama",
        format!("{shown} has {} model(s)", pulled.len()),
    )];
    for model in wanted {
        let latest = format!("{model}:latest");
        if !pulled.contains(model.as_str()) && !pulled.contains(latest.as_str()) {
            found.push(
                Finding::fail(
                    "ollama",
                    format!("a setting names {model}, which is not pulled"),
                )
                .next(format!("ollama pull {model}")),
            );
        }
    }
    found
}

/// A provider that wants a key.
async fn keyed(
    provider: &str,
    variable: &str,
    endpoint: &Endpoint,
    wanted: Vec<String>,
    limit: Duration,
) -> Vec<Finding> {
    let shown = address(&endpoint.url);
    let base = endpoint.url.trim_end_matches('/');
    let url = if base.ends_with("/v1") {
        format!("{base}/models")
    } else {
        format!("{base}/v1/models")
    };
    let asked = client(&url, limit).map(|client| {
        let request = client.get(&url);
        match (&endpoint.key, provider) {
            (Some(key), "anthropic") => request
                .header("x-api-key", key)
                .header("anthropic-version", "2023-06-01"),
            (Some(key), _) => request.bearer_auth(key),
            (None, _) => request,
        }
    });
    let told = match asked {
        Ok(request) => answer(request).await,
        Err(problem) => Err(problem),
    };
    let key = variable.replace("_URL", "_KEY");
    let (status, body) = match told {
        Ok(told) => told,
        Err(problem) => {
            return vec![
                Finding::fail(provider, format!("{shown}: {problem}"))
                    .next(format!("orket config, for {variable}")),
            ];
        }
    };
    match status {
        200 => {}
        401 | 403 => {
            return vec![
                Finding::fail(provider, format!("{shown} refuses the key ({status})"))
                    .next(format!("put a valid {key} into .env")),
            ];
        }
        _ => {
            return vec![Finding::warn(
                provider,
                format!("{shown} answered {status} when asked for its models"),
            )];
        }
    }
    let served: BTreeSet<&str> = body
        .get("data")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|model| model.get("id").and_then(Value::as_str))
        .collect();
    let mut found = vec![Finding::ok(
        provider,
        format!("{shown} serves {} model(s)", served.len()),
    )];
    found.extend(
        wanted
            .iter()
            .filter(|model| !served.contains(model.as_str()))
            .map(|model| {
                Finding::warn(
                    provider,
                    format!("a setting names {model}, which it does not list"),
                )
                .next("orket config")
            }),
    );
    found
}

fn client(url: &str, limit: Duration) -> Result<Client, String> {
    let url: Url = url
        .parse()
        .map_err(|error| format!("{}: {error}", address(url)))?;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(limit);
    if url.scheme() != "https" {
        // No TLS is spoken here: a machine without CA certificates must not fail.
        builder = builder.tls_certs_only([]);
    }
    if url
        .host_str()
        .is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"))
    {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| error.to_string())
}

/// Status and body; `Null` for a body that is no JSON.
async fn answer(request: RequestBuilder) -> Result<(u16, Value), String> {
    let response = request.send().await.map_err(|error| {
        if error.is_connect() {
            "nobody listens there".to_owned()
        } else if error.is_timeout() {
            "no answer in time".to_owned()
        } else {
            error.without_url().to_string()
        }
    })?;
    let status = response.status().as_u16();
    let body = response
        .bytes()
        .await
        .map_err(|error| error.without_url().to_string())?;
    Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

/// The first line that a program says.
async fn said(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => format!("`{program}` is not installed"),
            _ => format!("`{program}`: {error}"),
        })?;
    let first = |bytes: &[u8]| -> String {
        let text = String::from_utf8_lossy(bytes);
        text.lines().next().unwrap_or_default().trim().to_owned()
    };
    if output.status.success() {
        Ok(first(&output.stdout))
    } else {
        Err(format!("`{program}` says: {}", first(&output.stderr)))
    }
}
