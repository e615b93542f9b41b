//! Conversation: what needs no model, what a model answers, and what it proposes.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use orket_actors::port::model::ModelProviders;
use orket_core::asset::Library;
use orket_core::model::Message;
use serde_json::{Value, json};

use super::proposal::{self, Proposal};
use super::reply::{Answered, ReplyKind, Said, Unserved};
use super::stream::{Listener, plain};
use super::{Driver, Inner, forms, intent, look, model, parse, prompt, small_talk, talks};
use crate::config::Settings;

/// Where commands are to be found. What begins as one may have been meant as one, with a slip in a name:
/// with a slash it is taken for one, and told what is wrong with it.
fn nearest(said: &Said) -> String {
    let first = said.text.split_whitespace().next().unwrap_or_default();
    if parse::is_verb(&first.to_lowercase()) && !said.text.trim_start().starts_with('/') {
        let line = said.text.trim().lines().next().unwrap_or_default();
        format!("`/{line}` is taken as one, `help {first}` says how it is written")
    } else {
        "`help` lists them".to_owned()
    }
}

impl Driver {
    /// Answers what is no command.
    pub(super) async fn talk(
        &self,
        said: &Said,
        department: &str,
        departments: &[String],
    ) -> Result<Answered, Unserved> {
        if let Some(text) = small_talk::answer(&said.text) {
            self.count("conversation");
            return Ok(Answered::words(ReplyKind::Answer, text));
        }
        if small_talk::is_short(&said.text) || !intent::is_structural(&said.text) {
            self.count("conversation");
            let listener = said.listener.clone();
            let answer = self
                .ask(said, department, prompt::chat, None, listener)
                .await?;
            return Ok(match answer {
                Ok(answer) => Answered::words(ReplyKind::Answer, proposal::spoken(&answer)),
                Err((excuse, code)) => {
                    let text = format!("{excuse}\nCommands work without it: {}.", nearest(said));
                    Answered::not_done(text, code)
                }
            });
        }
        self.count("model");
        let schema = Arc::clone(&prompt::ACTION_SCHEMA);
        let answer = match self
            .ask(said, department, prompt::action, Some(schema), None)
            .await?
        {
            Ok(answer) => answer,
            Err((excuse, code)) => {
                let text = format!(
                    "{excuse}\nThe same can be said as a command, which needs no model: {}.",
                    nearest(said)
                );
                return Ok(Answered::not_done(text, code));
            }
        };
        Ok(self
            .proposed(
                proposal::read(&answer, departments, department),
                said,
                departments,
            )
            .await)
    }

    /// What the model proposes is shown, and only where the operator's own words ask for a change.
    async fn proposed(&self, proposal: Proposal, said: &Said, departments: &[String]) -> Answered {
        let route = match &proposal {
            Proposal::NoObject(_) => "model_no_json",
            _ => "model_json_error",
        };
        let (change, why) = match proposal {
            Proposal::Say(text) => return Answered::words(ReplyKind::Answer, text),
            Proposal::Help => return Answered::words(ReplyKind::Answer, forms::help(departments)),
            Proposal::Look(look) => {
                return self.look(look, said).await.unwrap_or_else(Answered::from);
            }
            Proposal::Nonsense(text) | Proposal::NoObject(text) => {
                self.count(route);
                return Answered::not_done(
                    format!("{text}\nSay it as a command: `help` lists them."),
                    None,
                );
            }
            Proposal::Change(change, why) => (change, why),
        };
        if !intent::is_wished(&intent::wishes(&said.text), &change) {
            tracing::warn!(?change, "the driver's model proposed what nobody asked for");
            self.measure(
                "operator_structural_action_blocked",
                json!({"action": change.name()}),
            );
            let text = format!(
                "{why}\nThe model proposed a change that your words do not ask for, so nothing is planned. Ask for it in so many words, such as \"create an epic\", or give the command."
            );
            return Answered::not_done(text.trim_start(), None);
        }
        let before = if why.is_empty() {
            String::new()
        } else {
            format!("{why}\n")
        };
        match self.plan(change).await {
            Ok(plan) => Answered::plan(plan, &before),
            Err(not) => Answered::not_done(format!("{before}{}", not.words), not.code),
        }
    }

    /// Why the model cannot answer, as far as that can be told without asking it: nothing listens where
    /// it should be, on this machine.
    pub async fn trouble(&self) -> Option<String> {
        let live = Arc::clone(&self.inner.parts.settings);
        let chosen = self
            .blocking(move |inner| {
                let settings = live.now().ok()?;
                model::choose(&settings, &Library::new(&inner.assets)).ok()
            })
            .await
            .ok()??;
        let why = model::knock(&chosen).await.err()?;
        Some(model::excuse(&chosen, &why))
    }

    /// The model's answer, or in words and as a code why there is none.
    async fn ask(
        &self,
        said: &Said,
        department: &str,
        prompt: fn(&prompt::Facts, &[talks::Exchange], &str) -> Vec<Message>,
        schema: Option<Arc<Value>>,
        listener: Option<Listener>,
    ) -> Result<Result<String, (String, Option<String>)>, Unserved> {
        let Ok(_permit) = self.inner.questions.try_acquire() else {
            return Err(Unserved::Busy);
        };
        let department = department.to_owned();
        let prepared = self.blocking(move |inner| inner.prepare(&department)).await;
        let (chosen, providers, facts) = match prepared {
            Ok(Ok(prepared)) => prepared,
            Ok(Err(why)) | Err(why) => {
                let text = format!(
                    "{why}\nORKET_OPERATOR_MODEL=provider:model chooses the model that answers here."
                );
                return Ok(Err((text, Some("E_CONFIG".to_owned()))));
            }
        };
        let question = model::Question {
            messages: prompt(
                &facts,
                &self.talks().earlier(&said.conversation),
                &said.text,
            ),
            schema,
            listener,
            number: self
                .inner
                .asked
                .fetch_add(1, Ordering::Relaxed)
                .saturating_add(1),
        };
        Ok(match model::ask(providers, &chosen, question).await {
            Ok(answer) if answer.is_empty() => Err((
                format!("The model {} answered nothing.", chosen.model),
                Some("E_MODEL_BROKEN".to_owned()),
            )),
            Ok(answer) => Ok(plain(&answer)),
            Err(why) => {
                tracing::info!(model = %chosen.model, ?why, "the driver's model did not answer");
                Err((model::excuse(&chosen, &why), why.code().map(str::to_owned)))
            }
        })
    }
}

impl Inner {
    /// All that a question needs. Blocking.
    fn prepare(
        &self,
        department: &str,
    ) -> Result<(model::Chosen, Arc<dyn ModelProviders>, prompt::Facts), String> {
        let live = &self.parts.settings;
        let settings = live.now().map_err(|error| error.to_string())?;
        let chosen = model::choose(&settings, &Library::new(&self.assets))?;
        let records = self.parts.works.records();
        let records = records.map_err(|refusal| refusal.detail)?;
        let facts = look::facts(department, &self.assets, records.as_ref());
        Ok((chosen, self.models(&settings), facts))
    }

    /// The providers; made anew only when a setting changed.
    fn models(&self, settings: &Settings) -> Arc<dyn ModelProviders> {
        let mut made = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((digests, models)) = made.as_ref()
            && *digests == settings.digests
        {
            return Arc::clone(models);
        }
        let models = (self.parts.models)(settings);
        *made = Some((settings.digests.clone(), Arc::clone(&models)));
        models
    }
}
