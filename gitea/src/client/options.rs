//! Where Gitea is and who asks.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use reqwest::header::HeaderValue;

use crate::secret::Secret;

/// Who asks.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// An access token.
    Token(Secret),
    /// A login and its password, or a token in place of the password.
    Basic {
        /// The login; it holds no colon.
        user: String,
        /// The password.
        password: Secret,
    },
}

impl Credentials {
    /// The value of the `Authorization` header.
    pub(crate) fn authorization(&self) -> Secret {
        Secret::new(match self {
            Self::Token(token) => format!("token {}", token.expose()),
            Self::Basic { user, password } => {
                format!("Basic {}", in_base64(user, password).expose())
            }
        })
    }

    /// The same as a header that is not shown.
    pub(crate) fn header(&self) -> Result<HeaderValue, GiteaConfigError> {
        let wrong = |what| Err(GiteaConfigError::Credentials(what));
        match self {
            Self::Token(token) if token.expose().trim().is_empty() => {
                return wrong("the token is empty");
            }
            Self::Basic { user, .. } if user.is_empty() => return wrong("the user is empty"),
            Self::Basic { user, .. } if user.contains(':') => {
                return wrong("the user holds a colon");
            }
            Self::Token(_) | Self::Basic { .. } => {}
        }
        let Ok(mut header) = HeaderValue::from_str(self.authorization().expose()) else {
            return wrong("the token holds a character that no header can carry");
        };
        header.set_sensitive(true);
        Ok(header)
    }

    /// `text` without the secrets.
    pub(crate) fn strike(&self, text: &str) -> String {
        match self {
            Self::Token(token) => token.strike(text),
            Self::Basic { user, password } => {
                password.strike(&in_base64(user, password).strike(text))
            }
        }
    }
}

fn in_base64(user: &str, password: &Secret) -> Secret {
    Secret::new(STANDARD.encode(format!("{user}:{}", password.expose())))
}

/// Where Gitea is, who asks, and how long an answer may take.
#[derive(Debug, Clone)]
pub struct GiteaOptions {
    /// `http(s)://host[:port][/prefix]`; without credentials, query and fragment.
    pub url: String,
    /// Who asks.
    pub credentials: Credentials,
    /// For one request and its whole answer.
    pub timeout: Duration,
    /// For the connection alone; shorter than `timeout`.
    pub connect_timeout: Duration,
}

/// Why a client cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GiteaConfigError {
    /// Not an address.
    #[error("the Gitea URL is not a URL: {0}")]
    NotAUrl(String),
    /// Something in the address that must not be there.
    #[error("the Gitea URL must be http(s)://host[:port][/path]; this one has {0}")]
    UnusableUrl(&'static str),
    /// Something in the credentials that no header can carry.
    #[error("the Gitea credentials cannot be sent: {0}")]
    Credentials(&'static str),
    /// No HTTP client.
    #[error("no HTTP client could be made: {0}; are CA certificates installed?")]
    Client(String),
}

impl GiteaOptions {
    /// Half a minute for an answer, five seconds for the connection.
    #[must_use]
    pub fn new(url: impl Into<String>, credentials: Credentials) -> Self {
        Self {
            url: url.into(),
            credentials,
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
        }
    }
}

/// The address, if it can be one of a Gitea; its text has no slash at the end.
pub(crate) fn base(url: &str) -> Result<Url, GiteaConfigError> {
    // The parser's words do not repeat the address, which may hold a password.
    let mut url =
        Url::parse(url.trim()).map_err(|error| GiteaConfigError::NotAUrl(error.to_string()))?;
    let unusable = |what| Err(GiteaConfigError::UnusableUrl(what));
    if !matches!(url.scheme(), "http" | "https") {
        return unusable("another scheme");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return unusable("no host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return unusable("credentials in it, which belong in the settings");
    }
    if url.query().is_some() {
        return unusable("a query");
    }
    if url.fragment().is_some() {
        return unusable("a fragment");
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_addresses_are_taken() {
        let text = |url: &str| base(url).map(|url| url.to_string());
        assert_eq!(
            text(" https://git.example/ ").unwrap(),
            "https://git.example/"
        );
        assert_eq!(
            text("http://git.example:3000/gitea/").unwrap(),
            "http://git.example:3000/gitea"
        );
        for url in [
            "git.example",
            "ssh://git.example",
            "http://bot:s3cr3t@git.example",
            "http://s3cr3t@git.example",
            "http://git.example?token=s3cr3t",
            "http://git.example#s3cr3t",
            "http://bot:s3cr3t@",
        ] {
            let refusal = base(url).unwrap_err().to_string();
            assert!(!refusal.contains("s3cr3t"), "{refusal}");
        }
    }
}
