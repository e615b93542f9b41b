//! What must not even start: a server that strangers could use.

use std::time::Duration;

use crate::cli::failure::Failure;

use super::Attempt;
use super::house::{folder, program, secret};

/// How long a refusal may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// All of them.
///
/// # Errors
///
/// When this program cannot be started at all.
pub async fn all() -> Result<Vec<Attempt>, Failure> {
    let strong = secret();
    let token = secret();
    let webhook = |secret: &str| {
        vec![
            ("GITEA_WEBHOOK_SECRET".to_owned(), secret.to_owned()),
            ("GITEA_TOKEN".to_owned(), token.clone()),
            ("ORKET_WEBHOOK_PORT".to_owned(), "0".to_owned()),
        ]
    };
    let server = |key: Option<&str>, host: &str| {
        let mut set = vec![
            ("ORKET_HOST".to_owned(), host.to_owned()),
            ("ORKET_PORT".to_owned(), "0".to_owned()),
        ];
        set.extend(key.map(|key| ("ORKET_API_KEY".to_owned(), key.to_owned())));
        set
    };
    let starts = [
        (
            "a server whose key is a placeholder",
            "serve",
            server(Some("change-me-to-a-long-random-value"), "127.0.0.1"),
            "E_API_KEYS",
        ),
        (
            "a server without a key, for every machine",
            "serve",
            server(None, "0.0.0.0"),
            "E_NO_API_KEY",
        ),
        (
            "a receiver whose secret is a placeholder",
            "webhook",
            webhook("change-me"),
            "E_WEBHOOK_SECRET",
        ),
        (
            "a receiver whose secret can be guessed",
            "webhook",
            webhook(strong.get(..8).unwrap_or("short")),
            "E_WEBHOOK_SECRET",
        ),
        (
            "a receiver without a secret",
            "webhook",
            webhook(""),
            "E_WEBHOOK_SECRET",
        ),
    ];
    let mut attempts = Vec::new();
    for (name, command, set, code) in starts {
        attempts.push(refused(name, command, &set, code).await?);
    }
    Ok(attempts)
}

async fn refused(
    name: &str,
    command: &str,
    set: &[(String, String)],
    code: &str,
) -> Result<Attempt, Failure> {
    let folder = folder()?;
    let child = program(&folder)?
        .arg(command)
        .envs(set.iter().map(|(name, value)| (name, value)))
        .spawn()
        .map_err(|error| Failure::new("E_START", format!("{command} did not start: {error}")))?;
    let expected = format!("exit 1 with {code}");
    let ended = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
    Ok(match ended {
        Ok(Ok(output)) => {
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            let first = words.lines().next().unwrap_or_default().to_owned();
            let ok = output.status.code() == Some(1) && words.contains(code);
            Attempt::of(&format!("{name} does not start"), ok, &expected, first)
        }
        Ok(Err(error)) => Attempt::of(name, false, &expected, error.to_string()),
        Err(_elapsed) => Attempt::of(name, false, &expected, "it runs"),
    })
}
