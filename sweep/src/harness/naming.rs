//! How a model and a quantization become the name that a server knows.
//!
//! A template holds `{model}`, `{quant}` (as given, `Q4_K_M`) and `{tag}` (as Ollama writes it,
//! `q4_K_M`). Without one each provider's habit counts. Two rows must never come to the same name: they
//! would measure the same thing twice, as all rows of the Python Orket did.

use std::collections::BTreeMap;

/// Why there is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NamingError {
    /// The provider does not let anybody choose.
    #[error("{0} lets nobody choose a quantization")]
    NoChoice(String),
    /// Two rows would measure the same model.
    #[error(
        "{first} and {second} would both be `{served}`: both rows would measure the same model"
    )]
    Same {
        /// A row.
        first: String,
        /// Another.
        second: String,
        /// What both come to.
        served: String,
    },
}

/// Parts of a tag of Ollama that say which variant of a model is meant.
const VARIANTS: [&str; 5] = ["instruct", "base", "chat", "text", "code"];

/// The name of one row, `provider:model`.
///
/// # Errors
///
/// [`NamingError::NoChoice`].
pub fn served(model: &str, quant: &str, template: Option<&str>) -> Result<String, NamingError> {
    let provider = model.split_once(':').map(|(provider, _)| provider);
    let template = match (template, provider) {
        (Some(template), _) => template,
        (None, Some("anthropic")) => return Err(NamingError::NoChoice("anthropic".to_owned())),
        (None, Some("scripted" | "openai")) => "{model}-{quant}",
        (None, _) if names_a_variant(model) => "{model}-{tag}",
        (None, _) => "{model}-instruct-{tag}",
    };
    Ok(template
        .replace("{model}", model)
        .replace("{quant}", quant)
        .replace("{tag}", &tag(quant)))
}

fn names_a_variant(model: &str) -> bool {
    let tag = model.rsplit_once(':').map_or("", |(_, tag)| tag);
    tag.split('-').any(|part| VARIANTS.contains(&part))
}

/// A quantization as Ollama writes it: `Q4_K_M` is `q4_K_M`, `F16` is `fp16`.
fn tag(quant: &str) -> String {
    let letters = quant.chars().take_while(char::is_ascii_alphabetic).count();
    let (family, rest) = quant.split_at_checked(letters).unwrap_or((quant, ""));
    let family = family.to_ascii_lowercase();
    match family.as_str() {
        "f" => format!("fp{rest}"),
        _ => format!("{family}{rest}"),
    }
}

/// The names of all rows, in the order of the matrix.
///
/// # Errors
///
/// [`NamingError`].
pub fn all(
    models: &[String],
    quants: &[String],
    template: Option<&str>,
) -> Result<BTreeMap<(String, String), String>, NamingError> {
    let mut names = BTreeMap::new();
    let mut rows: BTreeMap<String, String> = BTreeMap::new();
    for model in models {
        for quant in quants {
            let served = served(model, quant, template)?;
            let row = format!("{model} {quant}");
            if let Some(first) = rows.insert(served.clone(), row.clone()) {
                return Err(NamingError::Same {
                    first,
                    second: row,
                    served,
                });
            }
            names.insert((model.clone(), quant.clone()), served);
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_provider_has_its_habit_and_a_template_wins() {
        let table = [
            (
                "qwen2.5-coder:7b",
                "Q4_K_M",
                None,
                "qwen2.5-coder:7b-instruct-q4_K_M",
            ),
            (
                "llama3.1:8b-instruct",
                "Q8_0",
                None,
                "llama3.1:8b-instruct-q8_0",
            ),
            (
                "ollama:llama3.1:8b",
                "F16",
                None,
                "ollama:llama3.1:8b-instruct-fp16",
            ),
            ("llama3.1:8b-text", "BF16", None, "llama3.1:8b-text-bf16"),
            ("scripted:sweep", "Q6_K", None, "scripted:sweep-Q6_K"),
            ("openai:qwen", "Q6_K", None, "openai:qwen-Q6_K"),
            (
                "openai:qwen",
                "Q6_K",
                Some("{model}.{quant}.gguf"),
                "openai:qwen.Q6_K.gguf",
            ),
            (
                "hf.co/b/Qwen-GGUF",
                "Q6_K",
                Some("{model}:{quant}"),
                "hf.co/b/Qwen-GGUF:Q6_K",
            ),
        ];
        for (model, quant, template, name) in table {
            assert_eq!(served(model, quant, template).as_deref(), Ok(name));
        }
        assert!(served("anthropic:claude", "Q8_0", None).is_err());
    }

    #[test]
    fn two_rows_are_never_the_same_model() {
        let list = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let (models, quants) = (list(&["a:1", "b:1"]), list(&["Q8_0", "Q6_K"]));
        assert_eq!(all(&models, &quants, None).map(|names| names.len()), Ok(4));
        assert_eq!(
            all(&models, &quants, Some("{model}"))
                .unwrap_err()
                .to_string(),
            "a:1 Q8_0 and a:1 Q6_K would both be `a:1`: both rows would measure the same model"
        );
    }
}
