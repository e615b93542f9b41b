//! Asking the model that answers for the driver: which one, for how long, and what to say when there
//! is none.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use orket_actors::port::model::ModelProviders;
use orket_core::asset::{AssetSource, Library};
use orket_core::failure::{Failure, FailureClass};
use orket_core::model::{Message, ModelEvent, ModelName, ModelOptions, ModelRequest, Origin};
use orket_core::plan_build::PlanSettings;
use orket_core::plan_build::models::assign::assignments;
use orket_core::tool_call::strip_reasoning;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::stream::{Listener, Stream};
use crate::config::Settings;

/// The role that answers.
pub const ROLE: &str = "operations_lead";
/// The longest that somebody who asked is kept waiting.
const LONGEST: Duration = Duration::from_secs(120);
/// The most of a reply that is read, in bytes.
const LARGEST: usize = 64 * 1024;
/// How long somebody who greets waits for a sign of the model.
const KNOCK: Duration = Duration::from_millis(500);
/// A driver does not make things up.
const TEMPERATURE: f64 = 0.1;

/// One question.
pub(super) struct Question {
    /// The prompt.
    pub messages: Vec<Message>,
    /// What the answer must look like, for servers that can decode under a schema.
    pub schema: Option<Arc<Value>>,
    /// Which question of the process it is.
    pub number: u32,
    /// Hears the answer while it is written.
    pub listener: Option<Listener>,
}

/// The model and where it is.
pub(super) struct Chosen {
    /// Its name.
    pub model: ModelName,
    /// How long to wait for a connection.
    pub connect: Duration,
    /// How long to wait for the whole answer.
    pub whole: Duration,
    /// The address of its server, where it has one.
    pub url: String,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// The server says no, or is not there.
    Failed(Failure),
    /// It took too long.
    Late(Duration),
}

/// Which model answers for the driver, chosen as for any role, the compliance policy included.
///
/// # Errors
///
/// In words, when a choice is wrong. Blocking.
pub(super) fn choose<S: AssetSource>(
    settings: &Settings,
    library: &Library<S>,
) -> Result<Chosen, String> {
    let plan = PlanSettings {
        env_models: settings
            .models
            .iter()
            .map(|(role, model)| (role.clone(), model.to_string()))
            .collect(),
        operator_model: settings.operator_model.as_ref().map(ToString::to_string),
        preference_models: settings.preferences.clone(),
        compliance: settings.compliance.clone(),
        ..PlanSettings::default()
    };
    let assigned =
        assignments(library, &plan, None, &[ROLE.to_owned()]).map_err(|error| error.to_string())?;
    let assigned = assigned
        .into_iter()
        .next()
        .ok_or_else(|| format!("no model is set for {ROLE}"))?;
    let model = assigned.answers;
    let url = match model.provider.as_str() {
        "ollama" => settings.ollama.url.clone(),
        "openai" => settings.openai.url.clone(),
        "anthropic" => settings.anthropic.url.clone(),
        _ => String::new(),
    };
    let clock = |ms: u64, most: Duration| match ms {
        0 => most,
        ms => Duration::from_millis(ms).min(most),
    };
    Ok(Chosen {
        model,
        connect: clock(settings.clocks.connect_ms, LONGEST),
        whole: clock(settings.clocks.turn_ms, LONGEST),
        url,
    })
}

/// Asks, and gives the text of the answer without what the model thought on the way. When the future
/// is dropped the question is cancelled.
pub(super) async fn ask(
    providers: Arc<dyn ModelProviders>,
    chosen: &Chosen,
    question: Question,
) -> Result<String, Unanswered> {
    let model = chosen.model.clone();
    // Making one may read files.
    let provider = crate::blocking::blocking(move || providers.provider(&model))
        .await
        .unwrap_or_else(|error| Err(Failure::new(FailureClass::Panic, error.to_string())))
        .map_err(Unanswered::Failed)?;
    let request = ModelRequest {
        model: chosen.model.clone(),
        messages: question.messages,
        tools: Arc::new([]),
        options: ModelOptions {
            temperature: Some(TEMPERATURE),
            ..ModelOptions::default()
        },
        origin: Origin {
            run_id: "driver".to_owned(),
            issue_id: "driver".to_owned(),
            seat: ROLE.to_owned(),
            role: ROLE.to_owned(),
            turn: question.number,
            attempt: 1,
            round: 0,
        },
        schema: question.schema,
    };
    let began = Instant::now();
    let mut events = provider.ask(Arc::new(request));
    let (mut until, mut wait) = (began + chosen.connect.min(chosen.whole), chosen.connect);
    let mut text = String::new();
    let mut stream = question.listener.map(Stream::new);
    loop {
        let Ok(event) = timeout_at(until, events.next()).await else {
            return Err(Unanswered::Late(wait));
        };
        match event {
            None | Some(ModelEvent::Done | ModelEvent::Cut) => break,
            Some(ModelEvent::Failed(failure)) => return Err(Unanswered::Failed(failure)),
            Some(ModelEvent::Text(more)) => {
                text.push_str(&more);
                if let Some(stream) = &mut stream {
                    stream.take(&text);
                }
            }
            Some(
                ModelEvent::Connected
                | ModelEvent::Beat
                | ModelEvent::ToolCall(_)
                | ModelEvent::Usage(_)
                | ModelEvent::Measured(_),
            ) => {}
        }
        (until, wait) = (began + chosen.whole, chosen.whole);
        if text.len() > LARGEST {
            break;
        }
    }
    Ok(strip_reasoning(&text).trim().to_owned())
}

/// Whether somebody listens where the model is. Only looked at on this machine: others are met when they
/// are asked.
///
/// # Errors
///
/// When nobody does.
pub(super) async fn knock(chosen: &Chosen) -> Result<(), Unanswered> {
    let Some((host, port)) = reqwest::Url::parse(&chosen.url).ok().and_then(|url| {
        let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
        Some((host, url.port_or_known_default()?))
    }) else {
        return Ok(());
    };
    let is_here = host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    if !is_here {
        return Ok(());
    }
    let connecting = tokio::net::TcpStream::connect((host.as_str(), port));
    match tokio::time::timeout(KNOCK, connecting).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Unanswered::Failed(Failure::new(
            FailureClass::ModelConnect,
            format!("nothing listens at {}", without_password(&chosen.url)),
        ))),
    }
}

impl Unanswered {
    /// As a code.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Failed(failure) => Some(failure.code()),
            Self::Late(_) => None,
        }
    }
}

/// What to say when there is no answer: what is wrong, and the command that helps.
pub(super) fn excuse(chosen: &Chosen, why: &Unanswered) -> String {
    let model = &chosen.model;
    let (what, class) = match why {
        // What helps is said below, once.
        Unanswered::Failed(failure) if failure.class == FailureClass::ModelConnect => {
            let what = failure.message.split("; ").next().unwrap_or_default();
            (what.to_owned(), Some(failure.class))
        }
        Unanswered::Failed(failure) => (failure.message.clone(), Some(failure.class)),
        Unanswered::Late(wait) => (
            format!("it did not answer within {} s", wait.as_secs()),
            None,
        ),
    };
    let remedy = match (model.provider.as_str(), class) {
        ("ollama", Some(FailureClass::ModelRefused)) => {
            format!("`ollama pull {}` fetches it", model.model)
        }
        ("ollama", Some(FailureClass::ModelConnect) | None) => {
            format!(
                "`ollama serve` starts the server, `ollama pull {}` fetches the model",
                model.model
            )
        }
        ("openai", Some(FailureClass::ModelConnect) | None) => format!(
            "start the server at {} (for example `llama-server -m FILE.gguf --port 8000` or `vllm serve {}`), or set ORKET_OPENAI_URL",
            without_password(&chosen.url),
            model.model
        ),
        ("scripted", _) => format!("its scenario is read from scenarios/{}.json", model.model),
        _ => "wait a moment and ask again".to_owned(),
    };
    format!(
        "The model {model} cannot answer: {what}.\nWhat helps: {remedy}. ORKET_OPERATOR_MODEL=provider:model chooses another one, and so does `orket --model`."
    )
}

/// An address without the name and password that may be in it.
fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream::{self, BoxStream};
    use orket_actors::port::model::ModelProvider;

    use super::*;

    fn chosen(model: &str) -> Chosen {
        Chosen {
            model: ModelName::parse(model).unwrap(),
            connect: Duration::from_secs(10),
            whole: Duration::from_secs(120),
            url: "http://me:secret@gpu:8000/v1".to_owned(),
        }
    }

    #[test]
    fn an_excuse_names_the_command_that_helps() {
        let failed = |class, words: &str| Unanswered::Failed(Failure::new(class, words));
        let excuses = [
            (
                "qwen2.5-coder:14b",
                failed(FailureClass::ModelConnect, "could not connect"),
            ),
            (
                "qwen2.5-coder:14b",
                failed(FailureClass::ModelRefused, "model not found"),
            ),
            (
                "openai:local",
                failed(FailureClass::ModelConnect, "could not connect"),
            ),
            (
                "anthropic:claude",
                failed(FailureClass::ModelRateLimited, "slow down"),
            ),
            (
                "scripted:chat",
                failed(FailureClass::ModelRefused, "no reply left"),
            ),
            ("ollama:slow", Unanswered::Late(Duration::from_secs(120))),
        ]
        .map(|(model, why)| excuse(&chosen(model), &why));
        let all = excuses.join("\n\n");
        assert!(!all.contains("secret"), "{all}");
        insta::assert_snapshot!(all);
    }

    struct Silent;

    impl ModelProvider for Silent {
        fn endpoint(&self) -> &str {
            "silent"
        }

        fn default_permits(&self) -> usize {
            1
        }

        fn ask(&self, _: Arc<ModelRequest>) -> BoxStream<'static, ModelEvent> {
            stream::iter([ModelEvent::Connected])
                .chain(stream::pending())
                .boxed()
        }
    }

    impl ModelProviders for Silent {
        fn provider(&self, _: &ModelName) -> Result<Arc<dyn ModelProvider>, Failure> {
            Ok(Arc::new(Silent))
        }
    }

    #[tokio::test]
    async fn a_silent_model_is_not_waited_for_longer_than_is_set() {
        let whole = Duration::from_millis(20);
        let question = Question {
            messages: Vec::new(),
            schema: None,
            number: 1,
            listener: None,
        };
        let patient = Chosen {
            whole,
            ..chosen("ollama:slow")
        };
        let answer = ask(Arc::new(Silent), &patient, question).await;
        assert!(
            matches!(answer, Err(Unanswered::Late(wait)) if wait == whole),
            "{answer:?}"
        );
    }
}
