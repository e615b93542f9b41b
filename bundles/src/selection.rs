//! Which model a bundle would be run with.

use serde::Serialize;

use crate::manifest::Model;
use crate::problem::{Code, Problem};

/// What there is to choose from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// The models that are available.
    pub available: Vec<String>,
    /// The one that somebody wants.
    pub wanted: Option<String>,
}

/// The choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Selection {
    /// Whether there is one.
    pub ok: bool,
    /// `OK`, or what is wrong.
    pub code: &'static str,
    /// In words.
    pub message: String,
    /// The model.
    pub selected_model: Option<String>,
    /// Who chose it.
    pub selection_source: Source,
}

/// Who chose a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Somebody.
    Override,
    /// The manifest.
    ManifestPolicy,
}

impl Wish {
    /// Whether anything is to be chosen at all.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.available.is_empty() && self.wanted.is_none()
    }

    /// The wanted model when the manifest allows it, else the first of the manifest's that is
    /// available; and what is wrong.
    #[must_use]
    pub fn choose(&self, model: &Model) -> (Selection, Option<Problem>) {
        let (source, location) = match self.wanted {
            Some(_) => (Source::Override, "model.allowOverride"),
            None => (Source::ManifestPolicy, "model"),
        };
        match self.chosen(model) {
            Ok((name, message)) => {
                let selection = Selection {
                    ok: true,
                    code: "OK",
                    message,
                    selected_model: Some(name),
                    selection_source: source,
                };
                (selection, None)
            }
            Err((code, message)) => {
                let selection = Selection {
                    ok: false,
                    code: code.as_str(),
                    message: message.clone(),
                    selected_model: None,
                    selection_source: source,
                };
                (selection, Some(Problem::new(code, location, message)))
            }
        }
    }

    fn chosen(&self, model: &Model) -> Result<(String, String), (Code, String)> {
        if let Some(wanted) = &self.wanted {
            if !model.allow_override {
                let message = format!("the manifest allows no other model, so not `{wanted}`");
                return Err((Code::ModelOverrideNotAllowed, message));
            }
            if !self.available.contains(wanted) {
                let message = format!("`{wanted}` is not available; {}", self.there_is());
                return Err((Code::ModelOverrideUnavailable, message));
            }
            return Ok((wanted.clone(), "the model that was asked for".to_owned()));
        }
        let named = [("preferred", &model.preferred), ("minimum", &model.minimum)];
        let fallback = model.fallback.iter().map(|name| ("fallback", name));
        let candidates: Vec<_> = named.into_iter().chain(fallback).collect();
        match candidates
            .iter()
            .find(|(_, name)| self.available.contains(name))
        {
            Some((rank, name)) => Ok(((*name).clone(), format!("the {rank} model"))),
            None => {
                let names: Vec<&str> = candidates.iter().map(|(_, name)| name.as_str()).collect();
                let message = format!(
                    "none of {} is available; {}",
                    names.join(", "),
                    self.there_is()
                );
                Err((Code::ModelCandidateUnavailable, message))
            }
        }
    }

    fn there_is(&self) -> String {
        match self.available.as_slice() {
            [] => "no model was named as available".to_owned(),
            some => format!("available: {}", some.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_there_is_taken() {
        let texts = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let model = |allow_override| Model {
            preferred: "big".to_owned(),
            minimum: "small".to_owned(),
            fallback: texts(&["old", "odd"]),
            allow_override,
        };
        let ask = |available: &[&str], wanted: Option<&str>, allow| {
            let wish = Wish {
                available: texts(available),
                wanted: wanted.map(str::to_owned),
            };
            let (selection, problem) = wish.choose(&model(allow));
            assert_eq!(selection.ok, problem.is_none());
            (
                selection.selected_model,
                selection.code,
                selection.selection_source,
            )
        };
        use Source::{ManifestPolicy, Override};
        let found = |name: &str, source| (Some(name.to_owned()), "OK", source);
        assert_eq!(
            ask(&["odd", "small"], None, true),
            found("small", ManifestPolicy)
        );
        assert_eq!(
            ask(&["odd", "old"], None, false),
            found("old", ManifestPolicy)
        );
        assert_eq!(ask(&["big", "x"], Some("x"), true), found("x", Override));
        let none = |code, source| (None, code, source);
        assert_eq!(
            ask(&["x"], None, true),
            none("E_MODEL_CANDIDATE_UNAVAILABLE", ManifestPolicy)
        );
        assert_eq!(
            ask(&[], Some("big"), true),
            none("E_MODEL_OVERRIDE_UNAVAILABLE", Override)
        );
        assert_eq!(
            ask(&["x"], Some("x"), false),
            none("E_MODEL_OVERRIDE_NOT_ALLOWED", Override)
        );
    }
}
