//! Finds the provider of a model name. Each is made when it is first asked for, and kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use orket_actors::port::model::{ModelProvider, ModelProviders};
use orket_core::failure::{Failure, FailureClass};
use orket_core::model::{ModelName, PROVIDERS};
use orket_core::scenario::{Scenario, Script};
use reqwest::Url;
use reqwest::header::HeaderValue;

use super::anthropic::Anthropic;
use super::http::HttpProvider;
use super::ollama::Ollama;
use super::openai::OpenAi;
use super::scripted::ScriptedProvider;
use super::secrets::Secrets;
use super::settings::{self, ProviderSettings};

/// Gives the JSON text of the scenario of a name, or says why it cannot.
pub type LoadScenario = Arc<dyn Fn(&str) -> Result<String, String> + Send + Sync>;

type Provider = Arc<dyn ModelProvider>;

/// All providers of one process.
pub struct Providers {
    settings: ProviderSettings,
    load: LoadScenario,
    /// By scenario, for the scripted ones; by provider, for those on the network. Failures are not
    /// kept: what was missing may be there the next time.
    made: Mutex<HashMap<String, Provider>>,
}

impl Providers {
    /// The providers at these addresses, and the scripted one.
    #[must_use]
    pub fn new(settings: ProviderSettings, load: LoadScenario) -> Self {
        Self {
            settings,
            load,
            made: Mutex::default(),
        }
    }

    fn make(&self, model: &ModelName) -> Result<Provider, Failure> {
        Ok(match model.provider.as_str() {
            "scripted" => Arc::new(self.scripted(&model.model)?),
            "ollama" => Arc::new(self.ollama()?),
            "openai" => Arc::new(self.openai()?),
            "anthropic" => Arc::new(self.anthropic()?),
            other => {
                return Err(refused(format!(
                    "there is no provider `{other}`; known: {}",
                    PROVIDERS.join(", ")
                )));
            }
        })
    }

    /// No provider shows any key, not even another's.
    fn secrets(&self, url: &Url) -> Secrets {
        let ProviderSettings {
            openai_key,
            anthropic_key,
            ..
        } = &self.settings;
        Secrets::new([
            openai_key.as_deref(),
            anthropic_key.as_deref(),
            url.password(),
        ])
    }

    fn scripted(&self, name: &str) -> Result<ScriptedProvider, Failure> {
        let text = (self.load)(name)
            .map_err(|cause| refused(format!("the scenario `{name}` cannot be read: {cause}")))?;
        let file = format!("scenarios/{name}.json");
        let scenario = Scenario::parse(&text, &file).map_err(refused)?;
        Ok(ScriptedProvider::new(Script::new(scenario)))
    }

    fn ollama(&self) -> Result<HttpProvider, Failure> {
        let base = &self.settings.ollama_url;
        let url = settings::address(base, "/api", "/api/chat", "ORKET_OLLAMA_URL")?;
        let constrained = self.settings.constrained;
        let secrets = self.secrets(&url);
        HttpProvider::new(url, Box::new(Ollama { constrained }), secrets)
    }

    fn openai(&self) -> Result<HttpProvider, Failure> {
        let base = &self.settings.openai_url;
        let path = "/chat/completions";
        let url = settings::address(base, path, path, "ORKET_OPENAI_URL")?;
        let key = self.settings.openai_key.as_deref();
        let bearer = key.map(|key| format!("Bearer {key}"));
        let authorization = header(
            bearer.as_deref(),
            &url,
            "ORKET_OPENAI_KEY or OPENAI_API_KEY",
        )?;
        let secrets = self.secrets(&url);
        let dialect = OpenAi {
            authorization,
            constrained: self.settings.constrained,
            is_hosted: settings::needs_key(&url),
        };
        HttpProvider::new(url, Box::new(dialect), secrets)
    }

    fn anthropic(&self) -> Result<HttpProvider, Failure> {
        let base = &self.settings.anthropic_url;
        let url = settings::address(base, "/v1", "/v1/messages", "ORKET_ANTHROPIC_URL")?;
        let key = self.settings.anthropic_key.as_deref();
        let secrets = self.secrets(&url);
        let key = header(key, &url, "ORKET_ANTHROPIC_KEY or ANTHROPIC_API_KEY")?;
        HttpProvider::new(url, Box::new(Anthropic { key }), secrets)
    }
}

fn refused(message: String) -> Failure {
    Failure::new(FailureClass::ModelRefused, message)
}

/// A key as a header that no debug output shows.
fn header(key: Option<&str>, url: &Url, variables: &str) -> Result<Option<HeaderValue>, Failure> {
    let Some(key) = key else {
        return if settings::needs_key(url) {
            let host = url.host_str().unwrap_or_default();
            Err(refused(format!("{host} needs a key; set {variables}")))
        } else {
            Ok(None)
        };
    };
    let mut value = HeaderValue::from_str(key).map_err(|_| {
        refused(format!(
            "the key in {variables} has characters that no key has"
        ))
    })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

impl ModelProviders for Providers {
    fn provider(&self, model: &ModelName) -> Result<Arc<dyn ModelProvider>, Failure> {
        let key = match model.provider.as_str() {
            "scripted" => format!("scripted:{}", model.model),
            other => other.to_owned(),
        };
        // Held while one is made: a scenario is then parsed once, whoever else wants it.
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(provider) = made.get(&key) {
            return Ok(provider.clone());
        }
        let provider = self.make(model)?;
        made.insert(key, provider.clone());
        Ok(provider)
    }
}

impl std::fmt::Debug for Providers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Providers")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
