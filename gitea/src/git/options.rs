//! The environment of git.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;

use super::error::{GitError, GitErrorKind};
use crate::client::{Credentials, GiteaConfigError, base};
use crate::secret::Secret;

/// What of our own environment git needs: where programs are, which proxy and which certificates.
const PASSED_ON: &[&str] = &[
    "PATH",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
];
const PROXIES: &[&str] = &[
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
];

/// Configuration of every command.
const CONFIG: &[(&str, &str)] = &[
    // Empties the list of helpers.
    ("credential.helper", ""),
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    // What is cloned is written by strangers: a link could lead out of the clone.
    ("core.symlinks", "false"),
    ("core.autocrlf", "false"),
    ("protocol.allow", "never"),
    ("protocol.http.allow", "always"),
    ("protocol.https.allow", "always"),
    // A redirect would take the credentials elsewhere.
    ("http.followRedirects", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("submodule.recurse", "false"),
    ("commit.gpgSign", "false"),
    // Within the time limit, not behind our back.
    ("gc.autoDetach", "false"),
    ("maintenance.autoDetach", "false"),
    ("init.defaultBranch", "main"),
];

/// How git is run.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    base: String,
    header: Secret,
    credentials: Credentials,
    is_local: bool,
    files: bool,
}

impl Settings {
    pub(super) fn new(url: &str, credentials: &Credentials) -> Result<Self, GiteaConfigError> {
        let url = base(url)?;
        credentials.header()?;
        Ok(Self {
            is_local: crate::client::is_loopback(&url),
            base: format!("{}/", url.as_str().trim_end_matches('/')),
            header: header(credentials),
            credentials: credentials.clone(),
            files: false,
        })
    }

    pub(super) fn allowing_files(&self) -> Self {
        Self {
            files: true,
            ..self.clone()
        }
    }

    /// Refuses an address with credentials in it: it would be seen in the list of processes.
    pub(super) fn check(&self, url: &str) -> Result<(), GitError> {
        let wrong = |words: &str| Err(GitError::new(GitErrorKind::Unusable, "asking git", words));
        let Ok(parsed) = Url::parse(url) else {
            return wrong("the address of the repository is not a URL");
        };
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return wrong("the address of the repository holds credentials");
        }
        match parsed.scheme() {
            "http" | "https" => Ok(()),
            "file" if self.files => Ok(()),
            _ => wrong("the address of the repository is not http(s)"),
        }
    }

    /// The whole environment, by name.
    pub(super) fn environment(&self) -> Vec<(String, std::ffi::OsString)> {
        let mut all: Vec<(String, std::ffi::OsString)> = Vec::new();
        let passed_on = PASSED_ON
            .iter()
            .chain(if self.is_local { &[] } else { PROXIES });
        for name in passed_on {
            if let Some(value) = std::env::var_os(name) {
                all.push(((*name).to_owned(), value));
            }
        }
        let mut set = |name: &str, value: &str| all.push((name.to_owned(), value.into()));
        // The messages are read.
        set("LC_ALL", "C.UTF-8");
        // Not even `.netrc`.
        set("HOME", "/nonexistent");
        set("GIT_CONFIG_NOSYSTEM", "1");
        set("GIT_CONFIG_GLOBAL", "/dev/null");
        set("GIT_TERMINAL_PROMPT", "0");
        set("GIT_ASKPASS", "/bin/false");
        set("GIT_LFS_SKIP_SMUDGE", "1");
        let mut config: Vec<(String, &str)> = CONFIG
            .iter()
            .map(|(key, value)| ((*key).to_owned(), *value))
            .collect();
        if self.files {
            config.push(("protocol.file.allow".to_owned(), "always"));
        }
        let key = format!("http.{}.extraHeader", self.base);
        config.push((key, self.header.expose()));
        set("GIT_CONFIG_COUNT", &config.len().to_string());
        for (number, (key, value)) in config.iter().enumerate() {
            set(&format!("GIT_CONFIG_KEY_{number}"), key);
            set(&format!("GIT_CONFIG_VALUE_{number}"), value);
        }
        all
    }

    pub(super) fn strike(&self, text: &str) -> String {
        self.header.strike(&self.credentials.strike(text))
    }
}

/// Gitea takes a token over git as the password of any user.
fn header(credentials: &Credentials) -> Secret {
    let (user, password) = match credentials {
        Credentials::Token(token) => ("orket", token),
        Credentials::Basic { user, password } => (user.as_str(), password),
    };
    let pair = STANDARD.encode(format!("{user}:{}", password.expose()));
    Secret::new(format!("Authorization: Basic {pair}"))
}
