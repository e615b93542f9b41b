//! Where model servers are and the keys to them.

use orket_core::failure::{Failure, FailureClass};
use reqwest::Url;

const OLLAMA_PORT: u16 = 11_434;
const OLLAMA_URL: &str = "http://127.0.0.1:11434";
const OPENAI_URL: &str = "https://api.openai.com/v1";
const ANTHROPIC_URL: &str = "https://api.anthropic.com";

/// Addresses and keys, as the operator gave them.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderSettings {
    /// Ollama's address.
    pub ollama_url: String,
    /// The address of an OpenAI-compatible server, up to and without `/chat/completions`.
    pub openai_url: String,
    /// Its key; servers of one's own mostly need none.
    pub openai_key: Option<String>,
    /// Anthropic's address.
    pub anthropic_url: String,
    /// Its key.
    pub anthropic_key: Option<String>,
    /// Whether servers of one's own are asked to decode under the turn's schema.
    pub constrained: bool,
}

impl Default for ProviderSettings {
    fn default() -> Self {
        Self::from_env(&|_| None)
    }
}

impl ProviderSettings {
    /// Reads them from the environment; `get` is how a variable is looked up. An empty variable is
    /// as good as none.
    #[must_use]
    pub fn from_env(get: &dyn Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&str]| {
            names.iter().find_map(|name| {
                let value = get(name)?.trim().to_owned();
                (!value.is_empty()).then_some(value)
            })
        };
        let or = |found: Option<String>, default: &str| found.unwrap_or_else(|| default.to_owned());
        Self {
            ollama_url: or(
                first(&["ORKET_OLLAMA_URL"])
                    .or_else(|| first(&["OLLAMA_HOST"]).map(|host| of_ollama_host(&host))),
                OLLAMA_URL,
            ),
            openai_url: or(first(&["ORKET_OPENAI_URL", "OPENAI_BASE_URL"]), OPENAI_URL),
            openai_key: first(&["ORKET_OPENAI_KEY", "OPENAI_API_KEY"]),
            anthropic_url: or(first(&["ORKET_ANTHROPIC_URL"]), ANTHROPIC_URL),
            anthropic_key: first(&["ORKET_ANTHROPIC_KEY", "ANTHROPIC_API_KEY"]),
            constrained: first(&["ORKET_CONSTRAINED_DECODING"]).as_deref() != Some("off"),
        }
    }
}

impl std::fmt::Debug for ProviderSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let masked = |key: &Option<String>| key.as_ref().map(|_| "***");
        f.debug_struct("ProviderSettings")
            .field("ollama_url", &shown(&self.ollama_url))
            .field("openai_url", &shown(&self.openai_url))
            .field("openai_key", &masked(&self.openai_key))
            .field("anthropic_url", &shown(&self.anthropic_url))
            .field("anthropic_key", &masked(&self.anthropic_key))
            .field("constrained", &self.constrained)
            .finish()
    }
}

/// An address without the name and password that may be in it.
fn shown(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((before, host)) => {
            let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
            format!("{scheme}://***@{host}")
        }
        None => url.to_owned(),
    }
}

/// `OLLAMA_HOST` is what the server listens at: scheme and port may be missing, and an address
/// that means "everywhere" is reached at this machine.
fn of_ollama_host(host: &str) -> String {
    let (scheme, rest, port) = match host.split_once("://") {
        Some(("https", rest)) => ("https", rest, 443),
        Some((scheme, rest)) => (scheme, rest, 80),
        None => ("http", host, OLLAMA_PORT),
    };
    let (authority, path) = match rest.split_once('/') {
        Some((authority, path)) => (authority, path.trim_end_matches('/')),
        None => (rest, ""),
    };
    let (name, port) = match authority.rsplit_once(':') {
        Some((name, digits)) if !digits.ends_with(']') => (name, digits.parse().unwrap_or(port)),
        _ => (authority, port),
    };
    let name = match name {
        "" | "0.0.0.0" => "127.0.0.1",
        "[::]" => "[::1]",
        name => name,
    };
    let slash = if path.is_empty() { "" } else { "/" };
    format!("{scheme}://{name}:{port}{slash}{path}")
}

/// The address of one call: `base` (without a `dropped` end) and `path`. `variable` is where an
/// operator sets it.
pub(super) fn address(
    base: &str,
    dropped: &str,
    path: &str,
    variable: &str,
) -> Result<Url, Failure> {
    let refused = |cause: &str| {
        Failure::new(
            FailureClass::ModelRefused,
            format!(
                "`{}` is no address of a model server ({cause}); set {variable}",
                shown(base)
            ),
        )
    };
    let trimmed = base.trim_end_matches('/');
    let trimmed = trimmed.strip_suffix(dropped).unwrap_or(trimmed);
    let url =
        Url::parse(&format!("{trimmed}{path}")).map_err(|cause| refused(&cause.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused("it must begin with http:// or https://"));
    }
    Ok(url)
}

/// Whether a key is needed: at the provider's own address it always is.
pub(super) fn needs_key(url: &Url) -> bool {
    matches!(url.host_str(), Some("api.openai.com" | "api.anthropic.com"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> ProviderSettings {
        let found = |name: &str| {
            let pair = pairs.iter().find(|(key, _)| *key == name)?;
            Some(pair.1.to_owned())
        };
        ProviderSettings::from_env(&found)
    }

    #[test]
    fn the_environment_is_read_in_order_and_shown_without_keys() {
        assert_eq!(settings(&[]).ollama_url, "http://127.0.0.1:11434");
        let given = settings(&[
            ("OLLAMA_HOST", "ignored"),
            ("ORKET_OLLAMA_URL", "http://gpu:1"),
            ("OPENAI_BASE_URL", "http://me:pass-1@vllm:8000/v1"),
            ("ORKET_OPENAI_KEY", "  "),
            ("OPENAI_API_KEY", "sk-secret\n"),
            ("ANTHROPIC_API_KEY", "ant-secret"),
        ]);
        assert_eq!(given.openai_key.as_deref(), Some("sk-secret"));
        insta::assert_snapshot!(format!("{given:?}"));
    }

    #[test]
    fn ollama_s_own_variable_is_understood() {
        for (host, url) in [
            ("0.0.0.0", "http://127.0.0.1:11434"),
            (":5000", "http://127.0.0.1:5000"),
            ("gpu", "http://gpu:11434"),
            ("gpu:80", "http://gpu:80"),
            ("https://gpu", "https://gpu:443"),
            ("http://gpu:1/proxy/", "http://gpu:1/proxy"),
            ("[::]:11434", "http://[::1]:11434"),
            ("[::1]", "http://[::1]:11434"),
        ] {
            assert_eq!(settings(&[("OLLAMA_HOST", host)]).ollama_url, url, "{host}");
        }
    }

    #[test]
    fn an_address_that_is_none_names_its_variable() {
        let address = |base| address(base, "/v1", "/v1/messages", "ORKET_ANTHROPIC_URL");
        assert_eq!(
            address("http://h/v1/").unwrap().as_str(),
            "http://h/v1/messages"
        );
        insta::assert_snapshot!(format!(
            "{}\n{}",
            address("localhost:80").unwrap_err(),
            address("http://u:pw@:x").unwrap_err()
        ));
    }
}
